"""What an analysis answers: violations, rules that failed, and whether the trace is blocked.

Violations are found as coordinates and written out (arguments, ranges, key) when they are first
looked at, so that a gate that only asks `if result:` does not pay for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any, overload

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.events import shown, to_json

if TYPE_CHECKING:
    from policyc.compiler.plan import RuleRef


class Violation:
    """One model of a rule.

    `message`: the first argument where that is a text, else empty. `args`, `kwargs`: what the rule
    raised, as JSON values. `ranges`: places in the trace, `"0.content:11-16"` (characters, end
    exclusive) or `"1.tool_calls.0"`. `rule`: name, path and line. `key`: the rule's number and the
    event of each variable, as in `(0, (1, 3))`. `risk`: `"low"`, `"medium"`, `"high"` or None, from
    the rule's own text. `secrets`: those of the ranges that hold credentials; reports mask them.
    """

    __slots__ = ("args", "key", "kwargs", "message", "ranges", "risk", "rule", "secrets")

    def __init__(
        self,
        rule: RuleRef,
        args: list[Any],
        kwargs: dict[str, Any],
        ranges: list[str],
        key: str,
        risk: str | None,
        secrets: list[str] | None = None,
    ) -> None:
        self.rule = rule
        self.args = args
        self.kwargs = kwargs
        self.message = args[0] if args and isinstance(args[0], str) else ""
        self.ranges = ranges
        self.key = key
        self.risk = risk
        self.secrets = secrets or []

    def to_dict(self) -> dict[str, Any]:
        """The JSON form that `policyc eval --format json` prints."""
        return {
            "message": self.message,
            "args": self.args,
            "kwargs": self.kwargs,
            "ranges": self.ranges,
            "rule": self.rule.to_dict(),
            "key": self.key,
            "risk": self.risk,
        }

    def __str__(self) -> str:
        parts = [_shown(arg) for arg in self.args]
        parts.extend(f"{name}={_shown(value)}" for name, value in self.kwargs.items())
        return " ".join(parts)

    def __repr__(self) -> str:
        return f"Violation({self}, ranges={self.ranges})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Violation) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]  # holds lists


def _shown(value: Any) -> str:
    """An argument in the text of a violation: an event by its content."""
    if isinstance(value, dict) and isinstance(value.get("content"), str) and "role" in value:
        return str(value["content"])
    return shown(value)


class RuleError:
    """A rule that could not be evaluated; the verdicts of the other rules stand.

    `line` and `column` (1-based) are the place in the policy, `bindings` the variables bound at
    that moment as JSON values, `cause` the exception. Of a pickled error only a cause of policyc's
    own is left: those of hosts may not allow it.
    """

    __slots__ = ("bindings", "cause", "column", "line", "message", "rule")

    def __init__(
        self,
        rule: RuleRef,
        message: str,
        line: int,
        column: int,
        bindings: dict[str, Any],
        cause: BaseException | None,
    ) -> None:
        self.rule = rule
        self.message = message
        self.line = line
        self.column = column
        self.bindings = bindings
        self.cause = cause

    def to_dict(self) -> dict[str, Any]:
        """The JSON form that `policyc eval --format json` prints."""
        return {
            "rule": self.rule.to_dict(),
            "message": self.message,
            "line": self.line,
            "column": self.column,
        }

    def __str__(self) -> str:
        place = f"{self.rule.path or '<policy>'}:{self.line}:{self.column}"
        return f"rule `{self.rule.name}` failed at {place}: {self.message}"

    def __repr__(self) -> str:
        return f"RuleError({self})"

    def __reduce__(self) -> tuple[Any, ...]:
        cause = self.cause if isinstance(self.cause, PolicycError) else None
        place = (self.line, self.column)
        return (RuleError, (self.rule, self.message, *place, self.bindings, cause))


_WRITING = RLock()
"""Held while a result is written out: one for all, since making one for each costs more."""


class AnalysisResult(Sequence[Violation]):
    """The violations of an analysis in the order of rules and trace, and the rules that failed.

    A sequence of its violations that is true exactly when it blocks: `if monitor.append(event):
    refuse()` fails closed. Several threads may look at one.
    """

    __slots__ = ("_blocked", "_build", "_errors", "_found")

    def __init__(
        self,
        found: Sequence[Any] = (),
        build: Callable[[Any], Violation] | None = None,
        errors: Sequence[RuleError] = (),
    ) -> None:
        self._found = found
        self._build = build
        self._errors = errors
        self._blocked = bool(found) or bool(errors)

    @property
    def violations(self) -> list[Violation]:
        """The violations, rule by rule in policy order, then in trace order."""
        if self._build is not None:
            with _WRITING:
                if self._build is not None:
                    self._found = [self._build(match) for match in self._found]
                    # What they were made from is not needed any more: the trace, above all.
                    self._build = None
        return list(self._found)

    @property
    def errors(self) -> list[RuleError]:
        """The rules that could not be evaluated."""
        return list(self._errors)

    @property
    def blocked(self) -> bool:
        """Whether there is a violation or a rule that failed."""
        return self._blocked

    def to_dict(self) -> dict[str, Any]:
        """The JSON form that `policyc eval --format json` prints."""
        return {
            "violations": [violation.to_dict() for violation in self.violations],
            "errors": [error.to_dict() for error in self._errors],
            "blocked": self.blocked,
        }

    def __bool__(self) -> bool:
        return self._blocked

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> Violation: ...
    @overload
    def __getitem__(self, index: slice) -> list[Violation]: ...
    def __getitem__(self, index: int | slice) -> Violation | list[Violation]:
        return self.violations[index]

    def __iter__(self) -> Iterator[Violation]:
        return iter(self.violations)

    def __repr__(self) -> str:
        return f"AnalysisResult(violations={self.violations}, errors={self.errors})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.violations, None, self.errors))


NOTHING = AnalysisResult()
"""The result of an analysis that found nothing; it holds nothing, so it is shared."""


class UnhandledViolations(PolicycError):
    """Raised by `analyze(..., raise_on_violation=True)` where the result blocks; `result` is what
    was found."""

    def __init__(self, result: AnalysisResult) -> None:
        self.result = result
        self.violations = result.violations
        self.errors = result.errors
        lines = [str(violation) for violation in result.violations]
        lines.extend(str(error) for error in result.errors)
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[Any, ...]:
        return (UnhandledViolations, (self.result,))


def json_bindings(values: dict[str, Any]) -> dict[str, Any]:
    """Bindings as JSON values for a `RuleError`."""
    return {name: to_json(value) for name, value in values.items()}
