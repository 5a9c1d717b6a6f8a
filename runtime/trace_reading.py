"""Traces from where they are kept: files, folders, streams, JSON text, and values that are there
already.

`read_trace` gives the list of events of one trace, `read_corpus` many traces one by one. JSON, JSON
Lines and either of them compressed with gzip are told apart by what is in them; so are the formats
of agents and APIs, which the adapters turn into events.
"""

from __future__ import annotations

import io
import json
import os
import zlib
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from policyc.runtime.trace_access import TraceError, name_of_type
from policyc.runtime.trace_check import check_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from gzip import GzipFile

Events = list[dict[str, Any]]
TraceSource = str | bytes | os.PathLike[str] | IO[Any] | list[Any] | dict[str, Any]

FORMATS = ("auto", "openai", "anthropic", "responses", "mcp")
"""What `format` may be."""

SUFFIXES = (".json", ".jsonl", ".ndjson")
"""Ends of the names of trace files in a folder, each also with `.gz`."""

_GZIP = b"\x1f\x8b"

Positioned = tuple[str, Any]
"""Where in a file a value is (empty for all of it), and the value or the error instead of it."""


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
        return _events(source, format)
    name, stream = _stream(source)
    try:
        return _events(_parse(stream.read()), format)
    except TraceError as error:
        raise _named(error, name) from None


def read_corpus(
    source: str | os.PathLike[str] | IO[Any],
    format: str = "auto",  # noqa: A002  # the public name
    *,
    on_error: Callable[[str, TraceError], None] | None = None,
) -> Iterator[tuple[str, Events]]:
    """The traces of a folder of trace files, or of a file of JSON Lines with a trace on each line,
    one by one.

    A file that holds one trace is a corpus of one. Each trace comes with its name: the path, and
    `:` with the line where a file holds several.

    Args:
        source: a path or an open file. format: as in `read_trace`. on_error: gets the name and the
        error of each trace that cannot be read; without it the error is raised.

    Raises:
        TraceError: a file cannot be opened, or a trace not be read.
    """
    for name, stream in _streams(source):
        for position, data in _traces_in(stream):
            events = _attempt(name + position, data, format, on_error)
            if events is not None:
                yield name + position, events


# --- values -> events ---------------------------------------------------------------------------


def _events(data: Any, format: str) -> Events:  # noqa: A002
    from policyc.runtime.adapters import convert  # noqa: PLC0415  # only where traces are read

    events = convert(data, format)
    check_trace(events)
    return events


def _attempt(
    name: str,
    data: Any,
    format: str,  # noqa: A002
    on_error: Callable[[str, TraceError], None] | None,
) -> Events | None:
    try:
        if isinstance(data, TraceError):
            raise data
        return _events(data, format)
    except TraceError as error:
        named = _named(error, name)
        if on_error is None:
            raise named from None
        on_error(name, named)
        return None


def _named(error: TraceError, name: str) -> TraceError:
    """The error with the name of the file in front."""
    if not name or error.message.startswith(f"{name}: "):
        return error
    return TraceError(error.path, f"{name}: {error.message}")


# --- text -> values -----------------------------------------------------------------------------


def _parse(text: str) -> Any:
    """The value of JSON text, or the list of the values of JSON Lines."""
    if not text.strip():
        raise TraceError("$", "there is no trace in it, the text is empty")
    try:
        return _loads(text)
    except TraceError as error:
        values = list(_values_of_lines(text.split("\n")))
        # Whoever writes JSON Lines gets the first line right; else the text was meant as one value.
        if len(values) < 2 or isinstance(values[0], TraceError):
            raise error from None
    for value in values:
        if isinstance(value, TraceError):
            raise value
    if _is_whole_trace(values[0]):
        raise TraceError("$", f"there are {len(values)} traces in it, one on each line")
    return values


def _loads(text: str, line: int | None = None) -> Any:
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


def _values_of_lines(lines: Iterable[str], first: int = 1) -> Iterator[Any]:
    """The value on each line that is not blank, or the error instead of it."""
    for number, line in enumerate(lines, first):
        if line.strip():
            try:
                yield _loads(line, number)
            except TraceError as error:
                yield error


