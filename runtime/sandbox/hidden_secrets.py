"""Keeps the values of a sandbox's secrets out of what it prints.

Hidden are a value as it is, in base64 (at each of the three alignments, with both alphabets), in
hex and as part of an address (percent-encoded), and each long line of a value that has several. A
value that a command changes in another way is not recognised; nor is one that it prints in pieces.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus

import re2  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHORTEST: Final = 4
"""Shorter values are in too many texts to be hidden."""

_SHORTEST_LINE: Final = 16


class HiddenSecrets:
    """What replaces the values of secrets; `secrets` are their names and values."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._names = {
            form: name.encode()
            for name, value in secrets.items()
            for part in _parts(value.strip())
            for form in _forms(part.encode())
        }
        # The longest first: one value may begin like another.
        forms = sorted(self._names, key=len, reverse=True)
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1  # a character is a byte
        text = b"|".join(map(_literal, forms))
        self._pattern = re2.compile(text, options) if forms else None

    def hide(self, data: bytes) -> bytes:
        """The data with `[secret NAME]` in place of each value."""
        if self._pattern is None:
            return data
        found: bytes = self._pattern.sub(self._replaced, data)
        return found

    def _replaced(self, match: Any) -> bytes:
        return b"[secret " + self._names[match.group()] + b"]"


def _parts(value: str) -> Iterator[str]:
    """A value, and its lines."""
    if len(value) >= SHORTEST:
        yield value
    for line in value.splitlines():
        if len(line.strip()) >= _SHORTEST_LINE:
            yield line.strip()


def _literal(form: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in form)


def _forms(value: bytes) -> Iterator[bytes]:
    yield value
    yield value.hex().encode()
    yield value.hex().upper().encode()
    text = value.decode("utf-8", "surrogateescape")
    for quoted in (quote, quote_plus):
        yield quoted(text, safe="", errors="surrogateescape").encode()
    for skipped in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Without the characters that also hold bits of what stands before or after.
            whole = encode(bytes(skipped) + value)
            start = (8 * skipped + 5) // 6
            end = 8 * (skipped + len(value)) // 6
            yield whole[start:end]
