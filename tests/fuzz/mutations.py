"""Damages texts and JSON values, reproducibly: everything is decided by the given random source."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

PIECES = (
    *"()[]{}:,.*\"'#\\\n\t\r -+/<>=~@$%^&|`?!;",
    *("\n    ", "\n        ", "\n\t", " := ", " -> ", " ~> ", '"""', "'''", "tool:", 'f"{', "r'"),
    *(
        "raise ",
        " if:",
        "count(min=1):",
        "forall:",
        " and ",
        " or ",
        " not ",
        " in ",
        " is ",
        "for ",
    ),
    *(
        "None",
        "True",
        "input.",
        "0",
        "1e999",
        "99999999999999999999",
        "0x1",
        "1.",
        ".5",
        "\0",
        "\x0b",
    ),
    *("é", "\u2028", "\ud800", "\U0001f600", "\ufeff", "\xa0", "ﬁ", "٣"),
    *("def p(x: int):", "from invariant import ", "import os", "lambda x: x", "(x: Message)", "**"),
    *(" contains_only ", "<EMAIL_ADDRESS>", "[x for x in y]", "a.b.c", "(((((((((("),
)
LEAVES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2.5, 10**30, float("inf"), float("nan"), 1e308, ""),
    *(
        "tool",
        "user",
        "assistant",
        "text",
        "function",
        "c0",
        "\ud800",
        "\0",
        "{}",
        "[1",
        "x" * 1000,
    ),
    *('{"a": {"b": [1]}}', "é" * 50, [], {}, [[]], {"": None}, [None], {"role": "tool"}),
)
KEYS = (
    *("role", "content", "tool_calls", "tool_call_id", "function", "name", "arguments", "id"),
    *(
        "type",
        "text",
        "image_url",
        "url",
        "metadata",
        "server",
        "tools",
        "inputSchema",
        "properties",
    ),
    *("input", "method", "params", "messages", "items", "enum", "description", "", "é", "to", "n"),
)


def damage_text(rng: random.Random, text: str, others: Sequence[str]) -> str:
    """A text with one to a few things wrong; `others` are texts to take parts from."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        text = _damage_once(rng, text, others)
    return text[:20_000]


def _damage_once(rng: random.Random, text: str, others: Sequence[str]) -> str:
    piece: str = rng.choice(PIECES)
    start = rng.randrange(len(text) + 1)
    end = min(len(text), start + rng.choice((0, 1, 1, 2, 5, 30)))
    match rng.randrange(7):
        case 0:
            return text[:start] + text[end:]
        case 1 | 2:
            return text[:start] + piece + text[end:]
        case 3:
            return text[:end] + text[start:]
        case 4:
            other = rng.choice(others)
            at = rng.randrange(len(other) + 1)
            return text[:start] + other[at : at + rng.choice((5, 40, 300))] + text[end:]
        case 5:
            lines = text.split("\n")
            first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
            lines[first], lines[second] = lines[second], lines[first]
            return "\n".join(lines)
        case _:
            return text[:start] + piece * rng.choice((2, 10, 200)) + text[end:]


def damage_value(rng: random.Random, value: Any) -> Any:
    """A JSON value with one to a few parts exchanged, removed, added or nested; a copy."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if isinstance(value, list | dict):
            value = _damage_part(rng, value)
    return _nested(rng, value) if rng.random() < 0.02 else value


def _damage_part(rng: random.Random, root: Any) -> Any:
    slots = list(_slots(root))
    if not slots or rng.random() < 0.03:
        return copy.deepcopy(rng.choice(LEAVES))
    holder, key = rng.choice(slots)
    match rng.randrange(6):
        case 0:
            del holder[key]
        case 1:
            other, name = rng.choice(slots)
            if name in other if isinstance(other, dict) else name < len(other):
                # A copy: a part must not come to lie inside itself.
                holder[key] = copy.deepcopy(other[name])
        case 2:
            if isinstance(holder, dict):
                holder[rng.choice(KEYS)] = copy.deepcopy(rng.choice(LEAVES))
            else:
                holder.insert(key, copy.deepcopy(rng.choice(LEAVES)))
        case 3:
            holder[key] = [holder[key]] if rng.random() < 0.5 else {"a": holder[key]}
        case _:
            holder[key] = copy.deepcopy(rng.choice(LEAVES))
    return root


def _nested(rng: random.Random, root: Any) -> Any:
    """A part of a value far down in lists and objects."""
    slots = list(_slots(root)) if isinstance(root, list | dict) else []
    if slots:
        holder, key = rng.choice(slots)
        for _ in range(rng.choice((20, 150, 250, 5000))):
            holder[key] = [holder[key]] if rng.random() < 0.5 else {"a": holder[key]}
    return root


def _slots(root: Any) -> list[tuple[Any, Any]]:
    """Every place of a value, as the list or dict that holds it and the index or key."""
    found: list[tuple[Any, Any]] = []
    rest = [root]
    while rest:
        holder = rest.pop()
        keys = holder if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], list | dict):
                rest.append(holder[key])
    return found
