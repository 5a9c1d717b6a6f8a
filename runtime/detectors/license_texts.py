"""Which licenses a text holds, by fingerprints of their bodies.

A fingerprint is a checksum of eight words in a row, some of all; `licenses.bin` has those of the
licenses that the Open Source Initiative has approved, made from SPDX's list of texts
(`python -m benchmarks.detectors.license_fingerprints`). A license is in a text where most of its
fingerprints are, close together; where licenses share words, these are those of
the one that covers more.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WORDS = 8
"""Words of a fingerprint."""

LEAST_SHARE = 0.6
"""The part of a license's fingerprints that must be there."""

_GAP = 200
"""Words between two fingerprints of one copy of a license."""

Copy = list[tuple[int, int]]
"""Fingerprints in a text: the number of the first word of each, and the checksum."""

_PAIR = struct.Struct(">IH")


@dataclass(frozen=True, slots=True)
class Licenses:
    """The kinds by number, how many fingerprints each has, and whose each checksum is."""

    kinds: tuple[str, ...]
    sizes: tuple[int, ...]
    owners: dict[int, tuple[int, ...]]
    spdx: dict[str, str]
    """The kind of each identifier of SPDX, in lower case."""


@dataclass(frozen=True, slots=True)
class Body:
    """A license in a text: its kind, its words from `start` to `end`, the part that is there."""

    kind: str
    start: int
    end: int
    share: float


def checksums(words: Sequence[str]) -> Iterator[int]:
    """The checksum of every eight words in a row."""
    for start in range(len(words) - WORDS + 1):
        yield crc32(" ".join(words[start : start + WORDS]).encode("utf-8", "surrogatepass"))


@cache
def licenses() -> Licenses:
    """The fingerprints of the data file."""
    file = resources.files("policyc.runtime.detectors") / "licenses.bin"
    head, _, body = file.read_bytes().partition(b"\n")
    table = json.loads(head)
    owners: dict[int, tuple[int, ...]] = {}
    for checksum, number in _PAIR.iter_unpack(body):
        owners[checksum] = (*owners.get(checksum, ()), number)
    return Licenses(tuple(table["kinds"]), tuple(table["sizes"]), owners, table["spdx"])


def packed(kinds: Sequence[str], prints: Sequence[Sequence[int]], spdx: dict[str, str]) -> bytes:
    """The content of the data file."""
    head = {"kinds": list(kinds), "sizes": [len(one) for one in prints], "spdx": spdx}
    pairs = sorted((value, number) for number, one in enumerate(prints) for value in one)
    body = b"".join(_PAIR.pack(*pair) for pair in pairs)
    return json.dumps(head, separators=(",", ":")).encode() + b"\n" + body


def bodies(words: Sequence[str]) -> list[Body]:
    """The licenses in some words, in lower case and without punctuation."""
    known = licenses()
    hits: dict[int, list[tuple[int, int]]] = {}
    for place, checksum in enumerate(checksums(words)):
        for number in known.owners.get(checksum, ()):
            hits.setdefault(number, []).append((place, checksum))
    copies = [(number, copy) for number, places in hits.items() for copy in _copies(places)]
    copies.sort(key=lambda one: _covered(one[1]) * _share(known, *one), reverse=True)
    found: list[Body] = []
    taken: set[int] = set()
    for number, copy in copies:
        own = [one for one in copy if one[0] not in taken]
        share = _share(known, number, own)
        if share >= LEAST_SHARE:
            taken.update(place for place, _ in own)
            found.append(Body(known.kinds[number], own[0][0], own[-1][0] + WORDS, share))
    return sorted(found, key=lambda body: body.start)


def _covered(copy: Copy) -> int:
    return copy[-1][0] - copy[0][0] + WORDS


def _share(known: Licenses, number: int, copy: Copy) -> float:
    """The part of a license's fingerprints that a run of them has."""
    return len({checksum for _, checksum in copy}) / known.sizes[number]


def _copies(places: Copy) -> Iterator[Copy]:
    """Runs of fingerprints without a wide gap."""
    run = places[:1]
    for one in places[1:]:
        if one[0] - run[-1][0] > _GAP:
            yield run
            run = []
        run.append(one)
    yield run
