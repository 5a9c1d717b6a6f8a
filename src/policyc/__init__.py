"""policyc: compile and evaluate guardrail policies for AI agents.

    import policyc

    policy = policyc.Policy.from_file("mail.inv")
    result = policy.analyze(trace)
    if result:  # violations, or a rule that failed
        print(result.violations, result.errors)

Names are loaded when they are first used, so that `import policyc` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from policyc.api import Policy as Policy
    from policyc.grammar.diagnostics import Diagnostic as Diagnostic
    from policyc.grammar.diagnostics import PolicycError as PolicycError
    from policyc.grammar.diagnostics import PolicyError as PolicyError
    from policyc.grammar.diagnostics import Severity as Severity
    from policyc.runtime.detection import TextDetector as TextDetector
    from policyc.runtime.detection import detector as detector
    from policyc.runtime.detectors.protocol import Detection as Detection
    from policyc.runtime.explanation import Explanation as Explanation
    from policyc.runtime.explanation import RuleExplanation as RuleExplanation
    from policyc.runtime.failures import BackendError as BackendError
    from policyc.runtime.failures import LimitExceeded as LimitExceeded
    from policyc.runtime.limits import Limits as Limits
    from policyc.runtime.monitor import Monitor as Monitor
    from policyc.runtime.results import AnalysisResult as AnalysisResult
    from policyc.runtime.results import RuleError as RuleError
    from policyc.runtime.results import UnhandledViolations as UnhandledViolations
    from policyc.runtime.results import Violation as Violation
    from policyc.runtime.traces import TraceError as TraceError
    from policyc.runtime.traces import read_trace as read_trace

__version__ = "0.1.0"

_HOMES = {
    "AnalysisResult": "policyc.runtime.results",
    "BackendError": "policyc.runtime.failures",
    "Detection": "policyc.runtime.detectors.protocol",
    "Diagnostic": "policyc.grammar.diagnostics",
    "Explanation": "policyc.runtime.explanation",
    "LimitExceeded": "policyc.runtime.failures",
    "Limits": "policyc.runtime.limits",
    "Monitor": "policyc.runtime.monitor",
    "Policy": "policyc.api",
    "PolicyError": "policyc.grammar.diagnostics",
    "PolicycError": "policyc.grammar.diagnostics",
    "RuleError": "policyc.runtime.results",
    "RuleExplanation": "policyc.runtime.explanation",
    "Severity": "policyc.grammar.diagnostics",
    "TextDetector": "policyc.runtime.detection",
    "TraceError": "policyc.runtime.traces",
    "UnhandledViolations": "policyc.runtime.results",
    "Violation": "policyc.runtime.results",
    "detector": "policyc.runtime.detection",
    "read_trace": "policyc.runtime.traces",
}
"""Each public name and the module that it is loaded from."""

__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604  # names, by construction


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module `policyc` has no attribute `{name}`")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
