"""Characters that show a person something else than a program reads, or nothing at all.

| kind | is |
|---|---|
| `BIDI_CONTROL` | a mark that changes the order in which text is shown |
| `TAG` | a character of the tag block: ASCII that nobody sees |
| `INVISIBLE` | another character without a shape, such as a zero-width space |
| `VARIATION_SELECTOR` | a selector where none belongs; runs of them can hide bytes |
| `CONTROL` | a control character other than tab and line end |
| `PRIVATE_USE` | a character that has no meaning of its own |
| `SURROGATE` | half a character |
| `MIXED_SCRIPT` | a word of letters that look alike and are of several scripts |

What writing needs is none: joiners in emoji and in scripts that use them, a selector behind a
character that has variants, a soft hyphen inside a word, a byte order mark at the start, tags in
the flags of regions.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError, kind_of
from policyc.runtime.detectors.normalizing import LOOK_ALIKES
from policyc.runtime.detectors.protocol import MAX_MARKS, Detection

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = (
    "BIDI_CONTROL",
    "TAG",
    "INVISIBLE",
    "VARIATION_SELECTOR",
    "CONTROL",
    "PRIVATE_USE",
    "SURROGATE",
    "MIXED_SCRIPT",
)

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")
_DIRECTION = frozenset("\u200e\u200f")
"""Marks that texts in Hebrew and Arabic use; there they are writing, elsewhere invisible."""

_JOINERS = frozenset("\u200c\u200d")
_SUSPECT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e01ef"
    "\U000f0000-\U0010ffff]+"
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_FLAG = "\U0001f3f4"
_TAGS = "".join(map(chr, range(0xE0020, 0xE0080)))
_ALIKE = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})
"""Scripts with letters that look like one another's."""


def detect(text: str, kinds: Any = None) -> list[Detection]:
    """What a text hides or disguises, by position; of `kinds` only, where these are given. After
    MAX_MARKS findings only kinds that did not occur before are added.

    Raises:
        BuiltinError: `kinds` is no list of kinds.
    """
    wanted = frozenset(KINDS if kinds is None else _wanted(kinds))
    found: list[Detection] = []
    seen: set[str] = set()
    for one in _findings(text):
        if one.type in wanted and (len(found) < MAX_MARKS or one.type not in seen):
            found.append(one)
            seen.add(one.type)
    return sorted(found, key=lambda one: one.start)


def _wanted(kinds: Any) -> list[str]:
    if not isinstance(kinds, list | tuple) or not all(kind in KINDS for kind in kinds):
        raise BuiltinError(
            f"`kinds` takes a list of kinds, not {kind_of(kinds)}"
            if not isinstance(kinds, list | tuple)
            else f"`kinds` takes {', '.join(KINDS)}"
        )
    return list(kinds)


def _findings(text: str) -> Iterator[Detection]:
    for run in _SUSPECT.finditer(text):
        start, kind = run.start(), ""
        for place in range(run.start(), run.end()):
            here = _kind(text, place)
            if here != kind:
                if kind:
                    yield Detection(kind, start, place)
                start, kind = place, here
        if kind:
            yield Detection(kind, start, run.end())
    if not text.isascii():
        for word in _WORD.finditer(text):
            if not word[0].isascii() and _is_mixed(word[0]):
                yield Detection("MIXED_SCRIPT", word.start(), word.end(), 0.9)


def _kind(text: str, place: int) -> str:
    """What is wrong with a suspect character in its place; empty where nothing is."""
    char = text[place]
    before, after = text[place - 1 : place] if place else "", text[place + 1 : place + 2]
    category = unicodedata.category(char)
    if category == "Cc":
        return "CONTROL"
    if category in ("Cs", "Co"):
        return "SURROGATE" if category == "Cs" else "PRIVATE_USE"
    if char in _BIDI:
        return "BIDI_CONTROL"
    if 0xE0000 <= ord(char) <= 0xE007F:
        return "" if _is_flag(text, place) else "TAG"
    if 0xFE00 <= ord(char) <= 0xFE0F or ord(char) >= 0xE0100:
        return "" if before and _has_variants(before) else "VARIATION_SELECTOR"
    if char == "\ufeff" and place == 0:
        return ""
    if char == "\xad":
        return (
            "" if before.isalpha() and after.isalpha() and not _is_hidden(before) else "INVISIBLE"
        )
    if char in _JOINERS and before and after and _joins(before) and _joins(after):
        return ""
    if char in _DIRECTION and (_is_right_to_left(before) or _is_right_to_left(after)):
        return ""
    return "INVISIBLE"


def _is_hidden(char: str) -> bool:
    return _SUSPECT.match(char) is not None


def _is_flag(text: str, place: int) -> bool:
    """Whether a tag belongs to the flag of a region: a black flag and a few tags."""
    return text[max(0, place - 7) : place].rstrip(_TAGS).endswith(_FLAG)


def _has_variants(char: str) -> bool:
    return char in "#*0123456789\xa9\xae" or unicodedata.category(char) in ("So", "Sm", "Sk", "Lo")


def _joins(char: str) -> bool:
    """Whether joiners stand beside a character: emoji, and scripts whose letters join."""
    if unicodedata.category(char) in ("So", "Sk") or char == "\ufe0f":
        return True
    return unicodedata.category(char) in ("Mn", "Mc") or _script(char) in _JOINING


_JOINING = frozenset(
    {"ARABIC", "SYRIAC", "DEVANAGARI", "BENGALI", "GUJARATI", "GURMUKHI", "KANNADA", "MALAYALAM",
     "TAMIL", "TELUGU", "ORIYA", "SINHALA", "KHMER", "MYANMAR", "MONGOLIAN", "THAI", "LAO"}
)  # fmt: skip


def _is_right_to_left(char: str) -> bool:
    return bool(char) and unicodedata.bidirectional(char) in ("R", "AL", "AN")


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    return unicodedata.name(char, "").split(" ")[0]


def _is_mixed(word: str) -> bool:
    """Whether a word has letters of scripts that look alike, and one of them looks like ASCII."""
    scripts = {_script(char) for char in word} & _ALIKE
    return len(scripts) > 1 and any(char in LOOK_ALIKES for char in word)
