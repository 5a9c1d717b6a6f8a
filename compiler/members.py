"""What stands after a dot or in square brackets: members, entries, methods.

Members come from closed lists (section 12 of the language). On data of the trace an unknown entry
is absent, never an error, so only what can be no entry at all is reported: unknown members of trace
objects, methods that nothing has, members of plain values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.habits import MEMBERS as MEMBER_HABITS
from policyc.compiler.habits import METHODS as METHOD_HABITS
from policyc.compiler.operands import indexed_type, refuse_function
from policyc.compiler.spelling import closest
from policyc.compiler.typesystem import (
    ANY,
    BOOL,
    CALLABLE,
    CONTENT,
    DICT,
    DICT_METHODS,
    ERROR,
    INPUT,
    INT,
    JSON,
    MEMBERS,
    OPTIONAL_TEXT,
    TEXT,
    TEXT_METHODS,
    TUPLE,
    Type,
    family,
    list_of,
    optional,
    present,
)
from policyc.compiler.wording import a, is_text_literal, written
from policyc.grammar.nodes import String

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.compiler.checker import Checker
    from policyc.grammar.nodes import Index, Member, Node

_CONTENT_METHODS = frozenset({"text", "image"})
_ANY_METHODS = TEXT_METHODS | DICT_METHODS | _CONTENT_METHODS
_ONLY_METHODS = frozenset({"strip", "lower", "upper", "splitlines", "startswith", "endswith"})
"""Method names that hardly any JSON object has as a key."""
_TRACE_WORDS = frozenset({"messages", "events", "trace", "history", "tool_calls"})

_TEXT_RESULTS: dict[str, Type] = {
    "strip": TEXT,
    "lower": TEXT,
    "upper": TEXT,
    "format": TEXT,
    "join": TEXT,
    "replace": TEXT,
    "splitlines": list_of(TEXT),
    "split": list_of(TEXT),
    "startswith": BOOL,
    "endswith": BOOL,
    "count": INT,
}
_DICT_RESULTS: dict[str, Type] = {
    "keys": list_of(TEXT),
    "values": list_of(JSON),
    "items": list_of(TUPLE),
    "get": JSON,
}
ARGUMENTS: dict[str, tuple[int, int]] = {
    "strip": (0, 1),
    "lower": (0, 0),
    "upper": (0, 0),
    "splitlines": (0, 1),
    "split": (0, 2),
    "join": (1, 1),
    "replace": (2, 3),
    "startswith": (1, 3),
    "endswith": (1, 3),
    "count": (1, 3),
    "keys": (0, 0),
    "values": (0, 0),
    "items": (0, 0),
    "get": (1, 2),
}
"""How many arguments a method takes, at least and at most; `format` takes any number."""


def member_type(checker: Checker, node: Member, owner: Type, *, is_called: bool) -> Type:
    """The type of `value.name`; of its result if it is called."""
    if owner is ERROR:
        return ERROR
    if owner is INPUT:
        return _input_type(checker, node)
    if owner is ANY:
        return _declared_member(checker, node, is_called=is_called)
    kind = present(owner)
    if kind.name in MEMBERS:
        return _object_member(checker, node, owner, is_called=is_called)
    if owner is CALLABLE:
        refuse_function(checker, node.value)
        return ERROR
    if kind == TEXT:
        return _text_member(checker, node, owner, is_called=is_called)
    if kind == DICT:
        return _dict_member(checker, node, owner, is_called=is_called)
    if owner in (CONTENT, JSON):
        return _data_member(checker, node, owner, is_called=is_called)
    if family(owner) in ("list", "number") or owner.name in ("None", "Violation", "tool pattern"):
        return _no_member(checker, node, owner)
    return ANY


def _input_type(checker: Checker, node: Member) -> Type:
    name = node.name.text
    if name == "data":
        return ANY
    if name in _TRACE_WORDS:
        checker.report(
            "W0724",
            node.span,
            f"`input.{name}` is a parameter of the analysis, not the trace",
            MEMBER_HABITS["input"][name],
        )
    return JSON


def _object_member(checker: Checker, node: Member, owner: Type, *, is_called: bool) -> Type:
    kind = present(owner)
    found = MEMBERS[kind.name].get(node.name.text)
    if found is None:
        checker.report(
            "E0404",
            node.name.span,
            f"{a(kind)} has no member `{node.name.text}`",
            _member_advice(checker, node, kind),
        )
        return ERROR
    if is_called:
        checker.report(
            "E0401",
            node.span,
            f"`{written(node, checker.source)}` is {a(found)}, not a function",
            "leave out the brackets",
        )
        return ERROR
    return found if kind is owner else optional(found)


def _declared_member(checker: Checker, node: Member, *, is_called: bool) -> Type:
    """A member of a predicate's parameter: its type is declared, but not enforced, so only a
    warning.
    """
    declared = checker.declared_types.get(node.value.uid)
    if declared is None or present(declared).name not in MEMBERS:
        return ANY
    found = MEMBERS[present(declared).name].get(node.name.text)
    if found is None:
        checker.report(
            "W0722",
            node.name.span,
            f"{a(declared)} has no member `{node.name.text}`, and the parameter is declared as one",
            _member_advice(checker, node, present(declared)),
        )
    elif not is_called:
        checker.declared_types[node.uid] = found
    return ANY


def _member_advice(checker: Checker, node: Member, kind: Type) -> str:
    name, shown = node.name.text, written(node.value, checker.source)
    habit = MEMBER_HABITS.get(kind.name, {}).get(name)
    if habit:
        return habit.replace("{x}", shown)
    known = MEMBERS[kind.name]
    near = closest(name, known)
    if near:
        return f"did you mean `{near}`?"
    return f"its members are {_enumeration(known)}"


def _text_member(checker: Checker, node: Member, owner: Type, *, is_called: bool) -> Type:
    name = node.name.text
    if is_called:
        if name in TEXT_METHODS:
            result = _TEXT_RESULTS[name]
            return result if owner == TEXT else optional(result)
        return _no_method(checker, node, owner, TEXT_METHODS)
    if is_text_literal(node.value):
        checker.report(
            "E0404",
            node.name.span,
            f"a text has no member `{name}`",
            f"call it: `x.{name}()`" if name in TEXT_METHODS else _methods_advice(TEXT_METHODS),
        )
        return ERROR
    _warn_uncalled(checker, node)
    return JSON  # the text may be a JSON object


def _dict_member(checker: Checker, node: Member, owner: Type, *, is_called: bool) -> Type:
    if not is_called:
        return JSON
    if node.name.text in DICT_METHODS:
        result = _DICT_RESULTS[node.name.text]
        return result if owner == DICT else optional(result)
    if node.name.text not in METHOD_HABITS and node.name.text not in TEXT_METHODS:
        shown = written(node, checker.source)
        checker.report(
            "E0405",
            node.name.span,
            f"a dict has no method `{node.name.text}`",
            f"an entry is read without brackets: `{shown}`",
        )
        return ERROR
    return _no_method(checker, node, owner, DICT_METHODS)


def _data_member(checker: Checker, node: Member, owner: Type, *, is_called: bool) -> Type:
    name = node.name.text
    if not is_called:
        if owner is CONTENT:
            _warn_uncalled(checker, node)
        return JSON
    if name not in _ANY_METHODS:
        return _no_method(checker, node, owner, _ANY_METHODS)
    if name in _CONTENT_METHODS or name in DICT_METHODS:
        return ANY if name in _CONTENT_METHODS else JSON
    result = _TEXT_RESULTS[name]
    return OPTIONAL_TEXT if result == TEXT else optional(result)


def _warn_uncalled(checker: Checker, node: Member) -> None:
    if node.name.text in _ONLY_METHODS:
        shown = written(node, checker.source)
        checker.report(
            "W0723", node.span, f"`{shown}` is a method and is not called", f"write `{shown}()`"
        )


def _no_method(checker: Checker, node: Member, owner: Type, known: frozenset[str]) -> Type:
    name = node.name.text
    near = closest(name, known)
    what = a(owner) if present(owner) in (TEXT, DICT) else "data of the trace"
    checker.report(
        "E0405",
        node.name.span,
        f"{what} has no method `{name}`",
        METHOD_HABITS.get(name) or (f"did you mean `{near}`?" if near else _methods_advice(known)),
    )
    return ERROR


def _methods_advice(known: frozenset[str]) -> str:
    return f"its methods are {_enumeration(sorted(known))}"


def _no_member(checker: Checker, node: Member, owner: Type) -> Type:
    name, shown = node.name.text, written(node.value, checker.source)
    element = present(owner).element
    if element is not None and name in MEMBERS.get(present(element).name, {}):
        advice = (
            f"read it from one element, `{shown}[0].{name}`, or from all: "
            f"`[x.{name} for x in {shown}]`"
        )
    elif name in METHOD_HABITS:
        advice = METHOD_HABITS[name]
    elif family(owner) == "list":
        advice = f"read an element, `{shown}[0]`, or go through it: `[... for x in {shown}]`"
    else:
        advice = "leave it out"
    checker.report("E0404", node.name.span, f"{a(owner)} has no member `{name}`", advice)
    return ERROR


# --- indexes --------------------------------------------------------------------------------------


def index_type(checker: Checker, node: Index, owner: Type, index: Type) -> Type:
    if owner is ERROR or index is ERROR:
        return ERROR
    kind = present(owner)
    if kind.name in MEMBERS or family(kind) == "number" or owner is CALLABLE:
        _refuse_index(checker, node, owner)
        return ERROR
    if kind.name == "list" and family(index) == "text":
        checker.report(
            "E0407",
            node.index.span,
            "an element of a list has a number, not a name",
            f"read one element, `{written(node.value, checker.source)}[0]`, or go through the list",
        )
        return ERROR
    if owner is INPUT:
        return ANY
    return indexed_type(owner)


def _refuse_index(checker: Checker, node: Index, owner: Type) -> None:
    name = _literal(node.index)
    if name is not None and name in MEMBERS.get(present(owner).name, {}):
        advice = f"write `{written(node.value, checker.source)}.{name}`"
    elif owner is CALLABLE:
        advice = "call it with round brackets"
    else:
        advice = "only texts, lists and dicts have entries"
    checker.report(
        "E0407", node.index.span, f"{a(owner)} has no entries in square brackets", advice
    )


def _literal(node: Node) -> str | None:
    return node.value if isinstance(node, String) else None


def _enumeration(names: Iterable[str]) -> str:
    words = [f"`{name}`" for name in names]
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
