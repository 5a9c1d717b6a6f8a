# ruff: noqa: RUF001 - the ambiguous characters are what this module is about
"""Mistakes of characters: quotes, invisible and foreign signs, brackets, numbers, things copied
from a page."""

from __future__ import annotations

import re
import unicodedata

from policyc.grammar.diagnostics import Label
from policyc.grammar.layout import Edit
from policyc.grammar.mistakes import Detector, Mistake, Place, mistake, shorten
from policyc.grammar.sections import CLOSERS, PAIRS
from policyc.grammar.source import Span

# What may close a text that a typographic quote opens, likeliest first.
_QUOTES = {"“": '”“"', "”": '”"', "„": '“”"', "‘": "’‘'", "’": "’'", "‚": "‘’'", "«": "»", "»": "«"}
_SIGNS = {
    "→": "->",
    "⟶": "->",
    "⇒": "->",
    "➜": "->",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "＝": "==",
    "≡": "==",
    "∧": "and",
    "∨": "or",
    "¬": "not",
    "∈": "in",
    "−": "-",
    "–": "-",
    "—": "-",
    "×": "*",
    "÷": "/",
    "（": "(",
    "）": ")",
    "［": "[",
    "］": "]",
    "｛": "{",
    "｝": "}",
    "：": ":",
    "，": ",",
    "、": ",",
    "．": ".",
    "＜": "<",
    "＞": ">",
}
_ENTITIES = {"gt": ">", "lt": "<", "amp": "&", "quot": '"', "apos": "'", "nbsp": " ", "rarr": "->"}
_SIMPLE_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def unclosed_text(place: Place) -> Mistake | None:
    token = place.token
    if token.kind != "open":
        return None
    wrong = re.search("[“”„‘’]", token.text)
    if wrong:
        at = token.start + wrong.start()
        quote = token.text.lstrip("rRfF")[0]
        return mistake(
            "E0101",
            f"`{wrong.group()}` does not close a text that `{quote}` opens",
            Span(at, at + 1),
            f"write `{quote}` here",
            Edit(token.start, at + 1, place.text[token.start : at] + quote),
        )
    quotes = token.text.lstrip("rRfF")
    quotes = quotes[:3] if quotes[:3] in ('"""', "'''") else quotes[0]
    hint = f"close it with `{quotes}`"
    if len(quotes) == 1:
        hint = (
            f"close it with `{quotes}` on the same line; a text over several lines stands between "
        )
        hint += f"`{quotes * 3}`"
    return mistake("E0106", "this text is never closed", token.span, hint)


def typographic_quote(place: Place) -> Mistake | None:
    token = place.token
    if token.text not in _QUOTES:
        return None
    line_end = place.text.find("\n", token.end)
    line_end = len(place.text) if line_end < 0 else line_end
    closing = -1
    for quote in _QUOTES[token.text]:
        closing = place.text.find(quote, token.end, line_end)
        if closing >= 0:
            break
    hint = 'write the text between straight quotes: `"..."`'
    message = f"`{token.text}` is no quote of the language"
    if closing < 0:
        return mistake("E0101", message, token.span, hint)
    content = place.text[token.end : closing]
    edit = Edit(token.start, closing + 1, '"' + content.replace('"', '\\"') + '"')
    return mistake("E0101", message, token.span, hint, edit)


def foreign_sign(place: Place) -> Mistake | None:
    token = place.token
    meant = _SIGNS.get(token.text)
    if meant is None:
        return None
    edit = Edit(token.start, token.end, meant)
    return mistake(
        "E0101", f"`{token.text}` is no sign of the language", token.span, f"write `{meant}`", edit
    )


def invisible_character(place: Place) -> Mistake | None:
    token = place.token
    char = token.text[:1]
    if not char or token.kind not in ("symbol", "word") or (char.isascii() and char.isprintable()):
        return None
    category = unicodedata.category(char)
    if category[0] not in "CZ":
        return None
    edit = Edit(token.start, token.start + 1)
    before, after = place.previous, place.following
    if before.kind == after.kind == "word" and before.end == token.start == after.start - 1:
        start = before.start - place.text.startswith(".", before.start - 1)
        edit = Edit(start, after.end, place.text[start : before.end] + after.text)
    return mistake(
        "E0101",
        f"here is {_described(char)}",
        Span(token.start, token.start + 1),
        "delete it, and type a blank if one is wanted",
        edit,
    )


def _described(char: str) -> str:
    name = unicodedata.name(char, "").lower()
    number = f"U+{ord(char):04X}"
    return (
        f"an invisible character, {number} ({name})" if name else f"a control character, {number}"
    )


def foreign_letter(place: Place) -> Mistake | None:
    token = place.token
    if token.kind not in ("word", "symbol") or token.text.isascii():
        return None
    if token.kind == "word":
        return mistake(
            "E0101",
            f"the name `{shorten(token.text)}` has letters other than `a` to `z`",
            token.span,
            "write names with the letters `a` to `z`, digits and `_`",
        )
    return mistake(
        "E0101",
        f"`{token.text}` has no meaning in a policy",
        token.span,
        "remove it, or put it into a text in quotes",
    )


def html_entity(place: Place) -> Mistake | None:
    """`&gt;` and the like: text copied from the source of a page."""
    for index in (place.index, place.index - 1, place.index - 2):
        if place.at(index).text == "&" and place.at(index + 2).text == ";":
            meant = _ENTITIES.get(place.at(index + 1).text)
            if meant is not None:
                break
    else:
        return None
    first, last = place.at(index), place.at(index + 2)
    span = Span(first.start, last.end)
    entity = place.text[span.start : span.end]
    if meant == '"':
        edit = _quoted_by_entities(place, index)
    else:
        stop = last.end
        if place.text.startswith("=", stop) and meant in "<>":
            meant, stop = meant + "=", stop + 1
        edit = Edit(first.start, stop, meant.strip())
    return mistake(
        "E0110",
        f"`{entity}` is a sign as web pages write it",
        span,
        f"write `{meant}` itself" if meant.strip() else "write a blank",
        *([edit] if edit else []),
    )


