"""Whether the words of one text stand in another: what `derives` and `provenance` ask.

A value is taken apart into *needles*: itself, and the parts of it that name something (addresses,
hosts, paths and queries of URLs, long numbers, lines, what JSON, percent signs or base64 hide). A
needle stands in a text if its words do, in a row, with the same signs between them; upper case,
width of characters and the kind of blanks do not matter. A text is split into words once, so that
asking costs what the value is long.

Of data in JSON each entry can be looked at by itself (`Entries`): a needle that is all of an entry
is told from one that somebody wrote among other words.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from email.utils import getaddresses
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from unicodedata import normalize
from urllib.parse import parse_qsl, unquote, urlsplit

from policyc.runtime.bounds import BuiltinError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_NEEDLES: Final = 5_000
"""Parts of one value that are looked for; a value of more is refused, for what it hides among them
must not pass."""

LONGEST_WHOLE: Final = 2_000
"""Characters of a value that is looked for as a whole; of longer ones only the parts are."""

_WORD = re.compile(r"\w+")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_URL = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{0,15}://[^\s<>\"']{1,2000}")
_LONG_NUMBER = re.compile(r"\d[\d -]{4,40}\d")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_LEAST_WORDS_OF_A_LINE = 3
_JOINTS: Final = ".,"
"""Signs that join two digits to one number."""
_JOINTS_OF_SHORT: Final = ".,-:/"
_LONGEST_SHORT: Final = 2
_FIELDS_OF_ADDRESSES: Final = frozenset(
    {"from", "to", "cc", "bcc", "sender", "recipient", "recipients", "reply_to", "reply-to"}
    | {"participants", "attendees", "organizer"}
)
_BETWEEN_ENTRIES: Final = "\n\x00\n"
"""A sign that no needle has between its words, so that none reaches from one entry to the next."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text, and where it stands in it: at `start` up to before `end`, in characters."""

    text: str
    start: int
    end: int


class Words:
    """The words of a text, found by word."""

    __slots__ = ("at", "ends", "starts", "text", "words")

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.at: dict[str, list[int]] = {}
        for found in _WORD.finditer(text):
            word = _folded(found.group())
            self.at.setdefault(word, []).append(len(self.words))
            self.words.append(word)
            self.starts.append(found.start())
            self.ends.append(found.end())

    def gap(self, number: int) -> str:
        """The signs between a word and the next."""
        return " ".join(self.text[self.ends[number] : self.starts[number + 1]].split()) or (
            " " if self.ends[number] < self.starts[number + 1] else ""
        )

    def rarest(self, needle: Words) -> tuple[int, list[int]]:
        """The number of the needle's word that stands here least often, and where it does."""
        found: tuple[int, list[int]] = (0, [])
        for number, word in enumerate(needle.words):
            places = self.at.get(word)
            if not places:
                return number, []
            if not found[1] or len(places) < len(found[1]):
                found = (number, places)
        return found

    def occurrences(self, needle: Words) -> Iterator[tuple[int, int]]:
        """Where the words of the needle stand, as offsets of characters."""
        count = len(needle.words)
        offset, places = self.rarest(needle)
        for place in places:
            first = place - offset
            if first < 0 or self.words[first : first + count] != needle.words:
                continue
            if any(self.gap(first + n) != needle.gap(n) for n in range(count - 1)):
                continue
            start, end = self.starts[first], self.ends[first + count - 1]
            if not self._splits_a_number(start, end):
                yield start, end

    def _splits_a_number(self, start: int, end: int) -> bool:
        """Whether the place begins or ends inside of a number such as 1,250.75.

        A number of one or two digits is also no part of a date, a time or a range: the file 11 is
        not named by 2024-05-11.
        """
        text = self.text
        joints = _JOINTS_OF_SHORT if end - start <= _LONGEST_SHORT else _JOINTS
        before = text[max(0, start - 2) : start][::-1]
        after = text[end : end + 2]
        return (text[start].isdigit() and _joins(before, joints)) or (
            text[end - 1].isdigit() and _joins(after, joints)
        )


