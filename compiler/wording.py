"""How messages name types and kinds of names: in the words of the language document, with an
article.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler import typesystem as ts
from policyc.grammar.nodes import FString, String

if TYPE_CHECKING:
    from policyc.compiler.typesystem import Type
    from policyc.grammar.nodes import Node
    from policyc.grammar.source import Source

_WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "number": "a number",
    "bool": "a truth value",
    "list": "a list",
    "dict": "a dict",
    "tuple": "a tuple",
    "None": "`None`",
    "content": "a content",
    "function": "a function",
    "module": "a module",
    "Violation": "a violation",
    "tool pattern": "a tool pattern",
    "Input": "the input",
    "any": "a value",
    "json": "a value",
}

_SHOWN = 40


def a(type_: Type) -> str:
    """`a text`, `a ToolCall`: the type in a sentence."""
    name = ts.present(type_).name
    if name in _WORDS:
        return _WORDS[name]
    return f"an `{name}`" if name[0] in "AEIOU" else f"a `{name}`"


def written(node: Node, source: Source) -> str:
    """The node as the author wrote it, on one line and not too long to quote."""
    return shortened(source.slice(node.span))


def shortened(text: str) -> str:
    """A text on one line, not too long to quote."""
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def is_text_literal(node: Node) -> bool:
    return isinstance(node, String | FString)
