"""Flows: the other way round, immediate where they were not, and the reverse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policyc.grammar import nodes as n
from policyc.runtime.testing.mutation.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.testing.mutation.changes import Change
    from policyc.runtime.testing.mutation.files import Site


def reverse_flow(site: Site) -> Iterator[Change]:
    """Two neighbours of a chain of flows change places."""
    node, file = site.node, site.file
    if not isinstance(node, n.Compare) or any(x.operator not in ("->", "~>") for x in node.rest):
        return
    sides = [node.first, *(link.right for link in node.rest)]
    for number, link in enumerate(node.rest):
        if link.operator != "->":
            continue
        swapped = list(sides)
        swapped[number], swapped[number + 1] = sides[number + 1], sides[number]
        rest = tuple(replace(x, right=side) for x, side in zip(node.rest, swapped[1:], strict=True))
        yield site.change(
            site.made(first=swapped[0], rest=rest),
            Edit(file.extent(sides[number]), file.text(sides[number + 1])),
            Edit(file.extent(sides[number + 1]), file.text(sides[number])),
        )


def make_flow_immediate(site: Site) -> Iterator[Change]:
    yield from _with_operator(site, "->", "~>")


def relax_flow(site: Site) -> Iterator[Change]:
    yield from _with_operator(site, "~>", "->")


def _with_operator(site: Site, before: str, after: str) -> Iterator[Change]:
    node = site.node
    if isinstance(node, n.Comparison) and node.operator == before:
        yield site.change(site.made(operator=after), Edit(node.operator_span, after))
