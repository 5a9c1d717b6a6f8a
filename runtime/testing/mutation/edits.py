"""Edits of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.grammar.source import Span


@dataclass(frozen=True, slots=True)
class Edit:
    """What stands at a span of the text afterwards."""

    span: Span
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text after some edits that do not overlap."""
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end), reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text
