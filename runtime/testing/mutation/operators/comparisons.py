"""Comparisons: with or without the bound itself, and the opposite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.grammar import nodes as n
from policyc.runtime.testing.mutation.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyc.runtime.testing.mutation.changes import Change
    from policyc.runtime.testing.mutation.files import Site

_NEIGHBOURS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_OPPOSITES = {
    "==": "!=",
    "!=": "==",
    "in": "not in",
    "not in": "in",
    "is": "is not",
    "is not": "is",
}


def move_boundary(site: Site) -> Iterator[Change]:
    yield from _replaced(site, _NEIGHBOURS)


def invert_comparison(site: Site) -> Iterator[Change]:
    yield from _replaced(site, _OPPOSITES)


def _replaced(site: Site, table: Mapping[str, str]) -> Iterator[Change]:
    node = site.node
    if isinstance(node, n.Comparison) and node.operator in table:
        other = table[node.operator]
        yield site.change(site.made(operator=other), Edit(node.operator_span, other))
