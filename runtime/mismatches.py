"""Why two values do not fit, in a few words: comparisons, flows, tool patterns, absent entries.

Takes values that a condition saw, gives the sentence that an explanation shows next to them; empty
where the values say it all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.compiler import plan as p
from policyc.compiler.patterns import compile_pattern, compile_value_pattern
from policyc.compiler.spelling import closest
from policyc.grammar.diagnostics import PolicycError
from policyc.grammar.printable import printable
from policyc.runtime import values
from policyc.runtime.events import Chunks, Message, Tool, ToolCall, ToolOutput
from policyc.runtime.excerpts import counted, place_text, shown
from policyc.runtime.failures import EvaluationError
from policyc.runtime.traces import UNPARSED, arguments_of
from policyc.runtime.values import ABSENT, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.runtime.events import Place
    from policyc.runtime.history import History
    from policyc.runtime.interpreter import Frame, Interpreter

MOST_NAMES = 8
"""Names of a list that are written out."""


def names(found: Iterable[Any]) -> str:
    """Names in backticks, as many as can be read."""
    known = [f"`{printable(str(name))[:40]}`" for name in found]
    shown_names = ", ".join(known[:MOST_NAMES])
    return (
        f"{shown_names} and {len(known) - MOST_NAMES} more"
        if len(known) > MOST_NAMES
        else shown_names
    )


# --- comparisons --------------------------------------------------------------------------------


def comparison(operator: str, left: Any, right: Any) -> str:
    """Why `left operator right` is false."""
    if operator in ("==", "is"):
        return _inequality(left, right)
    if operator == "!=":
        return "they are equal"
    if operator == "in":
        return _no_member(left, right)
    if operator == "contains_only":
        return _lacking(left, right)
    if any(side is None or side is ABSENT for side in (left, right)):
        return "nothing is smaller or larger than a missing value"
    return ""


def _inequality(left: Any, right: Any) -> str:
    if isinstance(left, str) and isinstance(right, str):
        if left.casefold() == right.casefold():
            return "they differ in upper and lower case only"
        if left.split() == right.split():
            return "they differ in white space only"
        return ""
    is_text = isinstance(left, str), isinstance(right, str)
    is_number = isinstance(left, int | float), isinstance(right, int | float)
    if (is_text[0] and is_number[1]) or (is_number[0] and is_text[1]):
        return "a text never equals a number"
    return ""


def _no_member(left: Any, right: Any) -> str:
    if right is None or right is ABSENT:
        return "there is nothing to look into"
    if isinstance(right, str) and isinstance(left, str):
        at = right.casefold().find(left.casefold())
        if at >= 0:
            return "it occurs with other upper and lower case"
        return f"it does not occur in the text of {counted(len(right), 'character')}"
    if isinstance(right, Chunks):
        return f"it occurs in none of {counted(len(right.data), 'chunk')}"
    if isinstance(right, dict):
        return f"the keys are {names(right)}" if right else "there are no keys"
    if isinstance(right, list | tuple | set | frozenset):
        return (
            f"it is none of {counted(len(right), 'element')}" if right else "there are no elements"
        )
    return ""


def _lacking(left: Any, right: Any) -> str:
    known = left if isinstance(left, list | tuple | set | frozenset | dict) else ()
    for item in right if isinstance(right, list | tuple | set | frozenset | dict) else ():
        if not any(values.equals(item, other) for other in known):
            return f"the left side lacks {shown(item)}"
    return ""


# --- flows --------------------------------------------------------------------------------------


def flow(history: History, left: Any, right: Any, *, immediate: bool) -> str:
    """Why `left -> right` is false, or `left ~> right` where `immediate`."""
    for side, value in (("left", left), ("right", right)):
        if not isinstance(value, Message | ToolCall | ToolOutput | Tool):
            return f"the {side} side is {kind_of(value)}, which has no place in the order of events"
    before, after = history.order(left), history.order(right)
    if before == after:
        return f"both are {place_text(left.place)}"
    if before > after:
        return f"{place_text(left.place)} comes after {place_text(right.place)}"
    if immediate:
        previous = history.predecessor(after)
        if previous is not None:
            number, part = previous
            place: Place = (number,) if part < 0 else (number, "tool_calls", part)
            return f"{place_text(right.place)} comes right after {place_text(place)}"
    return ""


# --- tool patterns ------------------------------------------------------------------------------


def tool(interpreter: Interpreter, e: p.MatchTool, frame: Frame) -> tuple[str, Place | None]:
    """Why a value is no such tool call, and the place in the trace that tells it."""
    value = interpreter.eval(e.value, frame)
    call = value
    if isinstance(value, ToolOutput):
        call = interpreter.history.call_of(value)
        if call is None:
            identifier = shown(value.data.get("tool_call_id"))
            return f"no tool call before this output has its id {identifier}", value.place
    if not isinstance(call, ToolCall):
        return f"{kind_of(call)} is no tool call", None
    function = values.member(call, "function")
    if not interpreter.eval(p.MatchTool(e.value, e.name, e.wildcard), frame):
        name = values.member(function, "name")
        return _other_tool(e.name, name), (*function.place, "name")
    if e.arguments is None:
        return "", call.place
    arguments = arguments_of(function.data)
    if list(arguments) == [UNPARSED]:
        text = f"the arguments are no JSON object: {shown(arguments[UNPARSED])}"
        return text, (*function.place, "arguments")
    below, text = _misfit(interpreter, e.arguments, arguments, frame, ())
    return text, (*function.place, "arguments", *below)


def _other_tool(wanted: str, name: Any) -> str:
    if not isinstance(name, str):
        return "the call names no tool"
    said = f"the tool is `{printable(name)}`"
    if closest(wanted, (name,)) is not None:
        return f"{said}, a similar name"
    return said


def _misfit(
    interpreter: Interpreter, pattern: p.Pattern, value: Any, frame: Frame, path: Place
) -> tuple[Place, str]:
    """The innermost place of the arguments that does not fit, and why."""
    match pattern:
        case p.DictPattern(keys=keys, values=entries) if isinstance(value, dict):
            for key, entry in zip(keys, entries, strict=True):
                if key not in value:
                    return path, _missing_key(key, value, path)
                if not interpreter.matches(entry, value[key], frame):
                    return _misfit(interpreter, entry, value[key], frame, (*path, key))
        case p.ListPattern(items=items) if isinstance(value, list):
            if len(items) != len(value):
                size = counted(len(value), "element")
                return path, f"{_argument(path)} has {size}, the pattern {len(items)}"
            for number, (item, entry) in enumerate(zip(items, value, strict=True)):
                if not interpreter.matches(item, entry, frame):
                    return _misfit(interpreter, item, entry, frame, (*path, number))
    return path, f"{_argument(path)} is {shown(value)}{_unlike(interpreter, pattern, value, frame)}"


def _argument(path: Place) -> str:
    written = ".".join(map(str, path))
    return f"argument `{printable(written)}`" if path else "the arguments"


def _missing_key(key: str, value: dict[str, Any], path: Place) -> str:
    missing = f"there is no argument `{printable('.'.join(map(str, (*path, key))))}`"
    similar = closest(key, [str(name) for name in value])
    if similar is not None:
        return f"{missing}, but `{printable(similar)}`"
    return f"{missing}, there are {names(value)}" if value else f"{missing}, there are none"


def _unlike(interpreter: Interpreter, pattern: p.Pattern, value: Any, frame: Frame) -> str:
    match pattern:
        case p.TextPattern(text=text):
            if not isinstance(value, str):
                return f", no text that {shown(text)} could match"
            return f", which {shown(text)} does not match{_partly(text, value)}"
        case p.EqualValue(value=expression):
            return f", not {shown(interpreter.eval(expression, frame))}"
        case p.DetectorPattern(name=name):
            return f", in which no {name} was found"
        case p.ListPattern():
            return ", no list"
        case p.DictPattern():
            return ", no object"
        case p.AnyValue():
            return ""


def _partly(text: str, value: str) -> str:
    """What is nearly right about a text pattern: it fits a part, or in other case."""
    try:
        if compile_value_pattern(text).fullmatch(value.strip()) is not None:
            return " because of white space around it"
        if next(iter(compile_pattern(text).finditer(value)), None) is not None:
            return " as a whole, only a part of it"
    except PolicycError:
        return ""
    if text.casefold() == value.casefold():
        return " because of upper and lower case"
    return ""


# --- regular expressions ------------------------------------------------------------------------


def no_match(pattern: str, texts: list[str]) -> str:
    """Why `match(pattern, ...)` is false: the pattern fits, but not where `match` looks."""
    try:
        compiled = compile_pattern(pattern)
        for text in texts:
            for start, _ in compiled.finditer(text):
                return f"`match` looks at the start of a text only, the pattern fits at {start}"
    except PolicycError:
        pass
    return ""


# --- absent entries -----------------------------------------------------------------------------


def absence(interpreter: Interpreter, e: p.Expr, frame: Frame) -> str:
    """Why an entry is absent: what its owner holds instead."""
    match e:
        case p.GetMember(value=owner, name=key):
            pass
        case p.GetIndex(value=owner, index=index):
            key = shown(interpreter.eval(index, frame))
        case p.CallMethod(value=owner, name=key):
            pass
        case _:
            return ""
    try:
        value = interpreter.eval(owner, frame)
    except EvaluationError:
        return ""
    if value is ABSENT:
        return absence(interpreter, owner, frame)
    if value is None:
        return f"None has no `{printable(str(key))}`"
    if isinstance(value, dict):
        return f"the entries are {names(value)}" if value else "there are no entries"
    if isinstance(value, list | tuple):
        return f"there are only {counted(len(value), 'element')}"
    if isinstance(value, str):
        return "the text is no JSON object with this entry"
    return f"this {type(value).__name__} has none" if hasattr(value, "place") else ""
