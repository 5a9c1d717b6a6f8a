"""A change of a policy: what becomes of one node of its tree, and the same as edits of its text.

Operators make `Change`s. Trees and texts are not changed: `Change.statement` gives a new one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from policyc.grammar import nodes as n
from policyc.grammar.sections import raw_tokens
from policyc.grammar.source import Span
from policyc.grammar.strings import read_string, split_literal
from policyc.grammar.visitor import children
from policyc.runtime.testing.mutation.edits import Edit


@dataclass(frozen=True, slots=True)
class Change:
    """The last node of `path` becomes `replacement`, or is left out of its block where that is
    None.

    `path` begins with a statement. `edits` say the same of the text. `imports` are names of the
    module `invariant` that the changed policy needs.
    """

    path: tuple[n.Node, ...]
    replacement: n.Node | None
    edits: tuple[Edit, ...]
    imports: tuple[str, ...] = ()

    @property
    def target(self) -> n.Node:
        return self.path[-1]

    def statement(self) -> n.Statement | None:
        """The changed statement; None where it is left out."""
        old, new = self.path[-1], self.replacement
        for parent in reversed(self.path[:-1]):
            old, new = parent, _with(parent, old, new)
        return new  # type: ignore[return-value]  # a path begins with a statement


def _with(parent: n.Node, old: n.Node, new: n.Node | None) -> n.Node:
    """The parent with another child, or without it."""
    for field in fields(parent):
        value: Any = getattr(parent, field.name)
        if value is old:
            return _updated(parent, field.name, new)
        if isinstance(value, tuple) and any(x is old for x in value):
            items = tuple(new if x is old else x for x in value)
            return _updated(parent, field.name, tuple(x for x in items if x is not None))
    raise AssertionError("a path goes from parent to child")


def _updated(node: Any, field: str, value: object) -> n.Node:
    updated: n.Node = replace(node, **{field: value})
    return updated


# --- texts ----------------------------------------------------------------------------------------


def insertion(offset: int, text: str) -> Edit:
    return Edit(Span(offset, offset), text)


def without_lines(text: str, span: Span) -> Edit:
    """The lines of a span left out."""
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    return Edit(Span(start, len(text) if end < 0 else end + 1), "")


def spelled(value: str, like: str) -> str | None:
    """A literal with that value, in the prefix and quotes of another one where that is possible;
    None where no literal has it."""
    prefix, quotes, _ = split_literal(like)
    for mark in (quotes, '"', "'", '"""', "'''"):
        content = value.replace(mark, "\\" + mark) if len(mark) == 1 else value
        literal = f"{prefix}{mark}{content}{mark}"
        tokens = raw_tokens(literal, 0, len(literal))
        if len(tokens) == 1 and tokens[0].kind == "string" and read_string(literal) == value:
            return literal
    return None


# --- trees ----------------------------------------------------------------------------------------


def declarations(node: n.Node) -> list[n.TypedVariable | n.DerivedVariable]:
    """The variables that a line declares for its own block, in source order."""
    found: list[n.TypedVariable | n.DerivedVariable] = []
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, n.TypedVariable | n.DerivedVariable):
            found.append(current)
        elif not isinstance(current, n.Quantifier):
            stack.extend(reversed(children(current)))
    return found
