"""Makes runtime/detectors/licenses.bin from SPDX's list of license texts.

    npm pack spdx-license-list && tar xzf spdx-license-list-*.tgz
    python -m benchmarks.detectors.license_fingerprints package

The list is public domain (CC0-1.0). Only licenses that the Open Source Initiative has approved are
taken. Of the checksums of a text those that are a multiple of 16 are kept, of a short text all.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from policyc.runtime.detectors.copyright_notices import words_of
from policyc.runtime.detectors.license_texts import checksums, packed

TARGET = Path(__file__).parents[2] / "runtime" / "detectors" / "licenses.bin"
SHORT = 20
"""Fingerprints below which a text keeps all of its checksums."""

SAME = 0.95
"""The part of common fingerprints from which two texts are one license."""

KINDS = {
    "AGPL-3.0": "GNU_AGPL_V3",
    "GPL-2.0": "GNU_GPL_V2",
    "GPL-3.0": "GNU_GPL_V3",
    "LGPL-3.0": "GNU_LGPL_V3",
    "MPL-2.0": "MOZILLA_PUBLIC_LICENSE_2.0",
    "Apache-2.0": "APACHE_LICENSE_2.0",
    "MIT": "MIT_LICENSE",
    "BSL-1.0": "BOOST_SOFTWARE_LICENSE",
}
"""Licenses that invariant-ai has a name for; the others have that of SPDX."""


ADDITIONS = {"GNU_LGPL_V3": "GNU_GPL_V3"}
"""Licenses whose listed text holds another one: only what they add to it is theirs."""


def plain_id(name: str) -> str:
    return name.removesuffix("-only").removesuffix("-or-later").removesuffix("+")


def kind_of(name: str) -> str:
    return KINDS.get(plain_id(name), plain_id(name).upper().replace("-", "_"))


def fingerprints(text: str) -> frozenset[int]:
    every = set(checksums([word for word, _, _ in words_of(text)]))
    some = {one for one in every if one % 16 == 0}
    return frozenset(some if len(some) >= SHORT else every)


def main(folder: Path) -> None:
    table = json.loads((folder / "spdx.json").read_text("utf-8"))
    approved = sorted(name for name, row in table.items() if row["osiApproved"])
    found: dict[str, frozenset[int]] = {}
    spdx: dict[str, str] = {}
    for name in sorted(approved, key=lambda name: (plain_id(name) not in KINDS, len(name), name)):
        license_ = json.loads((folder / "licenses" / f"{name}.json").read_text("utf-8"))
        prints = fingerprints(license_["licenseText"])
        if not prints:
            continue
        same = next((kind for kind, one in found.items() if _is_same(one, prints)), None)
        kind = same or kind_of(name)
        prints -= found.get(ADDITIONS.get(kind, ""), frozenset())
        found.setdefault(kind, prints)
        spdx[name.lower()] = kind
        spdx.setdefault(plain_id(name).lower(), kind)
    TARGET.write_bytes(packed(list(found), [sorted(one) for one in found.values()], spdx))
    print(f"{len(approved)} texts, {len(found)} licenses, {TARGET.stat().st_size} bytes")


def _is_same(left: frozenset[int], right: frozenset[int]) -> bool:
    return len(left & right) >= SAME * len(left | right)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
