"""The one generic walk over syntax trees: children are found from the dataclass fields."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING

from policyc.grammar.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Iterator


@cache
def _child_fields(kind: type[Node]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.name not in ("span", "uid"))


def children(node: Node) -> Iterator[Node]:
    """The direct children in source order of their fields."""
    for name in _child_fields(type(node)):
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            for item in value:
                if isinstance(item, Node):
                    yield item


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, parents first. Iterative: depth of the tree does not matter."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(list(children(current))))
