"""What detectors answered, so that the same text is not looked at twice.

A text may hold a secret, so none is kept: the name of an answer is a digest of the detector, its
options and the text, under a key that this process made up. The least recently used answers make
room for new ones.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.compiler.signatures import Signature
    from policyc.runtime.detectors.protocol import Detection

MAX_BYTES = 16_000_000
"""About how much memory the answers of one cache take."""

_KEY = os.urandom(32)
_OF_ANSWER, _OF_FINDING = 300, 120


def question(row: Signature, options: Sequence[Any], keywords: dict[str, Any]) -> bytes:
    """A digest of what is asked of a detector, whatever the text."""
    parts = (row.implementation or row.name, row.version, repr(options), repr(keywords))
    digest = hashlib.blake2b(key=_KEY, digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


def name_of(asked: bytes, text: str) -> bytes:
    """The name of the answer about a text."""
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(asked + data, key=_KEY, digest_size=16).digest()


class AnswerCache:
    """Answers by their name, the most recently used ones within `limit` bytes.

    Not locked: threads that share one lock around it.
    """

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self.limit = limit
        self.size = 0
        self._answers: OrderedDict[bytes, Sequence[Detection]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, name: bytes) -> Sequence[Detection] | None:
        found = self._answers.get(name)
        if found is not None:
            self._answers.move_to_end(name)
        return found

    def put(self, name: bytes, answer: Sequence[Detection]) -> None:
        cost = _cost(answer)
        if cost > self.limit:
            return
        old = self._answers.pop(name, None)
        if old is not None:
            self.size -= _cost(old)
        self._answers[name] = answer
        self.size += cost
        while self.size > self.limit:
            _, dropped = self._answers.popitem(last=False)
            self.size -= _cost(dropped)


def _cost(answer: Sequence[Detection]) -> int:
    return _OF_ANSWER + _OF_FINDING * len(answer)
