"""Ranges of a violation as excerpts of the trace: which events, and the marked characters in them.

Takes events and ranges such as `3.tool_calls.0.function.arguments.to:0-12`; gives one `Excerpt` for
each message, call, output or tool that they lie in. What a range leads to is found by trying,
because a key may hold dots itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from policyc.runtime.traces import UNPARSED, event_kind

if TYPE_CHECKING:
    from collections.abc import Iterable

Events = Sequence[dict[str, Any]]
Span = tuple[int, int]


@dataclass(slots=True)
class Piece:
    """A text of the trace and the spans marked in it; `label` is its path in its object."""

    label: str
    text: str
    spans: list[Span] = field(default_factory=list)


@dataclass(slots=True)
class Excerpt:
    """An object of the trace: the number of its event, what it is, and the texts in it to show."""

    index: int
    title: str
    pieces: list[Piece]


def excerpts(events: Events, ranges: Iterable[str]) -> list[Excerpt]:
    """The objects that the ranges lie in, in their order, each with its marked texts."""
    objects: dict[tuple[str, ...], dict[tuple[str, ...], Piece]] = {}
    for text in ranges:
        parts, span = _parse(text)
        owner = _owner(parts)
        pieces = objects.setdefault(owner, {})
        value = _follow(events, parts)
        if len(parts) == len(owner) or not isinstance(value, str):
            continue
        piece = pieces.setdefault(parts, Piece(_label(parts[len(owner) :]), value))
        if span is not None:
            piece.spans.append(span)
    return [_excerpt(events, owner, list(pieces.values())) for owner, pieces in objects.items()]


def _parse(text: str) -> tuple[tuple[str, ...], Span | None]:
    marked = re.fullmatch(r"(.*):(\d+)-(\d+)", text, re.DOTALL)
    path = marked[1] if marked else text
    return tuple(path.split(".")), (int(marked[2]), int(marked[3])) if marked else None


def _owner(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The path of the object that a path lies in: a call or a tool by itself, else the event."""
    if len(parts) > 2 and parts[1] in ("tool_calls", "tools") and parts[2].isdigit():
        return parts[:3]
    return parts[:1]


def _label(parts: tuple[str, ...]) -> str:
    """How a place in an object is called: arguments by their own path, the content by nothing."""
    if parts[:2] == ("function", "arguments"):
        return ".".join(part for part in parts[2:] if part != UNPARSED)
    return "" if parts == ("content",) else ".".join(parts)


def _follow(value: Any, parts: tuple[str, ...]) -> Any:
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
        return _follow(value[number], parts[1:]) if number < len(value) else None
    if isinstance(value, dict):
        for length in range(1, len(parts) + 1):
            key = ".".join(parts[:length])
            if key in value:
                found = _follow(value[key], parts[length:])
                if found is not None:
                    return found
    return None


def _excerpt(events: Events, owner: tuple[str, ...], pieces: list[Piece]) -> Excerpt:
    index = int(owner[0])
    event = events[index]
    value = _follow(events, owner)
    if len(owner) > 1 and owner[1] == "tools":
        title = f"tool `{_name(value)}`"
    elif len(owner) > 1 or event_kind(event, index) == "call":
        title = f"call of `{_name(_part(value, 'function'))}`"
    elif event_kind(event, index) == "output":
        title = _title_of_output(events, index)
    elif event_kind(event, index) == "tools":
        title = "list of tools"
    else:
        title = f"message of the {event['role']}"
    return Excerpt(index, title, pieces or [Piece("", _preview(value))])


def _name(value: Any) -> str:
    return str(_part(value, "name"))


def _part(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _title_of_output(events: Events, index: int) -> str:
    identifier = events[index].get("tool_call_id")
    for event in reversed(events[:index] if identifier is not None else []):
        calls = event.get("tool_calls") or [event]
        for call in calls:
            if _part(call, "id") == identifier and _part(call, "function"):
                return f"output of `{_name(call['function'])}`"
    return "output of a tool"


def _preview(value: Any) -> str:
    """An object without marked texts in one line: its content, or its arguments."""
    shown = value
    if isinstance(value, dict):
        shown = _part(_part(value, "function"), "arguments") or value.get("content")
    if isinstance(shown, list):
        texts = [chunk["text"] for chunk in shown if isinstance(_part(chunk, "text"), str)]
        shown = texts[0] if texts else shown
    if isinstance(shown, str):
        return shown.strip().partition("\n")[0]
    return "" if shown is None else json.dumps(shown, ensure_ascii=False)
