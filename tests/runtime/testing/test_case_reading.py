"""Reading case files: all that is said about what is wrong, by the reader and by the schema."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from policyc.grammar.catalog import CODES
from policyc.grammar.source import Source
from policyc.runtime.testing.case_reading import Loaded, read_case_file
from policyc.runtime.testing.problems import Problems
from policyc.runtime.testing.schema import schema_text
from policyc.runtime.testing.yaml_tree import parse, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIL = """\
raise "mail to an outsider [risk=high]" if:
    (call: ToolCall)
    call is tool:send_email
    call.function.arguments.to.split("@")[-1] != input.domain
"""
CHAT = [{"role": "user", "content": "hello"}]


@dataclass(frozen=True)
class Expected:
    """A diagnostic: its line (None: any), code, and parts of its texts."""

    line: int | None
    code: str
    message: str
    help: str = ""

    def fits(self, found: Any) -> bool:
        return (
            self.line in (None, found.line)
            and self.code == found.code
            and self.message in found.message
            and self.help in (found.help or "")
        )


def _corpus() -> Iterator[tuple[str, str, list[Expected]]]:
    text = (Path(__file__).parent / "corpus.txt").read_text("utf-8")
    for chunk in re.split(r"^--- (?=\S)", text, flags=re.MULTILINE)[1:]:
        title, _, body = chunk.partition("\n")
        lines = [title.partition(" #!")[2] and f"#!{title.partition(' #!')[2]}", *body.split("\n")]
        expected = []
        for number, line in enumerate(lines):
            for note in line.split("#! ")[1:]:
                found = re.match(r'(anywhere )?(T\d{4}) "(.*?)"(?: "(.*?)")?\s*$', note)
                assert found, f"{title}: {note}"
                anywhere, code, message, hint = found.groups()
                expected.append(Expected(None if anywhere else number, code, message, hint or ""))
        kept = "\n".join(line.partition(" #!")[0] for line in lines[1:])
        yield title.partition(" #!")[0], kept.rstrip() + "\n", expected


CORPUS = list(_corpus())
TITLES = [title for title, _, _ in CORPUS]
RIGHT = [chunk for chunk in CORPUS if not chunk[2]]
WRONG = [chunk for chunk in CORPUS if chunk[2]]

SHAPE = {"T0103", "T0104", "T0105", "T0107", "T0108"}
"""Codes of mistakes that a schema can see."""

_OF_THE_TEXT = ("a key must be a text", "`.nan` is no number that JSON has", "cannot have the tag")
"""What is wrong with the text, so that it is not in the data that a schema sees."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mail.inv").write_text(MAIL, "utf-8")
    (tmp_path / "chat.json").write_text(json.dumps(CHAT), "utf-8")
    (tmp_path / "broken.json").write_text('[{"role": 1}]', "utf-8")
    return tmp_path


def read(text: str) -> Loaded:
    Path("mail.cases.yaml").write_text(text, "utf-8")
    return read_case_file("mail.cases.yaml")


def values_of(text: str) -> Any:
    """The data of a case file, as an editor that knows the call without quotes would see it."""
    tree = parse(Problems(Source(text)))
    return None if tree is None else plain(tree)


@pytest.mark.parametrize("chunk", CORPUS, ids=TITLES)
def test_everything_that_is_wrong_is_said_and_nothing_else(
    chunk: tuple[str, str, list[Expected]],
) -> None:
    _, text, expected = chunk
    loaded = read(text)
    found = [one for one in loaded.diagnostics if one.path == "mail.cases.yaml"]
    shown = "\n".join(map(str, found))
    for one in expected:
        assert any(one.fits(other) for other in found), f"missing: {one}\nfound:\n{shown}"
    for other in found:
        assert any(one.fits(other) for one in expected), f"not expected: {other}"
    assert (loaded.file is None) == bool(expected)


def test_the_corpus_has_every_code() -> None:
    said = {one.code for _, _, expected in WRONG for one in expected}
    assert said == {code for code in CODES if code.startswith("T")}


@pytest.mark.parametrize("chunk", CORPUS, ids=TITLES)
def test_the_schema_agrees_with_the_reader_about_the_shape(
    chunk: tuple[str, str, list[Expected]],
) -> None:
    _, text, expected = chunk
    data = values_of(text)
    if data is None:
        return  # no YAML
    validator = jsonschema.Draft7Validator(json.loads(schema_text()))
    is_wrong = any(one.code in SHAPE and one.message not in _OF_THE_TEXT for one in expected)
    errors = [error.message for error in validator.iter_errors(data)]
    if not expected:
        assert errors == []
    elif is_wrong:
        assert errors


def test_the_schema_itself_is_right() -> None:
    jsonschema.Draft7Validator.check_schema(json.loads(schema_text()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{y}: &{y} [{', '.join([f'*{x}'] * 10)}]\n"
                for x, y in zip("abcde", "bcdef", strict=True)
            )
            + "cases: *f\n",
            "aliases make this file too large",
        ),
        ("cases: &a [*a]\n", "this is nested more than 200 levels deep"),
        ("cases: " + "[" * 300 + "]" * 300, "this is nested more than 200 levels deep"),
        ("cases: " + "[" * 20_000, "the file is nested too deeply"),
        ("cases: *x\n", "found undefined alias 'x'"),
        ("a: &x 1\nb: &x 2\n", "there is an anchor `x` already, in line 1"),
        ('cases: "\x07"\n', "a YAML file cannot hold the character U+0007 as it is"),
        ("cases: [" + "9" * 6000 + "]\n", "is no number that JSON has"),
    ],
    ids=[
        "aliases",
        "a circle",
        "deep",
        "deeper",
        "no anchor",
        "two anchors",
        "a control character",
        "digits",
    ],
)
def test_hostile_files_are_refused(text: str, message: str) -> None:
    found = read(text).diagnostics
    assert any(message in one.message for one in found), found


def test_a_file_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "mail.cases.yaml").write_bytes(b"cases: \xff\n")
    (found,) = read_case_file("mail.cases.yaml").diagnostics
    assert (found.code, found.line, found.column) == ("T0101", 1, 8)
    assert found.message == "the byte `0xff` is no text in UTF-8"


def test_a_case_file_knows_what_it_was_made_from() -> None:
    loaded = read(
        "params: {domain: x}\ncases: [{name: a, trace: chat.json, no_violations: true}]\n"
    )
    assert set(loaded.depends_on) == {"mail.cases.yaml", "mail.inv", "chat.json"}
    missing = read("policy: nail.inv\ncases: [{name: a, trace: no.json, no_violations: true}]\n")
    assert set(missing.depends_on) == {"mail.cases.yaml", "nail.inv", "no.json"}
