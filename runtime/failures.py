"""Errors of evaluation: what a rule raises inside, and what the host sees of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.grammar.diagnostics import PolicycError

if TYPE_CHECKING:
    from policyc.grammar.source import Span


class EvaluationError(PolicycError):
    """An expression that has no value: refused member, unlike operands, a missing parameter.

    `span` is the place in the policy, once known. The engine turns it into a `RuleError`.
    """

    def __init__(self, message: str, span: Span | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.span = span


class MissingParameter(EvaluationError):
    """A rule needs `input.name` and the analysis was not given it."""

    def __init__(self, name: str, span: Span | None = None) -> None:
        super().__init__(
            f"missing policy parameter `{name}`: pass it as `{name}=...` to the analysis", span
        )
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return (MissingParameter, (self.name, self.span))


class LimitExceeded(PolicycError):
    """A budget set by the host is used up.

    `rule` is the name of the rule, `limit` what was reached.
    """

    def __init__(self, rule: str, limit: str) -> None:
        super().__init__(f"rule `{rule}` reached its limit of {limit}")
        self.rule = rule
        self.limit = limit

    def __reduce__(self) -> tuple[type[LimitExceeded], tuple[str, str]]:
        return (type(self), (self.rule, self.limit))


class BackendError(PolicycError):
    """A backend that could not be reached or did not answer as it should."""
