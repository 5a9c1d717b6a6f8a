"""Where the parser stopped -> what is wrong there, in the words of the person who wrote it.

The detectors of the `mistakes_*` modules are asked first; what none of them knows is said as what was found
and at most three things that could have stood there instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.grammar import mistakes_in_expressions, mistakes_in_statements, mistakes_in_text
from policyc.grammar.mistakes import NOTHING, Detector, Mistake, Place, mistake

if TYPE_CHECKING:
    from policyc.grammar.problems import SyntaxProblem

_DETECTORS: tuple[Detector, ...] = (
    *mistakes_in_text.DETECTORS,
    *mistakes_in_statements.FIRST,
    *mistakes_in_expressions.DETECTORS,
    *mistakes_in_statements.LATER,
    mistakes_in_text.bracket,
)

# What the parser could have taken, in words, the most telling first. A row counts when all its terminals could.
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
    """The mistake at a place; `problem` is what the parser itself says about it, where it says anything."""
    for detect in _DETECTORS:
        found = detect(place)
        if found is not None:
            return found
    return Mistake(problem) if problem is not None else _unexpected(place)


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
    text = token.text.split("\n", 1)[0]
    return f"`{text}`" if len(text) <= 40 else f"`{text[:37]}...`"


def _expected(place: Place) -> str:
    wanted: list[str] = []
    seen: set[str] = set()
    for terminals, words in _EXPECTATIONS:
        if terminals <= place.accepted and not terminals <= seen:
            wanted.append(words)
            seen |= terminals
            if words == "a value":
                seen |= {"LPAR", "LSQB", "LBRACE"}
            if words == "an operator":
                seen |= {"IN", "IF", "LPAR"}
    wanted = wanted[:3]
    if len(wanted) < 2:
        return "".join(wanted)
    return f"{', '.join(wanted[:-1])} or {wanted[-1]}"
