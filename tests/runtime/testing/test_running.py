"""Running a case: what holds, and how each way of not holding is told."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.runtime.testing.conftest import MAIL, Read, results_of

from policyc import policies
from policyc.runtime.engine import Engine
from policyc.runtime.explanation import Status
from policyc.runtime.loading import load_program, loader, read_source
from policyc.runtime.testing.case_reading import read_case_file
from policyc.runtime.testing.outcomes import CaseResult, Outcome
from policyc.runtime.testing.running import answer_to, run_case
from policyc.runtime.testing.wording import sentences

if TYPE_CHECKING:
    from pathlib import Path

CASE = """\
params: {{domain: acme.example}}
cases:
  - name: a case
    trace:
      - {{user: the swordfish swims, label: word}}
      - {{call: {{send_email: {{to: eve@evil.example}}}}, label: send}}
      - {{output: done, label: done}}
    {expected}
"""


def one(read: Read, expected: str) -> CaseResult:
    (result,) = results_of(read(CASE.format(expected=expected)))
    return result


@pytest.mark.parametrize(
    "expected",
    [
        "violations: [mail to an outsider, a secret word]",
        "violations: [a secret word, {message: 'mail to an outsider [risk=high]'}]",
        "violations: [{rule: 1}, {rule: 2}]",
        "violations: [{risk: high}, {risk: none}]",
        "violations: [{ranges: [send.tool_calls.0]}, {marked: swordfish}]",
        "violations: [{ranges: [1.tool_calls.0]}, {ranges: ['0.content:4-13', word]}]",
        "violations: [{args: ['mail to an outsider [risk=high]']}, {kwargs: {word: swordfish}}]",
        "violations: [{key: '(0,(1,))'}, {kwargs: {}}]",
        "at: word",
        "at: 0\n    violations: [{rule: 1}, {rule: 2}]",
    ],
)
def test_what_holds(read: Read, expected: str) -> None:
    result = one(read, expected)
    assert (result.outcome, sentences(result)) == (Outcome.PASSED, [])
    assert result.ok
    assert not result.explanations


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        (
            "no_violations: true",
            [
                "unexpected violation of rule `mail to an outsider` at 1.tool_calls.0: "
                "mail to an outsider [risk=high]",
                "unexpected violation of rule `a secret word` at 0, 0.content:4-13: "
                "a secret word word=swordfish",
            ],
        ),
        (
            "violations: [{rule: 1}, {rule: 2}, {rule: 3}]",
            ["there is no violation with rule rule 3"],
        ),
        (
            "violations: [{rule: 1, risk: low}, a secret word]",
            ["expected risk low, found high"],
        ),
        (
            "violations: [{marked: sword}, {rule: 1}]",
            ['expected marked ["sword"], found ["swordfish"]'],
        ),
        (
            "violations: [{rule: 2, kwargs: {word: sword}, message: x}, {rule: 1}]",
            [
                "expected message x, found a secret word; "
                'expected kwargs {"word": "sword"}, found {"word": "swordfish"}'
            ],
        ),
        (
            "violations: [{rule: 1}, {rule: 2, message: 'a secret word [risk=low]'}]",
            ["expected message a secret word [risk=low], found a secret word"],
        ),
        ("at: send", ["event 1 should be the first that blocks, but event 0 is"]),
        (
            "error: {rule: 1, text: no such}",
            ["rule `mail to an outsider` should fail with `no such`, but does not"],
        ),
    ],
)
def test_what_does_not_hold_is_told(read: Read, expected: str, told: list[str]) -> None:
    result = one(read, expected)
    assert result.outcome is Outcome.FAILED
    assert sentences(result) == told


def test_no_event_blocks(read: Read) -> None:
    (result,) = results_of(
        read("{params: {domain: x}, cases: [{name: a, trace: [{user: hi}], at: 0}]}")
    )
    assert sentences(result) == ["event 0 should be the first that blocks, but none does"]


def test_a_rule_that_fails_is_never_a_pass(read: Read, folder: Path) -> None:
    rule = 'raise "large" if:\n    (m: Message)\n    int(m.content) > 5\n'
    (folder / "large.inv").write_text(rule, "utf-8")
    text = "{{policy: large.inv, cases: [{{name: a, trace: [{{user: hi}}], {}}}]}}"
    (result,) = results_of(read(text.format("violations: []")))
    (told,) = sentences(result)
    assert "rule `large` failed at large.inv:3:" in told
    assert "number" in told
    (result,) = results_of(read(text.format("violations: [], error: {rule: 1, text: number}")))
    assert result.ok
    (result,) = results_of(read(text.format("error: number")))
    assert result.ok
    (result,) = results_of(read(text.format("error: [number, number]")))
    assert sentences(result) == ["a rule should fail with `number`, but does not"]


def test_a_trace_that_a_rule_cannot_read_stops_the_case(read: Read, folder: object) -> None:
    del folder
    loaded = read("{params: {domain: x}, cases: [{name: a, trace: [{user: hi}], at: 0}]}")
    assert loaded.file is not None
    assert loaded.program is not None
    case = replace(loaded.file.cases[0], events=[{"role": 5}])
    result = run_case(Engine(loaded.program, loader(None)), case)
    assert result.outcome is Outcome.FAILED
    assert "a role must be a text" in sentences(result)[0]


def test_only_pending_events_are_judged(read: Read) -> None:
    text = """\
