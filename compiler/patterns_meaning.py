"""What a pattern matches, as a text: patterns with the same text match the same.

Patterns with different texts may match the same as well. Groups do not count where nothing refers
to them, brackets that only hold things together do not, and where nothing but yes or no is asked
neither does what comes after all that has to be there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from policyc.compiler.patterns import PatternError, compile_value_pattern
from policyc.compiler.patterns_tree import (
    Alt,
    Atomic,
    Backref,
    Chars,
    Choice,
    Group,
    Look,
    Repeat,
    Seq,
    parse_tree,
    walk,
)

if TYPE_CHECKING:
    from policyc.compiler.patterns_tree import Node, Tree

Question = Literal["find", "match", "value"]
"""Where it matches in a text, whether it matches at the start of one, or whether a value of a tool
pattern fits it."""


@lru_cache(maxsize=4096)
def meaning(text: str, question: Question) -> str:
    """What the answers to a question depend on; for a text that is no pattern the text itself."""
    try:
        match question:
            case "find" | "match":
                return _written(parse_tree(text, 0, is_dollar_end=False), question)
            case "value":
                return _value(text)
    except PatternError:
        return repr(text)


def _value(text: str) -> str:
    """A value fits the pattern, or is equal to its text."""
    pattern = compile_value_pattern(text)
    lowering = pattern.lowering("fullmatch")
    matched = repr(lowering)
    if lowering is None:
        matched = _written(parse_tree(text, _DOT_ALL, is_dollar_end=True), "value")
    is_covered = pattern.is_total("fullmatch") and pattern.fullmatch(text) is not None
    return matched if is_covered else f"{matched} or {text!r}"


_SPELLED_OUT = 8
"""Up to so many times `a{3}` is written as `aaa`."""

_DOT_ALL = 16
"""The flag of `re` by which a dot is any character."""


def _written(tree: Tree, question: Question) -> str:
    root = tree.root
    has_references = any(isinstance(node, Backref | Choice) for node in walk(root))
    writer = _Writer(tree, keeps_groups=has_references, is_test=question != "find")
    items = writer.items(root)
    if question == "match" and not has_references:
        items = _needed(items)
    return repr(items)


def _needed(items: list[Any]) -> list[Any]:
    """The items without what may follow them: of a repetition at the end as much as must be
    there."""
    while items and items[-1][0] == "Repeat" and items[-1][3] != "possessive":
        _, low, high, mode, body = items[-1]
        if low == high:
            break
        items = [*items[:-1], *(body * low if low <= _SPELLED_OUT else [])]
        if low > _SPELLED_OUT:
            return [*items, ("Repeat", low, low, mode, body)]
    return items


class _Writer:
    """Writes the nodes of one tree as lists of items."""

    def __init__(self, tree: Tree, *, keeps_groups: bool, is_test: bool) -> None:
        self.tree = tree
        self.keeps_groups = keeps_groups
        self.is_test = is_test

    def items(self, node: Node) -> list[Any]:
        """A node as what follows one another."""
        match node:
            case Seq(items=parts):
                return [item for part in parts for item in self.items(part)]
            case Group(number=number, body=body):
                inner = self.items(body)
                return [("Group", number, inner)] if self.keeps_groups else inner
            case Repeat(low=low, high=high, mode="greedy" | "lazy", body=body) if (
                low == high and low <= _SPELLED_OUT and not self.keeps_groups
            ):
                return self.items(body) * low
            case Repeat(low=low, high=high, mode=mode, body=body):
                # Which of several matches is taken does not matter to whether there is one.
                told = "any" if self.is_test and mode != "possessive" else mode
                return [("Repeat", low, high, told, self.items(body))]
            case Alt(options=options):
                return [("Alt", [self.items(option) for option in options])]
            case Atomic(body=body):
                return [("Atomic", self.items(body))]
            case Look(is_ahead=is_ahead, is_negative=is_negative, body=body):
                return [("Look", is_ahead, is_negative, self.items(body))]
            case Choice(number=number, yes=yes, no=no):
                return [("Choice", number, self.items(yes), self.items(no))]
            case Chars(number=number):
                return [("Chars", self.tree.sets[number].written)]
            case _:
                return [(type(node).__name__, repr(node))]
