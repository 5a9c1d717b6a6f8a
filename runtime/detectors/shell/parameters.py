"""What `${name...}` makes of a value that is known."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass

from policyc.runtime.detectors.shell.values import UNKNOWN


@dataclass(frozen=True, slots=True)
class Expansion:
    """The parts of `${!name[index]operator rest}`; `length` is `${#name}`."""

    name: str
    index: str | None
    operator: str
    rest: str
    is_indirect: bool
    is_length: bool


_FORM = re.compile(
    r"\$\{(?P<mark>[!#]?)(?P<name>\w+|[@*#?$!-])(?:\[(?P<index>[^\]]*)\])?"
    r"(?P<operator>:?[-=+?]|##?|%%?|//?|/[#%]|\^\^?|,,?|@|:)?(?P<rest>.*)\}",
    re.S,
)


def read(text: str) -> Expansion | None:
    """The parts of an expansion as it is written, or None if it has another form."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    mark = match["mark"]
    return Expansion(
        match["name"],
        match["index"],
        match["operator"] or "",
        match["rest"],
        mark == "!",
        mark == "#",
    )


def apply(operator: str, rest: str, value: str) -> str:
    """A value after an operator; unknown where the operator or the value is."""
    if UNKNOWN in value and operator not in ("^", "^^", ",", ",,"):
        return _partly(operator, rest, value)
    match operator:
        case "":
            return value
        case ":":
            return _slice(rest, value)
        case "#" | "##" | "%" | "%%":
            return _cut(operator, rest, value)
        case "/" | "//" | "/#" | "/%":
            return _replaced(operator, rest, value)
        case "^" | "^^":
            return value.upper() if operator == "^^" else value[:1].upper() + value[1:]
        case "," | ",,":
            return value.lower() if operator == ",," else value[:1].lower() + value[1:]
        case "@":
            return value.upper() if rest == "U" else value.lower() if rest == "L" else value
        case _:
            return UNKNOWN


def _partly(operator: str, rest: str, value: str) -> str:
    """An operator on a value with an unknown piece: what comes before it can still be cut."""
    known = value.split(UNKNOWN, 1)[0]
    match = re.fullmatch(r"\s*(\d{1,6})\s*:\s*(\d{1,6})\s*", rest)
    if operator == ":" and match is not None and int(match[1]) + int(match[2]) <= len(known):
        return known[int(match[1]) : int(match[1]) + int(match[2])]
    return value if operator == "" else UNKNOWN


def _slice(rest: str, value: str) -> str:
    match = re.fullmatch(r"\s*\(?\s*(-?\d{1,9})\s*\)?\s*(?::\s*(-?\d{1,9})\s*)?", rest)
    if match is None:
        return UNKNOWN
    start = int(match[1])
    start = max(0, len(value) + start) if start < 0 else start
    if match[2] is None:
        return value[start:]
    length = int(match[2])
    return value[start:length] if length < 0 else value[start : start + length]


def _pattern(text: str) -> str:
    text = re.sub(r"\\(.)", lambda m: f"[{m[1]}]", text)
    text = text.strip("\"'")
    # Two stars say nothing more than one, and cost much.
    return fnmatch.translate(re.sub(r"\*+", "*", text)).removesuffix(r"\Z")


def _cut(operator: str, rest: str, value: str) -> str:
    if UNKNOWN in rest or rest.count("*") > 4 or len(value) > 4_096:
        return UNKNOWN
    pattern = re.compile(_pattern(rest))
    ends = range(len(value) + 1)
    if operator[0] == "#":
        order = ends if operator == "#" else reversed(ends)
        return next((value[n:] for n in order if pattern.fullmatch(value, 0, n)), value)
    order = reversed(ends) if operator == "%" else ends
    return next((value[:n] for n in order if pattern.fullmatch(value, n)), value)


def _replaced(operator: str, rest: str, value: str) -> str:
    old, _, new = re.sub(r"\\/", UNKNOWN, rest).partition("/")
    old, new = old.replace(UNKNOWN, "/"), new.replace(UNKNOWN, "/").strip("\"'")
    if not old or len(value) > 4_096:
        return value if not old else UNKNOWN
    if re.search(r"[*?\[]", old) is None:
        plain = re.sub(r"\\(.)", r"\1", old).strip("\"'")
        if operator == "/#":
            return new + value[len(plain) :] if value.startswith(plain) else value
        if operator == "/%":
            return value[: -len(plain)] + new if value.endswith(plain) else value
        return value.replace(plain, new, -1 if operator == "//" else 1)
    if old.count("*") > 2:
        return UNKNOWN
    source = _pattern(old)
    return re.sub(source, lambda _: new, value, count=0 if operator == "//" else 1)
