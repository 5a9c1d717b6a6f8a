"""Tool patterns: other names, wider names, other keys, fewer arguments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policyc.grammar import nodes as n
from policyc.grammar.source import Span
from policyc.runtime.testing.mutation.changes import Change, spelled
from policyc.runtime.testing.mutation.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.testing.mutation.files import Site


def rename_tool(site: Site) -> Iterator[Change]:
    node = site.node
    if isinstance(node, n.ToolPattern) and node.name != "*":
        yield from _named(site, node, f"{node.name}_")


def widen_tool(site: Site) -> Iterator[Change]:
    node = site.node
    if not isinstance(node, n.ToolPattern) or node.arguments is None:
        return
    if node.name != "*" or node.quoted:
        yield site.change(site.made(name="*", quoted=False), Edit(_name_span(site, node), "*"))


def drop_wildcard(site: Site) -> Iterator[Change]:
    node = site.node
    if not isinstance(node, n.ToolPattern) or node.quoted or node.name == "*":
        return
    for at, sign in enumerate(node.name):
        if sign == "*":
            yield from _named(site, node, node.name[:at] + node.name[at + 1 :])


def _named(site: Site, node: n.ToolPattern, name: str) -> Iterator[Change]:
    span = _name_span(site, node)
    text = spelled(name, site.file.source.slice(span)) if node.quoted else name
    if text is not None:
        yield site.change(site.made(name=name), Edit(span, text))


def _name_span(site: Site, node: n.ToolPattern) -> Span:
    """Where the name of the tool stands, with its quotes."""
    written = site.file.source.slice(node.span)
    start = written.index(":") + 1
    start += len(written[start:]) - len(written[start:].lstrip())
    length = len(node.name)
    if node.quoted:
        quote = written[start]
        closing = start + 1
        while written[closing] != quote:
            closing += 2 if written[closing] == "\\" else 1
        length = closing + 1 - start
    return Span(node.span.start + start, node.span.start + start + length)


def rename_argument(site: Site) -> Iterator[Change]:
    """A key in a tool pattern, or the member of the arguments of a call."""
    node, file = site.node, site.file
    match node:
        case n.Entry(key=key) if _is_in_pattern(site):
            written = file.source.slice(key.span)
            name = f"{key.text}_"
            text = spelled(name, written) if written[0] in "\"'" else name
            if text is not None:
                renamed = n.Identifier(name, span=key.span, uid=file.uid())
                yield site.change(site.made(key=renamed), Edit(key.span, text))
        case n.Member(value=n.Member(name=n.Identifier(text="arguments")), name=name_node):
            renamed = n.Identifier(f"{name_node.text}_", span=name_node.span, uid=file.uid())
            yield site.change(site.made(name=renamed), Edit(name_node.span, renamed.text))
        case _:
            pass


def drop_argument(site: Site) -> Iterator[Change]:
    """An entry of an object in a tool pattern; the arguments as a whole where it is the only
    one."""
    node, file, parent = site.node, site.file, site.parent
    if not isinstance(node, n.ObjectLiteral) or not _is_in_pattern(site):
        return
    for number in range(len(node.entries)):
        rest = (*node.entries[:number], *node.entries[number + 1 :])
        if rest:
            yield site.change(site.made(entries=rest), file.without(node.entries, number))
        elif isinstance(parent, n.ToolPattern):
            name = _name_span(site.above, parent)
            behind = Span(name.end, parent.span.end)
            yield site.above.change(replace(parent, arguments=None), Edit(behind, ""))
        else:
            yield site.change(site.made(entries=()), Edit(node.span, "{}"))


def _is_in_pattern(site: Site) -> bool:
    return any(isinstance(x, n.ToolPattern) for x in site.parents)
