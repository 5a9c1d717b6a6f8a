"""Rules that fail: told with place and bindings, blocking, and no hindrance to other rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import errors, keys, messages
from tests.traces import calls, output, user

if TYPE_CHECKING:
    from tests.runtime.conftest import Make


def boom(*_arguments: Any) -> bool:
    raise ValueError("no answer")


def test_a_failed_rule_is_told_and_the_others_answer(make: Make) -> None:
    policy = make(
        """
        raise "first" if:
            (m: Message)
            m.role == "user"

        raise "second" if:
            (m: Message)
            m.role == "user"
            m.metadata.size + 1 > 3

        raise "third" if:
            (m: Message)
            len(m.content) > 1
        """,
        path="mail.inv",
    )

    result = policy.analyze([user("hello", metadata={"size": "big"})])

    assert messages(result) == ["first", "third"]
    (error,) = result.errors
    assert (error.rule.name, error.rule.path, error.rule.line) == ("second", "mail.inv", 6)
    assert (error.line, error.column) == (9, 13)
    assert error.message == "cannot add a text and a number"
    assert error.bindings == {
        "m": {"role": "user", "content": "hello", "metadata": {"size": "big"}}
    }
    assert str(error) == ("rule `second` failed at mail.inv:9:13: cannot add a text and a number")
    assert result.blocked


def test_a_failure_alone_blocks(make: Make) -> None:
    policy = make('raise "x" if:\n    (m: Message)\n    boom(m)\n', functions={"boom": boom})

    result = policy.analyze([user()])

    assert result and result.blocked and not len(result)
    assert errors(result) == [(3, "`boom` failed: no answer")]
    assert isinstance(result.errors[0].cause, ValueError)


def test_what_other_candidates_of_a_failed_rule_found_stays(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (c: ToolCall)
            c.function.arguments.n > 5
    """)

    result = policy.analyze([calls("f", n=9), calls("f", n="9"), calls("f", n=7)])

    assert keys(result) == [(0,), (2,)]
    assert errors(result) == [(4, "cannot order a text and a number with `>`")]


def test_the_first_candidate_in_the_order_of_the_lines_is_told(make: Make) -> None:
    """Also where numbers of events have several digits, and where others fail later or earlier."""
    policy = make(
        """
        raise "x" if:
            (b: Message)
            (a: Message)
            bad(a, b)
        """,
        functions={"bad": lambda a, b: 1 / 0 if a.index > 8 and b.index > 1 else False},
    )

    (error,) = policy.analyze([user(str(number)) for number in range(12)]).errors

    assert error.bindings["b"]["content"] == "2"
    assert error.bindings["a"]["content"] == "9"


def test_bindings_are_those_at_the_line_that_failed(make: Make) -> None:
    """A search may have chosen more variables by then; what is told does not depend on that."""
    policy = make(
        """
        raise "x" if:
            (m: Message)
            size := len(m.content)
            boom(m)
            (o: ToolOutput)
            shout := o.content.upper()
        """,
        functions={"boom": boom},
    )

    (error,) = policy.analyze([user("ab"), output("y")]).errors

    assert error.bindings == {"m": user("ab"), "size": 2}


def test_a_candidate_fails_where_the_trace_lacks_what_lower_lines_need(make: Make) -> None:
    policy = make(
        """
        raise "own function" if:
            (m: Message)
            boom(m)
            (o: ToolOutput)

        raise "built in" if:
            (m: Message)
            m.metadata.size + 1 > 3
            (o: ToolOutput)
        """,
        functions={"boom": boom},
    )

    result = policy.analyze([user(metadata={"size": "big"})])

    assert [error.rule.name for error in result.errors] == ["own function", "built in"]


def test_a_guard_above_spares_the_failure(make: Make) -> None:
    """Whatever variable the guard is about, and however early a search looks at the line below."""
    policy = make("""
        raise "x" if:
            (a: ToolCall)
            (b: ToolCall)
            a is tool:guard
            b.function.arguments.n > 5
    """)
    trouble = calls("f", n="text")

    assert not policy.analyze([trouble, calls("f", n=7)]).errors
    assert errors(policy.analyze([trouble, calls("guard", n=1)])) == [
        (6, "cannot order a text and a number with `>`")
    ]
    assert not policy.analyze([calls("guard", n=1), calls("f", n=7)]).errors


