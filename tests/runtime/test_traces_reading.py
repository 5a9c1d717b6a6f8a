"""Traces from files, folders, streams and texts; and what is said of those that cannot be read."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from policyc.runtime import trace_streams
from policyc.runtime.trace_corpus import (
    SMALL_FILE,
    BadPart,
    FilePart,
    LinePart,
    TextPart,
    corpus_parts,
    traces_of,
)
from policyc.runtime.traces import TraceError, read_corpus, read_trace

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = [{"role": "user", "content": "héllo"}]
TWO = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def zstandard() -> Any:
    """The library for Zstandard, as the reader finds it."""
    return trace_streams._zstandard()


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

    def test_zstandard(self, tmp_path: Path) -> None:
        packed = zstandard().compress(json.dumps(TWO).encode())
        assert read_trace(packed) == TWO
        assert read_trace(write(tmp_path / "trace.json.zst", packed)) == TWO

    def test_zstandard_without_its_library_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(name: str) -> Any:
            raise ImportError(name)

        packed = zstandard().compress(b"[]")
        monkeypatch.setattr(trace_streams, "import_module", missing)
        with pytest.raises(TraceError, match=r"`pip install 'policyc\[zstd\]'`"):
            read_trace(packed)

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

    def test_packed_files_of_a_folder(self, tmp_path: Path) -> None:
        write(tmp_path / "a.json.gz", gzip.compress(json.dumps(ONE).encode()))
        write(tmp_path / "b.jsonl.zst", zstandard().compress(lines(ONE, TWO).encode()))
        assert [events for _, events in read_corpus(tmp_path)] == [ONE, ONE, TWO]

    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_a_line_that_is_no_text_does_not_hide_the_others(
        self, pack: Callable[[bytes], bytes]
    ) -> None:
        data = lines(ONE).encode() + b'[{"role": "\xff"}]\n' + lines(TWO).encode()
        errors: list[tuple[str, str]] = []
        corpus = read_corpus(
            io.BytesIO(pack(data)),
            name="x",
            on_error=lambda name, error: errors.append((name, error.message)),
        )
        assert [name for name, _ in corpus] == ["x:1", "x:3"]
        assert errors == [("x:2", "x:2: this is no text in UTF-8")]

    def test_an_archive_that_is_damaged_in_the_middle_gives_what_is_before(self) -> None:
        data = gzip.compress(lines(*[ONE] * 5000, *[[{"role": os.urandom(9).hex()}]] * 50).encode())
        errors: list[str] = []
        corpus = read_corpus(io.BytesIO(data[:-9]), on_error=lambda _, e: errors.append(e.message))
        assert len(list(corpus)) > 4000
        assert errors == ["cannot be read: the file is damaged"]

    def test_a_pipe_is_read_as_it_is_filled_and_needs_no_seeking(self) -> None:
        ours, theirs = os.pipe()
        seen: list[str] = []
        arrived = threading.Semaphore(0)

        def write_lines() -> None:
            with open(theirs, "wb", buffering=0) as pipe:
                pipe.write(lines(ONE, ONE).encode())
                assert arrived.acquire(timeout=60)  # the next line is written once this one is read
                pipe.write(lines(TWO).encode())

        writer = threading.Thread(target=write_lines)
        writer.start()
        with open(ours, "rb") as pipe:
            for name, _ in read_corpus(pipe, name="pipe"):
                seen.append(name)
                arrived.release()
        writer.join()
        assert seen == ["pipe:1", "pipe:2", "pipe:3"]

    def test_a_path_that_is_a_pipe(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        packed = gzip.compress(lines(ONE, TWO).encode())
        writer = threading.Thread(target=path.write_bytes, args=(packed,))
        writer.start()
        assert [events for _, events in read_corpus(path)] == [ONE, TWO]
        writer.join()


class TestParts:
    def test_a_small_file_is_not_opened_and_a_large_one_is_divided_by_lines(
        self, tmp_path: Path
    ) -> None:
        small = write(tmp_path / "a.jsonl", lines(ONE, TWO))
        long = [{"role": "user", "content": "x" * SMALL_FILE}]
        large = write(tmp_path / "b.jsonl", lines(long, TWO))
        whole = write(tmp_path / "c.json", json.dumps(long))
        parts = list(corpus_parts(tmp_path))
        assert [(type(part), part.name) for part in parts] == [
            (FilePart, str(small)),
            (LinePart, str(large)),
            (LinePart, str(large)),
            (TextPart, str(whole)),
        ]

    @pytest.mark.parametrize("name", ["missing.json", "a\x00b"])
    def test_what_is_not_there_is_told_where_it_is_read(self, name: str) -> None:
        ((told, error),) = [found for part in corpus_parts(name) for found in traces_of(part)]
        assert told == name
        assert isinstance(error, TraceError) and "cannot be read" in error.message

    def test_parts_can_be_sent_to_other_processes(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.json", json.dumps(ONE))
        parts = [
            FilePart(str(path)),
            LinePart("x", 7, lines(TWO)),
            TextPart("y", json.dumps([ONE, TWO])),
            BadPart("z", TraceError("$", "bad")),
        ]
        sent = pickle.loads(pickle.dumps(parts))
        found = [entry for part in sent for entry in traces_of(part)]
        assert [name for name, _ in found] == [str(path), "x:7", "y[0]", "y[1]", "z"]
        assert [events for _, events in found[:4]] == [ONE, TWO, ONE, TWO]
        assert str(found[4][1]) == "$: z: bad"
