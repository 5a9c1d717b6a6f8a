"""Texts from recipes, so that no credential stands in the repository, not even one made up.

A recipe is a text in which `[A-Za-z0-9]{36}` is a run of random characters of a class, and which
may hold `{{jwt}}`, `{{pem RSA PRIVATE KEY}}`, `{{b64 ...}}` and `{{hex ...}}` (a recipe, encoded).
The same seed gives the same texts on every machine.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_CLASS = re.compile(r"\[([^\]]+)\]\{(\d+)\}")
_MACRO = re.compile(r"\{\{(jwt|pem|b64|hex)(?: ((?:[^{}]|\{\d+\})*))?\}\}")
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def expand(recipe: str, random: Random) -> str:
    """A text of a recipe."""
    text = _MACRO.sub(lambda match: _macro(match, random), recipe)
    return _CLASS.sub(lambda match: _run(_members(match[1]), int(match[2]), random), text)


def _macro(match: re.Match[str], random: Random) -> str:
    name, argument = match[1], match[2] or ""
    if name == "jwt":
        claims = {"sub": str(random.randrange(10**9)), "exp": 1_700_000_000}
        parts = [_encoded(json.dumps(part)) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
        return ".".join([*parts, _run(_BASE64[:62] + "_-", 43, random)])
    if name == "pem":
        lines = [_run(_BASE64, 64, random) for _ in range(13)]
        return "\n".join([f"-----BEGIN {argument}-----", *lines, f"-----END {argument}-----"])
    plain = expand(argument, random).encode()
    return plain.hex() if name == "hex" else base64.b64encode(plain).decode()


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _run(members: str, length: int, random: Random) -> str:
    return "".join(random.choice(members) for _ in range(length))


def _members(class_: str) -> str:
    """The characters of a class such as `A-Za-z0-9_-`."""
    found = []
    at = 0
    while at < len(class_):
        if class_[at + 1 : at + 2] == "-" and at + 2 < len(class_):
            found += [chr(code) for code in range(ord(class_[at]), ord(class_[at + 2]) + 1)]
            at += 3
        else:
            found.append(class_[at])
            at += 1
    return "".join(found)
