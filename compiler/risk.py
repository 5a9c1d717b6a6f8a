"""Risk tags in messages: `[risk=high]`.

A tag counts only in the literal text of a rule's message, never in what comes from the trace, so it
is read when the policy is compiled. `critical` is another spelling of `high`. Of several tags the
highest counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEVELS: Final = ("low", "medium", "high")
"""From harmless to dangerous."""

_SPELLINGS: Final = {**{level: level for level in LEVELS}, "critical": "high"}
_TAG = re.compile(r"\[[ \t]*risk[ \t]*=[ \t]*([^\]\n]*)\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RiskTag:
    """One tag: the word written, its level (None if there is no such level), and where it stands in
    the text.
    """

    word: str
    level: str | None
    start: int
    end: int


def risk_tags(text: str) -> Iterator[RiskTag]:
    for found in _TAG.finditer(text):
        word = found[1].strip()
        yield RiskTag(word, _SPELLINGS.get(word.lower()), found.start(), found.end())


def highest_risk(texts: Iterable[str]) -> str | None:
    """The highest level that a tag in one of the texts names, or None."""
    levels = [tag.level for text in texts for tag in risk_tags(text) if tag.level]
    return max(levels, key=LEVELS.index, default=None)
