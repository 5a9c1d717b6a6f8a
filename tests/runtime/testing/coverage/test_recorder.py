"""How the points of a policy come out on traces."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tests.runtime.testing.coverage.seeing import recorder, seen
from tests.traces import Event, assistant, call, calls, output, user

from policyc.runtime.testing.coverage.recorder import record
from policyc.runtime.traces import TraceError

RULE = 'raise "x" if:\n    (m: Message)\n'
CALL = 'raise "x" if:\n    (c: ToolCall)\n'
QUANTIFIERS = "from invariant import count, forall\n"


def of(line: str, *trace: Event, before: str = RULE, **parameters: Any) -> dict[str, Any]:
    """What is seen of one line below `before`; the rule is left out."""
    found = seen(f"{before}    {line}\n", list(trace), **parameters)
    return {text: row for text, row in found.items() if text != "x"}


# --- conditions -----------------------------------------------------------------------------------


def test_a_line_is_counted_for_each_candidate_that_comes_to_it() -> None:
    lines = RULE + '    m.role == "user"\n    "k" in m.content\n'
    assert seen(lines, [user("k"), user("z"), assistant(content="k")]) == {
        "x": (1, 0),
        'm.role == "user"': (2, 1),
        '"k" in m.content': (1, 1),
    }


def test_a_line_above_a_variable_is_counted_without_it() -> None:
    lines = 'raise "x" if:\n    (m: Message)\n    m.content == "k"\n    (c: ToolCall)\n    m -> c\n'
    assert seen(lines, [user("k"), user("z"), calls("a"), calls("b")]) == {
        "x": (1, 0),
        'm.content == "k"': (1, 3),
        "m -> c": (2, 0),
    }


def test_the_right_side_of_and_is_reached_where_the_left_one_holds() -> None:
    found = of('m.content == "a" or (m.role == "user" and m.content == "b")', user("a"), user("z"))
    assert found == {
        'm.content == "a" or (m.role == "user" and m.content == "b")': (1, 1),
        'm.content == "a"': (1, 1),
        'm.role == "user" and m.content == "b"': (0, 1),
        'm.role == "user"': (1, 0),
        'm.content == "b"': (0, 1),
    }


def test_the_right_side_of_or_is_not_counted_where_it_is_only_looked_at_for_marks() -> None:
    found = of('"a" in m.content or "b" in m.content', user("ab"))
    assert found['"a" in m.content'] == (1, 0)
    assert found['"b" in m.content'] is None


def test_of_a_choice_only_the_side_that_is_taken_is_reached() -> None:
    found = of('m.content == "a" if m.role == "user" else m.content == "b"', user("a"))
    assert found['m.role == "user"'] == (1, 0)
    assert found['m.content == "a"'] == (1, 0)
    assert found['m.content == "b"'] is None


def test_each_link_of_a_chain_is_counted() -> None:
    found = of("1 < len(m.content) < 3", user(""), user("ab"), user("abcd"))
    assert found == {"1 < len(m.content)": (2, 1), "len(m.content) < 3": (1, 1)}


def test_a_negation_comes_out_as_the_line_does() -> None:
    assert of('not m.content == "a"', user("a"), user("b"), user("c")) == {
        'not m.content == "a"': (2, 1)
    }


def test_the_conditions_of_a_comprehension_are_counted_for_each_element() -> None:
    line = 'any([x == "a" for x in m.content.split(" ") if len(x) < 3])'
    assert of(line, user("a bb cccc")) == {line: (1, 0), 'x == "a"': (1, 1), "len(x) < 3": (2, 1)}


def test_an_assigned_value_is_not_counted_again_where_its_place_is_looked_for() -> None:
    lines = RULE + '    chosen := m.content if m.role == "user" else m.role\n    "k" in chosen\n'
    assert seen(lines, [user("k")])['m.role == "user"'] == (1, 0)


def test_a_condition_without_a_value_has_failed_and_so_has_what_is_around_it() -> None:
    found = of("m.content == 'a' or json_loads(m.content).n > 3", user("no json"), user("a"))
    assert found == {
        "m.content == 'a' or json_loads(m.content).n > 3": (1, 0, 1),
        "m.content == 'a'": (1, 1),
        "json_loads(m.content).n > 3": (0, 0, 1),
    }


def test_a_condition_in_what_a_rule_raises_is_counted_for_each_model() -> None:
    source = (
        'raise Violation("x", "long" if len(m.content) > 3 else "short") if:\n    (m: Message)\n'
    )
    found = seen(source, [user("a"), user("abcd"), user("b")])
    assert found["len(m.content) > 3"] == (1, 2)


def test_a_constant_is_evaluated_once_in_a_run() -> None:
    source = "STRICT := input.level > 3\n" + RULE + "    STRICT\n"
    found = seen(source, [user(), user(), user()], level=5)
    assert found == {"input.level > 3": (1, 0), "x": (1, 0), "STRICT": (3, 0)}


# --- predicates -----------------------------------------------------------------------------------


def test_a_predicate_is_left_with_its_first_model() -> None:
    source = """
