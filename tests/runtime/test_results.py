"""Results: violations and their arguments, text and JSON forms, keys, truth, pickling."""

from __future__ import annotations

import copy
import json
import pickle
from ast import literal_eval
from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import args, errors, keys
from tests.traces import assistant, call, calls, output, tools, user

from policyc import AnalysisResult, Policy, UnhandledViolations, Violation

if TYPE_CHECKING:
    from tests.runtime.conftest import Make

CALL = call("f", {"n": 1}, id="7")
TRACE = [user("hello"), assistant(CALL), output("out", "7")]


# --- what a rule raises -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        ('"text"', ["text"]),
        ('Violation("text")', ["text"]),
        ('PolicyViolation("text", 1)', ["text", 1]),
        ("MESSAGE", ["a constant"]),
        ("name", ["f"]),
        ('f"call of {name}"', ["call of f"]),
        ('"call of " + name', ["call of f"]),
        ("len(name)", ["1"]),
        ("[name, 2]", ["['f', 2]"]),
        ("None", ["None"]),
        ("Violation()", []),
        ("Violation(name=name)", []),
    ],
)
def test_what_may_be_raised(raised: str, expected: list[Any], make: Make) -> None:
    policy = make(f"""
        MESSAGE := "a constant"

        raise {raised} if:
            (c: ToolCall)
            name := c.function.name
    """)

    (violation,) = policy.analyze(TRACE)

    assert violation.args == expected
    assert violation.message == (expected[0] if expected else "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", 1),
        ("1.5", 1.5),
        ("True", True),
        ("None", None),
        ('"t"', "t"),
        ("m.missing_from_metadata", None),
        ("[1, [m.content]]", [1, ["hello"]]),
        ("{a: m.content, b: {c: 1}}", {"a": "hello", "b": {"c": 1}}),
        ("m", TRACE[0]),
        ("c", CALL),
        ("c.function", CALL["function"]),
        ("c.function.arguments", {"n": 1}),
        ("o", TRACE[2]),
        ("[c, o]", [CALL, TRACE[2]]),
        ("tuple([1, 2])", [1, 2]),
        ("x.tool_calls", [CALL]),
        ("m.metadata", {"trace_idx": 0}),
    ],
)
def test_arguments_are_json_values(value: str, expected: Any, make: Make) -> None:
    value = value.replace("m.missing_from_metadata", "m.metadata.missing")
    policy = make(f"""
        raise Violation("text", {value}, key={value}) if:
            (m: Message)
            m.role == "user"
            (x: Message)
            x.role == "assistant"
            (c: ToolCall)
            (o: ToolOutput)
    """)

    (violation,) = policy.analyze(TRACE)

    assert violation.args == ["text", expected]
    assert violation.kwargs == {"key": expected}
    assert json.loads(json.dumps(violation.to_dict()))["args"] == violation.args


def test_the_keyword_ranges_is_taken_out(make: Make) -> None:
    policy = make('raise Violation("x", ranges=[m], why="w") if:\n    (m: Message)\n')

    assert [v.kwargs for v in policy.analyze([user()])] == [{"why": "w"}]


def test_the_text_of_a_violation(make: Make) -> None:
    """The message, other arguments (events with their content), keyword arguments."""
    policy = make("""
        raise Violation("leak:", o, 5, m, sure=True, to=c.function.arguments) if:
            (m: Message)
            m.role == "user"
            (c: ToolCall)
            (o: ToolOutput)
    """)

    (violation,) = policy.analyze(TRACE)

    assert str(violation) == "leak: out 5 hello sure=True to={'n': 1}"


def test_violations_compare_by_what_they_say(make: Make) -> None:
    policy = make('raise "x" if:\n    (m: Message)\n')

    first, second = policy.analyze([user("a"), user("b")])

    assert first == policy.analyze([user("a")])[0]
    assert first != second
    assert first != "x"


def test_rules_are_named_by_their_message(make: Make) -> None:
    policy = make(
        """
        LONG := "from  a
        """.replace('"from  a\n        ', '"a constant"\n')
        + """
        raise "plain text" if:
            (m: Message)

        raise Violation("with [risk=high] tag", m) if:
            (m: Message)

        raise f"a {m.role} and {m.content}" if:
            (m: Message)

        raise LONG if:
            (m: Message)

        raise Violation(m) if:
            (m: Message)

        raise "plain text" if:
            (m: Message)
        """,
        path="p.inv",
    )

    result = policy.analyze([user()])

    assert [v.rule.name for v in result] == [
        "plain text",
        "with tag",
        "a {} and {}",
        "a constant",
        "rule 5",
        "plain text #2",
    ]
    assert {v.rule.path for v in result} == {"p.inv"}
    lines = [v.rule.line for v in result]
    assert lines == sorted(set(lines))