@pytest.mark.parametrize(
    ("lines", "outputs_needed"),
    [
        (["c.function.arguments.n > 5", "COUNT"], 0),
        (["COUNT", "c.function.arguments.n > 5"], 2),
        (["COUNT", 'c.id == "1"', "c.function.arguments.n > 5"], 2),
        (["c.function.arguments.n > 5", "COUNT", "any([c.id == x for x in ['2']])"], 0),
    ],
)
def test_a_failure_beside_a_count(lines: list[str], outputs_needed: int, make: Make) -> None:
    """Above it the failure is told in any case, below it once the count holds."""
    count = "count(min=2):\n        (o: ToolOutput)"
    body = "".join(f"    {line.replace('COUNT', count)}\n" for line in lines)
    policy = make(f'from invariant import count\nraise "x" if:\n    (c: ToolCall)\n{body}')

    for outputs in range(4):
        result = policy.analyze([calls("f", n="text"), *[output()] * outputs])
        assert bool(result.errors) is (outputs >= outputs_needed)
        assert not list(result)


def test_a_right_operand_may_be_spared_and_a_left_one_not(make: Make) -> None:
    policy = make(
        """
        raise "left" if:
            (m: Message)
            boom(m) or m.role == "user"

        raise "right" if:
            (m: Message)
            m.role == "user" or boom(m)
        """,
        functions={"boom": boom},
    )

    result = policy.analyze([user()])

    assert messages(result) == ["right"]
    assert errors(result) == [(4, "`boom` failed: no answer")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("c.function.arguments.n / 0 > 1", "cannot divide by zero"),
        ("c.function.arguments.text < 5", "cannot order a text and a number with `<`"),
        ("c.function.arguments.n in c.function.arguments.text", "looks for a text in a text"),
        ("c.function.arguments.n.x.y == 1", "a number has no member `x`"),
        ("c.function.arguments.text * 10000000 == 1", "characters is not built"),
        ("10 ** c.function.arguments.large == 1", "digits is not computed"),
        ("len(c.function.arguments.n) == 1", "a number has no length"),
        ("sum([c.function.arguments.text]) == 1", "number"),
    ],
)
def test_what_fails_says_why_in_the_words_of_a_policy(line: str, message: str, make: Make) -> None:
    policy = make(f'raise "x" if:\n    (c: ToolCall)\n    {line}\n')

    result = policy.analyze([calls("f", n=1, text="abc", large=10_000_000)])

    ((where, told),) = errors(result)
    assert where == 3
    assert message in told
    for inner in ("NoneType", "'str'", "'int'", "object", "Traceback", "Error"):
        assert inner not in told


def test_a_raised_expression_that_fails_is_an_error_of_its_rule(make: Make) -> None:
    policy = make("""
        raise Violation("x", c.function.arguments.n + 1) if:
            (c: ToolCall)
    """)

    result = policy.analyze([calls("f", n=1), calls("f", n="1")])

    assert [violation.args for violation in result] == [["x", 2]]
    assert errors(result) == [(2, "cannot add a text and a number")]


def test_a_failure_inside_a_predicate_is_told_at_its_line(make: Make) -> None:
    policy = make("""
        large(c: ToolCall) :=
            c.function.arguments.n > 5

        raise "x" if:
            (c: ToolCall)
            large(c)
    """)

    (error,) = policy.analyze([calls("f", n="1")]).errors

    assert (error.line, error.rule.line) == (3, 5)


def test_one_rule_has_one_error(make: Make) -> None:
    policy = make('raise "x" if:\n    (m: Message)\n    boom(m)\n', functions={"boom": boom})

    assert len(policy.analyze([user()] * 5).errors) == 1


def test_a_match_stands_whatever_the_host_says_the_second_time(make: Make) -> None:
    """A function of the host is asked once about a candidate: it may be slow or change its mind."""
    asked: list[str] = []

    def flips(text: str) -> bool:
        asked.append(text)
        return len(asked) == 1

    policy = make(
        """
        raise Violation("x", shout) if:
            (m: Message)
            shout := m.content.upper()
            flips(m.content)
        """,
        functions={"flips": flips},
    )

    result = policy.analyze([user("a")])

    assert result.blocked
    assert [violation.args for violation in result] == [["x", "A"]]
