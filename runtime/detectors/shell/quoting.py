"""Texts behind quotes, escapes and braces."""

from __future__ import annotations

import re
from itertools import pairwise

from policyc.runtime.detectors.shell.budget import MAX_WORDS

_ESCAPE = re.compile(
    r"\\(?:x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|0?[0-7]{1,3}|c.|.)", re.S
)
_LETTERS = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "?": "?",
}


def escapes(text: str) -> str:
    """What `$'...'`, `echo -e` and `printf` make of a text."""
    return _ESCAPE.sub(_escaped, text) if "\\" in text else text


def _escaped(match: re.Match[str]) -> str:
    body = match[0][1:]
    if body in _LETTERS:
        return _LETTERS[body]
    head = body[0]
    if head in "xuU" and len(body) > 1:
        number = int(body[1:], 16)
    elif head in "01234567":
        number = int(body, 8) & 0xFF
    elif head == "c" and len(body) > 1:
        number = ord(body[1]) & 0x1F
    else:
        return match[0]
    # No word holds NUL; a text ends there.
    return chr(number) if 0 < number < 0x110000 else ""


def unescaped(text: str) -> str:
    """A word outside of quotes without its backslashes."""
    return re.sub(r"\\(\n|.)", lambda m: "" if m[1] == "\n" else m[1], text, flags=re.S)


def unescaped_in_quotes(text: str) -> str:
    """A piece between double quotes without the backslashes that mean something there."""
    return re.sub(r'\\([\n$`"\\])', lambda m: "" if m[1] == "\n" else m[1], text)


_RANGE = re.compile(r"(-?\d{1,9}|[A-Za-z])\.\.(-?\d{1,9}|[A-Za-z])(?:\.\.(-?\d{1,9}))?")


def expand_braces(text: str) -> list[str]:
    """The words that `a{b,c}d` and `{1..3}` stand for; the text itself where there is no list."""
    done: list[str] = []
    open_: list[str] = [text]
    while open_:
        word = open_.pop()
        found = _first_list(word) if len(done) + len(open_) < MAX_WORDS else None
        if found is None:
            done.append(word)
            continue
        start, end, parts = found
        open_.extend(word[:start] + part + word[end:] for part in reversed(parts))
    return done


def _first_list(word: str) -> tuple[int, int, list[str]] | None:
    """The first brace list: where it starts and ends, and its parts."""
    at = word.find("{")
    while at >= 0:
        found = _list_at(word, at)
        if found is not None:
            return found
        at = word.find("{", at + 1)
    return None


def _list_at(word: str, at: int) -> tuple[int, int, list[str]] | None:
    depth = 0
    commas: list[int] = []
    for position in range(at, min(len(word), at + 4_096)):
        one = word[position]
        if one == "{":
            depth += 1
        elif one == "," and depth == 1:
            commas.append(position)
        elif one == "}":
            depth -= 1
            if depth == 0:
                return _parts(word, at, position, commas)
    return None


def _parts(word: str, start: int, end: int, commas: list[int]) -> tuple[int, int, list[str]] | None:
    if commas:
        edges = [start, *commas, end]
        parts = [word[a + 1 : b] for a, b in pairwise(edges)]
        return start, end + 1, parts
    match = _RANGE.fullmatch(word, start + 1, end)
    numbers = None if match is None else _range(match[1], match[2], match[3])
    return None if numbers is None else (start, end + 1, numbers)


def _range(first: str, last: str, step: str | None) -> list[str] | None:
    if first.isalpha() != last.isalpha():
        return None
    a, b = (ord(first), ord(last)) if first.isalpha() else (int(first), int(last))
    by = max(1, abs(int(step or "1")))
    numbers = range(a, b + 1, by) if a <= b else range(a, b - 1, -by)
    return [chr(n) if first.isalpha() else str(n) for n in numbers[:MAX_WORDS]]
