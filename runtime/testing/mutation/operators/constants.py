"""Constants of a policy: numbers, texts, truth values, elements of lists, types of variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.grammar import nodes as n
from policyc.runtime.testing.mutation.changes import Change, spelled
from policyc.runtime.testing.mutation.edits import Edit
from policyc.runtime.testing.mutation.operators.quantifiers import is_bound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.testing.mutation.files import Site

_OTHER_TYPE = {"ToolCall": "ToolOutput", "ToolOutput": "ToolCall"}


def change_number(site: Site) -> Iterator[Change]:
    node = site.node
    if isinstance(node, n.Number) and not is_bound(site):
        for value in (node.value - 1, node.value + 1):
            if value >= 0:
                yield site.change(site.made(value=value), Edit(node.span, repr(value)))
            elif not isinstance(site.parent, n.Unary):
                negative = n.Unary(
                    "-", site.made(value=-value), span=node.span, uid=site.file.uid()
                )
                yield site.change(negative, Edit(node.span, f"-{-value!r}"))


def change_text(site: Site) -> Iterator[Change]:
    """A text that is no regular expression."""
    node = site.node
    if not isinstance(node, n.String) or node.uid in site.file.patterns:
        return
    if isinstance(site.parent, n.FString):
        return
    text = spelled(f"{node.value}_", site.file.source.slice(node.span))
    if text is not None:
        yield site.change(site.made(value=f"{node.value}_"), Edit(node.span, text))


def change_truth(site: Site) -> Iterator[Change]:
    node = site.node
    if isinstance(node, n.Constant) and node.value is not None:
        value = not node.value
        yield site.change(site.made(value=value), Edit(node.span, str(value)))


def remove_element(site: Site) -> Iterator[Change]:
    node = site.node
    if not isinstance(node, n.ListLiteral):
        return
    for number in range(len(node.items)):
        rest = (*node.items[:number], *node.items[number + 1 :])
        edit = site.file.without(node.items, number) if rest else Edit(node.span, "[]")
        yield site.change(site.made(items=rest), edit)


def swap_type(site: Site) -> Iterator[Change]:
    """A variable that ranges over calls ranges over outputs, or the reverse."""
    node, file = site.node, site.file
    if isinstance(node, n.TypedVariable) and node.type.name in _OTHER_TYPE:
        other = _OTHER_TYPE[node.type.name]
        type_ = n.TypeRef(other, span=node.type.span, uid=file.uid())
        yield site.change(site.made(type=type_), Edit(node.type.span, other))
