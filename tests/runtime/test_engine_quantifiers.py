"""`forall` and `count`: over the whole trace, with the variables of the rule, in any expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.answers import errors, keys, messages, ranges
from tests.traces import assistant, call, calls, output, user

if TYPE_CHECKING:
    from tests.runtime.conftest import Make
    from tests.traces import Event

HEAD = "from invariant import forall, count\n"


def counts(make: Make, quantifier: str, number: int) -> bool:
    """Whether a quantifier over calls of `f` holds with that many of them among other calls."""
    policy = make(f"""{HEAD}
raise "x" if:
    {quantifier}:
        (c: ToolCall)
        c is tool:f
""")
    return bool(policy.analyze([calls("g"), *(calls("f") for _ in range(number)), calls("g")]))


@pytest.mark.parametrize(
    ("quantifier", "holds_for"),
    [
        ("count(min=2)", {2, 3, 4}),
        ("count(max=2)", {0, 1, 2}),
        ("count(min=1, max=2)", {1, 2}),
        ("count(min=0)", {0, 1, 2, 3, 4}),
        ("count()", {0, 1, 2, 3, 4}),
        ("count(2)", {2, 3, 4}),
        ("count(1, 3)", {1, 2, 3}),
        ("not count(min=2)", {0, 1}),
        ("not count(max=2)", {3, 4}),
        ("not not count(min=2)", {2, 3, 4}),
    ],
)
def test_bounds(quantifier: str, holds_for: set[int], make: Make) -> None:
    assert {number for number in range(5) if counts(make, quantifier, number)} == holds_for


def test_bounds_may_be_parameters_and_constants(make: Make) -> None:
    policy = make(f"""{HEAD}
MOST := 1 + 1

raise "least" if:
    count(min=input.least):
        (c: ToolCall)

raise "most" if:
    not count(max=MOST):
        (c: ToolCall)
""")
    trace = [calls("f") for _ in range(3)]

    assert messages(policy.analyze(trace, least=3)) == ["least", "most"]
    assert messages(policy.analyze(trace, least=4)) == ["most"]
    assert messages(policy.analyze(trace[:2], least=4)) == []


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ([], True),
        ([user("a")], True),
        ([user("a"), user("ab")], True),
        ([user("a"), user("b")], False),
        ([user("b"), user("a")], False),
        ([output("b")], True),
    ],
)
def test_forall_is_true_unless_some_candidate_is_not(
    trace: list[Event], expected: bool, make: Make
) -> None:
    policy = make(f"""{HEAD}
raise "all" if:
    forall:
        (m: Message)
        "a" in m.content

raise "not all" if:
    not forall:
        (m: Message)
        "a" in m.content
""")

    assert messages(policy.analyze(trace)) == ["all" if expected else "not all"]


def test_bodies_are_taken_by_truthiness(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "all" if:
    forall:
        (m: Message)
        find("a", m.content)

raise "two" if:
    count(min=2):
        (m: Message)
        find("a", m.content)
""")

    assert messages(policy.analyze([user("a"), user("ba")])) == ["all", "two"]
    assert messages(policy.analyze([user("a"), user("b")])) == []


def test_a_block_with_only_a_declaration_counts_objects(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "x" if:
    count(min=1):
        (c: ToolCall)
""")

    assert not policy.analyze([])
    assert not policy.analyze([user()])
    assert keys(policy.analyze([calls("f")])) == [()]


def test_combinations_of_several_variables_are_counted(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "pairs" if:
    count(min=4, max=4):
        (a: Message)
        (b: Message)

raise "flows" if:
    count(min=1, max=1):
        (a: Message) -> (b: Message)
""")

    assert messages(policy.analyze([user(), user()])) == ["pairs", "flows"]
    assert messages(policy.analyze([user(), user(), user()])) == []


def test_a_block_sees_the_variables_of_its_rule(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "repeated" if:
    (m: Message)
    count(min=2):
        (n: Message)
        n.content == m.content

raise "last" if:
    (m: Message)
    forall:
        (n: Message)
        n.content == m.content or n -> m
""")

    result = policy.analyze([user("a"), user("b"), user("a"), user("c")])

    assert [(v.message, v.key) for v in result] == [
        ("repeated", "(0, (0,))"),
        ("repeated", "(0, (2,))"),
        ("last", "(1, (3,))"),
    ]


def test_assigned_names_inside_and_above_a_block(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "inside" if:
    (m: Message)
    count(min=1):
        (c: ToolCall)
        w := c.function.arguments.word
        w in m.content

raise "above" if:
    (m: Message)
    words := m.content.split(" ")
    count(min=1):
        (c: ToolCall)
        c.function.arguments.word in words
""")
    trace = [user("a bc"), user("x"), calls("f", word="b")]

    assert [(v.message, v.key) for v in policy.analyze(trace)] == [("inside", "(0, (0,))")]
    assert [(v.message, v.key) for v in policy.analyze([*trace, calls("f", word="bc")])] == [
        ("inside", "(0, (0,))"),
        ("above", "(1, (0, -1))"),
    ]


