"""Expressions -> canonical lines of text: the half of the formatter that knows no statements.

`ExpressionWriter.write` gives one line where that fits, else breaks the outermost brackets or the
loosest operators. Literals keep their spelling, but for single quotes that may as well be double
ones. Brackets stay as written and are added only where the tree needs them. A comment inside an
expression is put beside or above the item that it stands beside; where it stands beside none the
caller keeps the lines as written.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from policyc.grammar import nodes
from policyc.grammar.operators import (
    AND,
    COMPARISON,
    INFIX,
    NOT,
    OR,
    POSTFIX,
    POWER,
    SIGN,
    SUM,
    TERNARY,
)
from policyc.grammar.strings import read_string, split_literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyc.grammar.nodes import Expr
    from policyc.grammar.source import Span

WIDTH = 100
STEP = 4
_ATOM = POSTFIX + 1


class Unplaceable(Exception):
    """A comment stands where no item of the expression begins or ends."""


@dataclass(frozen=True, slots=True)
class Room:
    """Where lines go: the indentation of the line they start in, the columns used before them, and
    the columns wanted behind them."""

    indent: int
    used: int
    tail: int = 0

    @property
    def margin(self) -> str:
        return " " * self.indent

    @property
    def inner(self) -> str:
        return " " * (self.indent + STEP)

    def holds(self, text: str) -> bool:
        return self.used + len(text) + self.tail <= WIDTH

    def after(self, text: str) -> Room:
        return Room(self.indent, self.used + len(text), self.tail)

    def before(self, text: str) -> Room:
        return Room(self.indent, self.used, self.tail + len(text))

    def deeper(self) -> Room:
        return Room(self.indent + STEP, self.indent + STEP, self.tail)


@dataclass(frozen=True, slots=True)
class _Items:
    """Nodes side by side, and the offsets where the text that may hold comments on them starts and
    ends."""

    parts: Sequence[nodes.Node]
    start: int
    end: int


class ExpressionWriter:
    def __init__(
        self, text: str, comments: Sequence[nodes.Comment], bracketed: Mapping[int, Span]
    ) -> None:
        self._text = text
        self._comments = comments
        self._starts = [comment.span.start for comment in comments]
        self._bracketed = bracketed

    # --- places -------------------------------------------------------------------------------

    def extent(self, node: nodes.Node) -> Span:
        return self._bracketed.get(node.uid, node.span)

    def comments(self, start: int, end: int) -> Sequence[nodes.Comment]:
        """The comments that start between two offsets."""
        return self._comments[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    def on_same_line(self, start: int, end: int) -> bool:
        return "\n" not in self._text[start:end]

    # --- one line -----------------------------------------------------------------------------

    def flat(self, node: nodes.Node, level: int = TERNARY) -> str:
        """The node on one line, in brackets if it was written so or binds less tightly than
        `level`."""
        text = self._flat(node)
        return f"({text})" if self._in_brackets(node, level) else text

    def _in_brackets(self, node: nodes.Node, level: int) -> bool:
        if isinstance(node, nodes.TypedVariable):
            return False  # has its own
        return node.uid in self._bracketed or level_of(node) < level

    def _flat(self, node: nodes.Node) -> str:
        match node:
            case nodes.String() | nodes.FString():
                return self._literal(node)
            case nodes.Number():
                return self._text[node.span.start : node.span.end]
            case nodes.Constant():
                return str(node.value)
            case nodes.Name() | nodes.Identifier():
                return node.text
            case nodes.ListLiteral():
                return f"[{self._joined(node.items)}]"
            case nodes.ObjectLiteral():
                return f"{{{self._joined(node.entries)}}}"
            case nodes.Entry():
                return f"{self._key(node.key)}: {self.flat(node.value)}"
            case nodes.Member():
                return f"{self._receiver(node.value)}{_dotted(node)}"
            case nodes.Index():
                return f"{self._receiver(node.value)}[{self.flat(node.index)}]"
            case nodes.Keyword():
                return f"{node.name.text}={self.flat(node.value)}"
            case nodes.Call():
                return f"{self._receiver(node.function)}({self._joined(given(node))})"
            case nodes.ToolPattern():
                return self._tool(node)
            case nodes.Wildcard():
                return "*"
            case nodes.ValueReference():
                return f"<{node.name}>"
            case nodes.TypedVariable():
                return f"({node.name.text}: {node.type.name})"
            case nodes.Comprehension():
                return f"[{' '.join(self._clauses(node))}]"
            case nodes.Quantifier():
                return self.quantifier_header(node)
            case _:
                return self._operation(node)

    def _operation(self, node: nodes.Node) -> str:
        match node:
            case nodes.Unary():
                blank = " " if node.operator == "not" else ""
                return f"{node.operator}{blank}{self.flat(node.operand, level_of(node))}"
            case nodes.Binary():
                left, right = self._sides(node)
                return (
                    f"{self.flat(node.left, left)} {node.operator} {self.flat(node.right, right)}"
                )
            case nodes.BoolOp():
                level = level_of(node) + 1
                return f" {node.operator} ".join(self.flat(x, level) for x in node.operands)
            case nodes.Compare():
                return " ".join(
                    [self.flat(node.first, self._first_level(node)), *self._links(node)]
                )
            case nodes.DerivedVariable():
                variable = f"({node.name.text}: {node.type.name})"
                return f"{variable} in {self.flat(node.source, SUM)}"
            case nodes.Ternary():
                then, condition = self.flat(node.then, OR), self.flat(node.condition, OR)
                return f"{then} if {condition} else {self.flat(node.otherwise)}"
            case _:
                raise TypeError(f"no expression: {type(node).__name__}")

    def _sides(self, node: nodes.Binary) -> tuple[int, int]:
        level = level_of(node)
        return (POSTFIX, SIGN) if level == POWER else (level, level + 1)

    def _first_level(self, node: nodes.Compare) -> int:
        # A derived variable may start a comparison: `(x: T) in a == b`.
        return COMPARISON if isinstance(node.first, nodes.DerivedVariable) else SUM

    def _links(self, node: nodes.Compare) -> list[str]:
        return [
            f"{link.operator} {self.flat(link.right, self._link_level(link))}" for link in node.rest
        ]

    def _link_level(self, link: nodes.Comparison) -> int:
        return COMPARISON if isinstance(link.right, nodes.DerivedVariable) else SUM

    def _clauses(self, node: nodes.Comprehension) -> list[str]:
        clauses = [
            self.flat(node.element),
            f"for {node.variable.text} in {self.flat(node.source, OR)}",
        ]
        if node.condition is not None:
            clauses.append(f"if {self.flat(node.condition, OR)}")
        return clauses

    def _receiver(self, node: Expr) -> str:
        text = self.flat(node, POSTFIX)
        # The dot after a bare number would become part of it.
        return f"({text})" if isinstance(node, nodes.Number) and not text.startswith("(") else text

    def _joined(self, items: Sequence[nodes.Node]) -> str:
        return ", ".join(self.flat(item) for item in items)

    def _key(self, key: nodes.Identifier) -> str:
        written = self._text[key.span.start : key.span.end]
        return self._requoted(written) if written[-1:] in ("'", '"') else written

    def _tool(self, node: nodes.ToolPattern) -> str:
        name = node.name
        if node.quoted:
            written = self._text[node.span.start : node.span.end]
            literal = written[written.index(":") + 1 :].lstrip(" \t")
            name = self._requoted(literal[: _literal_end(literal)])
        arguments = "" if node.arguments is None else f"({self._joined(node.arguments)})"
        return f"tool:{name}{arguments}"

    def quantifier_header(self, node: nodes.Quantifier) -> str:
        """`forall:` or `count(min=1):`."""
        args = self._joined([*node.args, *node.keywords])
        return f"{node.callee.text}({args}):" if args else f"{node.callee.text}:"

    # --- literals -----------------------------------------------------------------------------

    def _literal(self, node: nodes.String | nodes.FString) -> str:
        return self._requoted(self._text[node.span.start : node.span.end].replace("\r\n", "\n"))

    def _requoted(self, literal: str) -> str:
        """In double quotes where that leaves the value and the spelling between the quotes
        alone."""
        prefix, quotes, content = split_literal(literal)
        if quotes[0] == '"' or '"' in content or (prefix in ("f", "F") and "\\" in content):
            return literal
        if len(quotes) == 1:
            content = content.replace("\\'", "'")
        double = '"' * len(quotes)
        meant = f"{prefix}{double}{content}{double}"
        same = read_string(meant) == read_string(literal)
        return meant if same else literal

    # --- several lines ------------------------------------------------------------------------

    def write(self, node: nodes.Node, room: Room, level: int = TERNARY) -> list[str]:
        """The lines of a node: the first without indentation, the others with theirs.

        Raises:
            Unplaceable: a comment inside has no place of its own.
        """
        extent = self.extent(node)
        if not self.comments(extent.start, extent.end):
            text = self.flat(node, level)
            if "\n" in text:  # a text over several lines: those are not ours to indent
                return text.split("\n")
            if room.holds(text):
                return [text]
        if self.comments(extent.start, node.span.start) or self.comments(node.span.end, extent.end):
            raise Unplaceable
        if self._in_brackets(node, level):
            return _enclosed("(", self._broken(node, room.after("(").before(")")), ")")
        return self._broken(node, room)

    def _broken(self, node: nodes.Node, room: Room) -> list[str]:
        match node:
            case nodes.ListLiteral():
                return self._items("[", _Items(node.items, *_between(node)), "]", room)
            case nodes.ObjectLiteral():
                return self._items("{", _Items(node.entries, *_between(node)), "}", room)
            case nodes.Call() | nodes.ToolPattern():
                return self._call(node, room)
            case nodes.BoolOp():
                return self._bool_op(node, room)
            case nodes.Compare():
                return self._compare(node, room)
            case nodes.Binary():
                return self._binary(node, room)
            case nodes.Unary():
                prefix = "not " if node.operator == "not" else node.operator
                return self._prefixed(prefix, node, node.operand, room, level_of(node))
            case nodes.Entry():
                return self._prefixed(f"{self._key(node.key)}: ", node, node.value, room)
            case nodes.Keyword():
                return self._prefixed(f"{node.name.text}=", node, node.value, room)
            case nodes.DerivedVariable():
                variable = f"({node.name.text}: {node.type.name}) in "
                return self._prefixed(variable, node, node.source, room, SUM)
            case nodes.Member():
                return self._suffixed(node, node.value, _dotted(node), room)
            case _:
                return self._clauses_on_lines(node, room)

    def _clauses_on_lines(self, node: nodes.Node, room: Room) -> list[str]:
        """A node whose parts are not broken further, and that has no place for comments."""
        if self.comments(node.span.start, node.span.end):
            raise Unplaceable
        match node:
            case nodes.Ternary():
                then, condition = self.flat(node.then, OR), self.flat(node.condition, OR)
                clauses = [f"if {condition}", f"else {self.flat(node.otherwise)}"]
                return [then, *[room.inner + clause for clause in clauses]]
            case nodes.Comprehension():
                clauses = [room.inner + clause for clause in self._clauses(node)]
                return ["[", *clauses, room.margin + "]"]
            case _:
                return [self._flat(node)]

    def _has_comments_beside(self, node: nodes.Node, part: nodes.Node) -> bool:
        """Whether a comment lies in `node` but not in `part`, which places its own."""
        outer, inner = node.span, self.extent(part)
        return bool(self.comments(outer.start, inner.start) or self.comments(inner.end, outer.end))

    def _prefixed(
        self, prefix: str, node: nodes.Node, value: Expr, room: Room, level: int = TERNARY
    ) -> list[str]:
        if self._has_comments_beside(node, value):
            raise Unplaceable
        return _enclosed(prefix, self.write(value, room.after(prefix), level), "")

    def _suffixed(self, node: nodes.Node, value: Expr, suffix: str, room: Room) -> list[str]:
        if self._has_comments_beside(node, value):
            raise Unplaceable
        return _enclosed("", self.write(value, room.before(suffix), POSTFIX), suffix)

    def _call(self, node: nodes.Call | nodes.ToolPattern, room: Room) -> list[str]:
        if isinstance(node, nodes.Call):
            parts, after = given(node), self.extent(node.function).end
            head = self.write(node.function, room.before("("), POSTFIX)
        elif node.arguments is None:
            return [self._tool(node)]
        else:
            parts, after = list(node.arguments), node.span.start + self._name_length(node)
            head = [self._tool(nodes.ToolPattern(node.name, node.quoted, span=node.span))]
        opening = self._text.index("(", after)
        if self._text[after:opening].strip() or self.comments(node.span.start, after):
            raise Unplaceable
        items = _Items(parts, opening + 1, node.span.end - 1)
        room = (
            room.after(head[0]) if len(head) == 1 else Room(room.indent, len(head[-1]), room.tail)
        )
        lines = self._items("(", items, ")", room)
        return [*head[:-1], head[-1] + lines[0], *lines[1:]]

    def _name_length(self, node: nodes.ToolPattern) -> int:
        """How long `tool:name` is as written."""
        written = self._text[node.span.start : node.span.end]
        name = written[written.index(":") + 1 :].lstrip(" \t")
        start = written.index(name, written.index(":"))
        return start + (_literal_end(name) if node.quoted else len(node.name))

    def _items(self, opener: str, items: _Items, closer: str, room: Room) -> list[str]:
        """Items between brackets, each on a line of its own."""
        commented = any(self._gap(items, index) for index in range(len(items.parts) + 1))
        if not items.parts and not commented:
            return [opener + closer]
        if len(items.parts) == 1 and _hugs(items.parts[0]) and not commented:
            inner = self.write(items.parts[0], room.after(opener).before(closer))
            return _enclosed(opener, inner, closer)
        lines = [opener]
        for index, part in enumerate(items.parts):
            self._place_comments(lines, items, index, room)
            lines.extend(_enclosed(room.inner, self.write(part, room.deeper().before(",")), ","))
        self._place_comments(lines, items, len(items.parts), room)
        return [*lines, room.margin + closer]

    def _gap(self, items: _Items, index: int) -> Sequence[nodes.Comment]:
        """The comments before an item, or before the end, and after the item before it."""
        start = self.extent(items.parts[index - 1]).end if index else items.start
        is_last = index == len(items.parts)
        return self.comments(start, items.end if is_last else self.extent(items.parts[index]).start)

    def _place_comments(self, lines: list[str], items: _Items, index: int, room: Room) -> None:
        """Comments before an item: beside the item before if they stood there, else above."""
        before = self.extent(items.parts[index - 1]).end if index else items.start
        for comment in self._gap(items, index):
            if self.on_same_line(before, comment.span.start):
                lines[-1] += f"  {comment.text.rstrip()}"
            else:
                lines.append(room.inner + comment.text.rstrip())

    def _bool_op(self, node: nodes.BoolOp, room: Room) -> list[str]:
        level = level_of(node) + 1
        items = _Items(node.operands, node.span.start, node.span.end)
        lines = self.write(node.operands[0], room, level)
        for index, operand in enumerate(node.operands[1:], 1):
            self._place_comments(lines, items, index, room)
            operator = f"{node.operator} "
            item = self.write(operand, room.deeper().after(operator), level)
            lines.extend(_enclosed(room.inner + operator, item, ""))
        return lines

    def _compare(self, node: nodes.Compare, room: Room) -> list[str]:
        """Breaks the brackets of the last operand, or of the first, or before each operator."""
        first, links = self.flat(node.first, self._first_level(node)), self._links(node)
        last = node.rest[-1]
        head = " ".join([first, *links[:-1], last.operator, ""])
        head_fits = "\n" not in head and room.after(head).holds("")
        if head_fits and self._can_break_alone(node, last.right):
            lines = self.write(last.right, room.after(head), self._link_level(last))
            return _enclosed(head, lines, "")
        suffix = " ".join(["", *links])
        if self._can_break_alone(node, node.first):
            lines = self.write(node.first, room.before(suffix), self._first_level(node))
            return _enclosed("", lines, suffix)
        if self.comments(node.span.start, node.span.end):
            raise Unplaceable
        return [first, *[room.inner + link for link in links]]

    def _can_break_alone(self, node: nodes.Node, part: Expr) -> bool:
        return can_break(part) and not self._has_comments_beside(node, part)

    def _binary(self, node: nodes.Binary, room: Room) -> list[str]:
        # The operator ends its line: `+` and `-` would start a line of their own.
        if self.comments(self.extent(node.left).end, self.extent(node.right).start):
            raise Unplaceable
        left, right = self._sides(node)
        lines = self.write(node.left, room.before(f" {node.operator}"), left)
        rest = self.write(node.right, room.deeper(), right)
        return [*_enclosed("", lines, f" {node.operator}"), *_enclosed(room.inner, rest, "")]


def _between(node: nodes.Node) -> tuple[int, int]:
    """The offsets inside the brackets that a node starts and ends with."""
    return node.span.start + 1, node.span.end - 1


def _enclosed(before: str, lines: list[str], after: str) -> list[str]:
    lines = [before + lines[0], *lines[1:]]
    lines[-1] += after
    return lines


def given(call: nodes.Call) -> list[nodes.Node]:
    """The arguments of a call as they stand between its brackets."""
    return [*call.args, *call.keywords]


def _dotted(node: nodes.Member) -> str:
    """The name of a member with its dot, which must not become part of a tool's name."""
    match node.value:
        case nodes.ToolPattern(quoted=False, arguments=None):
            return f" .{node.name.text}"
        case _:
            return f".{node.name.text}"


