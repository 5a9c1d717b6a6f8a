"""What a case expects: from the keys of a case to an `Expectation`.

Names of rules must exist in the policy, events and ranges in the trace, so that a slip of the pen
is told and never a case that cannot fail, or cannot pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

from policyc.grammar.diagnostics import Label
from policyc.runtime.testing.case_values import (
    fields_of,
    first_line,
    flag,
    items,
    kind_of,
    known_keys,
    refuse,
    text,
    texts,
)
from policyc.runtime.testing.cases import (
    Expectation,
    ExpectedError,
    ExpectedRisk,
    ExpectedViolation,
)
from policyc.runtime.testing.problems import Problems, spelt
from policyc.runtime.testing.yaml_tree import Fields, Scalar, Value, plain
from policyc.runtime.trace_ranges import as_counted, follow, indexes, parse_range

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyc.compiler.plan import RuleRef
    from policyc.grammar.source import Span
    from policyc.runtime.testing.cases import Events

KEYS: Final = ("violations", "no_violations", "at", "error")
"""The keys of a case that expect something."""

_VIOLATION: Final = (
    "message",
    "rule",
    "risk",
    "ranges",
    "marked",
    "args",
    "kwargs",
    "key",
)
_RISKS: Final[tuple[ExpectedRisk, ...]] = get_args(ExpectedRisk)


@dataclass(frozen=True, slots=True)
class Known:
    """What expectations may speak of: the rules (None: the policy cannot be compiled), the events
    (None: the trace cannot be read) and the indexes of those with a label."""

    rules: Sequence[RuleRef] | None
    events: Events | None
    labels: Mapping[str, int]
    has_past: bool


def read_expectation(fields: Fields, known: Known, problems: Problems) -> Expectation:
    """The expectation of a case; what is wrong with it is told."""
    return _Reader(known, problems).expectation(fields)


class _Reader:
    def __init__(self, known: Known, problems: Problems) -> None:
        self._known = known
        self._problems = problems
        self._counted = None if known.events is None else as_counted(known.events)

    def expectation(self, fields: Fields) -> Expectation:
        violations: tuple[ExpectedViolation, ...] | None = None
        listed, none = fields.entry("violations"), fields.entry("no_violations")
        if listed is not None:
            said = items(listed.value, self._problems, "`violations`", "a list of violations")
            violations = tuple(self._violation(item) for item in said)
        if none is not None:
            if listed is not None:
                first = Label(listed.span, "but violations here")
                message = "`no_violations` contradicts `violations`"
                self._problems.add("T0108", message, none.span, None, first)
            elif not flag(none.value, self._problems, "`no_violations`"):
                message = "`no_violations: false` does not say which violations there are"
                self._problems.add("T0104", message, none.value.span, "list them as `violations:`")
            violations = violations or ()
        at = fields.entry("at")
        error = fields.entry("error")
        return Expectation(
            violations,
            None if at is None else self._at(at.value),
            () if error is None else self._errors(error.value),
        )

    # --- violations

    def _violation(self, value: Value) -> ExpectedViolation:
        line = self._problems.line(value.span)
        if isinstance(value, Scalar) and isinstance(value.value, str):
            return ExpectedViolation(line, message=value.value)
        wanted = "a message, or an object such as {rule: ..., marked: ...}"
        fields = fields_of(value, self._problems, "a violation", wanted)
        if fields is None:
            return ExpectedViolation(line)
        known_keys(fields, _VIOLATION, self._problems, "a violation")
        if not fields.entries:
            hint = f"give at least one of {', '.join(f'`{key}`' for key in _VIOLATION)}"
            self._problems.add("T0107", "nothing is said about this violation", fields.span, hint)
        said: dict[str, Any] = {
            entry.key: getattr(self, f"_{entry.key}")(entry.value)
            for entry in fields.entries
            if entry.key in _VIOLATION
        }
        return ExpectedViolation(line, **said)

    def _message(self, value: Value) -> str | None:
        return text(value, self._problems, "a message")

    def _rule(self, value: Value) -> RuleRef | None:
        rules = self._known.rules
        if rules is None:
            return None
        if isinstance(value, Scalar) and type(value.value) is int:
            if 1 <= value.value <= len(rules):
                return rules[value.value - 1]
            message = f"there is no rule {value.value}"
            hint: str | None = f"the policy has {len(rules)}, counted from 1"
            self._problems.add("T0301", message, value.span, hint)
            return None
        name = text(value, self._problems, "a rule")
        if name is None:
            return None
        named = [rule for rule in rules if rule.name == name]
        if len(named) == 1:
            return named[0]
        if named:
            numbers = [str(number) for number, rule in enumerate(rules, 1) if rule in named]
            message = f"several rules have the name `{name}`"
            hint = f"give the number of one instead: {', '.join(numbers)}"
        else:
            message = f"the policy has no rule `{name}`"
            hint = spelt(name, [rule.name for rule in rules], "its rules are")
        self._problems.add("T0301", message, value.span, hint)
        return None

    def _risk(self, value: Value) -> ExpectedRisk | None:
        name = text(value, self._problems, "a risk")
        if name in _RISKS or name is None:
            return next((risk for risk in _RISKS if risk == name), None)
        message = f"there is no risk `{name}`"
        self._problems.add("T0303", message, value.span, spelt(name, _RISKS, "the risks are"))
        return None

    def _ranges(self, value: Value) -> tuple[str, ...]:
        said = items(value, self._problems, "`ranges`", "a list of ranges")
        return tuple(x for x in (self._range(item) for item in said) if x is not None)

    def _range(self, value: Value) -> str | None:
        written = str(value.written) if isinstance(value, Scalar) else ""
        if not written:
            refuse(self._problems, value, "a range", "a text such as `3.content:0-5`")
            return None
        parts, span = parse_range(written)
        number = self._known.labels.get(parts[0])
        if number is None and not (parts[0].isascii() and parts[0].isdecimal()):
            hint = (
                "a range is the index of an event or its label, a path, and the characters where "
                "it is a part of a text: `3`, `3.tool_calls.0`, `3.content:0-5`"
            )
            problem = (
                f"no event has the label `{parts[0]}`"
                if re.fullmatch(r"[A-Za-z_][\w-]*", parts[0])
                else f"`{written}` is no range"
            )
            near = spelt(parts[0], self._known.labels, "the labels are")
            has_label = problem.startswith("no event") and self._known.labels
            self._problems.add("T0302", problem, value.span, near if has_label else hint)
            return None
        path = (str(int(parts[0]) if number is None else number), *parts[1:])
        if self._counted is not None:
            self._check_place(self._counted, path, span, written, value.span)
        return ".".join(path) + ("" if span is None else f":{span[0]}-{span[1]}")

    def _check_place(
        self,
        events: Events,
        path: tuple[str, ...],
        span: tuple[int, int] | None,
        written: str,
        place: Span,
    ) -> None:
        found = follow(events, path)
        if int(path[0]) >= len(events):
            message = f"`{written}` is outside of the trace"
            self._problems.add("T0302", message, place, _last_event(len(events)))
        elif found is None:
            message = f"there is nothing at `{written}` in the trace"
            self._problems.add("T0302", message, place, _keys_help(events, path))
        elif span is not None and not isinstance(found, str):
            message = f"`{written}` marks characters of something that is no text"
            self._problems.add("T0302", message, place)
        elif span is not None and not span[0] <= span[1] <= len(found):
            message = f"`{written}` is outside of its text"
            self._problems.add("T0302", message, place, f"the text has {len(found)} characters")

    def _marked(self, value: Value) -> tuple[str, ...] | None:
        if isinstance(value, Scalar) and value.value == "":
            return ("",)
        return texts(value, self._problems, "`marked`")

    def _args(self, value: Value) -> list[Any]:
        items(value, self._problems, "`args`", "a list of values")
        found = plain(value)
        return found if isinstance(found, list) else []

    def _kwargs(self, value: Value) -> dict[str, Any]:
        fields = fields_of(value, self._problems, "`kwargs`")
        return {} if fields is None else plain(fields)

    def _key(self, value: Value) -> str | None:
        return text(value, self._problems, "a key")

    # --- events and errors

    def _at(self, value: Value) -> int | None:
        if self._known.has_past:
            message = "`at` needs a whole trace"
            hint: str | None = "with `past` and `pending` all pending events are judged at once"
            self._problems.add("T0108", message, value.span, hint)
            return None
        number: Any = value.value if isinstance(value, Scalar) else None
        if isinstance(number, str):
            if number not in self._known.labels:
                message = f"no event has the label `{number}`"
                hint = spelt(number, self._known.labels, "the labels are")
                self._problems.add("T0205", message, value.span, hint)
            return self._known.labels.get(number)
        if type(number) is not int:
            wanted = "the index of an event, from 0, or its label"
            self._problems.add(
                "T0104", f"`at` must be {wanted}, this is {kind_of(value)}", value.span
            )
            return None
        if self._known.events is None or self._counted is None:
            return number
        if not 0 <= number < len(self._counted):
            message = f"event {number} is outside of the trace"
            self._problems.add("T0205", message, value.span, _last_event(len(self._counted)))
            return None
        # Of a tool: the event that lists it.
        return max(index for index in indexes(self._known.events) if index <= number)

    def _errors(self, value: Value) -> tuple[ExpectedError, ...]:
        if isinstance(value, Scalar | Fields):
            return (self._error(value),)
        said = items(value, self._problems, "`error`")
        if not said:
            message = "`error` must not be empty: leave it out where no rule fails"
            self._problems.add("T0107", message, value.span)
        return tuple(self._error(item) for item in said)

    def _error(self, value: Value) -> ExpectedError:
        line = self._problems.line(value.span)
        if isinstance(value, Scalar):
            return ExpectedError(line, text=text(value, self._problems, "an error") or "")
        fields = fields_of(value, self._problems, "an error", "a text or {rule: ..., text: ...}")
        if fields is None:
            return ExpectedError(line)
        known_keys(fields, ("rule", "text"), self._problems, "an error")
        rule, said = fields.get("rule"), fields.get("text")
        if rule is None and said is None:
            place = first_line(self._problems, fields)
            self._problems.add("T0107", "nothing is said about this error", place)
        return ExpectedError(
            line,
            None if rule is None else self._rule(rule),
            (text(said, self._problems, "`text`") if said is not None else None) or "",
        )


def _last_event(count: int) -> str:
    return f"its last event is {count - 1}, counted from 0" if count else "it has no events"


def _keys_help(events: Events, path: tuple[str, ...]) -> str | None:
    """What there is where a path leads to nothing."""
    for length in range(len(path) - 1, 0, -1):
        found = follow(events, path[:length])
        if isinstance(found, dict):
            known = [key for key, value in found.items() if value is not None]
            return spelt(path[length], known, f"`{'.'.join(path[:length])}` has")
    return None
