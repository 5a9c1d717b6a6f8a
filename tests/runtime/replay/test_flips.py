"""What counts as a flip of a rule on a trace, and what does not."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import policyc
from policyc.runtime.replay.decisions import decide
from policyc.runtime.replay.flips import compare
from policyc.runtime.replay.judging import Replay, TraceFlip
from policyc.runtime.trace_chunks import Chunk, chunks_of
from policyc.runtime.trace_corpus import LinePart, TextPart
from policyc.runtime.traces import TraceError

WORDS = [{"role": "user", "content": word} for word in ("one", "two", "two", "three")]


def rule(condition: str, value: str = '"a"') -> str:
    return f"raise {value} if:\n    (m: Message)\n    {condition}\n"


def replay_of(old: str, new: str, *, stream: bool = False) -> Replay:
    policies = [policyc.Policy.from_string(text) for text in (old, new)]
    return Replay.of(*policies, {}, stream=stream)


def changes(old: str, new: str, *, stream: bool = False) -> list[tuple[str, int, int]]:
    """The changes on the words, each with the number of findings that went and that came."""
    replay = replay_of(old, new, stream=stream)
    flips = compare(replay.pairs, *replay.decisions(WORDS))
    return [(flip.change.value, len(flip.removed), len(flip.added)) for flip in flips]


ONE, TWO, NONE = '"one" in m.content', '"two" in m.content', '"none" in m.content'
FAILS = "m.content > 5"
FAILS_ON_THREE = 'm.content == "three"\n    m.content > 5'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (ONE, ONE, []),
        (NONE, NONE, []),
        (FAILS, FAILS, []),
        (NONE, ONE, [("newly_fires", 0, 1)]),
        (TWO, NONE, [("no_longer_fires", 2, 0)]),
        (TWO, ONE, [("changed", 2, 1)]),
        (ONE, f"({ONE}) or ({TWO})", [("changed", 0, 2)]),
        (NONE, FAILS, [("newly_fails", 0, 1)]),
        (FAILS, NONE, [("no_longer_fails", 1, 0)]),
        (TWO, FAILS, [("no_longer_fires", 2, 0), ("newly_fails", 0, 1)]),
        # The event at which it fails first is no difference to the trace as a whole.
        (FAILS, FAILS_ON_THREE, []),
    ],
)
def test_a_flip_is_another_answer(old: str, new: str, expected: list[Any]) -> None:
    assert changes(rule(old), rule(new)) == expected


def test_what_is_only_written_otherwise_is_no_flip() -> None:
    assert changes(rule(ONE), "# moved\n\n\n" + rule(ONE)) == []
    assert changes(rule(ONE), rule(ONE, '"another name"')) == []
    assert changes(rule(ONE), rule(ONE, 'Violation("a")')) == []
    assert changes(rule(ONE) + rule(TWO), rule(TWO) + rule(ONE)) == []


def test_values_and_risk_are_part_of_a_violation() -> None:
    with_role = 'Violation("a", role=m.role)'
    assert changes(rule(ONE), rule(ONE, with_role)) == [("changed", 1, 1)]
    assert changes(rule(ONE), rule(ONE, '"a [risk=high]"')) == [("changed", 1, 1)]
    assert changes(rule(ONE, 'f"a {m.role}"'), rule(ONE, 'f"a {m.content}"')) == [("changed", 1, 1)]


def test_a_place_of_two_violations_that_has_only_one_now_is_a_change() -> None:
    twice = rule(f"(x: int) in [1, 2]\n    {ONE}")
    once = twice.replace("[1, 2]", "[1]")
    ranges = [v.ranges for v in policyc.Policy.from_string(twice).analyze(WORDS)]
    assert len(ranges) == 2 and ranges[0] == ranges[1]
    assert changes(twice, once) == [("changed", 1, 0)]


def test_added_and_removed_rules_flip_where_they_fire() -> None:
    assert changes("", rule(ONE)) == [("newly_fires", 0, 1)]
    assert changes(rule(ONE), "") == [("no_longer_fires", 1, 0)]
    assert changes("", rule(NONE)) == []


class TestStream:
    def test_each_finding_has_the_event_that_brought_it(self) -> None:
        policy = policyc.Policy.from_string(rule(TWO))
        decision = decide(policy, WORDS, {}, stream=True)
        assert decision.outcome.to_dict() == {"blocked": True, "at": 1}
        ((findings),) = decision.findings.values()
        assert [finding.at for finding in findings] == [1, 2]
        assert findings[0].to_dict()["at"] == 1
        whole = decide(policy, WORDS, {}, stream=False)
        assert whole.outcome.to_dict() == {"blocked": True}

    def test_a_rule_that_is_sure_later_flips_in_the_stream_only(self) -> None:
        early = rule(ONE)
        late = f'raise "a" if:\n    (m: Message)\n    (n: Message)\n    m -> n\n    {ONE}\n'
        assert changes(early, late, stream=True) == [("changed", 1, 3)]
        whole = replay_of(early, late)
        replay = replay_of(early, late, stream=True)
        outcomes = [decision.outcome.at for decision in replay.decisions(WORDS)]
        assert outcomes == [0, 1]
        assert [decision.outcome.at for decision in whole.decisions(WORDS)] == [None, None]

    def test_failures_at_other_events(self) -> None:
        assert changes(rule(FAILS), rule(FAILS), stream=True) == []
        assert changes(rule(FAILS), rule(FAILS_ON_THREE), stream=True) == [
            ("fails_elsewhere", 3, 0)
        ]


class TestJudging:
    def test_what_a_chunk_holds(self) -> None:
        replay = replay_of(rule(ONE) + rule(TWO, '"b"'), rule(TWO, '"b"'))
        lines = [
            '[{"role": "user", "content": "one"}]',
            "[5]",
            '[{"role": "user", "content": "two"}]',
        ]
        parts = [LinePart("x", number, line) for number, line in enumerate(lines, 1)]
        (chunk,) = chunks_of([*parts, TextPart("y", f"[{lines[2]}, {lines[0]}]")])
        judged = pickle.loads(pickle.dumps(replay))(chunk)
        assert judged.traces == 4
        assert (judged.old_blocked, judged.new_blocked) == (4, 2)
        assert (judged.old_fired, judged.new_fired) == ({0: 2, 1: 2}, {0: 2})
        flip, unreadable, other = judged.found
        assert isinstance(flip, TraceFlip) and isinstance(other, TraceFlip)
        assert (flip.name, flip.old.blocked, flip.new.blocked) == ("x:1", True, False)
        assert unreadable.to_dict() == {
            "trace": "x:2",
            "error": "an event must be an object, this is a number, at `$[0]`",
        }
        assert other.name == "y[1]"
        for one in (flip, other):
            assert replay.events_of(one, chunk) == [{"role": "user", "content": "one"}]

    @pytest.mark.parametrize(
        ("now", "message"),
        [
            ("[]", "y: the file has changed meanwhile"),
            ('[{"role": "user", "content": "three"}]', "y: the file has changed meanwhile"),
            ("[5]", "y: an event must be an object"),
            ("[", "y: line 1"),
        ],
    )
    def test_an_example_whose_file_has_changed_is_told(self, now: str, message: str) -> None:
        replay = replay_of(rule(ONE), rule(TWO))
        (flip,) = replay(Chunk((TextPart("y", '[{"role": "user", "content": "one"}]'),))).found
        assert isinstance(flip, TraceFlip)
        with pytest.raises(TraceError) as caught:
            replay.events_of(flip, Chunk((TextPart("y", now),)))
        assert caught.value.message.startswith(message)

    def test_chunks_are_bounded_and_keep_the_order(self) -> None:
        parts = [LinePart("x", number, "x" * 100_000) for number in range(1, 8)]
        chunks = list(chunks_of(parts))
        assert [len(chunk.parts) for chunk in chunks] == [3, 3, 1]
        assert [part for chunk in chunks for part in chunk.parts] == parts
        assert str(chunks[0]) == "the traces from `x:1` to `x:3`"
        assert str(chunks[2]) == "`x:7`"
        assert not list(chunks_of([]))
