"""Tree -> readable lines, for `policyc ast` and for snapshots.

One node a line, children deeper. Plain values stand behind the kind of the node, children behind
the name of their field. Spans, ids and comments are left out.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING

from policyc.grammar import nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEFT_OUT = frozenset({"span", "uid", "operator_span", "comments"})


def dump(node: nodes.Node) -> str:
    """The lines of a tree, each ended by a newline."""
    return "".join(f"{line}\n" for line in _lines(node, ""))


def _lines(node: nodes.Node, margin: str) -> Iterator[str]:
    words = [type(node).__name__]
    below: list[str] = []
    for field in fields(node):
        value = getattr(node, field.name)
        if field.name in _LEFT_OUT or value is None:
            if field.name == "value" and isinstance(node, nodes.Constant):
                words.append("None")
            continue
        if isinstance(value, nodes.Identifier | nodes.TypeRef):
            words.append(_named(field.name, _text(value)))
        elif isinstance(value, nodes.Node):
            first, *rest = _lines(value, margin + "  ")
            below += [f"{margin}  {field.name}: {first.lstrip()}", *rest]
        elif value == () and isinstance(node, nodes.ToolPattern):
            words.append("()")
        elif isinstance(value, tuple):
            below += _children(field.name, value, margin)
        elif not _goes_without_saying(field.name, value, node):
            words.append(_named(field.name, _scalar(value)))
    yield margin + " ".join(words)
    yield from below


def _goes_without_saying(name: str, value: object, node: nodes.Node) -> bool:
    """A flag that is not set, a format that is not given."""
    return (value is False and not isinstance(node, nodes.Constant)) or (
        name == "spec" and not value
    )


def _children(name: str, items: tuple[nodes.Node, ...], margin: str) -> Iterator[str]:
    if items:
        yield f"{margin}  {name}:"
    for item in items:
        yield from _lines(item, margin + "    ")


def _named(name: str, text: str) -> str:
    """The main value of a node stands alone, others behind their names."""
    return text if name in ("text", "value", "operator", "name", "module") else f"{name}={text}"


def _text(node: nodes.Identifier | nodes.TypeRef) -> str:
    text = node.text if isinstance(node, nodes.Identifier) else node.name
    return text if text.replace(".", "_").isidentifier() else _scalar(text)


def _scalar(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
