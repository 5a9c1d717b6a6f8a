"""Puts policyc in the place of invariant-ai, for the tests that its wheel ships.

A pytest plugin for the environment that has both (see `test_upstream.py`). The names that those
tests import (`Policy`, `Monitor`, `parse`, ...) are exchanged before they are collected; what they
use to write traces and to look at trees stays theirs. Results get the reference's attribute names
and nothing more: what policyc answers is not mended.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import invariant.analyzer as reference
from invariant.analyzer.runtime.range import Range
from invariant.analyzer.runtime.runtime_errors import (
    ExcessivePolicyError,
    InvariantAttributeError,
    InvariantInputValidationError,
    MissingPolicyParameter,
)
from invariant.analyzer.stdlib.invariant.errors import (
    AnalysisResult,
    ErrorInformation,
    PolicyLoadingError,
    UnhandledError,
)

import policyc
from policyc.compiler.frontend import check_source
from policyc.grammar import parser
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue
from policyc.runtime.failures import MissingParameter
from tests.conformance.upstream.trees import to_reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.grammar.diagnostics import Diagnostic

    Events = list[dict[str, Any]]


class Policy:
    """`invariant.analyzer.Policy`. Made from a text, or from what `parse` gave."""

    def __init__(self, root: Any) -> None:
        self.policy = _compile(root.source)

    @classmethod
    def from_string(cls, text: str, path: str | None = None, **_options: Any) -> Policy:
        made = cls.__new__(cls)
        made.policy = _compile(text, path)
        return made

    def analyze(
        self, trace: Events, raise_unhandled: Any = False, **parameters: Any
    ) -> AnalysisResult:
        result = _adapted(lambda: self.policy.analyze(trace, **parameters))
        if raise_unhandled and result.errors:
            raise UnhandledError(result.errors)
        return result


class Monitor:
    """`invariant.analyzer.Monitor`."""

    def __init__(self, policy: policyc.Policy, parameters: dict[str, Any]) -> None:
        self.monitor = policy.monitor(**parameters)

    @classmethod
    def from_string(cls, text: str, **parameters: Any) -> Monitor:
        return cls(_compile(text), parameters)

    def analyze(self, trace: Events) -> AnalysisResult:
        return _adapted(lambda: self.monitor.analyze(trace))

    def analyze_pending(self, past: Events, pending: Events) -> AnalysisResult:
        return _adapted(lambda: self.monitor.check(past, pending))

    def check(self, past: Events, pending: Events) -> list[ErrorInformation]:
        errors: list[ErrorInformation] = self.analyze_pending(past, pending).errors
        return errors


def parse(text: str, path: str | None = None, **_options: Any) -> Any:
    """`invariant.analyzer.parse`: the tree in the classes of the reference, and what is wrong."""
    source = Source(text, path)
    root = to_reference(parser.parse(source).tree)
    root.source = text
    root.errors = _errors(check_source(source, catalogue()).diagnostics)
    return root


def analyze_trace(text: str, trace: Any) -> AnalysisResult:
    """`invariant.analyzer.policy.analyze_trace`."""
    return Policy.from_string(text).analyze(trace if isinstance(trace, list) else [trace])


def _compile(text: str, path: str | None = None) -> policyc.Policy:
    try:
        return policyc.Policy.from_string(text, path)
    except policyc.PolicyError as error:
        errors = _errors(error.diagnostics)
        raise PolicyLoadingError("\n".join(map(_excerpt, errors)), errors) from error


def _errors(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    return [found for found in diagnostics if found.severity == "error"]


def _excerpt(diagnostic: Diagnostic) -> str:
    """The line and the caret under the column."""
    line = diagnostic.source.text.splitlines()[diagnostic.line - 1]
    return f"{line}\n{' ' * (diagnostic.column - 1)}^\n{diagnostic.message}"


def _adapted(analyze: Any) -> AnalysisResult:
    """A result of policyc as one of the reference; rules that failed are raised, as it does."""
    try:
        result = analyze()
    except policyc.TraceError as error:
        raise InvariantInputValidationError(str(error)) from error
    for failure in result.errors:
        if isinstance(failure.cause, MissingParameter):
            raise MissingPolicyParameter(failure.message)
        if "has no member" in failure.message:
            raise InvariantAttributeError(failure.message)
        raise ExcessivePolicyError(failure.message)
    return AnalysisResult.model_construct(
        errors=[
            ErrorInformation.model_construct(
                args=found.args,
                kwargs=found.kwargs,
                ranges=[
                    Range(object_id=None, start=None, end=None, json_path=place)
                    for place in found.ranges
                ],
                key=found.key,
            )
            for found in result.violations
        ]
    )


_EXCHANGED = {
    "invariant.analyzer": ("Policy", "LocalPolicy", "Monitor", "parse"),
    "invariant.analyzer.policy": ("Policy", "LocalPolicy", "analyze_trace"),
    "invariant.analyzer.monitor": ("Monitor",),
    "invariant.analyzer.language.parser": ("parse",),
}
_REPLACEMENTS: dict[str, Any] = {
    "Policy": Policy,
    "LocalPolicy": Policy,
    "Monitor": Monitor,
    "parse": parse,
    "analyze_trace": analyze_trace,
}


def pytest_configure() -> None:
    """Exchange the names; called by pytest before anything is collected."""
    assert reference is not None
    for module, names in _EXCHANGED.items():
        for name in names:
            setattr(importlib.import_module(module), name, _REPLACEMENTS[name])
