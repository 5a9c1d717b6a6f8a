"""Source -> `Parsed`: the syntax tree of every statement that could be read, and a diagnostic for
each mistake.

The whole text is tried first. Where that fails each statement is read on its own, so that one
mistake hides neither the other statements nor their mistakes. What Lark raises ends here. Importing
this module imports Lark, which is slow: who may not need to parse imports it where it does.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from threading import RLock
from typing import TYPE_CHECKING, Any

from lark import Lark
from lark.exceptions import UnexpectedToken

from policyc.grammar import nodes
from policyc.grammar.diagnostics import Diagnostic, sort_diagnostics
from policyc.grammar.layout import Layout, Reading, too_deep
from policyc.grammar.lexer import PolicyLexer, UnknownText
from policyc.grammar.problems import SyntaxProblem
from policyc.grammar.recovery import Stopped, recover
from policyc.grammar.sections import sections
from policyc.grammar.source import Source, Span
from policyc.grammar.tree_builder import TreeBuilder
from policyc.grammar.visitor import children

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Parsed:
    """`tree` holds what could be read. Of text that could not, `lost_declarations` are the names
    that it may declare and `lost_uses` those that it may use: that they are unknown or unused
    elsewhere is no mistake of its own. `bracketed` maps the uid of an expression to the span of the
    brackets around it.
    """

    tree: nodes.PolicyFile
    diagnostics: tuple[Diagnostic, ...]
    lost_declarations: frozenset[str] = frozenset()
    lost_uses: frozenset[str] = frozenset()
    bracketed: Mapping[int, Span] = field(default_factory=dict, repr=False)


MAX_TREE_DEPTH = 150
"""How many nodes of a tree may lie inside one another."""

MAX_SYNTAX_ERRORS = 50
"""More of them in one file say nothing new."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
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
    grammar = resources.files("policyc.grammar").joinpath("policyc.lark").read_text("utf-8")
    layout = Layout()
    builder = TreeBuilder(_interpolation)
    transformer: Any = builder
    lark = Lark(
        grammar,
        parser="lalr",
        lexer=PolicyLexer,
        postlex=layout,
        transformer=transformer,
        start=["policy", "single_line", "interpolation"],
        keep_all_tokens=True,
        maybe_placeholders=False,
    )
    return _Machine(lark, layout, builder)


def parse(source: Source) -> Parsed:
    """Reads a whole policy. Never raises for any text."""
    with _LOCK:
        machine = _machine()
        try:
            return _Reader(source, machine).read()
        finally:  # keeps no text alive
            machine.builder.begin("")
            machine.layout.reading = Reading("", 0, 0)


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


def _run(machine: _Machine, start: str) -> Any:
    """One parse of the current reading.

    Raises:
        SyntaxProblem: a mistake that a part of the parser has words for.
        Stopped: any other.
    """
    reading = machine.layout.reading
    try:
        return machine.lark.parse("", start=start)
    except UnknownText as stop:
        raise Stopped(reading, stop.offset, stop.accepted) from None
    except UnexpectedToken as stop:
        token = stop.token
        offset = token.start_pos if token.type != "$END" else None
        accepted = frozenset(str(name) for name in stop.expected)
        raise Stopped(reading, reading.end if offset is None else offset, accepted) from None


def _too_deep(statement: nodes.Statement) -> SyntaxProblem | None:
    """Keeps the rest of the program, which follows trees by recursion, from running out of
    stack."""
    level: list[nodes.Node] = [statement]
    for _ in range(MAX_TREE_DEPTH):
        level = [child for node in level for child in children(node)]
        if not level:
            return None
    return too_deep(level[0].span)


