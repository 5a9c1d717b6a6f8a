"""Source -> `Parsed`: the syntax tree of every statement that could be read, and a diagnostic for
each mistake.

The whole text is tried first. Where that fails each statement is read on its own, so that one
mistake hides neither the other statements nor their mistakes. What Lark raises ends here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from threading import RLock
from typing import TYPE_CHECKING, Any

from policyc.grammar import nodes
from policyc.grammar.diagnostics import Diagnostic, sort_diagnostics
from policyc.grammar.layout import Reading
from policyc.grammar.problems import SyntaxProblem
from policyc.grammar.sections import raw_tokens, sections
from policyc.grammar.source import Source, Span
from policyc.grammar.syntax_errors import explain

if TYPE_CHECKING:
    from lark import Lark

    from policyc.grammar.layout import Layout
    from policyc.grammar.tree_builder import TreeBuilder


@dataclass(frozen=True, slots=True)
class Parsed:
    """`tree` holds the statements that parsed. `lost_names` are names that statements with mistakes
    would have declared: their uses are no mistakes of their own. `bracketed` maps the uid of an
    expression to the span of the brackets written around it."""

    tree: nodes.PolicyFile
    diagnostics: tuple[Diagnostic, ...]
    lost_names: frozenset[str]
    bracketed: dict[int, Span]


_LOCK = RLock()
_COMMENT = re.compile(r"#[^\r\n]*")


@dataclass
class _Machine:
    """Lark's parser with the parts that carry the state of one parse."""

    lark: Lark
    layout: Layout
    builder: TreeBuilder


@cache
def _machine() -> _Machine:
    from lark import Lark  # noqa: PLC0415 - lark is slow to import and not needed for a cached

    policy

    from policyc.grammar.layout import Layout  # noqa: PLC0415
    from policyc.grammar.lexer import PolicyLexer  # noqa: PLC0415
    from policyc.grammar.tree_builder import TreeBuilder  # noqa: PLC0415

    grammar = resources.files("policyc.grammar").joinpath("policyc.lark").read_text("utf-8")
    layout = Layout()
    builder = TreeBuilder(_interpolation)
    transformer: Any = builder
    lark = Lark(
        grammar,
        parser="lalr",
        lexer=PolicyLexer,
        postlex=layout,  # type: ignore[arg-type]
        transformer=transformer,
        start=["policy", "single_line", "interpolation"],
        keep_all_tokens=True,
        maybe_placeholders=False,
    )
    return _Machine(lark, layout, builder)


def parse(source: Source) -> Parsed:
    """Reads a whole policy. Never raises for any text."""
    with _LOCK:
        reader = _Reader(source, _machine())
        return reader.read()


def _interpolation(start: int, end: int) -> nodes.Expr:
    """The expression between the braces of an f-string, read while the text around it is being
    read."""
    machine = _machine()
    outer = machine.layout.reading
    machine.layout.reading = Reading(outer.text, start, end, inside_brackets=True)
    try:
        expression: nodes.Expr = _run(machine, "interpolation")
    finally:
        machine.layout.reading = outer
    return expression


class Stopped(Exception):
    """The parser cannot go on at `offset`; `accepted` are the terminals that could have stood
    there."""

    def __init__(self, offset: int, accepted: frozenset[str], *, at_end: bool) -> None:
        super().__init__(offset)
        self.offset = offset
        self.accepted = accepted
        self.at_end = at_end


def _run(machine: _Machine, start: str) -> Any:
    """One parse of the current reading.

    Raises:
        SyntaxProblem: a mistake that a part of the parser has words for.
        Stopped: any other.
    """
    from lark.exceptions import UnexpectedToken  # noqa: PLC0415

    from policyc.grammar.lexer import UnknownText  # noqa: PLC0415

    reading = machine.layout.reading
    try:
        return machine.lark.parse("", start=start)
    except UnknownText as stop:
        raise Stopped(stop.offset, stop.accepted, at_end=False) from None
    except UnexpectedToken as stop:
        offset = stop.token.start_pos if stop.token.type != "$END" else reading.end
        at_end = stop.token.type == "$END" or offset is None or offset >= reading.end
        accepted = frozenset(str(name) for name in stop.expected)
        raise Stopped(reading.end if offset is None else offset, accepted, at_end=at_end) from None


class _Reader:
    """One call of `parse`."""

    def __init__(self, source: Source, machine: _Machine) -> None:
        self.source = source
        self.text = source.text
        self.machine = machine
        self.problems: list[SyntaxProblem] = []
        self.lost: set[str] = set()
        self.comments: tuple[nodes.Comment, ...] = ()

    def read(self) -> Parsed:
        builder = self.machine.builder
        builder.begin()
        statements = self._whole()
        if statements is None:
            builder.begin()
            statements = self._piecewise()
        problems = [*self.problems, *builder.problems]
        tree = nodes.PolicyFile(
            tuple(statements),
            comments=self.comments,
            span=Span(0, len(self.text)),
            uid=builder.uid(),
        )
        diagnostics = sort_diagnostics(problem.diagnostic(self.source) for problem in problems)
        return Parsed(tree, diagnostics, frozenset(self.lost), builder.bracketed)

    def _whole(self) -> list[nodes.Statement] | None:
        try:
            statements = self._parse(0, len(self.text))
        except (SyntaxProblem, Stopped):
            return None
        self.comments = self._comments(self.machine.layout.reading.line_ends)
        return statements

    def _comments(self, line_ends: list[Span]) -> tuple[nodes.Comment, ...]:
        """Comments stand only where lines end, so the texts of line ends hold them all."""
        uid = self.machine.builder.uid
        return tuple(
            nodes.Comment(found.group(), span=Span(found.start(), found.end()), uid=uid())
            for place in line_ends
            for found in _COMMENT.finditer(self.text, place.start, place.end)
        )

    def _parse(self, start: int, end: int) -> list[nodes.Statement]:
        self.machine.layout.reading = Reading(self.text, start, end)
        statements: list[nodes.Statement] = _run(self.machine, "policy")
        return statements

    def _piecewise(self) -> list[nodes.Statement]:
        statements: list[nodes.Statement] = []
        for section in sections(self.text):
            try:
                statements.extend(self._parse(section.start, section.end))
            except SyntaxProblem as problem:
                self.problems.append(problem)
            except Stopped as stop:
                tokens = raw_tokens(self.text, section.start, section.end)
                self.problems.append(explain(tokens, stop.offset, stop.accepted, section.end))
        return statements
