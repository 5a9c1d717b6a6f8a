"""Tells in one pass over a text which rules have one of their keywords in it.

Looking for one word after the other takes most of the time of a detector with many rules.
google-re2 looks for all at once, in time linear in the text; pyahocorasick, an extension made for
this, was measured to be slower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import re2  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEMORY = 64_000_000
"""What google-re2 may take; compiling more keywords than fit fails, looking for them does not."""


class Keywords:
    """The keywords of rules, which are known by their position; in lower case, as bytes."""

    def __init__(self, of_rules: Sequence[Sequence[bytes]]) -> None:
        self._always = frozenset(at for at, words in enumerate(of_rules) if not words)
        rules: dict[bytes, list[int]] = {}
        for at, words in enumerate(of_rules):
            for word in words:
                rules.setdefault(word, []).append(at)
        self._rules = list(rules.values())
        self._set: Any = None
        if rules:
            options = re2.Options()
            options.max_mem = _MEMORY
            options.literal = True
            # Bytes, whatever they stand for: a text may have halves of surrogate pairs.
            options.encoding = re2.Options.Encoding.LATIN1
            self._set = re2.Set.SearchSet(options)
            for word in rules:
                self._set.Add(word)
            self._set.Compile()

    def rules_for(self, data: bytes) -> list[int]:
        """The positions of the rules that have no keyword, or one that occurs in the text."""
        found = set(self._always)
        for number in (self._set and self._set.Match(data)) or ():
            found.update(self._rules[number])
        return sorted(found)
