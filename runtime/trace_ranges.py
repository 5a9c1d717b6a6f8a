"""Ranges as texts, such as `3.tool_calls.0.function.arguments.to:0-12`, and what they lead to.

The first part is an index, which counts each tool of a `tools` event. A key may hold dots itself;
what a path leads to is found by trying.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from policyc.runtime.trace_access import UNPARSED, event_kind, tools_of

if TYPE_CHECKING:
    from collections.abc import Sequence

Span = tuple[int, int]


def as_counted(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each index of a trace stands for: events, and the tools of `tools` events."""
    counted: list[dict[str, Any]] = []
    for number, event in enumerate(events):
        counted += tools_of(event) if event_kind(event, number) == "tools" else [event]
    return counted


def indexes(events: Sequence[dict[str, Any]]) -> list[int]:
    """The index of each event, of the first tool for a `tools` event."""
    found, index = [], 0
    for number, event in enumerate(events):
        found.append(index)
        index += len(tools_of(event)) if event_kind(event, number) == "tools" else 1
    return found


def parse_range(text: str) -> tuple[tuple[str, ...], Span | None]:
    """The path of a range, and its characters where it is not about a whole object."""
    marked = re.fullmatch(r"(.*):(\d+)-(\d+)", text, re.DOTALL)
    path = marked[1] if marked else text
    return tuple(path.split(".")), (int(marked[2]), int(marked[3])) if marked else None


def follow(value: Any, parts: tuple[str, ...]) -> Any:
    """What a path leads to; None where that is nothing."""
    if not parts:
        return value
    if isinstance(value, str):
        # Arguments are often JSON text; a range into them counts as if they had been read.
        if parts == (UNPARSED,):
            return value
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, list):
        number = int(parts[0]) if parts[0].isdigit() else len(value)
        return follow(value[number], parts[1:]) if number < len(value) else None
    if isinstance(value, dict):
        for length in range(1, len(parts) + 1):
            key = ".".join(parts[:length])
            if key in value:
                found = follow(value[key], parts[length:])
                if found is not None:
                    return found
    return None


def marked_texts(events: Sequence[dict[str, Any]], ranges: Sequence[str]) -> list[str]:
    """The pieces of the trace that ranges mark, in their order."""
    texts = []
    counted = as_counted(events)
    for text in ranges:
        parts, span = parse_range(text)
        if span is not None:
            value = follow(counted, parts)
            if isinstance(value, str):
                texts.append(value[span[0] : span[1]])
    return texts
