"""The texts that expressions stand for, as far as they are known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tree_sitter import Node

    from policyc.runtime.detectors.shell.script import Script

MAX_PARTS = 2_000
"""Nodes of one expression that are looked at."""

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_VARIABLE = re.compile(r"\$(?:\{([^}]+)\}|([\w:]+))")


def text_of(script: Script, node: Node, variables: Mapping[str, str]) -> str:
    """The text of an expression; what is not known of it is `UNKNOWN`."""
    parts: list[str] = []
    stack = [node]
    left = MAX_PARTS
    while stack:
        node = stack.pop()
        left -= 1
        if left < 0:
            return UNKNOWN
        kind = node.type
        inner = [one for one in node.children if one.is_named]
        if kind in ("verbatim_string_characters", "verbatim_here_string_characters"):
            parts.append(_verbatim(script.cut(node)))
        elif kind in ("expandable_string_literal", "expandable_here_string_literal"):
            parts.append(_expanded(script.cut(node), variables))
        elif kind == "variable":
            parts.append(_value(script.cut(node)[1:].strip("{}"), variables))
        elif kind in ("generic_token", "command_name", "simple_name", "path_command_name_token"):
            parts.append(unescaped(script.cut(node)))
        elif kind in ("decimal_integer_literal", "integer_literal", "real_literal"):
            parts.append(script.cut(node))
        elif kind == "cast_expression":
            parts.append(_cast(script.cut(node)))
        elif len(inner) == 1 or (inner and _is_sum(node)):
            stack.extend(reversed(inner))
        else:
            parts.append(UNKNOWN)
    return "".join(parts)


def _is_sum(node: Node) -> bool:
    operators = {one.type for one in node.children if not one.is_named}
    return node.type.startswith("additive") and operators == {"+"}


def _cast(text: str) -> str:
    """`[char]114`."""
    match = re.fullmatch(r"(?i)\[char\]\s*(0x[0-9a-f]{1,4}|\d{1,5})", text)
    if match is not None:
        return chr(int(match[1], 0)) or UNKNOWN
    return UNKNOWN


def _verbatim(text: str) -> str:
    if text.startswith("@'"):
        return text[2:-2].strip("\r\n")
    return text[1:-1].replace("''", "'")


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    body = text[2:-2].strip("\r\n") if text.startswith('@"') else text[1:-1]
    if "$(" in body:
        return UNKNOWN
    body = body.replace('""', '"')
    return unescaped(_VARIABLE.sub(lambda m: _value(m[1] or m[2], variables), body))


def _value(name: str, variables: Mapping[str, str]) -> str:
    name = name.lower()
    if name in variables:
        return variables[name]
    return {"home": "~", "env:userprofile": "~", "env:home": "~"}.get(name, UNKNOWN)


def unescaped(text: str) -> str:
    """A text without its backticks."""
    if "`" not in text:
        return text
    return re.sub(r"`(.)", lambda m: _ESCAPES.get(m[1], m[1]), text, flags=re.S)