def level_of(node: nodes.Node) -> int:
    """How tightly a node binds."""
    match node:
        case nodes.Ternary():
            return TERNARY
        case nodes.BoolOp():
            return OR if node.operator == "or" else AND
        case nodes.Unary():
            return NOT if node.operator == "not" else SIGN
        case nodes.Compare() | nodes.DerivedVariable():
            return COMPARISON
        case nodes.Binary():
            return INFIX[node.operator].level
        case _:
            return _ATOM


def can_break(node: nodes.Node) -> bool:
    """Whether a node has brackets that can stand on several lines."""
    match node:
        case nodes.ListLiteral() | nodes.ObjectLiteral() | nodes.Comprehension():
            return True
        case nodes.Call():
            return bool(node.args or node.keywords)
        case nodes.ToolPattern():
            return bool(node.arguments)
        case nodes.Member():
            return can_break(node.value)
        case _:
            return False


def _hugs(node: nodes.Node) -> bool:
    """Whether an only argument shares the lines of the brackets around it."""
    return isinstance(node, nodes.ListLiteral | nodes.ObjectLiteral | nodes.Comprehension)


def _literal_end(text: str) -> int:
    """Where a one-line literal at the start of a text ends."""
    at = 1
    while text[at] != text[0]:
        at += 2 if text[at] == "\\" else 1
    return at + 1
