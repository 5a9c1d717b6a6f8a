"""What stood around a policy where it was copied: fences, prompts, line numbers, sentences."""

from __future__ import annotations

import re
from itertools import pairwise

from policyc.grammar.layout import Edit
from policyc.grammar.mistakes import OPERATOR_WORDS, Detector, Mistake, Place, mistake, shorten
from policyc.grammar.mistakes_in_statements import starts_foreign_statement
from policyc.grammar.operators import RESERVED
from policyc.grammar.source import Span

_PROMPTS = frozenset({">>>", "...", ">"})
_WORD = re.compile(r"[A-Za-z]+(?:['\u2019][a-z]+)?[,.;:!?]?")


def fence(place: Place) -> Mistake | None:
    first = place.first
    if place.index > 1:
        return None
    if not first.text.startswith("```") and not (first.text == place.at(1).text == "~"):
        return None
    return mistake(
        "E0110",
        "this marks a block of code on a page and is no part of a policy",
        Span(first.start, first.end),
        "remove this line",
        Edit(first.start, _line_end(place)),
    )


def prompt(place: Place) -> Mistake | None:
    """The prompts of Python, the mark of a quoted mail, an ellipsis for what is left out."""
    first = place.first
    if place.index > 1 or first.text not in _PROMPTS:
        return None
    edit = Edit(first.start, first.end)
    what = "the mark of a quotation" if first.text == ">" else "a prompt"
    is_left_out = first.text == "..." and ">>>" not in place.text[: first.start]
    if len(place.tokens) == 1 and is_left_out:
        return mistake(
            "E0110",
            f"`{first.text}` stands where something was left out, and is no part of a policy",
            first.span,
            "write the lines that belong here, or remove it",
            edit,
        )
    return mistake(
        "E0110",
        f"`{first.text}` is {what} and no part of a policy",
        first.span,
        "remove it in front of each line",
        edit,
    ).told_once()


def line_number(place: Place) -> Mistake | None:
    first, second = place.first, place.at(1)
    if place.index > (3 if second.text == "(" else 1) or not first.text.isdigit():
        return None
    if second.kind not in ("word", "string") and second.text not in ("|", ":", "("):
        return None
    stop = second.end if second.text in ("|", ":") else first.end
    return mistake(
        "E0110",
        "this line starts with a line number",
        first.span,
        "remove the numbers in front of the lines",
        Edit(first.start, stop),
    ).told_once()


def command(place: Place) -> Mistake | None:
    """A line of a terminal: `$ cat policy.inv`."""
    first, second = place.first, place.at(1)
    if first.text != "$" or second.start <= first.end or not _is_at_margin(place):
        return None
    return mistake(
        "E0110",
        "`$` starts a command of a terminal, which is no part of a policy",
        Span(first.start, place.end),
        "remove this line",
        Edit(first.start, _line_end(place)),
    )


def sentence(place: Place) -> Mistake | None:
    """A line of prose at the margin, such as what a chat writes around a policy."""
    first = place.first
    if not _is_at_margin(place) or first.kind != "word" or first.text in RESERVED:
        return None
    if starts_foreign_statement(place):
        return None
    end = _line_end(place)
    line = place.text[first.start : end].rstrip()
    if not _is_sentence(line):
        return None
    return mistake(
        "E0110",
        f"`{shorten(line)}` reads as a sentence and is no part of a policy",
        Span(first.start, first.start + len(line)),
        "remove this line, or start it with `#`",
        Edit(first.start, end),
    )


def _is_sentence(line: str) -> bool:
    """At least three words and nothing else, of which two neighbours are no operators."""
    words = line.split()
    if len(words) < 3 or not all(_WORD.fullmatch(word) for word in words):
        return False
    plain = [word.rstrip(",.;:!?").lower() not in OPERATOR_WORDS for word in words]
    return any(left and right for left, right in pairwise(plain))


def _is_at_margin(place: Place) -> bool:
    return place.first.start == 0 or place.text[place.first.start - 1] == "\n"


def _line_end(place: Place) -> int:
    end = place.text.find("\n", place.first.start)
    return len(place.text) if end < 0 else end


DETECTORS: tuple[Detector, ...] = (fence, prompt, line_number, command, sentence)
"""Asked before all others: in a sentence an apostrophe opens no text."""
