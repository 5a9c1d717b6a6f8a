"""Predicates and constants: there exists, arguments of any kind, evaluated as often as needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.answers import args, keys, messages, ranges
from tests.traces import assistant, call, calls, output, user

from policyc import Policy, PolicyError

if TYPE_CHECKING:
    from tests.runtime.conftest import Make


@pytest.mark.parametrize(
    "declaration",
    [
        'asks(m: Message) :=\n    m.role == "user"\n    m.content.endswith("?")\n',
        'asks(m: Message) := m.role == "user" and m.content.endswith("?")\n',
        'def asks(m: Message):\n    m.role == "user"\n    m.content.endswith("?")\n',
        'asks(m: Message):\n    m.role == "user"\n    m.content.endswith("?")\n',
    ],
)
def test_every_spelling_of_a_predicate(declaration: str, make: Make) -> None:
    policy = make(declaration + 'raise "x" if:\n    (m: Message)\n    asks(m)\n')

    assert keys(policy.analyze([user("a?"), user("b"), assistant(content="c?")])) == [(0,)]


def test_a_predicate_may_be_negated_and_nested(make: Make) -> None:
    policy = make("""
        long(t: str) := len(t) > 3
        shouts(m: Message) := long(m.content) and m.content == m.content.upper()

        raise "x" if:
            (m: Message)
            not shouts(m)
    """)

    assert keys(policy.analyze([user("ABCD"), user("abcd"), user("A")])) == [(1,), (2,)]


def test_a_predicate_says_that_something_exists(make: Make) -> None:
    policy = make("""
        was_read(path: str) :=
            (c: ToolCall)
            c is tool:read({path: path})

        raise "x" if:
            (c: ToolCall)
            c is tool:write
            not was_read(c.function.arguments.path)
    """)
    trace = [
        calls("read", path="a"),
        calls("write", path="a"),
        calls("write", path="b"),
    ]

    assert keys(policy.analyze(trace)) == [(2,)]


def test_a_predicate_with_derived_and_assigned_variables(make: Make) -> None:
    policy = make("""
        has_long_word(m: Message, size: int) :=
            words := m.content.split(" ")
            (w: str) in words
            len(w) >= size

        raise "x" if:
            (m: Message)
            has_long_word(m, 4)
    """)

    assert keys(policy.analyze([user("a bc"), user("a bcde"), user("")])) == [(1,)]


@pytest.mark.parametrize("arguments", ["m, 3", "m, size=3", "size=3, m=m", "m=m, size=len('abc')"])
def test_arguments_by_position_and_by_name(arguments: str, make: Make) -> None:
    policy = make(f"""
        at_least(m: Message, size: int) := len(m.content) >= size

        raise "x" if:
            (m: Message)
            at_least({arguments})
    """)

    assert keys(policy.analyze([user("ab"), user("abc")])) == [(1,)]


@pytest.mark.parametrize("arguments", ["", "m", "m, 1, 2", "m, 1, size=2", "m, other=2"])
def test_wrong_arguments_are_refused(arguments: str) -> None:
    with pytest.raises(PolicyError):
        Policy.from_string(f"""
            at_least(m: Message, size: int) := len(m.content) >= size

            raise "x" if:
                (m: Message)
                at_least({arguments})
        """)


def test_types_of_parameters_do_not_filter(make: Make) -> None:
    policy = make("""
        named(x: ToolCall, name: str) := x.content == name or x == name

        raise "x" if:
            (m: Message)
            named(m, "a") and named("b", "b")
    """)

    assert keys(policy.analyze([user("a"), user("b")])) == [(0,)]


def test_predicates_in_comprehensions_and_conditions(make: Make) -> None:
    policy = make("""
        bad(t: str) := "bad" in t

        raise Violation("x", found) if:
            (m: Message)
            found := [w for w in m.content.split(" ") if bad(w)]
            1 if any([bad(w) for w in found]) else 0
    """)

    assert args(policy.analyze([user("a bad1 b bad2"), user("good")])) == [[["bad1", "bad2"]]]


def test_predicates_use_parameters_of_the_analysis(make: Make) -> None:
    policy = make("""
        allowed(name: str) := name in input.allowed

        raise "x" if:
            (c: ToolCall)
            not allowed(c.function.name)
    """)

    assert keys(policy.analyze([calls("a"), calls("b")], allowed=["a"])) == [(1,)]


def test_names_of_a_predicate_are_its_own(make: Make) -> None:
    policy = make("""
        same(a: Message, b: Message) :=
            x := a.content
            y := b.content
            x == y

        raise Violation("x", x) if:
            (b: Message)
            (a: Message)
            a -> b
            same(b, a)
            x := a.role
    """)

    assert args(policy.analyze([user("q"), assistant(content="q")])) == [["user"]]


def test_marks_of_a_predicate_belong_to_the_rule(make: Make) -> None:
    policy = make("""
        bad(m: Message) := "bad" in m.content

        raise "x" if:
            (m: Message)
            bad(m)
    """)

    assert ranges(policy.analyze([user("a bad"), user("good"), user("bad")])) == [
        ["0", "0.content:2-5"],
        ["2", "2.content:0-3"],
    ]


def test_a_predicate_that_looks_at_the_trace_knows_all_of_it(make: Make) -> None:
    """Also what comes after the event that the rule is about."""
    policy = make("""
        is_answered(c: ToolCall) :=
            (o: ToolOutput)
            o.tool_call_id == c.id

        raise "x" if:
            (c: ToolCall)
            is_answered(c)
    """)

    assert keys(
        policy.analyze([assistant(call("f", id="1"), call("g", id="2")), output(id="2")])
    ) == [(0,)]


# --- constants ----------------------------------------------------------------------------------


def test_constants_of_every_kind(make: Make) -> None:
    policy = make("""
        WORDS := ["a", SECOND]
        SECOND := "b"
        SIZES := {small: 1, "large": LARGE}
        LARGE := 2 ** 3
        NAMES := [w.upper() for w in WORDS]

        raise Violation("x", WORDS, SIZES.large, NAMES) if:
            (m: Message)
            m.content in WORDS
    """)

    assert args(policy.analyze([user("b"), user("c")])) == [[["a", "b"], 8, ["A", "B"]]]


def test_a_constant_is_evaluated_once_an_analysis(make: Make) -> None:
    asked: list[int] = []

    def words() -> list[str]:
        asked.append(1)
        return ["a"]

    policy = make(
        """
        WORDS := words()

        raise "x" if:
            (m: Message)
            m.content in WORDS
        """,
        functions={"words": words},
    )

    result = policy.analyze([user("a"), user("b"), user("c")])

    assert len(asked) == 1
    assert keys(result) == [(0,)]


def test_a_constant_that_asks_about_the_trace(make: Make) -> None:
    policy = make("""
        LONG := len(input.data) > 2
        HAS_BAD := has("bad")

        has(word: str) :=
            (m: Message)
            word in m.content

        raise "long" if:
            LONG

        raise "bad" if:
            (m: Message)
            HAS_BAD
            m.content == "end"
    """)

    assert messages(policy.analyze([user(), user()])) == []
    assert messages(policy.analyze([user(), user("end"), user("bad")])) == ["long", "bad"]


def test_a_constant_that_fails_is_an_error_of_the_rules_that_use_it(make: Make) -> None:
    policy = make("""
        LIMIT := input.limit + 1

        raise "uses" if:
            (m: Message)
            len(m.content) > LIMIT

        raise "other" if:
            (m: Message)
            len(m.content) > 1
    """)

    result = policy.analyze([user()], limit="5")

    assert messages(result) == ["other"]
    assert [error.rule.name for error in result.errors] == ["uses"]
    assert result.errors[0].line == 2


@pytest.mark.parametrize(
    "source",
    [
        "A := B\nB := A\n",
        "p(x: str) := q(x)\nq(x: str) := p(x)\n",
        "p(x: str) := p(x)\n",
        "A :=\n    1\n    2\n",
        "A := 1\nA := 2\n",
    ],
)
def test_declarations_that_have_no_value_are_refused(source: str) -> None:
    with pytest.raises(PolicyError):
        Policy.from_string(source)


@pytest.mark.parametrize(
    ("first", "next_one"),
    [
        ("1", "[" * 40 + "A{0}" + "]" * 40),
        ("1", "[" + ", ".join(["A{0}"] * 10) + "]"),
        ("[1]", "A{0} + A{0}"),
        ('"a"', "A{0} + A{0}"),
    ],
    ids=["deep", "wide", "sums of lists", "sums of texts"],
)
def test_constants_of_constants_do_not_explode(first: str, next_one: str, make: Make) -> None:
    """Each a few letters longer than the one before; what becomes too large is an error."""
    lines = [f"A0 := {first}"]
    lines.extend(f"A{number} := {next_one.format(number - 1)}" for number in range(1, 40))
    policy = make(
        "\n".join(lines)
        + '\nraise "large" if:\n    (m: Message)\n    m.content == A39\n'
        + '\nraise "small" if:\n    (m: Message)\n    A1 != m.content\n'
    )

    result = policy.analyze([user()])

    assert messages(result) == ["small"]
    assert {error.rule.name for error in result.errors} <= {"large"}
