"""A test run as JUnit XML, which CI servers show: a suite for each case file.

It has no times: the same cases give the same file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from policyc.grammar.printable import printable
from policyc.runtime.testing.outcomes import Outcome
from policyc.runtime.testing.wording import sentences

if TYPE_CHECKING:
    from policyc.grammar.diagnostics import Diagnostic
    from policyc.runtime.testing.outcomes import CaseResult
    from policyc.runtime.testing.session import Complaint, FileReport, Report


def render(report: Report) -> str:
    root = Element("testsuites", name="policyc test")
    for file in report.files:
        _suite(root, file)
    if report.complaints:
        suite = SubElement(root, "testsuite", name="policyc test")
        for complaint in report.complaints:
            _complaint(suite, complaint)
        _count(suite)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    indent(root)
    return tostring(root, "unicode", xml_declaration=True) + "\n"


def _suite(root: Element, file: FileReport) -> None:
    suite = SubElement(root, "testsuite", name=printable(file.path))
    for found in file.diagnostics:
        _diagnostic(suite, file.path, found)
    for result in file.results:
        _case(suite, file.path, result)
    _count(suite)


def _count(suite: Element) -> None:
    suite.set("tests", str(len(suite)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))


def _testcase(suite: Element, path: str, name: str, line: int) -> Element:
    place = {"classname": printable(path), "name": printable(name)}
    return SubElement(suite, "testcase", place, file=printable(path), line=str(line))


def _diagnostic(suite: Element, path: str, found: Diagnostic) -> None:
    name = f"{found.path}:{found.line}:{found.column} {found.code}"
    element = _testcase(suite, path, name, found.line)
    error = SubElement(element, "error", type=found.code, message=printable(found.message))
    error.text = printable(str(found))


def _case(suite: Element, path: str, result: CaseResult) -> None:
    case = result.case
    element = _testcase(suite, path, case.name, case.line)
    if result.outcome is Outcome.SKIPPED:
        SubElement(element, "skipped", message=printable(case.skip or ""))
    elif not result.ok:
        told = [printable(text) for text in sentences(result)]
        tag = "error" if result.outcome is Outcome.BROKEN else "failure"
        failure = SubElement(element, tag, type=result.outcome.value, message=told[0])
        reasons = [str(explanation) for explanation in result.explanations]
        failure.text = "\n".join([f"{printable(path)}:{case.line}", *told, *reasons])


def _complaint(suite: Element, complaint: Complaint) -> None:
    name = f"{complaint.path} {complaint.kind}"
    element = _testcase(suite, complaint.path, name, complaint.line)
    message = printable(complaint.message)
    SubElement(element, "failure", type=complaint.kind, message=message).text = message