@pytest.mark.parametrize(
    ("raised", "risk"),
    [
        ('"x [risk=high]"', "high"),
        ('"x [risk=HIGH]"', "high"),
        ('"x [RISK=low]"', "low"),
        ('"[risk=medium] x"', "medium"),
        ('"x [risk=critical]"', "high"),
        ('"x"', None),
        ('Violation("x [risk=low]", m)', "low"),
        ('f"{m.content} [risk=low]"', "low"),
        ('f"{m.content}"', None),
        ("m.content", None),
        ("TAGGED", "medium"),
    ],
)
def test_risk_comes_from_the_policy_alone(raised: str, risk: str | None, make: Make) -> None:
    policy = make(f"""
        TAGGED := "x [risk=medium]"

        raise {raised} if:
            (m: Message)
            TAGGED != m.content
    """)

    (violation,) = policy.analyze([user("[risk=high]")])

    assert violation.risk == risk


def test_the_tag_stays_in_the_message(make: Make) -> None:
    (violation,) = make('raise "x [risk=high]" if:\n    (m: Message)\n').analyze([user()])

    assert violation.message == "x [risk=high]"


# --- keys ---------------------------------------------------------------------------------------


def test_keys_hold_the_event_of_each_variable_by_name(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (z: Message)
            z.role == "user"
            (c: ToolCall)
            (b: ToolOutput)
            (a: Tool)
            (t: str) in z.content
            t == "t"
            (f: Function)
            (p: TextChunk)
            n := 5
            w := z
    """)
    trace = [tools("x", "y"), user([{"type": "text", "text": "t"}]), calls("f"), output()]

    result = policy.analyze(trace)

    # a, b, c, f, n, p, t, w, z: an event is its index, anything else is -1.
    assert [literal_eval(v.key) for v in result] == [
        (0, (0, 4, 3, -1, -1, -1, -1, 2, 2)),
        (0, (1, 4, 3, -1, -1, -1, -1, 2, 2)),
    ]


def test_keys_are_texts_of_tuples(make: Make) -> None:
    policy = make("""
        raise "one" if:
            (m: Message)

        raise "none" if:
            input.x

        raise "three" if:
            (m: Message)
            t := m.content
            (c: ToolCall)
    """)

    result = policy.analyze([user(), calls("f")][::-1], x=True)

    assert [v.key for v in result] == [
        "(0, (0,))",
        "(0, (1,))",
        "(1, ())",
        "(2, (0, 0, -1))",
        "(2, (0, 1, -1))",
    ]


def test_equal_violations_are_not_merged(make: Make) -> None:
    policy = make('raise "x" if:\n    (m: Message)\n    (t: str) in ["a", "a"]\n')

    assert keys(policy.analyze([user()])) == [(0, -1), (0, -1)]


# --- the result as a whole ----------------------------------------------------------------------


def test_a_result_is_a_sequence_that_is_true_when_it_blocks(make: Make) -> None:
    result = make('raise "x" if:\n    (m: Message)\n').analyze([user("a"), user("b")])

    assert result and result.blocked and len(result) == 2
    assert list(result) == result.violations == [result[0], result[1]]
    assert result[-1].ranges == ["1"]
    assert result[:1] == [result[0]]
    assert isinstance(result[0], Violation)
    with pytest.raises(IndexError):
        result[2]


def test_an_empty_result_is_false(make: Make) -> None:
    result = make('raise "x" if:\n    (m: Message)\n').analyze([])

    assert not result and not result.blocked and len(result) == 0
    assert list(result) == result.violations == result.errors == []
    assert result.to_dict() == {"violations": [], "errors": [], "blocked": False}


def test_a_result_can_be_counted_before_it_is_written_out(make: Make) -> None:
    result = make('raise "x" if:\n    (m: Message)\n').analyze([user()] * 3)

    assert len(result) == 3 and result.blocked
    assert keys(result) == [(0,), (1,), (2,)]


def test_changing_what_a_result_gives_changes_nothing(make: Make) -> None:
    result = make('raise "x" if:\n    (m: Message)\n').analyze([user()])

    result.violations.clear()
    result.errors.append("x")  # type: ignore[arg-type]  # what a careless caller does

    assert len(result.violations) == 1
    assert result.errors == []


def test_the_json_form(make: Make) -> None:
    policy = make(
        """
        raise Violation("bad [risk=low]", m, n=1) if:
            (m: Message)
            "a" in m.content

        raise "fails" if:
            (m: Message)
            m.metadata.n + 1 > 0
        """,
        path="p.inv",
    )

    event = user("a", metadata={"n": "x"})

    assert policy.analyze([event]).to_dict() == {
        "violations": [
            {
                "message": "bad [risk=low]",
                "args": [
                    "bad [risk=low]",
                    {"role": "user", "content": "a", "metadata": {"n": "x"}},
                ],
                "kwargs": {"n": 1},
                "ranges": ["0", "0.content:0-1"],
                "rule": {"name": "bad", "path": "p.inv", "line": 2},
                "key": "(0, (0,))",
                "risk": "low",
            }
        ],
        "errors": [
            {
                "rule": {"name": "fails", "path": "p.inv", "line": 6},
                "message": "cannot add a text and a number",
                "line": 8,
                "column": 13,
            }
        ],
        "blocked": True,
    }


def test_representations_say_what_is_in_them(make: Make) -> None:
    policy = make('raise "bad" if:\n    (m: Message)\n')

    assert repr(policy.analyze([user()])) == (
        "AnalysisResult(violations=[Violation(bad, ranges=['0'])], errors=[])"
    )


# --- pickling -----------------------------------------------------------------------------------


def test_results_are_pickled_with_all_they_say(make: Make) -> None:
    policy = make("""
        raise Violation("bad", m, t) if:
            (m: Message)
            (t: str) in m.content

        raise "fails" if:
            (m: Message)
            m.metadata.n + 1 > 0

        raise "missing" if:
            (m: Message)
            m.content == input.name
    """)
    result = policy.analyze([user("a", metadata={"n": "x"})])

    for again in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert isinstance(again, AnalysisResult)
        assert again.to_dict() == result.to_dict()
        assert [str(e) for e in again.errors] == [str(e) for e in result.errors]
        assert [e.bindings for e in again.errors] == [e.bindings for e in result.errors]
        assert [str(e.cause) for e in again.errors] == [str(e.cause) for e in result.errors]


class Odd(Exception):
    """An exception that cannot be pickled, as those of hosts may be."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} {second}")


