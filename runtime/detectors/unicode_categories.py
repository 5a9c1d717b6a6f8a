"""The Unicode categories of the characters of a text: `Cf` for invisible ones, for example."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError, kind_of
from policyc.runtime.detectors.protocol import MAX_MARKS, Detection

if TYPE_CHECKING:
    from collections.abc import Iterator

_IN_ASCII = frozenset(unicodedata.category(chr(code)) for code in range(128))


def detect(text: str, categories: Any = None) -> list[Detection]:
    """A finding for each run of characters of one category, or of one of `categories`.

    After MAX_MARKS findings only categories that did not occur before are added.

    Raises:
        BuiltinError: `categories` is no list of texts.
    """
    wanted = None if categories is None else _categories(categories)
    if wanted is not None and text.isascii() and not wanted & _IN_ASCII:
        return []
    found: list[Detection] = []
    seen: set[str] = set()
    for category, start, end in _runs(text):
        if wanted is None or category in wanted:
            if len(found) < MAX_MARKS or category not in seen:
                found.append(Detection(category, start, end))
            seen.add(category)
    return found


def _runs(text: str) -> Iterator[tuple[str, int, int]]:
    """Category, start and end of each run of characters of one category."""
    categories: dict[str, str] = {}
    start, previous = 0, ""
    for position, character in enumerate(text):
        category = categories.get(character)
        if category is None:
            category = categories[character] = unicodedata.category(character)
        if category != previous:
            if previous:
                yield previous, start, position
            start, previous = position, category
    if previous:
        yield previous, start, len(text)


def _categories(categories: Any) -> frozenset[str]:
    if isinstance(categories, list | tuple | set | frozenset) and all(
        isinstance(category, str) for category in categories
    ):
        return frozenset(categories)
    raise BuiltinError(
        f"`categories` takes a list of category names, not {kind_of(categories)}",
        'Write for example `unicode(data, ["Cf", "Co"])`.',
    )
