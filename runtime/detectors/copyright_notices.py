"""Copyright notices and licenses of software.

A license is found by its body, whatever the names in it, by the words that grant it, by an SPDX
tag, or by its title on a line of its own. A text that only mentions a license ("uses the MIT
License") is not under it, and is not found. Words are
compared without case, punctuation and line ends, so that comment marks between them do not matter.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError, kind_of
from policyc.runtime.detectors.license_texts import bodies, licenses
from policyc.runtime.detectors.protocol import Detection

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOTICE = re.compile(
    r"\bcopyright\b[ \t:,]{0,3}(?:\(c\)|©|(?:19|20)\d\d\b)|(?:\(c\)|©)[ \t]{0,3}(?:19|20)\d\d\b"
    r"|\bcopyright (?:by )?(?-i:[A-Z])[\w.&-]{1,40}[^\n]{0,80}?"
    r"(?:\ball rights reserved|\b(?:inc|corp|ltd|llc|gmbh|foundation|authors|contributors)\b)",
    re.IGNORECASE,
)
_TAG = re.compile(r"SPDX-License-Identifier:[ \t]{0,5}([A-Za-z0-9.+() \t-]{1,200})")
_WORD = re.compile(r"[^\W_]+(?:\.[^\W_]+)*")
_HINT = re.compile(r"licen[cs]e|permission|copyright|redistribut|©|\(c\)", re.IGNORECASE)
_LINE_START = re.compile(r"[\W_]*(?:the\s+)?", re.IGNORECASE)


def _gnu(words: str, version: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The grants and the titles of one version of a license of the GNU family."""
    published = f"under the terms of the {words} as published by the free software foundation"
    grants = (
        f"{published} version {version}",
        f"{published} either version {version}",
    )
    return grants, (f"{words} version {version}", f"{words} v{version}")


_PERMISSION = "permission is hereby granted free of charge to any person"

_LICENSES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "GNU_AGPL_V3": _gnu("gnu affero general public license", "3"),
    "GNU_GPL_V2": _gnu("gnu general public license", "2"),
    "GNU_GPL_V3": _gnu("gnu general public license", "3"),
    "GNU_LGPL_V3": _gnu("gnu lesser general public license", "3"),
    "MOZILLA_PUBLIC_LICENSE_2.0": (
        ("subject to the terms of the mozilla public license v 2.0",),
        ("mozilla public license version 2.0",),
    ),
    "APACHE_LICENSE_2.0": (
        ("licensed under the apache license version 2.0",),
        ("apache license version 2.0", "apache license 2.0"),
    ),
    "MIT_LICENSE": (
        (f"{_PERMISSION} obtaining a copy of this software and associated documentation files",),
        ("mit license",),
    ),
    "BOOST_SOFTWARE_LICENSE": (
        (
            "distributed under the boost software license version 1.0",
            f"{_PERMISSION} or organization obtaining a copy of the software and accompanying",
        ),
        ("boost software license version 1.0",),
    ),
}
"""For each license the words that grant it, and its titles."""


def detect(text: str, threshold: Any = 0.5) -> list[Detection]:
    """The notices and licenses in a text, by position.

    A body scores the part of it that is there, a grant, a tag or a notice 1, a title with its
    version 0.9, a title without one 0.6; what scores less than `threshold` is left out.

    Raises:
        BuiltinError: `threshold` is no number.
    """
    if isinstance(threshold, bool) or not isinstance(threshold, int | float):
        raise BuiltinError(f"`threshold` takes a number, not {kind_of(threshold)}")
    if _HINT.search(text) is None:
        return []
    found = [Detection("COPYRIGHT", match.start(), match.end()) for match in _NOTICE.finditer(text)]
    found += _licenses(text)
    found += _tagged(text)
    found = [finding for finding in found if finding.score >= threshold]
    return sorted(found, key=lambda finding: (finding.start, finding.type))


def words_of(text: str) -> list[tuple[str, int, int]]:
    """The words of a text in lower case, with their places."""
    return [(word[0].lower(), word.start(), word.end()) for word in _WORD.finditer(text)]


def _tagged(text: str) -> Iterator[Detection]:
    """The licenses that SPDX tags name."""
    for tag in _TAG.finditer(text):
        for name in re.split(r"[\s()]+", tag[1]):
            kind = licenses().spdx.get(name.lower().removesuffix("+"))
            if kind is not None:
                yield Detection(kind, tag.start(), tag.end())


def _licenses(text: str) -> Iterator[Detection]:
    words = words_of(text)
    folded = [word for word, _, _ in words]
    for body in bodies(folded):
        yield Detection(
            body.kind, words[body.start][1], words[body.end - 1][2], round(body.share, 2), "body"
        )
    joined = f" {' '.join(folded)} "
    # Where each word starts in `joined`, to get from a place there back to the words of the text.
    starts = list(accumulate((len(word) + 1 for word in folded), initial=1))
    for name, (grants, titles) in _LICENSES.items():
        for phrase in (*grants, *titles):
            for place in _occurrences(joined, f" {phrase} "):
                first = bisect_left(starts, place + 1)
                start, end = words[first][1], words[first + phrase.count(" ")][2]
                if phrase in grants:
                    yield Detection(name, start, end)
                elif _starts_line(text, start):
                    has_version = phrase[-1].isdigit()
                    if has_version or _ends_line(text, end):
                        yield Detection(name, start, end, 0.9 if has_version else 0.6)


def _occurrences(text: str, phrase: str) -> Iterator[int]:
    place = text.find(phrase)
    while place >= 0:
        yield place
        place = text.find(phrase, place + 1)


def _starts_line(text: str, start: int) -> bool:
    """Whether nothing but comment marks or "the" stands before `start` on its line."""
    before = text[max(0, start - 40) : start].rpartition("\n")[2]
    return _LINE_START.fullmatch(before) is not None


def _ends_line(text: str, end: int) -> bool:
    """Whether nothing but punctuation follows `end` on its line."""
    return _WORD.search(text[end : end + 40].partition("\n")[0]) is None
