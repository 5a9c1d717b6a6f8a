"""Many traces: the files of a folder, or a file or stream with a trace on each line.

`read_corpus` gives them one by one. `corpus_parts` and `traces_of` are its two halves: parts are
cheap to find and can be sent to other processes, reading one is the work. Nothing holds more than
one part at a time, so that a stream may be larger than memory.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from policyc.runtime.trace_access import TraceError
from policyc.runtime.trace_reading import (
    Events,
    events_of,
    is_whole_trace,
    loads,
    named,
    parse,
    values_of_lines,
)
from policyc.runtime.trace_streams import Stream, is_text, no_text, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CorpusSource = str | os.PathLike[str] | IO[Any]

SUFFIXES = (".json", ".jsonl", ".ndjson")
"""Ends of the names of trace files in a folder, each also with one of `PACKED`."""

PACKED = (".gz", ".zst")

SMALL_FILE = 1 << 18
"""Bytes of a file that is one part, whatever it holds; a larger one may be divided by lines."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A whole file; it is opened when it is read."""

    name: str


@dataclass(frozen=True, slots=True)
class LinePart:
    """A line that is a trace."""

    name: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class TextPart:
    """All of a stream, or of a file that had to be opened."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class BadPart:
    """What cannot be read."""

    name: str
    error: TraceError


Part = FilePart | LinePart | TextPart | BadPart

Named = tuple[str, Events | TraceError]
"""The name of a trace, and its events or why they cannot be read."""


def read_corpus(
    source: CorpusSource,
    format: str = "auto",  # noqa: A002  # as for read_trace
    *,
    name: str | None = None,
    on_error: Callable[[str, TraceError], None] | None = None,
) -> Iterator[tuple[str, Events]]:
    """The traces of a folder of trace files, or of a file of JSON Lines with a trace on each line,
    one by one.

    A file that holds one trace is a corpus of one. Each trace comes with its name: the path, and
    `:` with the line where a file holds several.

    Args:
        source: a path or an open file. format: as in `read_trace`. name: what a stream is called.
        on_error: gets the name and the error of each trace that cannot be read; without it the
        error is raised.

    Raises:
        TraceError: a file cannot be opened, or a trace not be read.
    """
    for part in corpus_parts(source, name):
        for found, events in traces_of(part, format):
            if not isinstance(events, TraceError):
                yield found, events
            elif on_error is None:
                raise events
            else:
                on_error(found, events)


def corpus_parts(source: CorpusSource, name: str | None = None) -> Iterator[Part]:
    """The parts of a corpus in their order; `name` is what a stream is called.

    Raises:
        TraceError: nothing can be read from it.
    """
    if not isinstance(source, str | os.PathLike):
        own_name, stream = stream_of(source)
        yield from _divided(own_name if name is None else name, stream)
    elif Path(source).is_dir():
        for path in trace_files(source):
            yield from _parts_of_file(str(path))
    else:
        own_name, stream = stream_of(source)
        yield from _parts_of_file(own_name) if own_name else _divided("", stream)


def trace_files(folder: str | os.PathLike[str]) -> list[Path]:
    """The trace files in a folder and below it, by name."""
    return [
        path
        for path in sorted(Path(folder).rglob("*"))
        if _bare(path.name).endswith(SUFFIXES) and path.is_file()
    ]


def _bare(name: str) -> str:
    for suffix in PACKED:
        name = name.removesuffix(suffix)
    return name


def _parts_of_file(path: str) -> Iterator[Part]:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        yield FilePart(path)  # reading it says what is wrong
        return
    # A pipe has no size that says anything.
    is_small = 0 < status.st_size <= SMALL_FILE
    yield from [FilePart(path)] if is_small else _divided(path, Stream(path))


def _divided(name: str, stream: Stream) -> Iterator[LinePart | TextPart | BadPart]:
    """The lines of a text with a trace on each, or all of the text."""
    try:
        lines = stream.lines()
        head = _first_two(lines)
        if _is_line_by_line(head):
            yield from _lines(name, chain(head, lines))
            return
        text = "".join(chain(head, lines))
        yield TextPart(name, text) if is_text(text) else BadPart(name, no_text())
    except TraceError as error:
        yield BadPart(name, error)


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


def _is_line_by_line(head: list[str]) -> bool:
    filled = [line for line in head if line.strip()]
    if len(filled) < 2:
        return False
    try:
        return is_whole_trace(loads(filled[0]))
    except TraceError:
        return False


def _lines(name: str, lines: Iterator[str]) -> Iterator[LinePart | BadPart]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if is_text(line):
            yield LinePart(name, number, line)
        else:
            yield BadPart(f"{name}:{number}", no_text())


def traces_of(part: Part, format: str = "auto") -> Iterator[Named]:  # noqa: A002  # as above
    """The traces of a part with their names, and the errors of those that cannot be read."""
    match part:
        case FilePart(name=name):
            for inner in _divided(name, Stream(name)):
                yield from traces_of(inner, format)
        case LinePart(name=name, number=number, text=text):
            (value,) = values_of_lines([text], number)
            yield _read(f"{name}:{number}", value, format)
        case TextPart(name=name, text=text):
            yield from _traces_of_text(name, text, format)
        case BadPart(name=name, error=error):
            yield _read(name, error, format)


def _traces_of_text(name: str, text: str, format: str) -> Iterator[Named]:  # noqa: A002
    try:
        value = parse(text)
    except TraceError as error:
        value = error
    if isinstance(value, list) and value and all(isinstance(x, list) for x in value):
        for index, trace in enumerate(value):
            yield _read(f"{name}[{index}]", trace, format)
    else:
        yield _read(name, value, format)


def _read(name: str, value: Any, format: str) -> Named:  # noqa: A002
    """A trace from its value, or from the error instead of it."""
    try:
        if isinstance(value, TraceError):
            raise value
        return name, events_of(value, format)
    except TraceError as error:
        return name, named(error, name)
