"""The texts that the Invariant APIs have for violations and errors.

Clients read the level of a finding from the first `risk=` in its text. So the level of the rule
comes first, and what else says `risk=`, which may come from the trace, is changed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyc.runtime.results import RuleError, Violation

_LEVEL = re.compile(r"risk=", re.IGNORECASE)

_CALL_FIELDS = ("metadata", "id", "type", "function")


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
    places = _places(violation, events)
    parts = [" ".join(_argument(value, places) for value in violation.args)]
    parts += (f"{name}={_argument(value, places)}" for name, value in violation.kwargs.items())
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


def _places(violation: Violation, events: Sequence[dict[str, Any]]) -> list[int]:
    """The events of a violation, by number."""
    found = dict.fromkeys(
        int(text.partition(".")[0]) for text in violation.ranges if text[:1].isdigit()
    )
    return [number for number in found if number < len(events)] if events else []


def _argument(value: Any, places: list[int]) -> str:
    if isinstance(value, dict) and (fields := _fields_of(value)):
        metadata = dict(_mapping(value.get("metadata")))
        if places:
            metadata["trace_idx"] = places[0]
        shown = {**{name: value.get(name) for name in fields}, "metadata": metadata}
        return " ".join(f"{name}={_nested(name, shown[name])}" for name in fields)
    return str(value)


def _fields_of(value: dict[str, Any]) -> tuple[str, ...]:
    """The fields that are shown of an event; none: it is no event."""
    if isinstance(value.get("function"), dict):
        return _CALL_FIELDS
    if "role" not in value or "content" not in value:
        return ()
    if value["role"] == "tool":
        return ("metadata", "role", "content", "tool_call_id")
    return ("metadata", "role", "content", "tool_calls")


def _nested(name: str, value: Any) -> str:
    if name == "function" and isinstance(value, dict):
        return f"Function(name={value.get('name')!r}, arguments={value.get('arguments')!r})"
    if name == "tool_calls" and isinstance(value, list):
        return f"[{', '.join(_call(one) for one in value)}]"
    return repr(value)


def _call(value: Any) -> str:
    if not isinstance(value, dict):
        return repr(value)
    shown = {**value, "metadata": _mapping(value.get("metadata")), "type": "function"}
    return f"ToolCall({', '.join(_call_parts(shown))})"


def _call_parts(value: dict[str, Any]) -> Iterator[str]:
    for name in _CALL_FIELDS:
        yield f"{name}={_nested(name, value.get(name))}"


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
