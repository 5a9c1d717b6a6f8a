"""The commands in a value that a policy hands over, and where they stand in the trace.

A text is a script. A list of texts is one command, already split into words, as tools take it that
start programs without a shell. Of a tool call or its arguments it is the entries that hold a
command (`COMMAND_KEYS`) or the code of a notebook's cell (`CODE_KEY`), also those of objects in
them; every text if there is none of these. What `python_code` and `ipython_code` answer stands for
the commands that the code runs. Of anything else it is every text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from policyc.runtime.events import Function, ToolCall
from policyc.runtime.records import PythonCode
from policyc.runtime.texts import collect_texts
from policyc.runtime.traces import arguments_of, function_of

if TYPE_CHECKING:
    from policyc.runtime.events import Place
    from policyc.runtime.places import Mark

COMMAND_KEYS = (
    "command",
    "cmd",
    "commands",
    "script",
    "shell_command",
    "bash_command",
    "input",
    "keystrokes",
)
"""Names of arguments under which tools take commands."""

CODE_KEY = "code"
"""The name of the argument under which tools take Python code, with the lines of a notebook."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of the text of a source that stands in the trace; `skip` characters before it are
    quotes of ours. `is_exact` tells that it is written there as it is here."""

    start: int
    end: int
    place: Place
    length: int
    is_exact: bool = True
    skip: int = 0


@dataclass(slots=True)
class Source:
    """A script to be read."""

    text: str
    parts: list[_Part] = field(default_factory=list)

    def marks(self, start: int, end: int) -> list[Mark]:
        """The pieces of the trace that a piece of the text stands for."""
        marks: list[Mark] = []
        for part in self.parts:
            if part.start < end and start < part.end:
                first = max(0, start - part.start - part.skip)
                last = min(part.length, end - part.start - part.skip)
                if not part.is_exact or first >= last:
                    first, last = 0, part.length
                marks.append((part.place, first, last))
        return marks


def sources(value: Any, place: Any) -> list[Source]:
    """The scripts in a value. `place` is where it lies, as the interpreter tells it."""
    if isinstance(value, str):
        return [_of_text(value, place)]
    if isinstance(value, ToolCall | Function):
        call = isinstance(value, ToolCall)
        function = function_of(value.data) if call else value.data
        below = (*value.place, "function", "arguments") if call else (*value.place, "arguments")
        return _of_arguments(arguments_of(function), below)
    if isinstance(value, dict):
        return _of_arguments(value, place)
    if isinstance(value, PythonCode):
        return [_of_text(command, None) for command in value.shell_commands]
    if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
        return [_of_words(list(value), place)]
    if isinstance(value, list | tuple):
        return [
            source
            for number, one in enumerate(value)
            for source in sources_of_entry(one, place, number)
        ]
    return [_of_text(text, where) for text, where in collect_texts(value)]


def sources_of_entry(value: Any, place: Any, key: int | str) -> list[Source]:
    """The scripts in an entry of a list or an object; lists in lists are read text by text."""
    if isinstance(place, list):
        where = place[key] if isinstance(key, int) and key < len(place) else None
    else:
        where = None if place is None else (*place, key)
    is_words = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    if isinstance(value, str) or is_words or isinstance(value, ToolCall | Function):
        return sources(value, where) if value else []
    return [_of_text(text, found) for text, found in collect_texts(value)]


def _of_text(text: str, place: Any) -> Source:
    if not isinstance(place, tuple):
        return Source(text)
    return Source(text, [_Part(0, len(text), place, len(text))])


def _of_arguments(arguments: Any, place: Any) -> list[Source]:
    if not isinstance(arguments, dict):
        return sources_of_entry(arguments, None, 0)
    return _of_commands(arguments, place) or [
        source for key in arguments for source in sources_of_entry(arguments[key], place, key)
    ]


def _of_commands(arguments: dict[str, Any], place: Any) -> list[Source]:
    """What stands under the names of commands and code, at any depth.

    All of it: an argument that a tool does not know must not hide the one that it takes.
    """
    found: list[Source] = []
    for key in COMMAND_KEYS:
        if key in arguments:
            found += sources_of_entry(arguments[key], place, key)
    code = arguments.get(CODE_KEY)
    if isinstance(code, str):
        where = (*place, CODE_KEY) if isinstance(place, tuple) else None
        found.append(_of_words(["ipython", "-c", code], [None, None, where]))
    for key, value in arguments.items():
        if isinstance(value, dict) and key not in COMMAND_KEYS:
            found += _of_commands(value, (*place, key) if isinstance(place, tuple) else None)
    return found


_PLAIN = re.compile(r"[\w@%+=:,./-]+")


def _of_words(words: list[str], place: Any) -> Source:
    """Words that are joined with quotes, so that each stays one word."""
    text, parts = "", []
    for number, word in enumerate(words):
        quoted = word if _PLAIN.fullmatch(word) else "'" + word.replace("'", "'\\''") + "'"
        start = len(text) + bool(number)
        text += " " * bool(number) + quoted
        where = place[number] if isinstance(place, list) and number < len(place) else None
        if isinstance(place, tuple):
            where = (*place, number)
        if isinstance(where, tuple):
            skip = 0 if quoted == word else 1
            part = _Part(start, len(text), where, len(word), "'" not in word, skip)
            parts.append(part)
    return Source(text, parts)
