"""Operators that other languages have, or that nobody has, and what to write here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.grammar.layout import Edit
from policyc.grammar.mistakes import (
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

_OPERATORS = {
    "&&": "and",
    "||": "or",
    "&": "and",
    "|": "or",
    "===": "==",
    "!==": "!=",
    "<>": "!=",
    "=<": "<=",
    "-->": "->",
    "?.": ".",
    "::": ".",
    "AND": "and",
    "And": "and",
    "OR": "or",
    "Or": "or",
    "IN": "in",
    "IS": "is",
    "eq": "==",
    "equals": "==",
    "isnot": "is not",
    "isin": "in",
}
_NOT = frozenset({"!", "~", "NOT", "Not", "¬"})
_ON_A_LINE = "write the condition on a line of its own"
# Operators without a counterpart of the same shape.
_ADVICE = {
    "//": "write `/`; if this is a comment, start it with `#`",
    "^": "write `**` for a power, or `!=` between two conditions of which one must hold",
    "++": "names keep their values: write another name, `n := m + 1`",
    "--": "names keep their values: write another name, `n := m - 1`",
    "??": "write `a if a is not None else b`",
    "=~": "write `match(pattern, text)` or `find(pattern, text)`",
    "!~": "write `not match(pattern, text)`",
    "<-": "write `(x: str) in values` for a variable over values",
    "contains": 'write the part first: `"x" in text`',
    "includes": 'write the part first: `"x" in text`',
    "has": "write the part first: `x in values`",
    "matches": "write `match(pattern, text)` or `find(pattern, text)`",
    "like": "write `match(pattern, text)` or `find(pattern, text)`",
    **dict.fromkeys(("startswith", "starts", "begins"), 'write `x.startswith("text")`'),
    **dict.fromkeys(("endswith", "ends"), 'write `x.endswith("text")`'),
    "instanceof": "declare a variable of the type: `(x: ToolCall)`",
    "xor": "write `a != b`",
    "implies": "write `not a or b`",
    "where": _ON_A_LINE,
    "when": _ON_A_LINE,
    "with": _ON_A_LINE,
    "having": _ON_A_LINE,
    "between": "write `low <= x <= high`",
    "then": "write the conditions of a rule on lines of their own, without `then`",
    "before": "write `a -> b`: a comes before b",
    "after": "write `b -> a`: a comes after b",
}


# Operators that are read here as two signs.
_DOUBLE_SIGNS = {
    "~=": _ADVICE["=~"],
    ">>": "write `a -> b`: a comes before b",
    "<<": "write `b -> a`: b comes before a",
    "|>": "write a call: `f(x)`, or `x.lower()` for a method",
}


def double_sign(place: Place) -> Mistake | None:
    for index in (place.index, place.index - 1):
        span = Span(place.at(index).start, place.at(index + 1).end)
        written = place.text[span.start : span.end]
        if written in _DOUBLE_SIGNS and place.at(index).kind == "symbol":
            message = f"`{written}` is not an operator here"
            edits = [Edit(span.start, span.end, "->")] if written == ">>" else []
            return mistake("E0202", message, span, _DOUBLE_SIGNS[written], *edits)
    return None


def flow_in_words(place: Place) -> Mistake | None:
    """`(a: ToolCall) followed by (b: ToolCall)`, `(a: ToolCall) then (b: ToolCall)`."""
    token, last = place.token, place.token
    if token.text == "followed" and place.following.text == "by":
        last = place.following
    elif token.text != "then" or place.previous.text != ")" or place.following.text != "(":
        return None
    span = Span(token.start, last.end)
    return mistake(
        "E0202",
        f"`{place.text[span.start : span.end]}` is not an operator here",
        span,
        "write `a -> b`: a comes before b",
        Edit(span.start, span.end, "->"),
    )


def foreign_operator(place: Place) -> Mistake | None:
    token = place.token
    if token.kind not in ("symbol", "word"):
        return None
    if token.kind == "word" and not (ends_value(place.previous) and place.index):
        return None
    meant = _OPERATORS.get(token.text)
    if token.text == "::" and place.following.kind == "string":  # an entity of Cedar
        edit = Edit(place.previous.start, token.end)
        return _operator(token, f"write the text alone: `{shorten(place.following.text)}`", edit)
    if meant == ".":  # one lexeme with the name after it
        edit = Edit(token.start, place.following.end, f".{place.following.text}")
        return _operator(token, "write `.`", edit)
    if meant is not None:
        edit = Edit(token.start, token.end, meant)
        return _operator(token, f"write `{meant}`", edit)
    if token.text == "=>":
        return mistake(
            "E0202",
            "`=>` is not an operator here",
            token.span,
            "write `->` between two events, `>=` to compare",
            Edit(token.start, token.end, "->"),
        )
    advice = _ADVICE.get(token.text)
    return _operator(token, advice) if advice else None


def _operator(token: RawToken, hint: str, *edits: Edit) -> Mistake:
    return mistake("E0202", f"`{token.text}` is not an operator here", token.span, hint, *edits)


def foreign_not(place: Place) -> Mistake | None:
    for index in (place.index, place.index - 1):
        token = place.at(index)
        if token.text in _NOT and not ends_value(place.at(index - 1)):
            break
    else:
        return None
    after = place.at(index + 1)
    if not starts_value(after) and after.text not in _NOT:
        return None
    return _operator(token, "write `not`", Edit(token.start, token.end, "not"))


def misplaced_not(place: Place) -> Mistake | None:
    """`is not in`, `is in`, `not is`, `not ==`."""
    words = [place.at(place.index + offset) for offset in (-3, -2, -1, 0, 1)]
    texts = [word.text for word in words]
    for pattern, instead in (
        (["is", "not", "in"], "not in"),
        (["is", "in"], "in"),
        (["not", "is"], "is not"),
        (["not", "=="], "!="),
        (["not", "!="], "=="),
        (["not", "contains_only"], ""),
    ):
        for start in range(len(texts) - len(pattern) + 1):
            if texts[start : start + len(pattern)] == pattern and start + len(pattern) > 2:
                first, last = words[start], words[start + len(pattern) - 1]
                span = Span(first.start, last.end)
                hint = f"write `{instead}`" if instead else "write `not` before the comparison"
                edits = [Edit(span.start, span.end, instead)] if instead else []
                message = f"`{' '.join(pattern)}` is not an operator"
                return mistake("E0230", message, span, hint, *edits)
    return None


DETECTORS: tuple[Detector, ...] = (
    misplaced_not,
    foreign_not,
    double_sign,
    flow_in_words,
    foreign_operator,
)
