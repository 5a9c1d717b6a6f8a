"""The pytest plugin in runs of pytest of their own: cases as tests, the fixture, the assertion."""

from __future__ import annotations

import sys

import pytest

import policyc
from policyc.testing import assert_violations
from tests.cli.conftest import BANANA_POLICY

pytest_plugins = ["pytester"]

CASES = """\
cases:
  - name: a banana
    tags: yellow
    trace: [{user: a banana}]
    violations: [{rule: a banana, marked: banana}]
  - name: "an apple :: [green] ${x}"
    trace: [{user: an apple}]
    no_violations: true
  - name: later
    skip: not yet
    trace: []
    no_violations: true
"""

TEST = """\
import pytest
from policyc.testing import assert_violations

@pytest.mark.policy("banana.inv")
def test_banana(policy):
    trace = [{"role": "user", "content": "a banana"}]
    assert_violations(policy.analyze(trace), ["a banana"])
    assert_violations(policy.analyze(trace), [{"marked": "banana", "risk": "low"}], trace=trace)

@pytest.mark.policy("policy:secrets", "policy:loops-and-budgets", optimize=False)
def test_several(policy):
    assert_violations(policy.analyze([]), [])
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("CI", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    others = ("syrupy", "hypothesispytest", "pytest_cov", "schemathesis")  # they take long to load
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in others))
    (pytester.path / "banana.inv").write_text(BANANA_POLICY, "utf-8")
    (pytester.path / "banana.cases.yaml").write_text(CASES, "utf-8")
    return pytester


def outcomes(project: pytest.Pytester, *arguments: str) -> dict[str, int]:
    result = project.runpytest_subprocess("--strict-markers", "-W", "error", *arguments)
    found = result.parseoutcomes()
    return {name: found[name] for name in found if name not in ("warnings", "seconds")}


def test_cases_are_tests_beside_ordinary_ones(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=TEST)
    assert outcomes(project) == {"passed": 4, "skipped": 1}
    assert outcomes(project, "-k", "yellow") == {"passed": 1, "deselected": 4}
    assert outcomes(project, "banana.cases.yaml::a banana") == {"passed": 1}
    assert outcomes(project, "-p", "no:policyc", "banana.cases.yaml") == {}


def test_cases_can_be_spread_over_processes(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=TEST)
    assert outcomes(project, "-n", "2") == {"passed": 4, "skipped": 1}


def test_a_case_that_does_not_hold_is_shown_as_by_the_command(project: pytest.Pytester) -> None:
    path = project.path / "banana.cases.yaml"
    path.write_text(CASES.replace("marked: banana", "marked: banan"), "utf-8")
    result = project.runpytest_subprocess("--junit-xml", "report.xml")
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "failed: a banana",
            " --> banana.cases.yaml:2",
            '!  marked: ?"banan"?*marked: ?"banana"?',
            "0 | message of the user",
            "rule 1 `a banana` (banana.inv:1) fired once",
            "FAILED banana.cases.yaml::a banana*",
        ]
    )
    assert "Traceback" not in result.stdout.str()


def test_a_case_file_with_mistakes_is_an_error_of_the_collection(project: pytest.Pytester) -> None:
    path = project.path / "banana.cases.yaml"
    path.write_text(CASES.replace("no_violations", "no_violation", 1), "utf-8")
    result = project.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["error?T0103?: a case has no key `no_violation`", " --> banana.cases.yaml:8:5"]
    )


def test_only_and_timeouts_hold_here_too(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.makepyfile(test_it=TEST)
    path = project.path / "banana.cases.yaml"
    path.write_text(CASES.replace("tags: yellow", "only: true"), "utf-8")
    assert outcomes(project) == {"passed": 3, "deselected": 2}
    monkeypatch.setenv("CI", "1")
    assert outcomes(project) == {"passed": 2, "failed": 1, "deselected": 2}
    monkeypatch.delenv("CI")
    (project.path / "banana.inv").write_text(
        'raise "a banana" if:\n    (a: Message)\n    (b: Message)\n    (c: Message)\n'
        '    (d: Message)\n    a.content + b.content + c.content + d.content == "never"\n',
        "utf-8",
    )
    events = ", ".join("{user: hi}" for _ in range(400))
    path.write_text(
        f"cases: [{{name: a, trace: [{events}], no_violations: true, timeout: 0.2}}]\n", "utf-8"
    )
    result = project.runpytest_subprocess("banana.cases.yaml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the case took longer than its time of 0.2 s"])


def test_the_fixture_says_what_it_needs(project: pytest.Pytester) -> None:
    project.makepyfile(test_it="def test_it(policy):\n    pass\n")
    result = project.runpytest_subprocess("test_it.py")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['*needs @pytest.mark.policy("FILE.inv")'])


def test_nothing_of_policyc_is_loaded_without_a_case_file(project: pytest.Pytester) -> None:
    (project.path / "banana.cases.yaml").unlink()
    project.makepyfile(
        test_it="""\
        import sys

        def test_it():
            loaded = {name for name in sys.modules if name.partition(".")[0] == "policyc"}
            assert loaded == {"policyc", "policyc.pytest_plugin"}
        """
    )
    assert outcomes(project) == {"passed": 1}


def test_the_command_line_does_not_load_the_plugin(project: pytest.Pytester) -> None:
    code = (
        "import sys; from policyc.cli.app import root\n"
        "try: root(['test'])\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "assert not {'pytest', 'policyc.pytest_plugin'} & set(sys.modules)"
    )
    assert project.run(sys.executable, "-c", code).ret == 0


# --- the assertion --------------------------------------------------------------------------------


TRACE = [{"role": "user", "content": "a banana"}, {"role": "user", "content": "two bananas"}]
RESULT = policyc.Policy.from_string(BANANA_POLICY, "banana.inv").analyze(TRACE)


def test_expected_violations_are_asserted() -> None:
    assert_violations(RESULT, ["a banana", {"rule": "a banana", "ranges": ["1", "1.content:4-10"]}])
    with pytest.raises(AssertionError) as raised:
        assert_violations(RESULT, [{"rule": "a bananna"}, {"key": "(0, (0,))", "risk": "high"}])
    assert str(raised.value) == (
        "the violations are not as expected\n\n"
        "   expected         found\n"
        "-  rule: a bananna  nothing\n"
        "\n"
        "!  risk: high       risk: low\n"
        "   key: (0, (0,))   key: (0, (0,))\n"
        "                    rule: a banana\n"
        "                    message: a banana [risk=low]\n"
        '                    ranges: ["0", "0.content:2-8"]\n'
        "\n"
        "+  nothing          rule: a banana\n"
        "+                   message: a banana [risk=low]\n"
        "+                   risk: low\n"
        '+                   ranges: ["1", "1.content:4-10"]\n'
        "+                   key: (0, (1,))"
    )


def test_a_rule_that_failed_is_no_success() -> None:
    text = 'raise "x" if:\n    (m: Message)\n    int(m.content) == 1\n'
    result = policyc.Policy.from_string(text).analyze(TRACE)
    with pytest.raises(AssertionError, match="rule `x` failed at <policy>:3:5"):
        assert_violations(result, [])


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"mesage": "x"}, "a violation has no part `mesage`: did you mean `message`?"),
        ({}, "nothing is said"),
        ({"risk": "hihg"}, "there is no risk `hihg`"),
        ({"rule": 1}, "a rule is given by its name"),
        ({"marked": "x"}, "`marked` needs the trace"),
    ],
)
def test_a_malformed_expectation_is_refused(expected: dict[str, object], message: str) -> None:
    with pytest.raises(TypeError) as raised:
        assert_violations(RESULT, [expected])
    assert message in str(raised.value)