def _quoted_by_entities(place: Place, index: int) -> Edit | None:
    start = place.at(index).start
    close = place.text.find("&quot;", start + 6, place.end)
    if close < 0:
        return None
    return Edit(start, close + 6, f'"{place.text[start + 6 : close]}"')


def foreign_comment(place: Place) -> Mistake | None:
    token = place.token
    if token.kind == "foreign":
        end = token.end
    elif token.text == "//" and (_is_prose(place) or place.is_first_in_line(place.index)):
        end = place.text.find("\n", token.start)
        end = len(place.text) if end < 0 else end
    elif place.first.text == "--" and place.index <= 2:
        token, end = place.first, place.end
    else:
        return None
    return mistake(
        "E0208",
        f"`{token.text[:2]}` starts no comment here",
        Span(token.start, token.start + 2),
        "start comments with `#`",
        Edit(token.start, end),
    )


def _is_prose(place: Place) -> bool:
    """Two words side by side after the slashes, or nothing: no operand of a division."""
    first, second = place.at(place.index + 1), place.at(place.index + 2)
    return first.kind != "number" and (first.kind != "word" or second.kind in ("word", "end"))


def continued_by_backslash(place: Place) -> Mistake | None:
    token = place.token
    if token.text != "\\":
        return None
    rest = re.compile(r"\\[ \t]*\r?\n[ \t]*").match(place.text, token.start)
    if rest is None:
        return mistake(
            "E0101",
            "a backslash has no meaning outside of a text",
            token.span,
            "remove it, or put the text into quotes",
        )
    return mistake(
        "E0101",
        "a backslash does not join lines",
        token.span,
        "remove it: a line goes on inside brackets and after an operator",
        Edit(token.start, rest.end()),
    )


def malformed_number(place: Place) -> Mistake | None:
    previous = place.previous
    if place.token.kind == previous.kind == "number" and previous.end == place.token.start:
        span = Span(previous.start, place.token.end)
        return mistake(
            "E0227",
            f"`{shorten(place.text[span.start : span.end])}` is no number of the language",
            span,
            "write versions and addresses as texts in quotes",
        )
    for index in (place.index, place.index - 1):
        token = place.at(index)
        if token.kind == "number" and not _SIMPLE_NUMBER.fullmatch(token.text):
            break
    else:
        return None
    text = shorten(token.text)
    meant = _plain_number(token.text)
    if meant is not None:
        hint = f"write `{meant}`"
        return mistake(
            "E0227",
            f"`{text}` is no number of the language",
            token.span,
            hint,
            Edit(token.start, token.end, meant),
        )
    return mistake(
        "E0227",
        f"`{text}` is neither a number nor a name",
        token.span,
        "write numbers as `12`, `1.5` or `1e3`; a name cannot start with a digit",
    )


def _plain_number(text: str) -> str | None:
    if len(text) > 40:
        return None
    plain = text.replace("_", "")
    if _SIMPLE_NUMBER.fullmatch(plain):
        return plain
    try:
        return str(int(plain, 0))
    except ValueError:
        return None


def bracket(place: Place) -> Mistake | None:
    """A closing bracket that fits no opening one, or an opening one that is never closed."""
    token = place.token
    if token.text in CLOSERS:
        return _closing_bracket(place)
    # An unclosed bracket shows where the next line starts, or at the end.
    if place.index < len(place.tokens) and not place.is_first_in_line(place.index):
        return None
    opening = place.enclosing
    if opening < 0 or opening in place.pairs:
        return None
    opener = place.at(opening)
    closer = PAIRS[opener.text]
    edit = () if place.is_header or token.kind != "end" else (Edit(place.end, place.end, closer),)
    return mistake(
        "E0107",
        f"this `{opener.text}` is never closed",
        opener.span,
        f"add the missing `{closer}`",
        *edit,
    )


def _closing_bracket(place: Place) -> Mistake | None:
    token = place.token
    if place.enclosing < 0:
        return mistake(
            "E0108",
            f"this `{token.text}` closes nothing",
            token.span,
            f"remove it, or add the `{CLOSERS[token.text]}` that it belongs to",
            Edit(token.start, token.end),
        )
    opener = place.at(place.enclosing)
    wanted = PAIRS[opener.text]
    if token.text == wanted:
        return None
    if place.enclosing not in place.pairs and place.index in place.pairs.values():
        return mistake(
            "E0107",
            f"this `{opener.text}` is never closed",
            opener.span,
            f"add the missing `{wanted}`",
            Edit(token.start, token.start, wanted),
        )
    return mistake(
        "E0108",
        f"`{token.text}` does not close the `{opener.text}` before it",
        token.span,
        f"write `{wanted}` here, or check the brackets between",
        Edit(token.start, token.end, wanted),
        labels=(Label(opener.span, "opened here"),),
    )


DETECTORS: tuple[Detector, ...] = (
    unclosed_text,
    typographic_quote,
    foreign_sign,
    invisible_character,
    foreign_letter,
    html_entity,
    foreign_comment,
    continued_by_backslash,
    malformed_number,
)
"""Asked before the others; `bracket` is asked after those that know more about what is inside
brackets."""
