"""The one generic walk over syntax trees: children are found from the dataclass fields."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.grammar.nodes import Node


_LEAVES = frozenset({"str", "str | None", "bool", "bool | None", "int", "int | float", "Span"})


_FIELDS: dict[type[Node], tuple[str, ...]] = {}


def _child_fields(kind: type[Node]) -> tuple[str, ...]:
    """The fields of a kind of node that may hold nodes."""
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(
            f.name for f in fields(kind) if f.name not in ("span", "uid") and f.type not in _LEAVES
        )
    return names


def children(node: Node) -> list[Node]:
    """The direct children in source order of their fields."""
    found: list[Node] = []
    kind = type(node)
    for name in _FIELDS.get(kind) or _child_fields(kind):
        value = getattr(node, name)
        if type(value) is tuple:
            found.extend(value)
        elif value is not None:
            found.append(value)
    return found


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, parents first.

    Iterative: depth of the tree does not matter.
    """
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        below = children(current)
        if below:
            below.reverse()
            stack += below