def _joins(signs: str, joints: str) -> bool:
    return len(signs) == len("-1") and signs[0] in joints and signs[1].isdigit()


def _folded(word: str) -> str:
    return word.casefold() if word.isascii() else normalize("NFKC", word).casefold()


words_of = lru_cache(maxsize=2048)(Words)
"""`Words` of a text, made once."""


@lru_cache(maxsize=2048)
def readings(text: str) -> tuple[tuple[Words, bool], ...]:
    """The words of a text, and those of what it hides: from percent signs, base64, JSON.

    With each: whether its places are places of the text itself.
    """
    hidden = [piece.text for piece in _decoded(text)]
    return ((words_of(text), True), *((words_of(other), False) for other in hidden))


def found_in(needle: str, text: str) -> Piece | None:
    """The first place of a needle in a text; where it is hidden, the whole text."""
    wanted = words_of(needle)
    for words, is_itself in readings(text):
        for start, end in words.occurrences(wanted):
            if is_itself:
                return Piece(text[start:end], start, end)
            return Piece(text, 0, len(text))
    return None


class Entries:
    """The entries of a text: the texts and numbers of JSON data, or else the text as a whole.

    What an entry hides is an entry too. In fields of mails (`from`, `to`, ...) each address and
    each name is one.
    """

    __slots__ = ("_starts", "_words")

    def __init__(self, text: str) -> None:
        entries: list[str] = []
        for leaf in _entries_of_json(text) or [text]:
            entries.append(leaf)
            entries.extend(piece.text for piece in _decoded(leaf))
        self._words = Words(_BETWEEN_ENTRIES.join(entries))
        self._starts = [0]
        for entry in entries:
            self._starts.append(self._starts[-1] + len(entry) + len(_BETWEEN_ENTRIES))

    def have_among_words(self, needle: Words, value: str) -> bool:
        """Whether the needle stands in an entry that has other words too, and more than `value`, of
        which the needle is a part."""
        text = self._words.text
        for start, end in self._words.occurrences(needle):
            number = bisect_right(self._starts, start)
            first, last = self._starts[number - 1], self._starts[number] - len(_BETWEEN_ENTRIES)
            if _folded(text[first:last].strip()) == _folded(value.strip()):
                continue
            if _WORD.search(text, first, start) or _WORD.search(text, end, last):
                return True
        return False


entries_of = lru_cache(maxsize=512)(Entries)
"""`Entries` of a text, made once."""


def found_among_words(needle: str, text: str, value: str) -> Piece | None:
    """The first place of a needle, a part of `value`, if it stands among words of somebody.

    It does not in an entry that is nothing but the needle or the value. Of data in JSON the place
    is the whole text.
    """
    if not entries_of(text).have_among_words(words_of(needle), value):
        return None
    if _entries_of_json(text):
        return Piece(text, 0, len(text))
    return found_in(needle, text)


@lru_cache(maxsize=2048)
def needles(text: str, least: int) -> tuple[Piece, ...]:
    """The parts of a value that tell where it came from, each with at least so many characters.

    Raises:
        BuiltinError: there are more than `MOST_NEEDLES`.
    """
    known: dict[str, Piece] = {}
    for piece in _parts(text):
        stripped = piece.text.strip()
        if len(stripped) >= least and _WORD.search(stripped):
            known.setdefault(stripped, Piece(stripped, piece.start, piece.end))
        if len(known) > MOST_NEEDLES:
            raise BuiltinError(f"the value has more than {MOST_NEEDLES} parts to look for")
    return tuple(known.values())


def as_a_whole(text: str, least: int) -> tuple[Piece, ...]:
    """The value itself as its only needle, if it has so many characters."""
    names_something = len(text.strip()) >= least and _WORD.search(text)
    return (Piece(text.strip(), 0, len(text)),) if names_something else ()