params: {domain: acme.example}
cases:
  - name: a
    past: [{user: swordfish}, {call: ask}, {output: same, label: out}]
    pending: [{user: same, label: last}, {call: {send_email: {to: bob@acme.example}}}]
    violations: [{rule: 3, ranges: [out, last], args: ["5"]}]
"""
    (result,) = results_of(read(text))
    assert result.ok, sentences(result)


def test_the_rule_that_should_have_fired_is_explained(read: Read) -> None:
    text = """\
params: {domain: acme.example}
cases:
  - name: a
    trace: [{call: {send_email: {to: bob@acme.example}}}]
    violations: [mail to an outsider]
"""
    (result,) = results_of(read(text))
    (explanation,) = result.explanations
    assert explanation.status is Status.NOT_FIRED
    assert explanation.culprit is not None
    assert explanation.culprit.line == 4


def test_an_edited_copy_of_the_policy_has_the_same_rules(read: Read, folder: Path) -> None:
    loaded = read(CASE.format(expected="violations: [{rule: 1}, {rule: 2}]"))
    assert loaded.file is not None
    (folder / "mail.inv").write_text(f"# a comment\n\n{MAIL}", "utf-8")
    program, _ = load_program([read_source("mail.inv")], None)
    assert run_case(Engine(program, loader(None)), loaded.file.cases[0]).ok


def test_cases_have_a_digest_of_all_that_matters(read: Read) -> None:
    text = "{{params: {{domain: x}}, cases: [{{name: {}, trace: [{{user: {}}}], {}}}]}}"

    def digest(*parts: str) -> str:
        loaded = read(text.format(*parts))
        assert loaded.file is not None
        return loaded.file.cases[0].digest

    same = digest("a", "hi", "no_violations: true")
    assert digest("b", "hi", "no_violations: true") == same
    assert digest("a", "ho", "no_violations: true") != same
    assert digest("a", "hi", "violations: [x]") != same


def test_results_can_be_sent_to_another_process(read: Read) -> None:
    result = one(read, "violations: [{rule: 1, risk: low}]\n    error: {rule: 3}")
    again = pickle.loads(pickle.dumps(result))
    assert sentences(again) == sentences(result)
    assert [str(x) for x in again.explanations] == [str(x) for x in result.explanations]


@pytest.mark.parametrize("name", policies.names())
def test_a_trace_has_the_same_verdicts_whole_and_event_by_event(name: str) -> None:
    loaded = read_case_file(f"policy:{name}")
    assert loaded.file is not None
    assert loaded.program is not None
    engine = Engine(loaded.program, loader(None))
    for case in loaded.file.cases:
        whole = answer_to(engine, replace(case, is_stream=False))
        streamed = answer_to(engine, replace(case, is_stream=True))
        # In the order of the trace, and with the ranges of what was counted until then.
        assert sorted((x.key, str(x), x.risk) for x in whole.violations) == sorted(
            (x.key, str(x), x.risk) for x in streamed.violations
        ), case.name
        assert list(map(str, whole.errors)) == list(map(str, streamed.errors))


def test_a_list_of_tools_counts_once_for_each_tool(read: Read) -> None:
    text = """\
params: {domain: acme.example}
tools: [send_email, other]
cases:
  - name: a
    trace: [{user: hi}, {call: {send_email: {to: x}}, label: send}]
    violations: [{ranges: [3.tool_calls.0]}]
    at: 3
  - name: b
    trace: [{user: hi}, {call: {send_email: {to: x}}, label: send}]
    violations: [{ranges: [send.tool_calls.0]}]
    at: send
"""
    assert [sentences(result) for result in results_of(read(text))] == [[], []]
