"""The texts that the Invariant APIs have for violations and errors.

Clients read the level of a finding from the first `risk=` in its text. So the level of the rule
comes first, and what else says `risk=`, which may come from the trace, is changed.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyc.runtime.results import RuleError, Violation

_LEVEL = re.compile(r"risk=", re.IGNORECASE)


def violation_text(
    violation: Violation,
    events: Sequence[dict[str, Any]],
    default_risk: str,
    *,
    counts_ranges: bool = False,
) -> str:
    """`PolicyViolation(...)`: the arguments of a violation, its level, and how many ranges.

    Args:
        events: the trace, or past and pending events.
        default_risk: the level of a violation that has none; "none": it is left out.
    """
    parts = [" ".join(_argument(value, events) for value in violation.args)]
    parts += (f"{name}={_argument(value, events)}" for name, value in violation.kwargs.items())
    if counts_ranges:
        parts.append(f"ranges=[<{len(violation.ranges)} ranges>]")
    level = violation.risk or default_risk
    return f"PolicyViolation({_with_level(', '.join(parts), level)})"


def error_text(rule: str, message: str) -> str:
    """`PolicyEvaluationError(...)`: a rule that has no answer, of the highest level."""
    return f"PolicyEvaluationError({neutral(f'{rule}: {message}')} [risk=high])"


def rule_error_text(error: RuleError) -> str:
    return error_text(error.rule.name, error.message)


def neutral(text: str) -> str:
    """A text in which no client reads a level."""
    return _LEVEL.sub(lambda found: found[0][:-1] + ":", text)


def _with_level(text: str, level: str) -> str:
    """A text with its level where clients read it: as it is, where the rule says it so itself."""
    if level == "none":
        return neutral(text)
    found = re.findall(r"risk=(\w*)", text, re.IGNORECASE)
    if found == [level] and f"[risk={level}]" in text:
        return text
    return f"[risk={level}] {neutral(text)}"


def _argument(value: Any, events: Sequence[dict[str, Any]]) -> str:
    """An argument as `str` has it: fields with blanks between them, if it is an event."""
    if fields := _fields_of(value):
        return " ".join(_parts(value, fields, _index(value, events)))
    return _nested(value, events) if isinstance(value, list | dict) else str(value)


def _nested(value: Any, events: Sequence[dict[str, Any]]) -> str:
    """A value as `repr` has it: an event in the form of a call."""
    if fields := _fields_of(value):
        parts = _parts(value, fields, _index(value, events))
        return f"{_class_of(fields)}({', '.join(parts)})"
    if isinstance(value, list):
        return f"[{', '.join(_nested(one, events) for one in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {_nested(x, events)}' for name, x in value.items())}}}"
    return repr(value)


_CALL: tuple[str, ...] = ("metadata", "id", "type", "function")
_OUTPUT: tuple[str, ...] = ("metadata", "role", "content", "tool_call_id")
_MESSAGE: tuple[str, ...] = ("metadata", "role", "content", "tool_calls")


def _fields_of(value: Any) -> tuple[str, ...]:
    """The fields that are shown of an event; none: it is no event."""
    if not isinstance(value, dict):
        return ()
    if isinstance(value.get("function"), dict):
        return _CALL
    if "role" not in value or "content" not in value:
        return ()
    return _OUTPUT if value["role"] == "tool" else _MESSAGE


def _class_of(fields: tuple[str, ...]) -> str:
    return {_CALL: "ToolCall", _OUTPUT: "ToolOutput", _MESSAGE: "Message"}[fields]


def _parts(value: dict[str, Any], fields: tuple[str, ...], index: int | None) -> Iterator[str]:
    given = value.get("metadata")
    metadata = dict(given) if isinstance(given, dict) else {}
    if index is not None:
        metadata["trace_idx"] = index
    for name in fields:
        yield f"{name}={_field(name, metadata if name == 'metadata' else value.get(name))}"


def _field(name: str, value: Any) -> str:
    if name == "function":
        return f"Function(name={value.get('name')!r}, arguments={value.get('arguments')!r})"
    if name == "type":
        return repr(value or "function")
    # What is in a message has no place of its own in the trace.
    return _nested(value, ()) if name == "tool_calls" else repr(value)


def _index(value: dict[str, Any], events: Sequence[dict[str, Any]]) -> int | None:
    """The number of an event in the trace; a list of the policy has copies of them."""
    for is_it in (operator.is_, operator.eq):
        for number, event in enumerate(events):
            if is_it(event, value):
                return number
    return None
