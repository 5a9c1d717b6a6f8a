"""Hides credentials in texts that are shown to people: reports, excerpts, explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "*"

_SHOWN = 4
"""Characters at the start of a credential that stay, so that a person can tell which one it is."""

_SHORTEST = 16
"""Shorter credentials are hidden altogether."""


def masked(text: str, spans: Iterable[tuple[int, int]] = ()) -> str:
    """The text with its credentials, and what lies in `spans`, replaced character by character.
    Line ends stay, and so do all places in the text.
    """
    # Loaded where something is shown: what finds nothing shall not wait for it.
    from policyc.runtime.detectors.secrets import detect  # noqa: PLC0415

    found = [(one.start, one.end) for one in detect(text)]
    pieces = sorted({*spans, *found})
    if not pieces:
        return text
    shown, place = [], 0
    for start, end in pieces:
        start = max(start, place)
        if start >= end:
            continue
        kept = _SHOWN if end - start >= _SHORTEST else 0
        shown += [text[place : start + kept], _hidden(text[start + kept : end])]
        place = end
    return "".join(shown) + text[place:]


def _hidden(text: str) -> str:
    return "".join("\n" if char == "\n" else MASK for char in text)
