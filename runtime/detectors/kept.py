"""Results that took long to get, by what they were made from; the latest ones.

What they were made from may hold a secret, so only its digest is kept, under a key that this
process made up.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

_KEY = os.urandom(32)

T = TypeVar("T")


class Kept(Generic[T]):
    """At most `limit` results by name. Threads may share one."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._results: OrderedDict[bytes, T] = OrderedDict()
        self._lock = Lock()

    def get(self, name: bytes) -> T | None:
        with self._lock:
            if name in self._results:
                self._results.move_to_end(name)
            return self._results.get(name)

    def put(self, name: bytes, result: T) -> None:
        with self._lock:
            self._results[name] = result
            self._results.move_to_end(name)
            while len(self._results) > self.limit:
                self._results.popitem(last=False)


def name_of(*parts: object) -> bytes:
    """The name of what is made from some parts."""
    digest = hashlib.blake2b(key=_KEY, digest_size=16)
    for part in parts:
        data = str(part).encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()
