"""Approximate search: where a text contains something like a query, up to some wrong characters.

A wrong character is one too many, one missing, or another one. The search is exact, and its time is
bounded by the length of the text: with `errors` wrong characters, one of `errors + 1` pieces of the
query occurs unchanged, so only the neighbourhoods of these pieces are looked at. RapidFuzz says
which of them can hold a match; there, a bit-parallel automaton (Myers 1999) reads each character
once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapidfuzz import fuzz

from policyc.runtime.bounds import BuiltinError, kind_of
from policyc.runtime.detectors.protocol import Detection

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ERRORS = 10
MAX_QUERY = 1000
MAX_MARKS = 1000

_CHUNK = 4096
"""Characters that RapidFuzz looks at once; more than two of the longest queries."""


def detect(
    text: str,
    query: Any,
    query_similarity_threshold: Any = 0.8,
    use_semantic: Any = False,
) -> list[Detection]:
    """The pieces of `text` that are like `query`, without overlaps: the first MAX_MARKS of them.

    The share of the query's characters that must be right is `query_similarity_threshold`.

    Raises:
        BuiltinError: an argument is of the wrong kind, or a language model is asked for.
    """
    if use_semantic:
        raise BuiltinError(
            "`use_semantic` needs a language model, and this version of policyc calls none",
            "Leave `use_semantic` out, or write `use_semantic=False`.",
        )
    if not isinstance(query, str):
        raise BuiltinError(f"`query` takes a text, not {kind_of(query)}")
    if len(query) > MAX_QUERY:
        raise BuiltinError(f"`query` takes at most {MAX_QUERY} characters")
    errors = allowed_errors(len(query), query_similarity_threshold)
    if errors >= len(query):
        return [Detection("FUZZY_MATCH", 0, 0)]
    found: list[Detection] = []
    for start, end in _likely(text, query, errors):
        while (match := _first(text, query, errors, start, end)) is not None:
            first, start, distance = match
            found.append(Detection("FUZZY_MATCH", first, start, 1 - distance / len(query)))
            if len(found) == MAX_MARKS:
                return found
    return found


def allowed_errors(length: int, threshold: Any) -> int:
    """How many characters of a query of that length may be wrong."""
    if isinstance(threshold, bool) or not isinstance(threshold, int | float):
        raise BuiltinError(f"`query_similarity_threshold` takes a number, not {kind_of(threshold)}")
    if not 0 <= threshold <= 1:
        raise BuiltinError("`query_similarity_threshold` takes a number from 0 to 1")
    # 5 * (1 - 0.8) is a little less than 1 to the machine, and 1 to everybody else.
    return min(MAX_ERRORS, int(length * (1 - threshold) + 1e-9))


def _likely(text: str, query: str, errors: int) -> Iterator[tuple[int, int]]:
    """The parts of the text, in order and apart, in which RapidFuzz does not rule out a match.

    A match with `errors` wrong characters lies in a piece as long as the query that differs from it
    by at most `2 * errors` insertions and deletions, so nothing is lost.
    """
    least = 100 * (1 - errors / len(query)) - 1e-6
    overlap = 2 * len(query)
    start = end = 0
    for low, high in _windows(text, query, errors):
        place = max(low, 0)
        while True:
            stop = min(place + _CHUNK, high)
            if fuzz.partial_ratio(query, text[place:stop], score_cutoff=least) > 0:
                if place > end:
                    if end > start:
                        yield start, end
                    start = place
                end = stop
            if stop >= high:
                break
            place = stop - overlap
    if end > start:
        yield start, end


def _windows(text: str, query: str, errors: int) -> Iterator[tuple[int, int]]:
    """The parts of the text, in order and apart from each other, that every match lies inside."""
    size = len(query) // (errors + 1)
    spans = sorted(
        (place - offset - errors, place - offset + 2 * len(query) + errors)
        for offset in range(0, size * (errors + 1), size)
        for place in _occurrences(text, query[offset : offset + size], len(query))
    )
    start = end = 0
    for low, high in spans:
        if low > end:
            yield start, end
            start = low
        end = min(max(end, high), len(text))
    yield start, end


def _occurrences(text: str, piece: str, step: int) -> Iterator[int]:
    """Where a piece occurs; what follows within `step` characters of an occurrence is left out."""
    position = text.find(piece)
    while position >= 0:
        yield position
        position = text.find(piece, position + step)


def _first(text: str, query: str, errors: int, start: int, end: int) -> tuple[int, int, int] | None:
    """Start, end and distance of the first match between `start` and `end`.

    Of the ends that lie within `errors` of each other, the one with the fewest errors is taken.
    """
    fewest, last = errors + 1, 0
    for position, distance in _distances(text, query, range(start, end)):
        if distance < fewest:
            fewest, last = distance, position + 1
        elif last and position - last >= errors:
            break
    if not last:
        return None
    backwards = range(last - 1, max(start, last - len(query) - errors) - 1, -1)
    _, first = min(
        (distance, -position)
        for position, distance in _distances(text, query[::-1], backwards, anchored=True)
    )
    return -first, last, fewest


def _distances(
    text: str, query: str, positions: range, anchored: bool = False
) -> Iterator[tuple[int, int]]:
    """For each position in turn: the fewest errors of a match that ends with its character.

    A match may start at any of the positions, or `anchored` at the first. The bits of `plus` and
    `minus` are the steps, up and down, of a column of the table of edit distances.
    """
    length = len(query)
    masks: dict[str, int] = {}
    for number, character in enumerate(query):
        masks[character] = masks.get(character, 0) | 1 << number
    full, top = (1 << length) - 1, 1 << (length - 1)
    plus, minus, distance = full, 0, length
    for position in positions:
        equal = masks.get(text[position], 0)
        diagonal = (((equal & plus) + plus) ^ plus) | equal | minus
        up = minus | (full & ~(diagonal | plus))
        down = plus & diagonal
        if up & top:
            distance += 1
        elif down & top:
            distance -= 1
        up = (up << 1 | anchored) & full
        down = down << 1 & full
        plus = down | (full & ~(diagonal | up))
        minus = up & diagonal
        yield position, distance
