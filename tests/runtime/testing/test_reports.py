"""Reports for programs: each form is read by something that knows it, and they agree."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from ruamel.yaml import YAML
from tests.schemas import published_schema

from policyc.runtime.testing.case_reading import read_case_file
from policyc.runtime.testing.reports import FORMS, render
from policyc.runtime.testing.session import Complaint, Report, Settings, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.testing.conftest import Read

GOOD = """\
params: {domain: acme.example}
cases:
  - name: fine
    trace: [{user: hi}]
    no_violations: true
  - name: wrong # <&> \u2028 \x9b
    trace: [{user: "the \\x1b[31mswordfish"}, {call: {send_email: {to: eve@evil.example}}}]
    violations: [{rule: 1, risk: low}]
  - name: later
    trace: []
    no_violations: true
    skip: "waits # for 50%"
""".replace("\x9b", "")
BAD = "cases: [{name: a, trace: [], no_violation: true}]\n"


@pytest.fixture
def report(read: Read) -> Report:
    read(BAD, "bad.cases.yaml")
    loaded = [read_case_file("bad.cases.yaml"), read(GOOD)]
    complaint = Complaint("untested-policy", "other.inv", 1, "the policy `other.inv` has no cases")
    return replace(run(loaded, untested=("other.inv",)), complaints=(complaint,))


def test_junit_is_read_by_a_reader_of_junit(report: Report, folder: Path) -> None:
    path = folder / "report.xml"
    path.write_text(render(report, "junit"), "utf-8")
    read = JUnitXml.fromfile(str(path))
    assert (read.tests, read.failures, read.errors, read.skipped) == (6, 2, 2, 1)
    suites = list(read)
    assert [suite.name for suite in suites] == [
        "bad.cases.yaml",
        "mail.cases.yaml",
        "policyc test",
    ]
    outcomes = {case.name: [type(one) for one in case.result] for suite in suites for case in suite}
    assert outcomes["fine"] == []
    assert outcomes["later"] == [Skipped]
    (wrong,) = (case for suite in suites for case in suite if case.name.startswith("wrong"))
    assert [type(one) for one in wrong.result] == [Failure]
    assert "expected risk low, found high" in wrong.result[0].text
    assert wrong._elem.get("line") == "6"
    assert [Error] in outcomes.values()


def test_sarif_fits_its_schema_and_points_at_the_cases(report: Report) -> None:
    log = json.loads(render(report, "sarif"))
    schema = published_schema("Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema")
    jsonschema.Draft7Validator(schema).validate(log)
    (found,) = log["runs"]
    rules = found["tool"]["driver"]["rules"]
    for one in found["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
    places = [(one["ruleId"], _place(one)) for one in found["results"]]
    assert ("failed-case", ("mail.cases.yaml", 6)) in places
    assert ("T0103", ("bad.cases.yaml", 1)) in places
    assert ("untested-policy", ("other.inv", 1)) in places
    (failed,) = (one for one in found["results"] if one["ruleId"] == "failed-case")
    assert [_location(one) for one in failed["relatedLocations"]] == [
        ("mail.inv", 1),
        ("mail.inv", 6),
    ]


def _place(result: dict[str, Any]) -> tuple[str, int]:
    return _location(result["locations"][0])


def _location(location: dict[str, Any]) -> tuple[str, int]:
    place = location["physicalLocation"]
    return place["artifactLocation"]["uri"], place["region"]["startLine"]


def test_github_has_a_command_a_line(report: Report) -> None:
    lines = render(report, "github").splitlines()
    assert all(re.match(r"::error file=[^:]+::.+$", line) for line in lines)
    (failed,) = (line for line in lines if "title=wrong" in line)
    assert failed.startswith("::error file=mail.cases.yaml,line=6,title=wrong")
    assert "expected risk low, found high%0Aunexpected violation" in failed


def test_tap_has_a_point_for_each_and_readable_details(report: Report) -> None:
    lines = render(report, "tap").splitlines()
    assert lines[:2] == ["TAP version 14", "1..6"]
    points = [line for line in lines if re.match(r"(not )?ok \d+ - ", line)]
    assert [line.split(" - ")[0] for line in points] == [
        "not ok 1",
        "not ok 2",
        "ok 3",
        "not ok 4",
        "ok 5",
        "not ok 6",
    ]
    assert points[4] == "ok 5 - mail.cases.yaml: later # SKIP waits # for 50%"
    begin = lines.index(points[3]) + 1
    block = "\n".join(lines[begin + 1 : lines.index("  ...", begin)])
    details = YAML(typ="safe").load(block)
    assert details["at"] == "mail.cases.yaml:6"
    assert details["messages"][0] == "expected risk low, found high"


def test_json_has_everything(report: Report) -> None:
    told = json.loads(render(report, "json"))
    assert told["ok"] is False
    assert told["summary"] == {"passed": 1, "failed": 1, "skipped": 1, "broken": 0, "left_out": 0}
    assert told["untested"] == ["other.inv"]
    assert [one["code"] for one in told["diagnostics"]] == ["T0201", "T0103"]
    bad, good = told["files"]
    assert (bad["ok"], bad["cases"]) == (False, [])
    fine, wrong, later = good["cases"]
    assert (fine["outcome"], fine["violations"]) == ("passed", [])
    assert later == {
        "name": "later",
        "line": 9,
        "tags": [],
        "outcome": "skipped",
        "reason": "waits # for 50%",
    }
    different, unexpected = wrong["failures"]
    assert different["kind"] == "different"
    assert different["expected"] == {"rule": "mail to an outsider", "risk": "low"}
    assert different["found"]["risk"] == "high"
    assert unexpected["kind"] == "unexpected"
    assert [one["rule"]["line"] for one in wrong["explanations"]] == [1, 6]


@pytest.mark.parametrize("form", FORMS)
def test_nothing_steers_a_terminal_or_breaks_a_stream(report: Report, form: str) -> None:
    text = render(report, form)
    assert text.endswith("\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\ud800-\udfff]", text)
    if form == "junit":
        ET.fromstring(text)


@pytest.mark.parametrize("form", FORMS)
def test_reports_are_the_same_whatever_the_number_of_workers(read: Read, form: str) -> None:
    rows = ", ".join(f"{{to: x{n}@acme.example, word: {'sword' * (n % 2)}fish}}" for n in range(9))
    text = f"""\
params: {{domain: evil.example}}
cases:
  - name: ${{to}}
    each: [{rows}]
    trace: [{{user: "${{word}}"}}, {{call: {{send_email: {{to: "${{to}}"}}}}}}]
    violations: [{{rule: 1}}]
"""
    loaded = [read(text)]
    texts = {render(run(loaded, settings=Settings(workers=n)), form) for n in (1, 2, 4)}
    assert len(texts) == 1


def test_an_empty_report_is_none_for_github(read: Read) -> None:
    loaded = read("{params: {domain: x}, cases: [{name: a, trace: [], no_violations: true}]}")
    assert render(run([loaded]), "github") == ""
