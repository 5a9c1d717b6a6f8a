"""The text of a case file as a tree of values that know their place.

Takes YAML 1.2, so that `no` and `2024-01-01` are texts; gives `Scalar`, `Items` and `Fields`, which
hold what JSON can hold. One form more than YAML has is read: `call: send_email {to: x}`, which
needs no quotes although a plain text cannot hold a colon with a blank after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scanner import Scanner
from ruamel.yaml.tokens import ScalarToken

from policyc.grammar.diagnostics import Label
from policyc.grammar.source import Source, Span
from policyc.runtime.excerpts import one_line
from policyc.runtime.nesting import MAX_DEPTH
from policyc.runtime.testing.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_VALUES: Final = 200_000
"""Values of a file, each alias counted as often as it is used."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, a number, true, false or null."""

    span: Span
    value: str | int | float | bool | None
    written: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    span: Span
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of an object and its value."""

    key: str
    span: Span
    value: Value


@dataclass(frozen=True, slots=True)
class Fields:
    """An object."""

    span: Span
    entries: tuple[Entry, ...]

    def get(self, key: str) -> Value | None:
        return next((entry.value for entry in self.entries if entry.key == key), None)

    def entry(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key), None)

    def __contains__(self, key: str) -> bool:
        return any(entry.key == key for entry in self.entries)


Value = Scalar | Items | Fields


def plain(value: Value) -> Any:
    """A value as JSON data."""
    if isinstance(value, Scalar):
        return value.value
    if isinstance(value, Items):
        return [plain(item) for item in value.items]
    return {entry.key: plain(entry.value) for entry in value.entries}


def parse(problems: Problems) -> Value | None:
    """The tree of the source of `problems`; None if it cannot be read, which is then told."""
    source = problems.source
    try:
        node = _compose(source.text)
        if node is None:
            problems.add(
                "T0101", "the file is empty", Span(0, 0), "write `cases:` and a list below"
            )
            return None
        return _Builder(problems).value(node, 0)
    except _Unusable as error:
        problems.add("T0101", error.message, error.span)
    except ReaderError as error:
        span = Span(error.position, error.position + 1)
        code = ord(error.character) if isinstance(error.character, str) else error.character
        message = f"a YAML file cannot hold the character U+{code:04X} as it is"
        problems.add(
            "T0101", message, span, 'write it as an escape in double quotes, as in "\\x1b"'
        )
    except MarkedYAMLError as error:
        _add_syntax_error(error, problems)
    except RecursionError:
        problems.add("T0101", "the file is nested too deeply", Span(0, 0))
    return None


def parse_flow(text: str, problems: Problems, span: Span) -> Value | None:
    """The tree of a piece of YAML within a scalar; each part has the place of the whole scalar."""
    inner = Problems(Source(text))
    value = parse(inner)
    for found in inner.diagnostics:
        problems.add(found.code, found.message, span, found.help)
    return None if value is None else _moved(value, span)


def _moved(value: Value, span: Span) -> Value:
    if isinstance(value, Scalar):
        return Scalar(span, value.value, value.written)
    if isinstance(value, Items):
        return Items(span, tuple(_moved(item, span) for item in value.items))
    entries = (Entry(entry.key, span, _moved(entry.value, span)) for entry in value.entries)
    return Fields(span, tuple(entries))


# --- text -> nodes --------------------------------------------------------------------------------


class _Unusable(Exception):
    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.message = message
        self.span = span


_CALL_HEAD = re.compile(r"[\w./-]+(:[\w./-]+)* +\{")
_CALL_END = re.compile(r"\s*($|[,\]}]|\s#)")


class _Scanner(Scanner):
    """Reads `NAME {KEY: VALUE}` to the end of its brackets as one plain text."""

    def scan_plain(self) -> Any:
        buffer, begin = self.reader.buffer, self.reader.pointer
        end = buffer.find("\n", begin)
        line = buffer[begin : end if end >= 0 else None].rstrip("\0\r")
        length = _length_of_call(line)
        # What YAML can read is left to it: its plain texts may go on on the next line.
        if not length or not (self.flow_level or ": " in line[:length]):
            return super().scan_plain()
        start = self.reader.get_mark()
        text = self.reader.prefix(length)
        self.reader.forward(length)
        self.allow_simple_key = False
        return ScalarToken(text, True, start, self.reader.get_mark())


def _length_of_call(line: str) -> int:
    """How long the call is that a line starts with; 0 where there is none."""
    head = _CALL_HEAD.match(line)
    if head is None:
        return 0
    depth, quote, at = 0, "", head.end() - 1
    while at < len(line):
        char = line[at]
        if quote:
            if char == "\\" and quote == '"':
                at += 1
            elif char == quote:
                quote = ""
        elif char in "\"'" and line[at - 1] in " {[,:":
            quote = char
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if depth == 0:
                # With anything else behind it this is some other text.
                return at + 1 if _CALL_END.match(line, at + 1) else 0
        at += 1
    return 0


class _Composer(Composer):
    """Refuses an anchor that is there already: which of the two an alias means is easily missed."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.parser.peek_event()
        if not isinstance(event, AliasEvent) and event.anchor in self.anchors:
            line = self.anchors[event.anchor].start_mark.line + 1
            raise _Unusable(
                f"there is an anchor `{event.anchor}` already, in line {line}: give this one "
                "another name",
                Span(event.start_mark.index, event.start_mark.index + 1 + len(event.anchor)),
            )
        return super().compose_node(parent, index)