def _parts(text: str) -> Iterator[Piece]:
    if len(text) <= LONGEST_WHOLE:
        yield Piece(text, 0, len(text))
    for pattern in (_EMAIL, _LONG_NUMBER):
        yield from _matches(pattern, text)
    for url in _matches(_URL, text):
        yield from (Piece(part, url.start, url.end) for part in _parts_of_url(url.text))
    if "\n" in text or len(text) > LONGEST_WHOLE:
        for line in re.finditer(r"[^\n]+", text):
            if len(_WORD.findall(line.group())) >= _LEAST_WORDS_OF_A_LINE:
                yield Piece(line.group(), line.start(), line.end())
    yield from _decoded(text)


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[Piece]:
    return (Piece(found.group(), *found.span()) for found in pattern.finditer(text))


def _parts_of_url(url: str) -> Iterable[str]:
    yield url
    try:
        parts = urlsplit(url)
        host = parts.hostname
        values = [value for _, value in parse_qsl(parts.query)]
    except ValueError:  # no URL after all: it is looked for as it is
        return
    if host:
        yield host
    yield unquote(parts.path).strip("/")
    yield from values
    if parts.username:
        yield unquote(parts.username)


def _decoded(text: str) -> Iterator[Piece]:
    """What a text hides, one level deep."""
    if "%" in text:
        yield Piece(unquote(text), 0, len(text))
    for found in _matches(_BASE64, text):
        plain = _from_base64(found.text)
        if plain is not None:
            yield Piece(plain, found.start, found.end)
    yield from (Piece(leaf, 0, len(text)) for leaf, _ in _leaves_of_json(text))


def _from_base64(text: str) -> str | None:
    padded = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        plain = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return plain if all(sign.isprintable() or sign.isspace() for sign in plain) else None


def _entries_of_json(text: str) -> list[str]:
    """The entries of an object or a list in JSON; nothing if the text is none."""
    found: list[str] = []
    for leaf, place in _leaves_of_json(text):
        keys = [key for key in place if isinstance(key, str)]
        if keys and keys[-1].casefold() in _FIELDS_OF_ADDRESSES and "@" in leaf:
            found.extend(part for address in getaddresses([leaf]) for part in address if part)
        else:
            found.append(leaf)
    return found


def _leaves_of_json(text: str) -> list[tuple[str, Any]]:
    """The texts and numbers of an object or a list in JSON, each with its place."""
    if text.lstrip()[:1] not in ("{", "["):
        return []
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return list(leaves(value, ()))


def leaves(value: Any, place: Any) -> Iterator[tuple[str, Any]]:
    """The texts and numbers in a JSON value, in order, each with its place below `place`."""
    stack: list[tuple[Any, Any]] = [(value, place)]
    while stack:
        item, at = stack.pop()
        if isinstance(item, str):
            yield item, at
        elif isinstance(item, int | float) and not isinstance(item, bool):
            yield str(item), at
        elif isinstance(item, dict):
            below = [(entry, _below(at, key)) for key, entry in item.items()]
            stack.extend(reversed(below))
        elif isinstance(item, list | tuple):
            below = [(entry, _below(at, number)) for number, entry in enumerate(item)]
            stack.extend(reversed(below))


def _below(place: Any, key: Any) -> Any:
    return (*place, key) if isinstance(place, tuple) else None


class Sources:
    """The texts of a trace that are not the agent's own, to find the first that a needle stands in.

    `add` takes them in the order of the trace, each with whatever stands for it.
    """

    __slots__ = ("_at", "_texts")

    def __init__(self) -> None:
        self._texts: list[tuple[Any, str]] = []
        self._at: dict[str, list[int]] = {}

    def add(self, source: Any, text: str) -> None:
        number = len(self._texts)
        self._texts.append((source, text))
        for words, _ in readings(text):
            for word in words.at:
                numbers = self._at.setdefault(word, [])
                if not numbers or numbers[-1] != number:
                    numbers.append(number)

    def candidates(self, needle: str) -> Iterator[Any]:
        """The sources of the texts that a needle stands in, first to last."""
        wanted = words_of(needle)
        lists = [self._at.get(word, []) for word in wanted.words]
        for number in min(lists, key=len, default=[]):
            source, text = self._texts[number]
            if found_in(needle, text) is not None:
                yield source
