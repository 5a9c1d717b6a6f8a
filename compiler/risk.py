"""Risk tags in messages: `[risk=high]`.

A tag counts only in the literal text of a rule's message, never in what comes from the trace, so it
is read when the policy is compiled. `critical` is another spelling of `high`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LEVELS: Final = ("low", "medium", "high")
"""From harmless to dangerous."""

_SPELLINGS: Final = {**{level: level for level in LEVELS}, "critical": "high"}
_ATTEMPT = re.compile(r"\[[ \t]*risk[ \t]*[=:]([^\]\n]*)\]", re.IGNORECASE)
RISK_TAG: Final = re.compile(r"\[risk=(\w+)\]", re.IGNORECASE)
"""A tag in its right form."""


@dataclass(frozen=True, slots=True)
class RiskTag:
    """What looks like a tag: as written, its level (None if it is not right), and its place."""

    written: str
    level: str | None
    start: int
    end: int


def risk_tags(text: str) -> Iterator[RiskTag]:
    """The tags of a literal text, also those that are not quite right, such as `[risk: high]`."""
    for found in _ATTEMPT.finditer(text):
        tag = RISK_TAG.fullmatch(found[0])
        level = _SPELLINGS.get(tag[1].lower()) if tag else None
        yield RiskTag(found[0], level, found.start(), found.end())


def without_tags(text: str) -> str:
    """A message without its tags, in one line: the name of its rule."""
    return " ".join(RISK_TAG.sub("", text).split())
