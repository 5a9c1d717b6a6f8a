"""Sixty bad policies: one run finds each mistake, at its line, in the words of its author.

README.md says what the files beside this one hold. Besides the mistakes that are noted only
warnings may be reported: any other error would be a consequence of a mistake, not a mistake.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from policyc.compiler.frontend import check_source
from policyc.grammar import nodes
from policyc.grammar.catalog import CODES, page
from policyc.grammar.diagnostics import Diagnostic, Severity
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue

_HERE = Path(__file__).parent
_POLICIES = sorted(_HERE.glob("*/*.inv"))
_GRAMMAR = Path(nodes.__file__).with_name("policyc.lark").read_text("utf-8")

_INNER_NAMES = frozenset({
    *re.findall(r"\b[A-Z_]{2,}\b", _GRAMMAR),
    *(name for name, kind in vars(nodes).items() if dataclasses.is_dataclass(kind)),
})  # fmt: skip
"""Terminals of the grammar and classes of the tree."""

_FORBIDDEN = re.compile(
    r"lark|\$END|__\w+|_NEWLINE|traceback|unexpected token|\w+Error\b|\w+Exception\b|NoneType"
    r"|\b(?:str|int|list|dict|tuple|function) object\b|<class|object at 0x|\w+\(\w+=.*uid=",
    re.IGNORECASE,
)
"""Words of the parser generator and of Python."""


@dataclass(frozen=True)
class Mistake:
    line: int
    words: tuple[tuple[str, ...], ...]
    """A diagnostic must hold one text of each group."""
    what: str

    def is_told_by(self, found: Diagnostic) -> bool:
        told = f"{found.message}\n{found.help or ''}".lower()
        return found.line == self.line and all(
            any(word.lower() in told for word in group) for group in self.words
        )


def _mistakes(policy: Path) -> list[Mistake]:
    rows = policy.with_suffix(".expected").read_text("utf-8").splitlines()
    mistakes = []
    for row in rows:
        line, words, what = row.split(" | ", 2)
        groups = tuple(tuple(group.split("|")) for group in words.split(", "))
        mistakes.append(Mistake(int(line), groups, what))
    return mistakes


def _diagnostics(text: str) -> list[Diagnostic]:
    return list(check_source(Source(text), catalogue()).diagnostics)


def _name(policy: Path) -> str:
    return f"{policy.parent.name}/{policy.stem}"


def test_there_are_sixty_by_four_authors() -> None:
    authors = Counter(policy.parent.name for policy in _POLICIES)
    assert authors == {"python": 15, "rego": 15, "copied": 15, "model": 15}
    lines = [{mistake.line for mistake in _mistakes(policy)} for policy in _POLICIES]
    assert all(lines)
    assert sum(len(several) > 1 for several in lines) >= 30


@pytest.mark.parametrize("policy", _POLICIES, ids=_name)
def test_every_mistake_is_told_and_nothing_else(policy: Path) -> None:
    unclaimed = _diagnostics(policy.read_text("utf-8"))
    missing = []
    for mistake in _mistakes(policy):
        told = next((found for found in unclaimed if mistake.is_told_by(found)), None)
        if told is None:
            missing.append(mistake)
        else:
            unclaimed.remove(told)
    consequences = [str(found) for found in unclaimed if found.severity is Severity.ERROR]
    assert (missing, consequences) == ([], [])


@pytest.mark.parametrize("policy", _POLICIES, ids=_name)
def test_no_inner_name_is_told(policy: Path) -> None:
    text = policy.read_text("utf-8")
    own_words = set(re.findall(r"\w+", text))
    for found in _diagnostics(text):
        told = f"{found.message}\n{found.help or ''}\n{found.note}"
        inner = {*re.findall(r"\w+", told)} & _INNER_NAMES
        wrong = inner | {match.group() for match in _FORBIDDEN.finditer(told)}
        assert wrong <= own_words, found


_SAMPLE = [
    *(policy.read_text("utf-8") for policy in _POLICIES),
    *(
        block
        for code in sorted(CODES)
        for block in re.findall(r"^```inv\n(.*?)^```$", page(code), re.MULTILINE | re.DOTALL)
    ),
    *(
        chunk
        for annotated in sorted(_HERE.parent.joinpath("language").glob("*.inv"))
        for chunk in re.split(r"^---\n", annotated.read_text("utf-8"), flags=re.MULTILINE)
    ),
]


def test_messages_and_helps_have_one_style() -> None:
    """A message and a help start in lower case, or with what the author wrote, and end without a
    period."""
    told = {words for text in _SAMPLE for d in _diagnostics(text) for words in (d.message, d.help)}
    assert len(told) > 500
    odd = [
        words
        for words in told - {None}
        if words is not None
        and (words[:1].isupper() or words.endswith(".") or words != words.strip())
    ]
    assert odd == []