def _compose(text: str) -> Node | None:
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = _Scanner
    yaml.Composer = _Composer
    node: Node | None = yaml.compose(text)
    return node


_HELP = {
    "mapping values are not allowed here": (
        "put a text in quotes that holds a colon with a blank after it"
    ),
    "found character '\\t' that cannot start any token": "indent with blanks, not with tabs",
    "expected <block end>, but found '<block mapping start>'": "align the keys of an object",
    "expected <block end>, but found '-'": "align the items of a list",
}


def _add_syntax_error(error: MarkedYAMLError, problems: Problems) -> None:
    mark = error.problem_mark or error.context_mark
    text = problems.source.text
    at = len(text) if mark is None else min(mark.index, len(text))
    if at == len(text):  # the end of the file is a better place on its last line
        at = len(text.rstrip())
    problem = str(error.problem or error.context)
    what = f"this is no YAML: {problem}"
    if error.context and error.context_mark is not None and error.context != problem:
        what += f" ({error.context} from line {error.context_mark.line + 1})"
    problems.add("T0101", what, Span(at, at + 1), _HELP.get(problem))


# --- nodes -> values ------------------------------------------------------------------------------

_TAG = "tag:yaml.org,2002:"
_TEXTS = {f"{_TAG}{name}" for name in ("str", "timestamp", "merge", "value")}


class _Builder:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._text = problems.source.text
        self._count = 0

    def value(self, node: Node, depth: int) -> Value:
        self._count += 1
        span = self._span(node)
        if depth > MAX_DEPTH:
            raise _Unusable(f"this is nested more than {MAX_DEPTH} levels deep", span)
        if self._count > MOST_VALUES:
            raise _Unusable("aliases make this file too large", span)
        if isinstance(node, ScalarNode):
            return self._scalar(node, span)
        if isinstance(node, SequenceNode):
            return Items(span, tuple(self.value(item, depth + 1) for item in node.value))
        assert isinstance(node, MappingNode)  # noqa: S101  # there is no other kind
        return Fields(span, tuple(self._entries(node, depth)))

    def _span(self, node: Node) -> Span:
        start, end = node.start_mark.index, node.end_mark.index
        # What is a block ends where the next thing starts.
        return Span(start, start + len(self._text[start:end].rstrip()))

    def _entries(self, node: MappingNode, depth: int) -> Iterator[Entry]:
        seen: dict[str, Span] = {}
        for key_node, value_node in node.value:
            span = self._span(key_node)
            value = self.value(value_node, depth + 1)
            if not isinstance(key_node, ScalarNode):
                self._problems.add("T0104", "a key must be a text", span)
                continue
            key = str(key_node.value)
            if key in seen:
                first = Label(seen[key], "first here")
                self._problems.add("T0102", f"the key `{key}` is given twice", span, None, first)
                continue
            seen[key] = span
            yield Entry(key, span, value)

    def _scalar(self, node: ScalarNode, span: Span) -> Scalar:
        text = str(node.value)
        tag = str(node.tag)
        if tag in _TEXTS:
            return Scalar(span, text, text)
        try:
            if tag == f"{_TAG}null":
                return Scalar(span, None, text)
            if tag == f"{_TAG}bool":
                return Scalar(span, text.lower() == "true", text)
            if tag == f"{_TAG}int":
                return Scalar(span, _integer(text), text)
            if tag == f"{_TAG}float":
                return Scalar(span, _number(text), text)
        except ValueError:
            self._problems.add("T0104", f"`{one_line(text, 40)}` is no number that JSON has", span)
            return Scalar(span, None, text)
        self._problems.add("T0104", f"a value cannot have the tag `{node.tag}`", span)
        return Scalar(span, None, text)


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    return int(digits, 0) if digits.lstrip("+-")[:2].lower() in ("0x", "0o") else int(digits)


def _number(text: str) -> float:
    value = float(text.replace("_", ""))
    if not isfinite(value):
        raise ValueError(text)
    return value
