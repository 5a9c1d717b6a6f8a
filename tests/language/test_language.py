r"""The annotated policies beside this file: every diagnostic is expected, and every expectation is
met.

A file holds chunks separated by lines of `---`; each chunk is a policy of its own. At the end of a
line, `## E0301 "cannot find" "did you mean"` expects a diagnostic with that code on this line,
whose message contains the first text and whose help contains the second. A line `## ^^^` below pins
the columns: the first such line those of the first diagnostic of the line above, and so on. In the
texts a quote is written `\"`, a backslash `\\`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policyc.compiler.frontend import check_source
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.grammar.diagnostics import Diagnostic

_EXPECTED = re.compile(r'## ([EW]\d{4})((?: "(?:[^"\\]|\\.)*"){0,2})')
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_CARETS = re.compile(r"^## *(\^+)\s*$")


@dataclass
class Expected:
    line: int
    code: str
    message: str
    help: str
    columns: tuple[int, int] | None = None


@dataclass(frozen=True)
class Chunk:
    """One policy of a file, with its place in it."""

    name: str
    text: str
    expected: tuple[Expected, ...]


_HERE = Path(__file__).parent


def read_chunks(path: Path) -> Iterator[Chunk]:
    first = 1
    for text in re.split(r"^---\n", path.read_text("utf-8"), flags=re.MULTILINE):
        yield Chunk(f"{path.stem}:{first}", text, tuple(_expectations(text)))
        first += text.count("\n") + 1


def _expectations(text: str) -> list[Expected]:
    every: list[Expected] = []
    unpinned: list[Expected] = []
    for number, line in enumerate(text.splitlines(), 1):
        carets = _CARETS.match(line)
        if carets:
            unpinned.pop(0).columns = (carets.start(1) + 1, carets.end(1) + 1)
            continue
        unpinned = [_expected(number, found) for found in _EXPECTED.finditer(line)]
        every.extend(unpinned)
        unpinned = list(unpinned)
    return every


def _expected(line: int, found: re.Match[str]) -> Expected:
    texts = [re.sub(r"\\(.)", r"\1", text) for text in _TEXT.findall(found[2])]
    return Expected(line, found[1], *[*texts, "", ""][:2])


def _chunks() -> list[Chunk]:
    return [chunk for path in sorted(_HERE.glob("*.inv")) for chunk in read_chunks(path)]


def _fits(found: Diagnostic, expected: Expected) -> bool:
    return (
        (found.code, found.line) == (expected.code, expected.line)
        and expected.message in found.message
        and expected.help in (found.help or "")
        and expected.columns in (None, (found.column, found.end_column))
    )


@pytest.mark.parametrize("chunk", _chunks(), ids=lambda chunk: chunk.name)
def test_says_what_is_expected(chunk: Chunk) -> None:
    unmatched = list(check_source(Source(chunk.text), catalogue()).diagnostics)
    missing = []
    for expected in chunk.expected:
        found = next((each for each in unmatched if _fits(each, expected)), None)
        if found is None:
            missing.append(expected)
        else:
            unmatched.remove(found)
    unexpected = [f"{found}, columns {found.column}-{found.end_column}" for found in unmatched]
    assert not missing and not unexpected, f"unexpected: {unexpected}\nmissing: {missing}"


def test_an_unmet_expectation_is_noticed() -> None:
    text = 'raise "x" if:\n    usr  ## E0301 "find" "declare" ## W0701\n##  ^^^\n##  ^\n'
    first, second = _expectations(text)
    (found,) = check_source(Source(text), catalogue()).diagnostics
    assert _fits(found, first)
    assert not _fits(found, second)
    first.columns = (5, 9)
    assert not _fits(found, first)