class _Reader:
    """One call of `parse`."""

    def __init__(self, source: Source, machine: _Machine) -> None:
        self.source = source
        self.text = source.text
        self.machine = machine
        self.problems: list[SyntaxProblem] = []
        self.lost_declarations: set[str] = set()
        self.lost_uses: set[str] = set()
        self.comments: tuple[nodes.Comment, ...] = ()

    def read(self) -> Parsed:
        builder = self.machine.builder
        builder.begin(self.text)
        statements = self._shallow(self._statements())
        problems = [*self.problems, *builder.problems]
        tree = nodes.PolicyFile(
            tuple(statements),
            comments=self.comments,
            span=Span(0, len(self.text)),
            uid=builder.uid(),
        )
        diagnostics = sort_diagnostics(problem.diagnostic(self.source) for problem in problems)
        return Parsed(
            tree,
            diagnostics,
            frozenset(self.lost_declarations),
            frozenset(self.lost_uses),
            builder.bracketed,
        )

    def _statements(self) -> list[nodes.Statement]:
        """Every statement that can be read. Reads on after the section of each mistake, so that no
        text is read more often than the mistakes near it demand."""
        text, builder = self.text, self.machine.builder
        statements: list[nodes.Statement] = []
        pieces: list[Span] = []
        start = 0
        while True:
            reading = Reading(text, start, len(text))
            try:
                statements.extend(self._attempt(reading, "policy"))
            except (SyntaxProblem, Stopped) as stop:
                at = stop.span.start if isinstance(stop, SyntaxProblem) else stop.offset
            else:
                if start == 0 and "#" in text:
                    self.comments = self._comments(reading.line_ends)
                return statements
            pieces = pieces or sections(text)
            piece = _broken(pieces, start, at, builder.statements)
            statements.extend(s for s in builder.statements if s.span.end <= piece.start)
            self._recover(piece, statements)
            start = piece.end
            if len(self.problems) >= MAX_SYNTAX_ERRORS:
                self._give_up(start)
                return statements

    def _recover(self, piece: Span, statements: list[nodes.Statement]) -> None:
        most = MAX_SYNTAX_ERRORS - len(self.problems)
        recovered = recover(self.text, piece, self._attempt, most)
        for problem in recovered.problems[:most]:
            if not problem.repeats(self.problems):
                self.problems.append(problem)
        statements.extend(recovered.statements)
        self.lost_declarations |= recovered.declared
        self.lost_uses |= recovered.used

    def _give_up(self, start: int) -> None:
        words = set(_WORD.findall(self.text, start))
        self.lost_declarations |= words
        self.lost_uses |= words

    def _shallow(self, statements: list[nodes.Statement]) -> list[nodes.Statement]:
        """The statements without those that are nested too deeply."""
        kept = []
        before = 0
        for statement in statements:
            # A tree of few nodes cannot be deep; uids count the nodes.
            problem = _too_deep(statement) if statement.uid - before > MAX_TREE_DEPTH else None
            before = statement.uid
            if problem is None:
                kept.append(statement)
                continue
            self.problems.append(problem)
            words = _WORD.findall(self.text, statement.span.start, statement.span.end)
            self.lost_uses.update(words)
            self.lost_declarations.update(words[:2])
        return kept

    def _comments(self, line_ends: list[Span]) -> tuple[nodes.Comment, ...]:
        """Comments stand only where lines end, so the texts of line ends hold them all."""
        uid = self.machine.builder.uid
        return tuple(
            nodes.Comment(found.group(), span=Span(found.start(), found.end()), uid=uid())
            for place in line_ends
            for found in _COMMENT.finditer(self.text, place.start, place.end)
        )

    def _attempt(self, reading: Reading, start: str) -> list[nodes.Statement]:
        """One parse, whose problems count only if it is the last word about a text."""
        builder = self.machine.builder
        known = len(builder.problems)
        self.machine.layout.reading = reading
        builder.statements = []
        try:
            statements: list[nodes.Statement] = _run(self.machine, start)
        except (SyntaxProblem, Stopped):
            del builder.problems[known:]
            raise
        if start != "policy" or reading.complete:
            del builder.problems[known:]
        return statements


def _broken(pieces: list[Span], start: int, at: int, read: list[nodes.Statement]) -> Span:
    """The piece that stopped the parser: the first from `start` in which no statement could be
    read, for an open bracket lets it run on, but none after the piece in which it stopped."""
    index = bisect_right(pieces, start, key=_start) - 1
    places = iter([statement.span.start for statement in read] + [len(pieces) and pieces[-1].end])
    place = next(places)
    while index + 1 < len(pieces) and pieces[index].end <= at:
        while place < pieces[index].start:
            place = next(places)
        if place >= pieces[index].end:
            break
        index += 1
    return pieces[index]


def _start(span: Span) -> int:
    return span.start
