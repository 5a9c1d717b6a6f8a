"""Texts that tell two patterns apart, so that a report can say which text no case has.

Texts are made from the trees of the patterns, at random but always the same, and tried on both.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from policyc.compiler.patterns import PatternLimit, compile_pattern, compile_value_pattern
from policyc.compiler.patterns_tree import (
    Alt,
    Atomic,
    Chars,
    Choice,
    Group,
    Repeat,
    Seq,
    parse_tree,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.patterns_tree import Node, Tree
    from policyc.runtime.testing.mutation.files import Use

TRIES: Final = 200
"""Texts that are made of each pattern."""

LONGEST: Final = 60
"""Characters of a text; nobody reads longer ones."""

_SECONDS = 0.01


def telling_text(before: str, after: str, use: Use) -> str | None:
    """A text that one of two valid patterns matches and the other does not; None where none is
    found."""
    for text in _texts(before, after):
        try:
            if _matches(before, text, use) != _matches(after, text, use):
                return text
        except PatternLimit:
            continue
    return None


def _matches(pattern: str, text: str, use: Use) -> bool:
    if use == "fullmatch":
        value = compile_value_pattern(pattern)
        return text == pattern or value.fullmatch(text, timeout=_SECONDS) is not None
    operation = getattr(compile_pattern(pattern), use)
    return operation(text, timeout=_SECONDS) is not None


def _texts(*patterns: str) -> Iterator[str]:
    """Texts that the patterns match, more or less, bare and inside others: those that are easy to
    read before the others, short ones first."""
    random = Random(repr(patterns))  # noqa: S311  # the same texts each time
    for is_easy in (True, False):
        made: dict[str, None] = {}
        for pattern in patterns:
            maker = _Maker(parse_tree(pattern, 0, is_dollar_end=False), random, is_easy=is_easy)
            made.update(dict.fromkeys(maker.text() for _ in range(TRIES)))
        for text in sorted(made, key=len):
            if len(text) <= LONGEST:
                yield from (text, text.upper(), f"x{text}", f"{text}x", f"x {text}", f"{text} x")


class _Maker:
    """Makes texts that fit a tree, but for what must stand before or behind."""

    def __init__(self, tree: Tree, random: Random, *, is_easy: bool) -> None:
        self.root = tree.root
        self.sets = [_characters(known.ascii(), is_easy=is_easy) for known in tree.sets]
        self.random = random

    def text(self) -> str:
        return self._of(self.root)

    def _of(self, node: Node) -> str:
        match node:
            case Chars(number=number):
                return self.random.choice(self.sets[number])
            case Seq(items=items):
                return "".join(map(self._of, items))
            case Alt(options=options):
                return self._of(self.random.choice(options))
            case Repeat(low=low, high=high, body=body):
                most = low + 2 if high is None else min(high, low + 2)
                return "".join(self._of(body) for _ in range(self.random.randint(low, most)))
            case Group(body=body) | Atomic(body=body):
                return self._of(body)
            case Choice(yes=yes):
                return self._of(yes)
            case _:
                return ""


def _characters(ascii_ones: str, *, is_easy: bool) -> str:
    """The characters of a set that can be printed; where that is easy small letters and digits."""
    printable = "".join(x for x in ascii_ones if x.isprintable())
    easy = "".join(
        x for x in printable if x.isalnum() and not (x.isupper() and x.lower() in printable)
    )
    return (easy if is_easy else "") or printable or ascii_ones or "?"
