"""The replacement texts of `sub`: `\\1`, `\\g<name>` and escapes, with the rules of Python's
`re`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.compiler.patterns_tree import PatternError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ESCAPE = re.compile(
    r"\\(?:g<(?P<name>[^>]*)>|(?P<octal>0[0-7]{0,2}|[0-3][0-7]{2})|(?P<number>[1-9][0-9]?)|(?P<char>.?))",
    re.DOTALL,
)
_CHARS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}

Template = list[str | int]
"""Texts, and numbers of the groups between them."""


def parse_template(text: str, groups: int, names: Mapping[str, int]) -> Template:
    """Read a replacement text.

    Raises:
        PatternError: an unknown escape, or a group that the pattern does not have.
    """
    pieces: Template = []
    end = 0
    for found in _ESCAPE.finditer(text):
        pieces.append(text[end : found.start()])
        pieces.append(_piece(found, groups, names))
        end = found.end()
    pieces.append(text[end:])
    return [piece for piece in pieces if piece != ""]


def _piece(found: re.Match[str], groups: int, names: Mapping[str, int]) -> str | int:
    name, octal, number, char = found.group("name", "octal", "number", "char")
    at = found.start()
    if octal is not None:
        return chr(int(octal, 8))
    if name is not None:
        group = int(name) if name.isascii() and name.isdecimal() else names.get(name)
        if group is None or group > groups:
            raise PatternError(f"the pattern has no group `{name}`", at)
        return group
    if number is not None:
        if int(number) > groups:
            raise PatternError(f"the pattern has no group {number}", at)
        return int(number)
    if char in _CHARS:
        return _CHARS[char]
    if not char or (char.isascii() and char.isalpha()):
        raise PatternError(f"unknown escape `\\{char}` in the replacement", at)
    return f"\\{char}"