def test_an_error_with_any_cause_is_pickled(make: Make) -> None:
    def boom(_message: Any) -> None:
        raise Odd(1, 2)

    policy = make('raise "x" if:\n    (m: Message)\n    boom(m)\n', functions={"boom": boom})
    result = policy.analyze([user()])
    assert isinstance(result.errors[0].cause, Odd)

    again = pickle.loads(pickle.dumps(result))

    assert errors(again) == errors(result) == [(3, "`boom` failed: 1 2")]
    assert again.errors[0].cause is None


def test_unhandled_violations_are_raised_on_demand(make: Make) -> None:
    policy = make("""
        raise "bad" if:
            (m: Message)
            m.content == "bad"

        raise "fails" if:
            (m: Message)
            m.metadata.n + 1 > 0
    """)

    assert not policy.analyze([user()], raise_on_violation=True)
    with pytest.raises(UnhandledViolations) as caught:
        policy.analyze([user("bad", metadata={"n": "x"})], raise_on_violation=True)
    again = pickle.loads(pickle.dumps(caught.value))
    for error in (caught.value, again):
        assert [v.message for v in error.violations] == ["bad"]
        assert len(error.errors) == 1
        assert error.result.blocked
        assert str(error).splitlines()[0] == "bad"
        assert "rule `fails` failed at" in str(error)
    with pytest.raises(UnhandledViolations):
        policy.analyze([user(metadata={"n": "x"})], raise_on_violation=True)
    with pytest.raises(UnhandledViolations):
        policy.analyze_pending([], [user("bad")], raise_on_violation=True)


def test_a_policy_is_pickled_with_its_engine(make: Make) -> None:
    policy = make('raise Violation("x", input.n) if:\n    (m: Message)\n    "a" in m.content\n')

    again = pickle.loads(pickle.dumps(policy))

    assert isinstance(again, Policy)
    trace = [user("a"), user("b"), user("ba")]
    assert again.analyze(trace, n=1).to_dict() == policy.analyze(trace, n=1).to_dict()
    assert args(again.analyze(trace, n=1)) == [[1], [1]]
    assert again.parameters == policy.parameters == {"n": None}
    assert [str(d) for d in again.diagnostics] == [str(d) for d in policy.diagnostics]


@pytest.mark.parametrize("depth", [300, 900, 5_000])
def test_a_result_can_be_written_as_json_however_deep_the_trace_is(depth: int) -> None:
    """`analyze` checks of a trace only what a rule reads, and a gate must be able to log."""
    deep: Any = 1
    for _ in range(depth):
        deep = [deep]
    policy = Policy.from_string(
        'raise Violation("x", c, c.function.arguments.x, what=c) if:\n    (c: ToolCall)\n'
    )
    told = policy.analyze([calls("f", x=deep)]).to_dict()

    assert json.loads(json.dumps(told))["blocked"]
    assert "(nested too deep)" in json.dumps(told)
