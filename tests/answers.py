"""What a result says, in the short forms that tests compare."""

from __future__ import annotations

from ast import literal_eval
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from policyc import AnalysisResult


def args(result: AnalysisResult) -> list[list[Any]]:
    """The arguments of each violation after its message."""
    return [violation.args[1:] for violation in result]


def keys(result: AnalysisResult) -> list[tuple[int, ...]]:
    """The events of each violation, by the alphabet of its variables."""
    return [literal_eval(violation.key)[1] for violation in result]


def messages(result: AnalysisResult) -> list[str]:
    return [violation.message for violation in result]


def ranges(result: AnalysisResult) -> list[list[str]]:
    return [violation.ranges for violation in result]


def errors(result: AnalysisResult) -> list[tuple[int, str]]:
    """Line and message of each rule that failed."""
    return [(error.line, error.message) for error in result.errors]
