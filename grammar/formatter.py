"""Source -> canonical text: what `policyc fmt` writes.

Four blanks a level, one line for each condition, lines of at most 100 columns where the text
allows. All comments stay, groups of lines stay apart (one blank line in a body, up to two between
statements), and the tree does not change: parsing the result gives the same statements, formatting
it again the same text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.grammar import nodes
from policyc.grammar.diagnostics import PolicyError
from policyc.grammar.format_expressions import (
    STEP,
    WIDTH,
    ExpressionWriter,
    Room,
    Unplaceable,
    can_break,
)
from policyc.grammar.parser import Parsed, parse
from policyc.grammar.sections import raw_tokens

if TYPE_CHECKING:
    from policyc.grammar.source import Source

_TAB = 8


def format_source(source: Source) -> str:
    """The canonical text of a policy.

    Raises:
        PolicyError: the text has syntax errors.
    """
    parsed = parse(source)
    if parsed.diagnostics:
        raise PolicyError(parsed.diagnostics)
    return "".join(f"{line}\n" for line in _Formatter(source.text, parsed).policy())


class _Formatter:
    """One pass over a tree. Methods that write a part return its lines and the offset where the
    text that they cover ends, comments included."""

    def __init__(self, text: str, parsed: Parsed) -> None:
        self.text = text
        self.tree = parsed.tree
        self.writer = ExpressionWriter(text, parsed.tree.comments, parsed.bracketed)
        self.extent = self.writer.extent
        self.comments = self.writer.comments

    # --- statements ---------------------------------------------------------------------------

    def policy(self) -> list[str]:
        out: list[str] = []
        end = 0
        kind = ""  # of the item before: comment, line or block
        statements = self.tree.statements
        for index, statement in enumerate(statements):
            following = statements[index + 1 :][:1]
            limit = following[0].span.start if following else len(self.text)
            end, kind = self._outer_comments(out, end, statement.span.start, kind)
            lines, stop = self._statement(statement, limit)
            is_block = isinstance(statement, nodes.Rule) or (
                isinstance(statement, nodes.Predicate) and len(lines) > 1
            )
            self._space(out, end, statement.span.start, kind, "block" if is_block else "line")
            out.extend(lines)
            end, kind = stop, "block" if is_block else "line"
        self._outer_comments(out, end, len(self.text), kind)
        return out

    def _outer_comments(self, out: list[str], end: int, start: int, kind: str) -> tuple[int, str]:
        """The comments on lines of their own between two statements."""
        for comment in self.comments(end, start):
            self._space(out, end, comment.span.start, kind, "comment")
            out.append(comment.text.rstrip())
            end, kind = comment.span.end, "comment"
        return end, kind

    def _space(self, out: list[str], end: int, start: int, before: str, kind: str) -> None:
        """Blank lines between two items: as written, up to two, and at least one beside a block."""
        if not out:
            return
        blank = min(self._blank_lines(end, start), 2)
        if before == "block" or (kind == "block" and before != "comment"):
            blank = max(blank, 1)
        out.extend([""] * blank)

    def _blank_lines(self, end: int, start: int) -> int:
        return max(0, self.text.count("\n", end, start) - 1)

    def _statement(self, statement: nodes.Statement, limit: int) -> tuple[list[str], int]:
        match statement:
            case nodes.Import() | nodes.ImportFrom():
                return self._ended(self._import(statement), statement.span.end, limit)
            case nodes.ConstantDeclaration():
                return self._definition(statement, statement.name, statement.value, 0, limit)
            case nodes.Predicate():
                return self._predicate(statement, limit)
            case nodes.Rule():
                return self._rule(statement, limit)

    def _import(self, statement: nodes.Import | nodes.ImportFrom) -> list[str]:
        if self.comments(statement.span.start, statement.span.end):
            return self._verbatim(statement.span.start, statement.span.end, 0)
        if isinstance(statement, nodes.Import):
            return [f"import {statement.module.text}{_alias(statement.alias)}"]
        lines = [f"from {statement.module.text} import"]
        for index, imported in enumerate(statement.names):
            comma = "," if index + 1 < len(statement.names) else ""
            name = f" {imported.name.text}{_alias(imported.alias)}{comma}"
            if index and len(lines[-1]) + len(name) > WIDTH:
                lines.append(" " * STEP + name.lstrip())
            else:
                lines[-1] += name
        return lines

    def _rule(self, rule: nodes.Rule, limit: int) -> tuple[list[str], int]:
        value = self.extent(rule.value)
        colon = self._colon(value.end, self.extent(rule.body[0]).start)
        try:
            if self.comments(rule.span.start, value.start) or self.comments(value.end, colon):
                raise Unplaceable
            lines = self.writer.write(rule.value, Room(0, len("raise "), len(" if:")))
            header = [f"raise {lines[0]}", *lines[1:]]
            header[-1] += " if:"
        except Unplaceable:
            header = self._verbatim(rule.span.start, colon, 0)
        return self._block(header, colon, rule.body, STEP, limit)

    def _predicate(self, predicate: nodes.Predicate, limit: int) -> tuple[list[str], int]:
        first = self.extent(predicate.body[0]).start
        names = predicate.parameters
        colon = self._colon(names[-1].span.end if names else predicate.name.span.end, first)
        header = self._predicate_header(predicate, colon)
        if len(predicate.body) == 1 and self.writer.on_same_line(colon, first):
            beside = self._beside(header, predicate.body[0])
            if beside is not None:
                return self._ended(beside, self.extent(predicate.body[0]).end, limit)
        return self._block(header, colon, predicate.body, STEP, limit)

    def _predicate_header(self, predicate: nodes.Predicate, colon: int) -> list[str]:
        if self.comments(predicate.span.start, colon):
            return self._verbatim(predicate.span.start, colon, 0)
        parameters = [f"{p.name.text}: {p.type.name}" for p in predicate.parameters]
        start = f"{'def ' if predicate.style == 'def' else ''}{predicate.name.text}("
        end = ") :=" if predicate.style == ":=" else "):"
        flat = start + ", ".join(parameters) + end
        if len(flat) <= WIDTH:
            return [flat]
        return [start, *[f"{' ' * STEP}{parameter}," for parameter in parameters], end]

    def _beside(self, header: list[str], line: nodes.Line) -> list[str] | None:
        """A body on the line of its header: if it fits, or has brackets to break."""
        if isinstance(line, nodes.Assign) or trailing_quantifier(line) or len(header) > 1:
            return None
        prefix = f"{header[0]} "
        try:
            lines = self.writer.write(line, Room(0, len(prefix)))
        except Unplaceable:
            return None
        if len(lines) > 1 and not can_break(line) and not isinstance(line, nodes.String):
            return None
        return [prefix + lines[0], *lines[1:]]

    # --- lines of a body ----------------------------------------------------------------------

    def _line(self, line: nodes.Line, indent: int, limit: int) -> tuple[list[str], int]:
        if isinstance(line, nodes.Assign):
            return self._definition(line, line.name, line.value, indent, limit)
        return self._value("", line, indent, limit)

    def _definition(
        self, node: nodes.Node, name: nodes.Identifier, value: nodes.Expr, indent: int, limit: int
    ) -> tuple[list[str], int]:
        """`name := value`."""
        start = self.extent(value).start
        if self.comments(name.span.end, start):
            colon = self._colon(name.span.end, start)
            return self._block([f"{name.text} :="], colon, (value,), indent + STEP, limit)
        return self._value(f"{name.text} := ", value, indent, limit)

    def _value(
        self, prefix: str, value: nodes.Expr, indent: int, limit: int
    ) -> tuple[list[str], int]:
        quantifier = trailing_quantifier(value)
        if quantifier is not None:
            return self._quantified(prefix, value, quantifier, indent, limit)
        extent = self.extent(value)
        margin = " " * indent
        try:
            lines = self.writer.write(value, Room(indent, indent + len(prefix)))
            lines = [margin + prefix + lines[0], *lines[1:]]
        except Unplaceable:
            lines = self._verbatim(extent.start, extent.end, indent)
            lines[0] = margin + prefix + lines[0].lstrip()
        return self._ended(lines, extent.end, limit)

    def _quantified(
        self, prefix: str, value: nodes.Expr, quantifier: nodes.Quantifier, indent: int, limit: int
    ) -> tuple[list[str], int]:
        """A line that ends in `forall:` or `count(...):`, and the block below it."""
        parts = [*quantifier.args, *quantifier.keywords]
        start = self.extent(value).start
        header_end = self.extent(parts[-1]).end if parts else quantifier.callee.span.end
        colon = self._colon(header_end, self.extent(quantifier.body[0]).start)
        if self.comments(start, colon):
            header = self._verbatim(start, colon, indent)
            header[0] = " " * indent + prefix + header[0].lstrip()
        else:
            header = (" " * indent + prefix + self.writer.flat(value)).split("\n")
        return self._block(header, colon, quantifier.body, indent + STEP, limit)

    def _block(
        self, header: list[str], colon: int, body: tuple[nodes.Line, ...], indent: int, limit: int
    ) -> tuple[list[str], int]:
        """A header, and its body on deeper lines. `colon` is the offset after the colon or `:=`."""
        out = list(header)
        margin = " " * indent
        end = colon
        is_first = True
        for index, line in enumerate(body):
            start = self.extent(line).start
            for comment in self.comments(end, start):
                if is_first and self.writer.on_same_line(colon, comment.span.start):
                    out[-1] += f"  {comment.text.rstrip()}"
                else:
                    self._space_inside(out, end, comment.span.start, is_first=is_first)
                    out.append(margin + comment.text.rstrip())
                    is_first = False
                end = comment.span.end
            self._space_inside(out, end, start, is_first=is_first)
            is_first = False
            following = body[index + 1 :][:1]
            stop = self.extent(following[0]).start if following else limit
            lines, end = self._line(line, indent, stop)
            out.extend(lines)
        if not self.writer.on_same_line(colon, self.extent(body[0]).start):
            end = self._tail(out, end, limit, self._column(self.extent(body[0]).start), margin)
        return out, end

    def _space_inside(self, out: list[str], end: int, start: int, *, is_first: bool) -> None:
        if not is_first and self._blank_lines(end, start):
            out.append("")

    def _tail(self, out: list[str], end: int, limit: int, column: int, margin: str) -> int:
        """The comments below the last line of a block that are indented like the block."""
        for comment in self.comments(end, limit):
            if self._column(comment.span.start) < column:
                break
            self._space_inside(out, end, comment.span.start, is_first=False)
            out.append(margin + comment.text.rstrip())
            end = comment.span.end
        return end

    def _ended(self, lines: list[str], end: int, limit: int) -> tuple[list[str], int]:
        """With the comment that stands behind the last line."""
        behind = self.comments(end, limit)[:1]
        if not behind or not self.writer.on_same_line(end, behind[0].span.start):
            return lines, end
        return [*lines[:-1], f"{lines[-1]}  {behind[0].text.rstrip()}"], behind[0].span.end

    # --- the text as written ------------------------------------------------------------------

    def _colon(self, start: int, end: int) -> int:
        """The offset after the colon or `:=` that opens a body."""
        return next(t.end for t in raw_tokens(self.text, start, end) if t.text in (":", ":="))

    def _column(self, offset: int) -> int:
        start = self.text.rfind("\n", 0, offset) + 1
        return len(self.text[start:offset].expandtabs(_TAB))

    def _verbatim(self, start: int, end: int, indent: int) -> list[str]:
        """A piece of text as written, moved so that its first line has the wanted indentation."""
        first = self.text.rfind("\n", 0, start) + 1
        line = self.text[first:start]
        moved = indent - len(line[: len(line) - len(line.lstrip())].expandtabs(_TAB))
        inside_text = {
            offset
            for token in raw_tokens(self.text, start, end)
            if token.kind == "string"
            for offset in range(token.start, token.end)
            if self.text[offset] == "\n"
        }
        lines = []
        at = start
        for written in self.text[start:end].split("\n"):
            if at == start:
                lines.append(" " * indent + written.rstrip())
            elif at - 1 in inside_text:
                lines.append(written.removesuffix("\r"))
            else:
                blanks = len(written[: len(written) - len(written.lstrip())].expandtabs(_TAB))
                lines.append(" " * max(blanks + moved, 0) + written.strip())
            at += len(written) + 1
        return lines


def trailing_quantifier(node: nodes.Expr) -> nodes.Quantifier | None:
    """The quantifier that a line ends with, whose block stands below it."""
    while not isinstance(node, nodes.Quantifier):
        match node:
            case nodes.Unary():
                node = node.operand
            case nodes.BoolOp():
                node = node.operands[-1]
            case nodes.Compare():
                node = node.rest[-1].right
            case nodes.Binary():
                node = node.right
            case nodes.Ternary():
                node = node.otherwise
            case nodes.DerivedVariable():
                node = node.source
            case _:
                return None
    return node


def _alias(alias: nodes.Identifier | None) -> str:
    return f" as {alias.text}" if alias is not None else ""
