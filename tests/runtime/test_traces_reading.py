"""Traces from files, folders, streams and texts; and what is said of those that cannot be read."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from policyc.runtime.traces import TraceError, read_corpus, read_trace

ONE = [{"role": "user", "content": "héllo"}]
TWO = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def lines(*values: Any) -> str:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)


class TestTrace:
    def test_values_are_taken_as_they_are(self) -> None:
        assert read_trace(TWO) is TWO
        assert read_trace({"messages": TWO}) is TWO

    @pytest.mark.parametrize(
        "text",
        [
            json.dumps(TWO),
            "\ufeff" + json.dumps(TWO),
            json.dumps({"messages": TWO}, indent=2),
            lines(*TWO),
            "\n\n" + lines(*TWO).replace("\n", "\r\n\n"),
        ],
    )
    def test_text_bytes_and_streams(self, text: str, tmp_path: Path) -> None:
        assert read_trace(text) == TWO
        assert read_trace(text.encode()) == TWO
        assert read_trace(gzip.compress(text.encode())) == TWO
        assert read_trace(io.StringIO(text)) == TWO
        assert read_trace(io.BytesIO(text.encode())) == TWO
        assert read_trace(write(tmp_path / "trace.json", text)) == TWO
        assert read_trace(str(write(tmp_path / "a", gzip.compress(text.encode())))) == TWO

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
    def test_other_encodings_are_told_by_their_first_bytes(self, encoding: str) -> None:
        assert read_trace(json.dumps(ONE, ensure_ascii=False).encode(encoding)) == ONE

    def test_a_separator_inside_a_text_ends_no_line(self) -> None:
        events = [{"role": "user", "content": "a\u2028b\x85c"}, *TWO]
        assert read_trace(lines(*events)) == events

    def test_a_single_line_is_one_event(self) -> None:
        assert read_trace(lines(ONE[0])) == ONE

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "there is no trace in it, the text is empty"),
            (" \n", "there is no trace in it, the text is empty"),
            ('[{"role": "user",!}]', "line 1, column 18 is no JSON"),
            (json.dumps(TWO, indent=1)[:-3], "line 9, column 2 is no JSON"),
            (lines(*TWO) + "{oops\n", "line 3, column 2 is no JSON"),
            (lines(*TWO) + '\n{"role": "us', "line 4, column 10 is no JSON"),
            ("[" * 100_000, "the JSON is nested too deeply"),
            ('[{"role": "user", "n": ' + "9" * 5000 + "}]", "a number is too long"),
            (lines(TWO, TWO), "there are 2 traces in it, one on each line"),
            ('{"a": 1}', "an object must have a list of events as `messages`"),
            ("[1]", "an event must be an object, this is a number"),
        ],
    )
    def test_bad_text_is_named_with_its_place(
        self, text: str, message: str, tmp_path: Path
    ) -> None:
        with pytest.raises(TraceError) as caught:
            read_trace(text)
        assert message in caught.value.message
        path = write(tmp_path / "trace.jsonl", text)
        with pytest.raises(TraceError) as caught:
            read_trace(path)
        assert caught.value.message.startswith(f"{path}: ")
        assert message in caught.value.message

    def test_bytes_that_are_no_text(self) -> None:
        with pytest.raises(TraceError, match="this is no text in UTF-8"):
            read_trace(b'[{"role": "\xff"}]')

    def test_a_damaged_archive(self) -> None:
        with pytest.raises(TraceError, match="cannot be read: the file is damaged"):
            read_trace(gzip.compress(json.dumps(TWO).encode())[:-12])

    @pytest.mark.parametrize("source", ["missing.json", "a\x00b", "x" * 5000])
    def test_files_that_are_not_there(self, source: str) -> None:
        with pytest.raises(TraceError, match="cannot be read: "):
            read_trace(source)

    def test_a_folder_is_no_trace(self, tmp_path: Path) -> None:
        with pytest.raises(TraceError, match="cannot be read: is a directory"):
            read_trace(tmp_path)

    def test_what_cannot_be_read_from(self) -> None:
        with pytest.raises(TraceError, match="a trace cannot be read from a number"):
            read_trace(5)  # type: ignore[arg-type]  # what a caller may do anyway

    def test_a_stream_stays_open(self) -> None:
        stream = io.BytesIO(json.dumps(TWO).encode())
        read_trace(stream)
        assert not stream.closed


class TestCorpus:
    def test_a_folder_is_read_by_name(self, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        write(tmp_path / "b.json", json.dumps(TWO))
        write(tmp_path / "a.jsonl", lines(*TWO))
        write(tmp_path / "sub" / "c.ndjson.gz", gzip.compress(lines(ONE[0]).encode()))
        write(tmp_path / "notes.txt", "not a trace")
        found = list(read_corpus(tmp_path))
        names = [Path(name).relative_to(tmp_path).as_posix() for name, _ in found]
        assert names == ["a.jsonl", "b.json", "sub/c.ndjson.gz"]
        assert [events for _, events in found] == [TWO, TWO, ONE]

    def test_json_lines_of_traces(self, tmp_path: Path) -> None:
        path = write(tmp_path / "all.jsonl", "\n" + lines(ONE, {"messages": TWO}))
        assert list(read_corpus(path)) == [(f"{path}:2", ONE), (f"{path}:3", TWO)]
        assert list(read_corpus(str(path))) == list(read_corpus(path))

    def test_a_list_of_lists(self, tmp_path: Path) -> None:
        path = write(tmp_path / "all.json", json.dumps([ONE, TWO]))
        assert list(read_corpus(path)) == [(f"{path}[0]", ONE), (f"{path}[1]", TWO)]

    @pytest.mark.parametrize("text", [json.dumps(TWO), json.dumps(TWO, indent=1), lines(*TWO)])
    def test_a_file_of_one_trace(self, text: str, tmp_path: Path) -> None:
        path = write(tmp_path / "one.json", text)
        assert list(read_corpus(path)) == [(str(path), TWO)]

    def test_lines_are_read_when_they_are_asked_for(self) -> None:
        class Endless(io.StringIO):
            def __init__(self) -> None:
                super().__init__()
                self.taken = 0

            def __next__(self) -> str:
                self.taken += 1
                return json.dumps(ONE) + "\n"

        stream = Endless()
        traces = read_corpus(stream)
        assert [next(traces)[0] for _ in range(3)] == [":1", ":2", ":3"]
        assert stream.taken <= 4

    def test_a_bad_trace_is_named_with_its_line(self, tmp_path: Path) -> None:
        path = write(tmp_path / "all.jsonl", lines(ONE, [5]) + "{\n" + lines(TWO))
        with pytest.raises(TraceError, match=r"all\.jsonl:2: an event must be an object"):
            list(read_corpus(path))

    def test_errors_can_be_collected(self, tmp_path: Path) -> None:
        path = write(tmp_path / "all.jsonl", lines(ONE, [5]) + "{\n" + lines(TWO))
        errors: list[tuple[str, str]] = []
        found = list(read_corpus(path, on_error=lambda name, e: errors.append((name, e.path))))
        assert [name for name, _ in found] == [f"{path}:1", f"{path}:4"]
        assert errors == [(f"{path}:2", "$[0]"), (f"{path}:3", "$")]

    def test_a_bad_file_in_a_folder_does_not_hide_the_others(self, tmp_path: Path) -> None:
        write(tmp_path / "a.json", "[")
        write(tmp_path / "b.json", json.dumps(ONE))
        names: list[str] = []
        found = list(read_corpus(tmp_path, on_error=lambda name, _: names.append(name)))
        assert [events for _, events in found] == [ONE]
        assert names == [str(tmp_path / "a.json")]
