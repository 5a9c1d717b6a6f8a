"""Coverage as a Cobertura report: the form that its definition asks for, and what a reader sees."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from lxml import etree
from pycobertura import Cobertura
from tests.runtime.testing.coverage.examples import HOSTILE, MAIL, QUIET, TRACES, example
from tests.runtime.testing.coverage.seeing import coverage
from tests.traces import user

from policyc.runtime.testing.coverage.cobertura import render_cobertura
from policyc.runtime.testing.coverage.coverage import Coverage

if TYPE_CHECKING:
    from pathlib import Path

RATES = "line-rate CDATA #REQUIRED branch-rate CDATA #REQUIRED"
DEFINITION = etree.DTD(
    StringIO(f"""
<!ELEMENT coverage (sources?, packages)>
<!ATTLIST coverage {RATES} lines-covered CDATA #REQUIRED lines-valid CDATA #REQUIRED
  branches-covered CDATA #REQUIRED branches-valid CDATA #REQUIRED complexity CDATA #REQUIRED
  version CDATA #REQUIRED timestamp CDATA #REQUIRED>
<!ELEMENT sources (source*)>
<!ELEMENT source (#PCDATA)>
<!ELEMENT packages (package*)>
<!ELEMENT package (classes)>
<!ATTLIST package name CDATA #REQUIRED {RATES} complexity CDATA #REQUIRED>
<!ELEMENT classes (class*)>
<!ELEMENT class (methods, lines)>
<!ATTLIST class name CDATA #REQUIRED filename CDATA #REQUIRED {RATES} complexity CDATA #REQUIRED>
<!ELEMENT methods (method*)>
<!ELEMENT method (lines)>
<!ATTLIST method name CDATA #REQUIRED signature CDATA #REQUIRED {RATES}>
<!ELEMENT lines (line*)>
<!ELEMENT line (conditions*)>
<!ATTLIST line number CDATA #REQUIRED hits CDATA #REQUIRED branch CDATA "false"
  condition-coverage CDATA "100%">
<!ELEMENT conditions (condition*)>
<!ELEMENT condition EMPTY>
<!ATTLIST condition number CDATA #REQUIRED type CDATA #REQUIRED coverage CDATA #REQUIRED>
""")
)


def read(coverage: Coverage) -> etree._Element:
    root = etree.fromstring(render_cobertura(coverage).encode())
    assert DEFINITION.validate(root), DEFINITION.error_log
    return root


def test_every_report_has_the_form_that_is_asked_for() -> None:
    for found in (example(), Coverage(), coverage("# nothing\n"), coverage(HOSTILE, [user()])):
        read(found)


def test_lines_have_their_hits_and_branches() -> None:
    root = read(coverage(QUIET, [user("word"), user("none")], path="dir/p.inv"))
    assert [dict(line.attrib) for line in root.iter("line")] == [
        {"number": "1", "hits": "1", "branch": "false"},
        {"number": "3", "hits": "2", "branch": "true", "condition-coverage": "100% (2/2)"},
    ]
    assert root.find(".//package").get("name") == "dir"
    assert root.find(".//class").get("filename") == "dir/p.inv"


def test_the_sums_are_those_of_the_coverage() -> None:
    found = example()
    root = read(found)
    assert int(root.get("branches-covered")) == found.summary.outcomes.seen
    assert int(root.get("branches-valid")) == found.summary.outcomes.total
    lines = list(root.iter("line"))
    assert int(root.get("lines-valid")) == len(lines)
    assert int(root.get("lines-covered")) == sum(line.get("hits") != "0" for line in lines)
    assert float(root.get("branch-rate")) == round(
        found.summary.outcomes.seen / found.summary.outcomes.total, 4
    )


def test_the_same_coverage_gives_the_same_report() -> None:
    assert render_cobertura(example()) == render_cobertura(example())
    assert 'timestamp="12"' in render_cobertura(example(), timestamp=12)


def test_a_reader_of_such_reports_opens_it(tmp_path: Path) -> None:
    path = tmp_path / "coverage.xml"
    path.write_text(render_cobertura(coverage(MAIL, *TRACES, path="policies/mail.inv")), "utf-8")
    report = Cobertura(str(path))
    assert report.files() == ["policies/mail.inv"]
    assert report.total_statements() == 12
    # Lines 3, 6, 10, 18 and 19 in part; 20, 22 and 23 as a whole.
    assert report.total_misses() == 8