answered(c: ToolCall) :=
    (o: ToolOutput)
    tool_call(o) == c
    o.content == "done"

raise "x" if:
    (c: ToolCall)
    answered(c)
"""
    trace = [calls("a"), output("failed"), output("done"), output("done")]
    assert seen(source, trace) == {
        "x": (1, 0),
        "tool_call(o) == c": (2, 0),
        'o.content == "done"': (1, 1),
        "answered(c)": (1, 0),
    }


def test_a_predicate_that_nobody_calls_is_never_reached() -> None:
    source = "_p(m: Message) :=\n    len(m.content) > 3\n\n" + RULE
    assert seen(source, [user("long enough")]) == {"len(m.content) > 3": None, "x": (1, 0)}


# --- tool patterns --------------------------------------------------------------------------------


def test_each_entry_of_a_pattern_is_counted_until_one_does_not_fit() -> None:
    found = of(
        'c is tool:send({to: "bob", n: [1, *], cc: *})',
        calls("send", to="bob", n=[1, 2], cc="x"),
        calls("send", to="bob", n=[1]),
        calls("send", to="eve", n=[1, 2]),
        calls("send"),
        calls("read", to="bob"),
        before=CALL,
    )
    assert found == {
        "c is tool:send": (4, 1),
        "to": (3, 1),
        '"bob"': (2, 1),
        "n": (2, 0),
        "[1, *]": (1, 1),
        "1": (1, 0),
        "cc": (1, 0),
    }


def test_a_nested_object_is_a_value_of_its_own() -> None:
    found = of(
        "c is tool:x({o: {k: None}})",
        calls("x", o={"k": None}),
        calls("x", o={}),
        calls("x", o=3),
        before=CALL,
    )
    assert found == {
        "c is tool:x": (3, 0),
        "o": (3, 0),
        "{k: None}": (1, 2),
        "k": (1, 1),
        "None": (1, 0),
    }


def test_an_output_is_asked_for_the_name_of_its_call() -> None:
    rule = 'raise "x" if:\n    (o: ToolOutput)\n'
    trace = (calls("read"), output(), output(id="none"))
    assert of("o is tool:*", *trace, before=rule) == {"o is tool:*": (1, 1)}


def test_the_uses_of_a_pattern_are_counted_together() -> None:
    source = 'SEND := tool:send({to: "bob"})\n' + CALL + "    c is SEND or not (c is SEND)\n"
    found = seen(source, [calls("send", to="eve")])
    assert found["to"] == (2, 0)
    assert found['"bob"'] == (0, 2)


def test_a_value_that_cannot_be_evaluated_has_failed() -> None:
    before = "SHARE := 1 / input.n\n" + CALL
    found = of("c is tool:x({a: SHARE})", calls("x", a=1), before=before, n=0)
    assert found == {"c is tool:x": (1, 0), "a": (1, 0), "SHARE": (0, 0, 1)}


def test_a_pattern_without_a_subject_has_failed() -> None:
    found = of("json_loads(m.content) is tool:x", user("no json"))
    assert found == {"json_loads(m.content) is tool:x": (0, 0, 1)}


# --- quantifiers ----------------------------------------------------------------------------------


def count_of(head: str, *trace: Event, **parameters: Any) -> dict[str, Any]:
    lines = [f"    {head}:", "        (c: ToolCall)", "        c is tool:send"]
    source = QUANTIFIERS + 'raise "x" if:\n' + "".join(f"{line}\n" for line in lines)
    found = seen(source, list(trace), **parameters)
    return {text: row for text, row in found.items() if text not in ("x", "c is tool:send")}


@pytest.mark.parametrize(
    ("calls_made", "expected"),
    [
        (0, {"min=2": (0, 1), "max=3": (1, 0)}),
        (1, {"min=2": (0, 1), "max=3": (1, 0)}),
        (2, {"min=2": (1, 0), "max=3": (1, 0)}),
        (4, {"min=2": (1, 0), "max=3": (0, 1)}),
    ],
)
def test_each_bound_is_seen_held_or_broken(calls_made: int, expected: dict[str, Any]) -> None:
    assert count_of("count(min=2, max=3)", *[calls("send")] * calls_made) == expected


def test_where_there_are_too_many_nothing_is_known_of_too_few() -> None:
    found = count_of("count(min=input.n, max=1)", *[calls("send")] * 3, n=5)
    assert found == {"min=input.n": None, "max=1": (0, 1)}


def test_a_quantifier_is_left_when_it_is_settled() -> None:
    source = (
        QUANTIFIERS + 'raise "x" if:\n    count(min=1):\n        (m: Message)\n        m.content\n'
    )
    assert seen(source, [user("a"), user("b"), user("")])["m.content"] == (1, 0)


@pytest.mark.parametrize(("head", "name"), [("forall", "forall"), ("not forall", "forall")])
def test_forall_is_seen_held_and_broken(head: str, name: str) -> None:
    assert count_of(head, calls("send"), calls("send")) == {name: (1, 0)}
    assert count_of(head, calls("send"), calls("read")) == {name: (0, 1)}
    assert count_of(head) == {name: (1, 0)}


def test_a_bound_that_is_no_number_has_failed() -> None:
    found = count_of("count(min=input.n, max=3)", calls("send"), n="many")
    assert found == {"min=input.n": (0, 0, 1), "max=3": (0, 0, 1)}


# --- rules and runs -------------------------------------------------------------------------------


def verdicts(source: str, *runs: tuple[list[Event], dict[str, Any]], **how: Any) -> Any:
    counting = recorder(source)
    found = None
    for trace, parameters in runs:
        run = counting.run(trace, parameters, **how)
        found = run if found is None else found + run
    assert found is not None
    counts = found.counts[counting.points.rules[0]]
    return counts.true, counts.false, counts.failed


def test_a_rule_is_counted_once_a_run() -> None:
    source = RULE + "    json_loads(m.content).n == 3\n"
    good, quiet, bad = user('{"n": 3}'), user('{"n": 4}'), user("none")
    assert verdicts(source, ([good, good], {}), ([quiet], {}), ([bad], {}), ([], {})) == (1, 2, 1)


def test_a_rule_that_lacks_a_parameter_has_failed_and_its_lines_are_not_reached() -> None:
    source = RULE + "    m.content == input.word\n"
    counting = recorder(source)
    run = counting.run([user("a")], {})
    assert {number: (x.true, x.failed) for number, x in run.counts.items()} == {0: (0, 1)}


def test_of_pending_events_the_verdict_is_the_engines_and_all_events_are_looked_at() -> None:
    source = RULE + '    m.content == "k"\n'
    counting = recorder(source)
    run = counting.run([user("k"), user("z")], {}, past=1)
    assert [(x.true, x.false) for _, x in sorted(run.counts.items())] == [(0, 1), (1, 1)]


def test_what_was_answered_is_taken_where_it_is_given() -> None:
    policy_answer = recorder(RULE).engine.analyze([], {})
    assert verdicts(RULE, ([user()], {}), verdicts=[policy_answer]) == (0, 1, 0)


MISSING_CHECK = (
    QUANTIFIERS
    + """