def _is_whole_trace(value: Any) -> bool:
    """Whether a value on a line of its own is a trace, and no event of one."""
    if isinstance(value, list):
        return True
    if not isinstance(value, dict) or "role" in value:
        return False
    return any(isinstance(value.get(key), list) for key in ("messages", "choices", "output"))


def _traces_in(stream: _Stream) -> Iterator[Positioned]:
    """The traces of a file, read line by line if it holds one on each."""
    try:
        lines = stream.lines()
        head = _first_two(lines)
        values = list(_values_of_lines(head))
        if len(values) > 1 and _is_whole_trace(values[0]):
            yield from _traces_on_lines(chain(head, lines))
            return
        value = _parse("".join(chain(head, lines)))
    except TraceError as error:
        yield "", error
        return
    if isinstance(value, list) and value and all(isinstance(x, list) for x in value):
        yield from ((f"[{index}]", trace) for index, trace in enumerate(value))
    else:
        yield "", value


def _first_two(lines: Iterator[str]) -> list[str]:
    """The lines up to the second that is not blank."""
    head: list[str] = []
    count = 0
    for line in lines:
        head.append(line)
        count += bool(line.strip())
        if count == 2:
            break
    return head


def _traces_on_lines(lines: Iterable[str]) -> Iterator[Positioned]:
    for number, line in enumerate(lines, 1):
        for value in _values_of_lines([line], number):
            yield f":{number}", value


# --- places -> text -----------------------------------------------------------------------------


class _Stream:
    """A text that is opened when it is first read, and closed afterwards."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def read(self) -> str:
        return "".join(self.lines())

    def lines(self) -> Iterator[str]:
        """The lines with their ends.

        Raises:
            TraceError: there is no such file, or no text in it.
        """
        try:
            if isinstance(self._source, str | os.PathLike):
                with Path(self._source).open("rb") as file:
                    yield from _decoded(file)
            elif isinstance(self._source, bytes):
                yield from _decoded(io.BytesIO(self._source))
            else:
                yield from self._lines_of_file()
        except UnicodeError:
            raise TraceError("$", "this is no text in UTF-8") from None
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or "the file is damaged"
            raise TraceError("$", f"cannot be read: {reason[:1].lower()}{reason[1:]}") from None
        except ValueError:
            raise TraceError("$", "cannot be read: this is no path of a file") from None

    def _lines_of_file(self) -> Iterator[str]:
        if isinstance(self._source.read(0), bytes):
            yield from _decoded(io.BytesIO(self._source.read()))
        else:
            yield from self._source


def _decoded(file: BinaryIO | GzipFile) -> Iterator[str]:
    head = file.read(4)
    file.seek(0)
    if head.startswith(_GZIP):
        from gzip import GzipFile  # noqa: PLC0415  # seldom needed

        file = GzipFile(fileobj=file)
        head = file.read(4)
        file.seek(0)
    with io.TextIOWrapper(file, encoding=json.detect_encoding(head)) as text:
        yield from text


def _stream(source: Any) -> tuple[str, _Stream]:
    """The name (empty for what has none) and the text of a source."""
    if isinstance(source, bytes):
        return "", _Stream(source)
    if isinstance(source, str) and source.lstrip("\ufeff \t\r\n")[:1] in ("", "[", "{"):
        return "", _Stream(io.StringIO(source))
    if isinstance(source, str | os.PathLike):
        return os.fspath(source), _Stream(source)
    if not hasattr(source, "read"):
        raise TraceError("$", f"a trace cannot be read from {name_of_type(source)}")
    name = getattr(source, "name", "")
    return (name if isinstance(name, str) else ""), _Stream(source)


def _streams(source: Any) -> Iterator[tuple[str, _Stream]]:
    """The trace files of a folder by name, or the one source that it is."""
    if not isinstance(source, str | os.PathLike) or not Path(source).is_dir():
        yield _stream(source)
        return
    for path in sorted(Path(source).rglob("*")):
        if path.name.removesuffix(".gz").endswith(SUFFIXES) and path.is_file():
            yield str(path), _Stream(path)
