"""A text as a language model reads it: without disguise, and with the way back to the text.

Takes out what nobody sees (zero-width and other format characters, tags of Unicode's tag block
become the letters that they stand for), folds compatibility forms and look-alike letters of other
scripts to ASCII, and puts letters that are spaced out or replaced by digits back together. Every
character of the result knows the one that it came from, so that findings have places.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_ALIKE = {
    "A": "\u0410\u0391\u13aa", "a": "\u0430\u03b1\u0251", "B": "\u0412\u0392\u13f4",
    "C": "\u0421\u13df", "c": "\u0441", "d": "\u0501", "E": "\u0415\u0395\u13ac",
    "e": "\u0435\u03b5", "g": "\u0261\u0581", "H": "\u041d\u0397\u13bb", "h": "\u04bb\u0570",
    "I": "\u0406\u0399", "i": "\u0456\u03b9\u0131\u13a5", "J": "\u0408", "j": "\u0458",
    "K": "\u041a\u039a", "k": "\u043a\u03ba", "L": "\u13de", "l": "\u04cf", "M": "\u041c\u039c",
    "N": "\u039d", "n": "\u0578", "O": "\u041e\u039f", "o": "\u043e\u03bf\u0585",
    "P": "\u0420\u03a1", "p": "\u0440\u03c1\u0584", "q": "\u051b", "S": "\u0405", "s": "\u0455",
    "T": "\u0422\u03a4", "t": "\u0442\u03c4", "u": "\u03c5\u057d", "v": "\u03bd", "w": "\u051d",
    "X": "\u0425\u03a7", "x": "\u0445\u03c7", "Y": "\u0423\u03a5", "y": "\u0443", "Z": "\u0396",
}  # fmt: skip
"""For letters of ASCII those of other scripts that look like them."""

LOOK_ALIKES = {char: shown for shown, chars in _ALIKE.items() for char in chars}
"""Letters of other scripts that look like one of ASCII."""

_TAGS = range(0xE0020, 0xE007F)
_DIGITS = str.maketrans("013457@$!", "oieastasi")
_SPACED = re.compile(r"(?<![^\W_])(?:[^\W\d_][ .\-_*]{1,3}){4,}[^\W\d_](?![^\W_])")
_WORD_WITH_DIGIT = re.compile(r"(?<!\w)(?=\w{0,12}[a-z])[a-z0-9@$!]{3,24}(?!\w)")
_GAP = re.compile(r"[ ]{2,}")


class Plain:
    """The plain form of a text, in lower case; `places[i]` is where its character `i` came from."""

    def __init__(self, text: str, places: list[int] | None, length: int) -> None:
        self.text = text
        self._places = places
        self._length = length

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The piece of the original text behind a piece of the plain form."""
        if self._places is None:
            return start, end
        stop = self._places[end - 1] + 1 if end > start else self._places[start]
        return self._places[start], min(stop, self._length)


def plain(text: str) -> Plain:
    """The plain form of a text."""
    if text.isascii():
        return Plain(text.lower(), None, len(text))
    characters: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        shown = char.lower() if char < "\x80" else _folded(char)
        for one in shown:
            characters.append(one)
            places.append(place)
    return Plain("".join(characters), places, len(text))


@lru_cache(maxsize=8192)
def _folded(char: str) -> str:
    if ord(char) in _TAGS:
        return chr(ord(char) - 0xE0000).lower()
    category = unicodedata.category(char)
    if category in ("Cf", "Mn", "Me", "Cs") or 0xFE00 <= ord(char) <= 0xFE0F:
        return ""
    if category in ("Zs", "Zl", "Zp"):
        return "\n" if category != "Zs" else " "
    found = "".join(LOOK_ALIKES.get(one, one) for one in unicodedata.normalize("NFKD", char))
    return "".join(one for one in found if unicodedata.category(one) != "Mn").lower()


def undisguised(found: Plain) -> Plain | None:
    """A plain form with spaced-out letters joined and digits read as letters; None where it has
    neither, so that it would be the same text."""
    text = found.text
    joined = _joined(found) if _SPACED.search(text) is not None else found
    letters = _WORD_WITH_DIGIT.sub(lambda match: match[0].translate(_DIGITS), joined.text)
    if letters == text:
        return None
    return Plain(letters, joined._places, joined._length)


def _joined(found: Plain) -> Plain:
    """Spaced-out letters as words; a wider gap between them is a gap between words."""
    characters: list[str] = []
    places: list[int] = []
    end = 0
    text = found.text

    def copy(start: int, stop: int) -> None:
        characters.extend(text[start:stop])
        places.extend(found.span(at, at + 1)[0] for at in range(start, stop))

    for run in _SPACED.finditer(text):
        copy(end, run.start())
        at = run.start()
        while at < run.end():
            copy(at, at + 1)
            at += 1
            gap = _GAP.match(text, at)
            if gap is not None:
                copy(at, at + 1)
                at = gap.end()
            elif at < run.end() and not text[at].isalnum():
                at += 1
        end = run.end()
    copy(end, len(text))
    return Plain("".join(characters), places, found._length)


def folded(text: str) -> str:
    """An expression or a word in the form that it has in plain forms."""
    return "".join(char if char < "\x80" else _folded(char) for char in text)
