"""One trace: from a file, a stream, JSON text or values that are there already to its events.

JSON and JSON Lines are told apart by what is in them; so are the formats of agents and APIs, which
the adapters turn into events.
"""

from __future__ import annotations

import json
import os
from typing import IO, TYPE_CHECKING, Any

from policyc.runtime.trace_access import TraceError
from policyc.runtime.trace_check import check_trace
from policyc.runtime.trace_streams import stream_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Events = list[dict[str, Any]]
TraceSource = str | bytes | os.PathLike[str] | IO[Any] | list[Any] | dict[str, Any]

FORMATS = ("auto", "openai", "anthropic", "responses", "mcp", "openhands", "openhands-sdk")
"""What `format` may be."""


def read_trace(source: TraceSource, format: str = "auto") -> Events:  # noqa: A002  # the public name
    """The events of one trace, checked.

    Args:
        source: a path, JSON text, an open file, a list of events, or an object with `messages`.
            A `str` that starts with a bracket or a brace is JSON text, any other is a path. A list
            of events is returned as it is.
        format: one of `FORMATS`; `auto` finds it out.

    Raises:
        TraceError: it cannot be opened or read, is of another format, or is no trace.
    """
    if isinstance(source, list | dict):
        return events_of(source, format)
    name, stream = stream_of(source)
    try:
        return events_of(parse(stream.read()), format)
    except TraceError as error:
        raise named(error, name) from None


# --- values -> events ---------------------------------------------------------------------------


def events_of(data: Any, format: str) -> Events:  # noqa: A002
    """The events of a JSON value, checked.

    Raises:
        TraceError: it is of another format, or no trace.
    """
    from policyc.runtime.adapters import convert  # noqa: PLC0415  # only where traces are read

    events = convert(data, format)
    check_trace(events)
    return events


def named(error: TraceError, name: str) -> TraceError:
    """The error with the name of the file in front."""
    if not name or error.message.startswith(f"{name}: "):
        return error
    return TraceError(error.path, f"{name}: {error.message}")


def problem_of(name: str, error: TraceError) -> str:
    """Why the trace of this name cannot be read, without its name."""
    message = error.message.removeprefix(f"{name}: ")
    return message if error.path == "$" else f"{message}, at `{error.path}`"


# --- text -> values -----------------------------------------------------------------------------


def parse(text: str) -> Any:
    """The value of JSON text, or the list of the values of JSON Lines.

    Raises:
        TraceError: it is neither, or there is a trace on each line.
    """
    if not text.strip():
        raise TraceError("$", "there is no trace in it, the text is empty")
    try:
        return loads(text)
    except TraceError as error:
        values = list(values_of_lines(text.split("\n")))
        # Whoever writes JSON Lines gets the first line right; else the text was meant as one value.
        if len(values) < 2 or isinstance(values[0], TraceError):
            raise error from None
    for value in values:
        if isinstance(value, TraceError):
            raise value
    if is_whole_trace(values[0]):
        raise TraceError("$", f"there are {len(values)} traces in it, one on each line")
    return values


def loads(text: str, line: int | None = None) -> Any:
    """The value of JSON text; `line` is its number where it is a line of a longer one.

    Raises:
        TraceError: it is no JSON.
    """
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        where = error.lineno if line is None else line
        what = error.msg[:1].lower() + error.msg[1:]
        message = f"line {where}, column {error.colno} is no JSON: {what}"
    except RecursionError:
        message = "the JSON is nested too deeply" + (f" on line {line}" if line else "")
    except ValueError:
        message = "a number is too long" + (f" on line {line}" if line else "")
    raise TraceError("$", message)


def values_of_lines(lines: Iterable[str], first: int = 1) -> Iterator[Any]:
    """The value on each line that is not blank, or the error instead of it."""
    for number, line in enumerate(lines, first):
        if line.strip():
            try:
                yield loads(line, number)
            except TraceError as error:
                yield error


def is_whole_trace(value: Any) -> bool:
    """Whether a value on a line of its own is a trace, and no event of one."""
    if isinstance(value, list):
        return True
    if not isinstance(value, dict) or "role" in value:
        return False
    return any(isinstance(value.get(key), list) for key in ("messages", "choices", "output"))
