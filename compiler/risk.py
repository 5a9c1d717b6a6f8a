"""Risk tags in messages: `[risk=high]`.

A tag counts only in the literal text of a rule's message, never in what comes from the trace, so it
is read when the policy is compiled. `critical` is another spelling of `high`.
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
_ATTEMPT = re.compile(r"\[[ \t]*risk[ \t]*[=:]([^\]\n]*)\]", re.IGNORECASE)
_TAG = re.compile(r"\[risk=(\w+)\]", re.IGNORECASE)


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
        tag = _TAG.fullmatch(found[0])
        level = _SPELLINGS.get(tag[1].lower()) if tag else None
        yield RiskTag(found[0], level, found.start(), found.end())


def risk_of(texts: Iterable[str]) -> str | None:
    """The level that the first tag in some texts sets."""
    for text in texts:
        if (tag := _TAG.search(text)) is not None:
            return _SPELLINGS.get(tag[1].lower())
    return None


def without_tags(text: str) -> str:
    """A message without its tags, in one line: the name of its rule."""
    return " ".join(_TAG.sub("", text).split())
