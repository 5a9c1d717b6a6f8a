"""Quantifiers: how often a block must hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policyc.grammar import nodes as n
from policyc.grammar.sections import raw_tokens
from policyc.grammar.source import Span
from policyc.runtime.testing.mutation.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.testing.mutation.changes import Change
    from policyc.runtime.testing.mutation.files import Site


def is_bound(site: Site) -> bool:
    """Whether a number is a bound of `count`."""
    match site.parents:
        case (*_, n.Quantifier(args=args)):
            return any(site.node is x for x in args)
        case (*_, n.Quantifier(), n.Keyword()):
            return True
        case _:
            return False


def change_bound(site: Site) -> Iterator[Change]:
    node = site.node
    if isinstance(node, n.Number) and isinstance(node.value, int) and is_bound(site):
        for value in (node.value - 1, node.value + 1):
            if value >= 0:
                yield site.change(site.made(value=value), Edit(node.span, str(value)))


def drop_bound(site: Site) -> Iterator[Change]:
    node = site.node
    if not isinstance(node, n.Quantifier):
        return
    if node.args and not node.keywords:
        # Without an earlier bound the last one would be read as the first.
        yield _opened(site, node.callee, node.args[:-1], ())
    for number in range(len(node.keywords)):
        rest = (*node.keywords[:number], *node.keywords[number + 1 :])
        yield _opened(site, node.callee, node.args, rest)


def swap_quantifier(site: Site) -> Iterator[Change]:
    node, file = site.node, site.file
    if not isinstance(node, n.Quantifier):
        return
    symbol = file.symbol(node.callee)
    if symbol is not None and symbol.name == "forall":
        count = n.Name("count", span=node.callee.span, uid=file.uid())
        once = n.Number(1, span=node.callee.span, uid=file.uid())
        least = n.Keyword(n.Identifier("min", uid=file.uid()), once, uid=file.uid())
        replacement = site.made(callee=count, keywords=(least,))
        yield site.change(replacement, Edit(_header(site), "count(min=1)"), imports=("count",))
    else:
        forall = n.Name("forall", span=node.callee.span, uid=file.uid())
        yield replace(_opened(site, forall, (), ()), imports=("forall",))


def _opened(
    site: Site, callee: n.Name, args: tuple[n.Expr, ...], keywords: tuple[n.Keyword, ...]
) -> Change:
    """The block opened by other words."""
    given = ", ".join(site.file.text(x) for x in (*args, *keywords))
    return site.change(
        site.made(callee=callee, args=args, keywords=keywords),
        Edit(_header(site), f"{callee.text}({given})" if given else callee.text),
    )


def _header(site: Site) -> Span:
    """The words that open a block, up to the colon."""
    file, node = site.file, site.node
    assert isinstance(node, n.Quantifier)  # noqa: S101  # tested by the callers
    behind = max(file.extent(x).end for x in (node.callee, *node.args, *node.keywords))
    tokens = raw_tokens(file.source.text, behind, node.span.end)
    colon = next(token for token in tokens if token.text == ":")
    return Span(node.callee.span.start, colon.start)