def test_comprehensions_inside_a_block(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "x" if:
    count(min=1):
        (n: Message)
        any([t == "x" for t in text(n)])
""")

    assert policy.analyze([user("x")])
    assert not policy.analyze([user("y")])


def test_derived_variables_inside_a_block(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "x" if:
    (m: Message)
    count(min=2):
        (w: str) in m.content.split(" ")
        w.startswith("a")
""")

    assert keys(policy.analyze([user("ab ac"), user("ab b"), user("a a a")])) == [(0,), (2,)]


def test_quantifiers_in_expressions(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "or" if:
    (m: Message)
    m.role == "system" or count(min=2):
        (c: ToolCall)

raise "assigned" if:
    (m: Message)
    busy := count(min=2):
        (c: ToolCall)
    busy
""")
    trace = [{"role": "system", "content": "s"}, user()]

    assert messages(policy.analyze(trace)) == ["or"]
    assert messages(policy.analyze([*trace, assistant(call("f"), call("g"))])) == (
        ["or"] * 3 + ["assigned"] * 3
    )


def test_quantifiers_in_quantifiers(make: Make) -> None:
    """Every user message is answered by some message of the assistant."""
    policy = make(f"""{HEAD}
raise "unanswered" if:
    not forall:
        (u: Message)
        u.role != "user" or count(min=1):
            (a: Message)
            a.role == "assistant"
            u -> a
""")

    assert not policy.analyze([user(), assistant(content="yes")])
    assert policy.analyze([user(), assistant(content="yes"), user()])


def test_several_quantifiers_in_one_rule(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "x" if:
    (o: ToolOutput)
    o.content == "end"
    count(min=2):
        (c: ToolCall)
    count(max=1):
        (m: Message)
        m.role == "user"
""")
    busy = [assistant(call("f"), call("g")), output("end")]

    assert keys(policy.analyze([user(), *busy])) == [(2,)]
    assert not policy.analyze([user(), user(), *busy])
    assert not policy.analyze([user(), calls("f"), output("end")])


def test_a_failure_in_a_block_is_one_of_the_rule(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "x" if:
    count(min=1):
        (c: ToolCall)
        c.function.arguments.n > 5

raise "y" if:
    forall:
        (c: ToolCall)
        c.function.arguments.n > 5
""")

    result = policy.analyze([calls("f", n="a")])

    assert not list(result)
    assert [line for line, _ in errors(result)] == [6, 11]


def test_ranges_of_count_are_those_of_all_models_counted(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "x" if:
    count(min=2):
        (m: Message)
        "a" in m.content
""")

    assert ranges(policy.analyze([user("a"), user("b"), user("ba"), user("caa")])) == [
        ["0", "0.content:0-1", "2", "2.content:1-2", "3", "3.content:1-2", "3.content:2-3"]
    ]


def test_ranges_of_forall_are_those_of_its_variables(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "x" if:
    forall:
        (m: Message)
        "a" in m.content
""")

    assert ranges(policy.analyze([user("a"), user("ba")])) == [["0", "1"]]


def test_negated_quantifiers_have_no_ranges(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "x" if:
    not forall:
        (m: Message)
        "a" in m.content

raise "y" if:
    not count(min=3):
        (m: Message)
        "a" in m.content
""")

    assert ranges(policy.analyze([user("a"), user("b")])) == [[], []]


def test_keys_of_quantified_rules_have_no_variables(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "x" if:
    count(min=1):
        (m: Message)
""")

    (violation,) = policy.analyze([user()])

    assert violation.key == "(0, ())"


@pytest.mark.parametrize("bound", ["min", "max"])
def test_a_bound_that_is_no_number_is_an_error_of_its_rule_only(make: Make, bound: str) -> None:
    policy = make(f"""{HEAD}
raise "x" if:
    count({bound}=input.limit):
        (m: Message)

raise "y" if:
    (m: Message)
""")
    result = policy.analyze([user()], limit="many")

    assert errors(result) == [(4, "`count` takes numbers, not a text")]
    assert messages(result) == ["y"]
    assert not policy.analyze([user()], limit=1).errors
