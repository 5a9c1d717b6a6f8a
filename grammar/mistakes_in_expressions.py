"""Mistakes inside a condition: literals and forms of other languages, what is missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.grammar import mistakes_in_operators
from policyc.grammar.layout import Edit
from policyc.grammar.mistakes import (
    NOTHING,
    Detector,
    Mistake,
    Place,
    ends_value,
    mistake,
    shorten,
    starts_value,
)
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.grammar.sections import RawToken

# --- equals signs and assignments -----------------------------------------------------------------


def equals_sign(place: Place) -> Mistake | None:
    token = place.token
    after_name = place.index == 1 and place.previous.kind == "word"
    if token.text in ("+=", "-=", "*=", "/=", "%="):
        return mistake(
            "E0214",
            "names keep the value they are given",
            token.span,
            f"use another name: `total := {shorten(place.previous.text)} {token.text[0]} ...`",
        )
    if token.text == ":=":
        return _assignment(place)
    if token.text not in ("=", "==", ":") or (token.text != "=" and not place.is_header):
        return None
    if place.is_header:
        if token.text == "==" and not place.first.text.isupper():
            return None  # a condition that strayed, not a constant
        if not after_name and not _declares_predicate(place):
            return None if token.text != "=" else _comparison(place)
        end = token.end
        if token.text == ":" and place.at(place.index + 2).text == "=":  # `X: str = "a"`
            end = place.at(place.index + 2).end
        return mistake(
            "E0203",
            f"`{token.text}` declares nothing",
            token.span,
            f"write `{shorten(place.first.text)} := ...`"
            if after_name
            else "write `:=` after the brackets",
            Edit(token.start, end, ":="),
        )
    if after_name:
        name = shorten(place.previous.text)
        edits = [Edit(token.start, token.end, ":=")] if place.following is not NOTHING else []
        return mistake(
            "E0203",
            "`=` neither compares nor names a value",
            token.span,
            f"write `{name} == ...` to compare, `{name} := ...` to name a value",
            *edits,
        )
    return _comparison(place)


def _declares_predicate(place: Place) -> bool:
    return place.token.text == "=" and place.previous.text == ")" and place.at(1).text == "("


def _comparison(place: Place) -> Mistake:
    token = place.token
    return mistake(
        "E0203",
        "`=` does not compare",
        token.span,
        "write `==`",
        Edit(token.start, token.end, "=="),
    )


def _assignment(place: Place) -> Mistake:
    token, previous = place.token, place.previous
    if place.enclosing >= 0:
        hint = "give the value its name on a line of its own, before this one"
        message = "a name cannot be given inside an expression"
        edits: tuple[Edit, ...] = ()
    else:
        hint = "left of `:=` stands one name: `name := value`"
        message = "this cannot be given a value"
        edits = ()
    start = previous.start if previous is not NOTHING else token.start
    return mistake("E0214", message, Span(start, token.end), hint, *edits)


# --- brackets and what they hold ------------------------------------------------------------------


def slice_(place: Place) -> Mistake | None:
    opening = place.enclosing
    if place.token.text not in (":", "::") or opening < 0 or place.at(opening).text != "[":
        return None
    if not place.is_call(opening):
        return None
    close = place.pairs.get(opening, place.index)
    return mistake(
        "E0207",
        "slices do not exist here",
        Span(place.at(opening).start, place.at(close).end),
        "take one element, `x[0]`, or search a text with `find(pattern, text)`",
    )


def tuple_(place: Place) -> Mistake | None:
    opening = place.enclosing
    if place.token.text != ",":
        return None
    if opening < 0:
        return mistake(
            "E0209",
            "values side by side need square brackets",
            place.span,
            "write `[a, b]` for a list",
        )
    if place.at(opening).text != "(" or place.is_call(opening):
        return None
    close = place.pairs.get(opening)
    edits = []
    shown = "a, b"
    if close is not None:
        opener, closer = place.at(opening), place.at(close)
        shown = _shown_items(place.text[opener.end : closer.start])
        edits = [Edit(opener.start, opener.end, "["), Edit(closer.start, closer.end, "]")]
    return mistake(
        "E0209",
        "round brackets hold one value",
        place.span,
        f"write a list: `[{shown}]`",
        *edits,
    )


def _shown_items(inner: str) -> str:
    """What stands between brackets, or an example where it is too much to show."""
    inner = inner.strip().rstrip(",")
    return inner if len(inner) <= 40 and "\n" not in inner and "`" not in inner else "a, b"


def object_form(place: Place) -> Mistake | None:
    """`{a, b}`, `{f(x): 1}` and the like."""
    opening = place.enclosing
    if opening < 0 or place.at(opening).text != "{" or place.token.text == "for":
        return None
    opener = place.at(opening)
    key = _key_before(place, opening)
    if key is None or key.text in (",", "}"):
        return None
    if place.token.text in (",", "}"):
        close = place.pairs.get(opening)
        edits = []
        shown = "a, b"
        if close is not None and opening + 2 >= place.index:
            closer = place.at(close)
            edits = [Edit(opener.start, opener.end, "["), Edit(closer.start, closer.end, "]")]
            shown = _shown_items(place.text[opener.end : closer.start])
        return mistake(
            "E0210",
            "an object has a value for each key",
            Span(key.start, key.end),
            f"write `{{key: value}}` for an object, `[{shown}]` for a list",
            *edits,
        )
    return mistake(
        "E0210",
        "the key of an object is a name or a text",
        Span(key.start, place.token.end or place.end),
        'write `{key: value}` or `{"key": value}`',
    )


def _key_before(place: Place, opening: int) -> RawToken | None:
    """What stands where a key of the object should, if the place is at it or right after it."""
    for index in (place.index, place.index - 1):
        if place.at(index - 1) is place.at(opening) or (
            place.at(index - 1).text == "," and index - 1 > opening
        ):
            return place.at(index) if place.at(index) is not NOTHING else None
    return None


def comprehension(place: Place) -> Mistake | None:
    token, opening = place.token, place.enclosing
    if opening < 0:
        return None
    opener = place.at(opening)
    inside = [t.text for t in place.tokens[opening + 1 : place.index]]
    if token.text == "for" and opener.text == "{":
        return _comprehension(token, "only lists are built with `for`", "write `[x for x in xs]`")
    if token.text in ("for", "async") and "for" in inside and opener.text == "[":
        return _comprehension(
            token,
            "a list is built with one `for`",
            "build the inner list in brackets of its own: `[[y for y in x] for x in xs]`",
        )
    if token.text == "for" and opener.text == "(":
        return _generator(place, opening)
    if token.text == "if" and inside.count("if") == 1 and "for" in inside:
        return _comprehension(token, "a list is built with one `if`", "join them with `and`")
    if token.text == "," and place.at(place.index - 2).text == "for":
        return _comprehension(
            token,
            "a list is built with one variable",
            "take the parts of a pair by index: `[p[0] for p in pairs]`",
        )
    return None


def _comprehension(token: RawToken, message: str, hint: str) -> Mistake:
    return mistake("E0211", message, token.span, hint)


def _generator(place: Place, opening: int) -> Mistake:
    opener = place.at(opening)
    close = place.pairs.get(opening)
    edits = []
    if close is not None:
        closer = place.at(close)
        if place.is_call(opening):
            edits = [
                Edit(opener.end, opener.end, "["),
                Edit(closer.start, closer.start, "]"),
            ]
        else:
            edits = [Edit(opener.start, opener.end, "["), Edit(closer.start, closer.end, "]")]
    return mistake(
        "E0211",
        "this list has no square brackets",
        place.token.span,
        "write `any([x for x in xs])`",
        *edits,
    )


def starred_argument(place: Place) -> Mistake | None:
    for index in (place.index, place.index - 1):
        token = place.at(index)
        if token.text in ("*", "**") and place.at(index - 1).text in ("(", ",", "[", "{"):
            return mistake(
                "E0212",
                f"`{token.text}` spreads nothing here",
                token.span,
                "write each argument",
            )
    return None


# --- literals and names of other languages --------------------------------------------------------


def lambda_(place: Place) -> Mistake | None:
    before = [place.at(place.index - back) for back in (0, 1, 2)]
    found = next((t for t in before if t.text in ("lambda", "function")), None)
    arrow = place.token.text == "=>" and place.enclosing >= 0
    if found is None and not arrow:
        return None
    shown = (found or place.token).text
    return mistake(
        "E0229",
        f"functions without a name, such as `{shown}` makes, do not exist here",
        (found or place.token).span,
        "write a list, `[x.name for x in xs]`, or declare a predicate: `name(x: Message) := ...`",
    )


def conditional_sign(place: Place) -> Mistake | None:
    if place.token.text != "?":
        return None
    return mistake("E0221", "`?` chooses nothing here", place.span, "write `a if condition else b`")


def sign_before_name(place: Place) -> Mistake | None:
    token, after = place.token, place.following
    if token.text not in ("$", "@") or after.kind not in ("word", "symbol"):
        return None
    return mistake(
        "E0220",
        f"names have no `{token.text}` before them",
        token.span,
        "remove it",
        Edit(token.start, token.end),
    )


_REGEX = re.compile(r"/((?:[^/\\\n]|\\.)+)/[a-z]*")


def foreign_literal(place: Place) -> Mistake | None:
    token = place.token
    if token.text == "`":
        close = place.text.find("`", token.end, place.end)
        edits = []
        if close >= 0 and '"' not in place.text[token.end : close]:
            content = place.text[token.end : close]
            edits = [Edit(token.start, close + 1, f'"{content}"')] if "\n" not in content else []
        return mistake(
            "E0219",
            "this quote starts no text here",
            token.span,
            'write texts as `"..."`, with values as `f"{x}"`',
            *edits,
        )
    if token.text in ("/", "//") and not ends_value(place.previous):
        found = _REGEX.match(place.text, token.start)
        if found is None:
            return None
        edits = []
        shown = "a+"
        if '"' not in found.group(1):
            edits = [Edit(token.start, found.end(), f'"{found.group(1)}"')]
            shown = shorten(found.group(1)).replace("`", "'")
        return mistake(
            "E0219",
            "regular expressions are written as texts",
            Span(token.start, found.end()),
            f'write the expression in quotes: `"{shown}"`',
            *edits,
        )
    previous = place.previous
    if token.kind == "string" and previous.kind == "word" and previous.end == token.start:
        return mistake(
            "E0219",
            f"texts have no prefix `{previous.text}`",
            previous.span,
            "remove it; `r` and `f` are the prefixes there are",
            Edit(previous.start, previous.end),
        )
    return None


def missing_operator(place: Place) -> Mistake | None:
    token, previous = place.token, place.previous
    if token is NOTHING or not ends_value(previous) or not starts_value(token):
        return None
    if place.is_first_in_line(place.index) or token.text == "not":
        return None
    if previous.kind == "string" and previous.text[0] in "fF" and previous.end == token.start:
        return mistake(
            "E0224",
            "a quote between the braces ends the whole text",
            previous.span,
            "use the other kind of quotes between the braces",
        )
    if previous.kind == "string" and previous.end == token.start and token.kind == "word":
        return mistake(
            "E0225",
            f"the text `{shorten(previous.text)}` ends right before `{shorten(token.text)}`",
            previous.span,
            "put a text that contains this quote between quotes of the other kind",
        )
    span = Span(previous.end, token.start)
    between = span if span.start < span.end else token.span
    opening = place.at(place.enclosing).text if place.enclosing >= 0 else ""
    if previous.kind == "string" and token.kind == "string" and opening not in ("[", "{"):
        hint = "join texts with `+`, or put an operator between them"
        edits = [Edit(span.start, span.start, "+")]
    elif opening in ("[", "{") or (opening == "(" and place.is_call(place.enclosing)):
        hint = "put a comma between them"
        edits = [Edit(span.start, span.start, ",")]
    elif _follows_variable(place):
        hint = "write the condition on a line of its own"
        edits = [Edit(span.start, span.start, "and")]
    else:
        hint = "put an operator such as `and`, `==` or `in` between them"
        edits = []
    return mistake(
        "E0225",
        f"nothing joins `{shorten(previous.text)}` and `{shorten(token.text)}`",
        Span(previous.start, token.end)
        if "\n" not in place.text[span.start : span.end]
        else between,
        hint,
        *edits,
    )


def _follows_variable(place: Place) -> bool:
    """Whether the place comes right after `(name: Type)`."""
    start = place.index - 5
    return [place.at(start + offset).text for offset in (0, 2, 4)] == ["(", ":", ")"] and all(
        place.at(start + offset).kind == "word" for offset in (1, 3)
    )


def missing_member(place: Place) -> Mistake | None:
    if place.token.text not in (".", "..."):
        return None
    return mistake(
        "E0201",
        "the name of a member is missing after this dot",
        place.span,
        'write `x.name`, or `x["any key"]`',
    )


def missing_tool_name(place: Place) -> Mistake | None:
    for index in (place.index, place.index - 1):
        if place.at(index).text == ":" and place.at(index - 1).text == "tool":
            return mistake(
                "E0201",
                "the name of the tool is missing after `tool:`",
                Span(place.at(index - 1).start, place.at(index).end),
                'write `tool:send_email`, or `tool:"any name"`',
            )
    return None


def empty_brackets(place: Place) -> Mistake | None:
    if place.token.text != ")" or place.previous.text != "(":
        return None
    return mistake(
        "E0201",
        "there is nothing between these brackets",
        Span(place.previous.start, place.token.end),
        "write `[]` for an empty list",
        Edit(place.previous.start, place.previous.end, "["),
        Edit(place.token.start, place.token.end, "]"),
    )


DETECTORS: tuple[Detector, ...] = (
    lambda_,
    slice_,
    *mistakes_in_operators.DETECTORS,
    foreign_literal,
    equals_sign,
    conditional_sign,
    sign_before_name,
    comprehension,
    starred_argument,
    tuple_,
    object_form,
    empty_brackets,
    missing_member,
    missing_tool_name,
    missing_operator,
)
