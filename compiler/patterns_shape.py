"""Patterns that are plain texts in disguise: `abc`, `^abc`, `.*abc.*`. They need no regular
expression to answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from policyc.compiler.patterns_tree import At, Chars, Node, Repeat, Seq

if TYPE_CHECKING:
    from policyc.compiler.patterns_tree import Tree


@dataclass(frozen=True, slots=True)
class Shape:
    """A text between two optional anchors and two optional loops of single characters.

    `has_*_loop`: `x*` for any set of characters; `has_*_any`: the set is that of all characters.
    """

    text: str
    is_at_start: bool = False
    is_at_end: bool = False
    has_left_loop: bool = False
    has_left_any: bool = False
    has_right_loop: bool = False
    has_right_any: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the pattern is the text and nothing else."""
        return not (self.is_at_start or self.is_at_end or self.has_left_loop or self.has_right_loop)


_SPECIAL = frozenset("\\.^$*+?{}[]|()")


def quick_shape(text: str, flags: str) -> Shape | None:
    """The shape of the commonest forms, `abc` and `.*abc.*`, read off the text itself.

    The same as `shape_of` gives, at a hundredth of the time: policies have thousands of these. None
    for any other form.
    """
    if "i" in flags or "x" in flags:
        return None
    core = text
    has_left, has_right = core.startswith(".*"), False
    if has_left:
        core = core[2:]
    if core.endswith(".*"):
        has_right, core = True, core[:-2]
    if not _SPECIAL.isdisjoint(core) or (not core and (has_left or has_right)):
        return None
    is_any = "s" in flags
    return Shape(
        core,
        has_left_loop=has_left,
        has_left_any=has_left and is_any,
        has_right_loop=has_right,
        has_right_any=has_right and is_any,
    )


def shape_of(tree: Tree) -> Shape | None:
    """The shape of a pattern, if it has one."""
    items: list[Node] = list(tree.root.items) if isinstance(tree.root, Seq) else [tree.root]
    is_at_start = bool(items) and items[0] == At("start")
    if is_at_start:
        del items[0]
    is_at_end = bool(items) and items[-1] == At("end")
    if is_at_end:
        del items[-1]
    left = _loop(items[0], tree) if items else None
    if left is not None:
        del items[0]
    right = _loop(items[-1], tree) if items else None
    if right is not None:
        del items[-1]
    text = _text(items, tree)
    if text is None:
        return None
    return Shape(
        text,
        is_at_start,
        is_at_end,
        has_left_loop=left is not None,
        has_left_any=left is True,
        has_right_loop=right is not None,
        has_right_any=right is True,
    )


def _loop(node: Node, tree: Tree) -> bool | None:
    """Whether a loop over single characters takes them all; None if it is no such loop."""
    match node:
        case Repeat(0, None, mode, Chars(number)) if mode != "possessive":
            return tree.sets[number].is_universal
        case _:
            return None


def _text(items: list[Node], tree: Tree) -> str | None:
    chars = []
    for item in items:
        char = tree.sets[item.number].literal if isinstance(item, Chars) else None
        if char is None:
            return None
        chars.append(char)
    return "".join(chars)
