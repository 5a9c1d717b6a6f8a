"""Ranges of a violation as excerpts of the trace: which events, and the marked characters in them.

Takes events and ranges such as `3.tool_calls.0.function.arguments.to:0-12`; gives one `Excerpt` for
each message, call, output or tool that they lie in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from policyc.runtime.detectors.masking import masked
from policyc.runtime.trace_ranges import Span, as_counted, follow, parse_range
from policyc.runtime.traces import UNPARSED, event_kind

if TYPE_CHECKING:
    from collections.abc import Iterable

Events = Sequence[dict[str, Any]]


@dataclass(slots=True)
class Piece:
    """A text of the trace and the spans marked in it; `label` is its path in its object, `secrets`
    are the spans that must not be shown."""

    label: str
    text: str
    spans: list[Span] = field(default_factory=list)
    secrets: list[Span] = field(default_factory=list)


@dataclass(slots=True)
class Excerpt:
    """An object of the trace: its index, what it is, and the texts in it to show."""

    index: int
    title: str
    pieces: list[Piece]


def excerpts(events: Events, ranges: Iterable[str], secrets: Iterable[str] = ()) -> list[Excerpt]:
    """The objects that the ranges lie in, in their order, each with its marked texts; credentials
    in them, and what `secrets` marks, are masked."""
    hidden = frozenset(secrets)
    events = as_counted(events)
    objects: dict[tuple[str, ...], dict[tuple[str, ...], Piece]] = {}
    for text in ranges:
        parts, span = parse_range(text)
        owner = _owner(parts)
        pieces = objects.setdefault(owner, {})
        value = follow(events, parts)
        if len(parts) == len(owner) or not isinstance(value, str):
            continue
        piece = pieces.setdefault(parts, Piece(_label(parts[len(owner) :]), value))
        if span is not None:
            piece.spans.append(span)
            if text in hidden:
                piece.secrets.append(span)
    for pieces in objects.values():
        for piece in pieces.values():
            piece.text = masked(piece.text, piece.secrets)
    return [_excerpt(events, owner, list(pieces.values())) for owner, pieces in objects.items()]


def _owner(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The path of the object that a path lies in: a call by itself, else the event or tool."""
    if len(parts) > 2 and parts[1] == "tool_calls" and parts[2].isdigit():
        return parts[:3]
    return parts[:1]


def _label(parts: tuple[str, ...]) -> str:
    """How a place in an object is called: arguments by their own path, the content by nothing."""
    if parts[:2] == ("function", "arguments"):
        return ".".join(part for part in parts[2:] if part != UNPARSED)
    return "" if parts == ("content",) else ".".join(parts)


def _excerpt(events: Events, owner: tuple[str, ...], pieces: list[Piece]) -> Excerpt:
    index = int(owner[0])
    event = events[index]
    value = follow(events, owner)
    if "role" not in event and "function" not in event:
        title = f"tool `{_name(value)}`"
    elif len(owner) > 1 or event_kind(event, index) == "call":
        title = f"call of `{_name(_part(value, 'function'))}`"
    elif event_kind(event, index) == "output":
        title = _title_of_output(events, index)
    else:
        title = f"message of the {event['role']}"
    return Excerpt(index, title, pieces or [Piece("", masked(_preview(value)))])


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
        shown = value.get("description") if shown is None else shown
    if isinstance(shown, list):
        texts = [chunk["text"] for chunk in shown if isinstance(_part(chunk, "text"), str)]
        shown = texts[0] if texts else shown
    if isinstance(shown, str):
        return shown.strip().partition("\n")[0]
    return "" if shown is None else json.dumps(shown, ensure_ascii=False)
