"""Reports of hunts: scores, survivors with their diff and hint, as text and as JSON."""

from __future__ import annotations

import json

from tests.runtime.testing.mutation.examples import EXAMPLES, rule
from tests.runtime.testing.mutation.subjects import TraceCase, passes
from tests.traces import calls, user

from policyc import Policy
from policyc.grammar.source import Source
from policyc.runtime.testing.mutation.finding import find_mutants
from policyc.runtime.testing.mutation.hunt import Target, hunt
from policyc.runtime.testing.mutation.report import (
    MutationReport,
    Score,
    as_text,
    hint_for,
    percent,
    report_of,
)

POLICY = rule("(m: Message)", 'm.role == "user"  # who', 'any(find(r"a\\.b", m.content))')
SENT = rule("(c: ToolCall)", "c is tool:send").replace("found", "sent")


def made(*cases: TraceCase) -> MutationReport:
    found = find_mutants([Source(POLICY, "said.inv"), Source(SENT, "sent.inv")])
    return report_of(hunt([Target(found, cases, Policy)], passes, workers=0))


SAID = TraceCase("said", [user("a.b"), user("c")], ["found"])


def test_scores_are_summed_by_file_and_kind() -> None:
    report = made(SAID)
    said, sent = report.policies
    assert (said.path, sent.path) == ("said.inv", "sent.inv")
    assert said.score.mutants == said.score.killed + said.score.survived
    assert sent.score.killed == 0
    assert report.score == said.score + sent.score
    kinds = dict(said.kinds)
    assert kinds["rule-removed"] == Score(killed=1)
    assert kinds["condition-dropped"] == Score(killed=1, survived=1)
    assert kinds["condition-negated"].duplicate == 1


def test_a_survivor_is_shown_as_a_diff_with_a_hint() -> None:
    (dropped,) = [x for x in made(SAID).policies[0].survivors if x.kind == "condition-dropped"]
    assert dropped.line == 3
    assert dropped.rules == ("found",)
    assert dropped.is_reached
    assert dropped.diff == (
        "--- said.inv\n"
        "+++ said.inv\n"
        "@@ -2,3 +2,2 @@\n"
        "     (m: Message)\n"
        '-    m.role == "user"  # who\n'
        '     any(find(r"a\\.b", m.content))'
    )
    assert dropped.hint == (
        'no case where `m.role == "user"` is false while all other conditions hold'
    )


def test_a_pattern_comes_with_a_text_that_is_missing() -> None:
    (widened,) = [x for x in made(SAID).policies[0].survivors if x.kind == "pattern-widened"]
    start = "no case with a text that the wider pattern matches and this one does not, such as "
    assert widened.hint.startswith(f'{start}"a')


def test_what_no_case_comes_to_is_told_as_such() -> None:
    (survivor, *_) = made().policies[0].survivors
    assert not survivor.is_reached
    assert survivor.hint == "no case comes to the rule or condition at all"


def test_the_json_form() -> None:
    report = made(SAID)
    data = json.loads(json.dumps(report.to_dict()))
    assert data["mutants"] == report.score.mutants
    assert data["score"] == report.score.value
    (said, _) = data["policies"]
    assert said["kinds"]["rule-removed"]["killed"] == 1
    assert set(said["survivors"][0]) == {
        "id",
        "kind",
        "path",
        "line",
        "rules",
        "reached",
        "diff",
        "hint",
    }


def test_the_text_form() -> None:
    text = as_text(made(SAID, TraceCase("sent", [calls("send")], ["sent"])))
    assert text.startswith("said.inv:3: condition-dropped survived\n  @@ -2,3 +2,2 @@\n")
    table = [line.split() for line in text.splitlines()]
    assert ["rule-removed", "2", "2", "0", "0", "0", "100.0%"] in table
    assert "\npolicy    mutants  killed" in text
    assert "\nall    " in text
    assert text.endswith("\n\nleft out: 2 the same as another\n")


def test_a_score_is_rounded_down() -> None:
    assert percent(None) == "-"
    assert percent(1.0) == "100.0%"
    assert percent(0.9999) == "99.9%"
    assert Score().value is None


def test_every_kind_has_a_hint_in_words() -> None:
    for kind, example in EXAMPLES.items():
        (mutant, *_) = find_mutants([Source(example.source)], kinds=[kind]).mutants
        hint = hint_for(mutant)
        assert hint.startswith("no case")
        assert "{" not in hint.replace("{to", "").replace("({", "")
