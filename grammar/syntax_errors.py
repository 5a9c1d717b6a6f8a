"""Where the parser stopped -> what is wrong there, in the words of the person who wrote it.

The detectors of the `mistakes_*` modules are asked first; what none of them knows is said as what
was found and at most three things that could have stood there instead.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policyc.grammar import (
    mistakes_in_expressions,
    mistakes_in_statements,
    mistakes_in_text,
    mistakes_of_copying,
)
from policyc.grammar.mistakes import NOTHING, Detector, Mistake, Place, ends_value, mistake, shorten
from policyc.grammar.sections import PAIRS

if TYPE_CHECKING:
    from policyc.grammar.problems import SyntaxProblem

_DETECTORS: tuple[Detector, ...] = (
    *mistakes_of_copying.DETECTORS,
    *mistakes_in_text.DETECTORS,
    *mistakes_in_statements.DETECTORS,
    *mistakes_in_expressions.DETECTORS,
    mistakes_in_text.bracket,
)

_BRACKET_NAMES = {"(": "RPAR", "[": "RSQB", "{": "RBRACE"}
_OPERATORS = frozenset({
    "and", "or", "in", "is", "if", "else", "contains_only",
})  # fmt: skip
_VALUES = frozenset({"NAME", "STRING", "NUMBER"})

# What the parser could have taken, in words, the most telling first. A row counts when all its
# terminals could.
_EXPECTATIONS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"RAISE", "IMPORT", "DEF"}), "a rule, an import or a declaration"),
    (frozenset({"NAME", "STRING", "NUMBER"}), "a value"),
    (frozenset({"NAME", "STRING"}), "a key"),
    (frozenset({"NAME"}), "a name"),
    (frozenset({"RPAR"}), "`)`"),
    (frozenset({"RSQB"}), "`]`"),
    (frozenset({"RBRACE"}), "`}`"),
    (frozenset({"ASSIGN"}), "`:=`"),
    (frozenset({"IMPORT"}), "`import`"),
    (frozenset({"FOR"}), "`for`"),
    (frozenset({"COMMA"}), "`,`"),
    (frozenset({"COMPARISON", "AND"}), "an operator"),
    (frozenset({"NEWLINE"}), "the end of the line"),
    (frozenset({"IN"}), "`in`"),
    (frozenset({"IF"}), "`if`"),
    (frozenset({"COLON"}), "`:`"),
    (frozenset({"LPAR"}), "`(`"),
    (frozenset({"INDENT"}), "a deeper line"),
)


def explain(place: Place, problem: SyntaxProblem | None) -> Mistake:
    """The mistake at a place; `problem` is what the parser itself says about it, where it says
    anything."""
    place = _before_operator(place)
    for detect in _DETECTORS:
        found = detect(place)
        if found is not None:
            return found
    return Mistake(problem) if problem is not None else _unexpected(place)


def _before_operator(place: Place) -> Place:
    """Where a value is wanted the parser takes any word for a name, `and` too, and stops only after
    it."""
    word = place.previous
    taken_for_name = word.kind == "word" and word.text in _OPERATORS
    stopped_after_it = taken_for_name and "COMPARISON" in place.accepted
    if stopped_after_it and not ends_value(place.at(place.index - 2)):
        return replace(place, index=place.index - 1, accepted=_VALUES)
    return place


def _unexpected(place: Place) -> Mistake:
    found = _described(place)
    wanted = _expected(place)
    if not wanted:
        return mistake("E0201", f"{found} cannot stand here", place.span, None)
    return mistake("E0201", f"expected {wanted}, but found {found}", place.span, None)


def _described(place: Place) -> str:
    token = place.token
    if token is NOTHING:
        at_end = not place.text[place.end :].strip()
        return "the end of the file" if at_end else "the end of the line"
    if token.kind == "string":
        return "a text"
    return f"`{shorten(token.text)}`"


def _possible(place: Place) -> frozenset[str]:
    """What could stand at the place, less what only other surroundings allow."""
    opening = place.at(place.enclosing).text if place.enclosing >= 0 else ""
    impossible = {_BRACKET_NAMES[opener] for opener in PAIRS if opener != opening}
    if opening:
        impossible.add("NEWLINE")
    if opening != "[":
        impossible.add("FOR")
    if not opening and place.first.text not in ("from", "import"):
        impossible.add("COMMA")
    if opening != "{":
        impossible.add("COLON")
    return place.accepted - impossible


def _expected(place: Place) -> str:
    possible = _possible(place)
    wanted: list[str] = []
    seen: set[str] = set()
    for terminals, words in _EXPECTATIONS:
        if terminals <= possible and not terminals <= seen:
            wanted.append(words)
            seen |= terminals
            if words.startswith("a rule"):
                seen |= {"NAME"}
            if words == "a value":
                seen |= {"LPAR", "LSQB", "LBRACE"}
            if words == "an operator":
                seen |= {"IN", "IF", "LPAR"}
    wanted = wanted[:3]
    if len(wanted) < 2:
        return "".join(wanted)
    return f"{', '.join(wanted[:-1])} or {wanted[-1]}"