raise "x" if:
    (s: ToolCall)
    s is tool:send
    count(max=0):
        (c: ToolCall)
        s -> c
        c is tool:check
"""
)


def test_a_stream_sees_what_held_before_the_end() -> None:
    trace = [calls("send"), calls("check")]
    counting = recorder(MISSING_CHECK)
    number = next(n for n, x in enumerate(counting.points.all) if x.text == "max=0")
    whole = counting.run(trace, {}).counts[number]
    stream = counting.run(trace, {}, stream=True).counts[number]
    assert (whole.true, whole.false) == (0, 1)
    assert (stream.true, stream.false) == (1, 1)
    assert verdicts(MISSING_CHECK, (trace, {})) == (0, 1, 0)
    assert verdicts(MISSING_CHECK, (trace, {}), stream=True) == (1, 0, 0)


def test_in_a_stream_conditions_that_cannot_change_are_counted_once() -> None:
    counting = recorder(RULE + '    m.content == "k"\n')
    trace = [user("k"), user("z"), user("z")]
    assert counting.run(trace, {}, stream=True) == counting.run(trace, {})


def test_printing_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    counting = recorder(RULE + "    print(m.content)\n")
    with caplog.at_level(logging.INFO, "policyc.print"):
        counting.run([user("k")], {}, verdicts=[])
    assert caplog.messages == []


def test_a_function_of_the_host_is_called_once_for_the_same_arguments() -> None:
    called: list[str] = []

    def is_bad(text: str) -> bool:
        called.append(text)
        return text == "a"

    counting = recorder(RULE + "    is_bad(m.content)\n", functions={"is_bad": is_bad})
    run = counting.run([user("a"), user("b"), user("a")], {}, verdicts=[])
    assert called == ["a", "b"]
    assert [(x.true, x.false) for _, x in sorted(run.counts.items())][1] == (2, 1)


def test_a_malformed_trace_is_refused() -> None:
    with pytest.raises(TraceError):
        recorder(RULE).run([{"role": 3}], {})


def test_a_file_and_some_traces(tmp_path: Any) -> None:
    path = tmp_path / "p.inv"
    path.write_text(RULE + "    m.content == input.word\n", "utf-8")
    summary = record(path, [[user("a")], [user("b")]], {"word": "a"}).summary
    assert (summary.rules.seen, summary.outcomes.seen, summary.outcomes.total) == (1, 2, 2)


# --- bounded work ---------------------------------------------------------------------------------

PAIRS = 'raise "x" if:\n    (a: Message)\n    (b: Message)\n    (c: Message)\n'


@pytest.mark.parametrize("line", ["", "    a.content == b.content == c.content\n"])
def test_work_that_does_not_suffice_is_told(line: str) -> None:
    source = PAIRS + line + '\nraise "y" if:\n    (m: Message)\n    m.content == "k"\n'
    policy = recorder(source)
    counting = type(policy)(policy.engine, work=2_000)
    run = counting.run([user("k") for _ in range(40)], {}, verdicts=[])
    rules = [run.counts[number] for _, number in sorted(counting.points.rules.items())]
    assert [x.cut for x in rules] == [1, 0]
    assert run.reached == -1
    last = run.counts[len(counting.points.all) - 1]
    assert (last.true, last.false) == (40, 0)


def test_time_that_does_not_suffice_is_told() -> None:
    policy = recorder(MISSING_CHECK)
    counting = type(policy)(policy.engine, seconds=0)
    run = counting.run([calls("send") for _ in range(20)], {}, stream=True)
    assert [x.cut for x in run.counts.values()] == [1]


def test_the_work_of_a_stream_is_that_of_a_run() -> None:
    policy = recorder(MISSING_CHECK)
    counting = type(policy)(policy.engine, work=3_000)
    run = counting.run([calls("send") for _ in range(200)], {}, stream=True, verdicts=[])
    assert run.counts[0].cut == 1
    assert sum(x.reached for x in run.counts.values()) < 3_000


def test_calls_in_one_message_are_candidates_of_their_own() -> None:
    found = of("c is tool:a", assistant(call("a"), call("b", id="2")), before=CALL)
    assert found == {"c is tool:a": (1, 1)}
