"""A test run as SARIF 2.1.0: a result for each failed case, and for each diagnostic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from policyc.grammar.printable import printable
from policyc.grammar.rendering import render_sarif, sarif_uri
from policyc.runtime.testing.outcomes import Different, RuleFailed, Unexpected
from policyc.runtime.testing.wording import sentences

if TYPE_CHECKING:
    from policyc.compiler.plan import RuleRef
    from policyc.runtime.testing.outcomes import CaseResult
    from policyc.runtime.testing.session import Report

_RULES: Final = {
    "failed-case": "case whose policy does not answer as expected",
    "untested-policy": "policy without cases",
    "only-some-cases": "case file that leaves cases out with `only`",
}


def render(report: Report) -> str:
    log = render_sarif(report.diagnostics)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    numbers = {}
    for name, title in _RULES.items():
        numbers[name] = len(rules)
        level = {"level": "error"}
        rules.append(
            {"id": name, "shortDescription": {"text": title}, "defaultConfiguration": level}
        )
    for file in report.files:
        for result in file.results:
            if not result.ok:
                run["results"].append(_case(file.path, result, numbers))
    for complaint in report.complaints:
        place = _place(complaint.path, complaint.line)
        run["results"].append(_result(complaint.kind, numbers, complaint.message, place))
    return json.dumps(log, indent=2) + "\n"


def _case(path: str, result: CaseResult, numbers: dict[str, int]) -> dict[str, Any]:
    case = result.case
    text = f"{case.name}: {'; '.join(sentences(result))}"
    found = _result("failed-case", numbers, text, _place(path, case.line))
    rules = dict.fromkeys(rule for rule in _rules_of(result) if rule.path)
    if rules:
        found["relatedLocations"] = [
            _place(str(rule.path), rule.line) | {"message": {"text": f"rule `{rule.name}`"}}
            for rule in rules
        ]
    return found


def _rules_of(result: CaseResult) -> list[RuleRef]:
    """The rules that did what was not expected."""
    rules = []
    for failure in result.failures:
        match failure:
            case Different(actual=violation) | Unexpected(violation):
                rules.append(violation.rule)
            case RuleFailed(error):
                rules.append(error.rule)
            case _:
                pass
    return rules


def _result(rule: str, numbers: dict[str, int], text: str, place: dict[str, Any]) -> dict[str, Any]:
    return {
        "ruleId": rule,
        "ruleIndex": numbers[rule],
        "level": "error",
        "message": {"text": printable(text)},
        "locations": [place],
    }


def _place(path: str, line: int) -> dict[str, Any]:
    artifact = {"uri": sarif_uri(path)}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": line}}}
