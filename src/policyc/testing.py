"""Testing policies with pytest, or any other runner of tests in Python.

from policyc.testing import assert_violations

def test_mail(policy):
    result = policy.analyze(trace)
    assert_violations(result, [{"rule": "mail to an outsider", "risk": "high"}], trace=trace)
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from policyc.compiler.plan import RuleRef
from policyc.compiler.spelling import did_you_mean
from policyc.runtime.testing.cases import ExpectedRisk, ExpectedViolation
from policyc.runtime.testing.running import compare

if TYPE_CHECKING:
    from policyc.runtime.results import AnalysisResult

Expected = str | Mapping[str, Any]
"""A message, or parts of a violation by the keys of case files: `message`, `rule` (its name),
`risk`, `ranges`, `marked`, `args`, `kwargs`, `key`."""

_WIDTH = 100

__all__ = ["assert_violations"]


def assert_violations(
    result: AnalysisResult,
    expected: Sequence[Expected],
    *,
    trace: Sequence[dict[str, Any]] | None = None,
) -> None:
    """Assert that a result has exactly these violations, in any order, and that no rule failed.

    Args:
        result: of `analyze`, `analyze_pending` or a monitor.
        expected: for each violation its message, or some of its parts.
        trace: the events that were analysed; `marked` needs them.

    Raises:
        AssertionError: it has others; the message shows both side by side.
        TypeError: an expected violation is malformed.
    """
    __tracebackhide__ = True
    wanted = [_expected(one, result, has_trace=trace is not None) for one in expected]
    failed = [str(error) for error in result.errors]
    failures = list(compare(wanted, result.violations, list(trace or ())))
    if not failures and not failed:
        return
    from policyc.cli.case_report import show_compared  # noqa: PLC0415  # only for the message
    from policyc.cli.terminal import Terminal  # noqa: PLC0415

    stream = io.StringIO()
    if failures:
        show_compared(failures, list(trace or ()), Terminal(stream, color=False, width=_WIDTH))
    told = "\n".join([*failed, stream.getvalue().rstrip("\n")]).strip("\n")
    raise AssertionError(f"the violations are not as expected\n\n{told}")


def _expected(one: Expected, result: AnalysisResult, *, has_trace: bool) -> ExpectedViolation:
    if isinstance(one, str):
        return ExpectedViolation(0, message=one)
    said = dict(one)
    if not said:
        raise TypeError("nothing is said about an expected violation")
    known = [name for name in ExpectedViolation.__dataclass_fields__ if name != "line"]
    for name in said:
        if name not in known:
            near = did_you_mean(name, known) or f"they are {', '.join(known)}"
            raise TypeError(f"a violation has no part `{name}`: {near}")
    if "rule" in said:
        said["rule"] = _rule(said["rule"], result)
    if said.get("risk", "none") not in get_args(ExpectedRisk):
        raise TypeError(f"there is no risk `{said['risk']}`: they are low, medium, high and none")
    if "marked" in said and not has_trace:
        raise TypeError("`marked` needs the trace: assert_violations(..., trace=trace)")
    for name in ("ranges", "marked"):
        if name in said:
            said[name] = (said[name],) if isinstance(said[name], str) else tuple(said[name])
    return ExpectedViolation(0, **said)


def _rule(name: Any, result: AnalysisResult) -> RuleRef:
    """The rule of that name; one that matches nothing where none has it."""
    if not isinstance(name, str):
        raise TypeError(f"a rule is given by its name, not as {name!r}")
    found = (violation.rule for violation in result if violation.rule.name == name)
    return next(found, RuleRef(name, None, 0))
