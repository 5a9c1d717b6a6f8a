"""Applies rules to a text: keywords, then the expression, then entropy, then allow-lists.

Works on UTF-8 bytes, as google-re2 does; `Text` translates places to characters. An expression may
take the character before and after a secret along, so the search goes on right behind the secret
and not behind the match: of two secrets with one blank between them both are found.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.detectors.rule_files import AllowList, Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Found:
    """A piece that a rule holds for a secret, in bytes."""

    rule: Rule
    start: int
    end: int
    secret: bytes


class Text:
    """A text, its bytes, and the bytes in lower case for keywords."""

    def __init__(self, text: str) -> None:
        self.data = text.encode("utf-8", "surrogatepass")
        self.lower = self.data.lower()
        self._is_ascii = len(self.data) == len(text)

    def characters(self, places: list[int]) -> dict[int, int]:
        """For places in bytes the places in characters."""
        if self._is_ascii:
            return {place: place for place in places}
        found, last, count = {}, 0, 0
        for place in sorted(set(places)):
            count += len(self.data[last:place].decode("utf-8", "surrogatepass"))
            last = place
            found[place] = count
        return found


class Pieces:
    """Pieces of a text, and which others overlap one of them."""

    _BLOCK = 256

    def __init__(self) -> None:
        self._by_block: dict[int, list[tuple[int, int]]] = {}

    def add(self, start: int, end: int) -> None:
        for block in self._blocks(start, end):
            self._by_block.setdefault(block, []).append((start, end))

    def overlap(self, start: int, end: int) -> bool:
        return any(
            start < other_end and other_start < end
            for block in self._blocks(start, end)
            for other_start, other_end in self._by_block.get(block, ())
        )

    def _blocks(self, start: int, end: int) -> range:
        return range(start // self._BLOCK, max(start, end - 1) // self._BLOCK + 1)


def find(rules: RuleSet, text: Text) -> list[Found]:
    """What the rules find, by place; of two findings that overlap the one of the upper rule."""
    found: list[Found] = []
    taken = Pieces()
    for number in rules.keywords.rules_for(text.lower):
        rule = rules.rules[number]
        for one in _search(rule, text.data):
            if not taken.overlap(one.start, one.end) and not _is_allowed(rules, one, text.data):
                taken.add(one.start, one.end)
                found.append(one)
    return sorted(found, key=lambda one: one.start)


def _search(rule: Rule, data: bytes) -> Iterator[Found]:
    place = 0
    while place <= len(data):
        match = rule.pattern.search(data, place)
        if match is None:
            return
        start, end = _span(match, rule.group)
        # At least one byte further, whatever an expression makes of it.
        place = max(end, match.start() + 1, place + 1)
        secret = data[start:end]
        if secret and (not rule.entropy or entropy(secret) >= rule.entropy):
            yield Found(rule, start, end, secret)


def _span(match: Any, group: int) -> tuple[int, int]:
    numbers = (group,) if group else range(1, match.re.groups + 1)
    for number in numbers:
        start, end = match.span(number)
        if 0 <= start < end:
            return start, end
    start, end = match.span()
    return start, end


def entropy(data: bytes) -> float:
    """Shannon's entropy in bits a byte."""
    size = len(data)
    return -sum(count / size * log2(count / size) for count in Counter(data).values())


def _is_allowed(rules: RuleSet, found: Found, data: bytes) -> bool:
    return any(_fits(one, found, data) for one in (*found.rule.allow, *rules.allow))


def _fits(allow: AllowList, found: Found, data: bytes) -> bool:
    target = found.secret
    if allow.target == "line":
        end = data.find(b"\n", found.end)
        start = data.rfind(b"\n", 0, found.start) + 1
        target = data[start : end if end >= 0 else len(data)]
    secret = found.secret.lower()
    by_regex = any(regex.search(target) is not None for regex in allow.regexes)
    by_word = any(word in secret for word in allow.stopwords)
    return by_regex and by_word if allow.needs_all else by_regex or by_word
