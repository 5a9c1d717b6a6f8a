"""Truth of lines and operators: precedence, short circuits, truthiness, equality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import args, keys
from tests.traces import assistant, call, calls, output, user

if TYPE_CHECKING:
    from tests.runtime.conftest import Holds, Make

HELLO = user("hello")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # Three operands without brackets, as anyone would read them.
        ('m.role == "x" or m.role == "y" or m.role == "user"', True),
        ('m.role == "user" and m.content == "hello" and m.role == "x"', False),
        ('m.role == "user" and m.content == "hello" and len(m.content) == 5', True),
        ('"z" in m.content or "y" in m.content or "h" in m.content', True),
        ('m.role == "x" or m.role == "user" and m.content == "hello"', True),
        ('m.role == "user" or m.role == "x" and m.content == "nope"', True),
        ('not m.role == "x" and not m.role == "y" and not m.role == "z"', True),
        ('not m.role == "x" and not m.role == "y" and not m.role == "user"', False),
        # `not` binds looser than comparisons.
        ('not m.role == "user"', False),
        ('not "x" in m.content', True),
        ('"x" not in m.content', True),
        ("not m.content is None", True),
        ("m.content is not None", True),
        ('m.content is not "hello"', False),
        # Chains and arithmetic.
        ("1 < len(m.content) < 6", True),
        ("1 < len(m.content) < 5", False),
        ("5 == len(m.content) == 2 + 3", True),
        ("2 ** 3 ** 2 == 512 and len(m.content) > 0", True),
        ("2 + 3 * 4 - 6 / 2 % 2 == 13 and len(m.content) > 0", True),
        ("-len(m.content) * 2 == -10", True),
        # The ternary takes everything on both sides.
        ('m.role == "user" if "h" in m.content else m.role == "x"', True),
        ('False if m.role == "x" else True and m.role == "user"', True),
        ('m.role == "x" and True if m.role == "user" else True', False),
        ('1 == 2 if m.role == "x" else 3 == 3 if m.role == "user" else 1 == 2', True),
    ],
)
def test_precedence_is_that_of_python(condition: str, expected: bool, holds: Holds) -> None:
    assert holds(condition) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('find("l+", m.content)', True),
        ('find("x", m.content)', False),
        ("len(m.content)", True),
        ("m.content", True),
        ("m.tool_calls", False),
        ("m.metadata.absent", False),
        ("[m.role]", True),
        ("{}", False),
        ("0", False),
        ("None", False),
        ('not [x for x in ["a"] if x == "b"]', True),
        ("not m.content", False),
        ("not None", True),
    ],
)
def test_a_line_is_taken_by_truthiness(line: str, expected: bool, holds: Holds) -> None:
    assert holds(line) is expected


def test_detectors_stand_as_lines_of_their_own(make: Make) -> None:
    policy = make("""
        from invariant.detectors import secrets

        raise "a secret" if:
            (m: Message)
            secrets(m)
    """)
    token = "ghp_" + "a" * 36

    assert keys(policy.analyze([user("nothing"), user(f"token {token}")])) == [(1,)]


def test_a_line_that_starts_with_a_bracket_is_a_new_line(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (m: Message)
            m.role == "user"
            (m.content == "a")
            [1] == [1]
            -1 < 2
    """)

    assert keys(policy.analyze([user("a"), user("b"), assistant(content="a")])) == [(0,)]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("m.content is not None and len(m.content) > 3", True),
        ('m.role == "x" and m.content.lower().x.y.z > 3', False),
        ('m.role == "user" or boom(m)', True),
        ('m.role == "x" and boom(m)', False),
        ("True if m.content else boom(m)", True),
        ("boom(m) if not m.content else True", True),
        ('any([boom(m) for x in [1] if m.role == "x"]) or m.role == "user"', True),
    ],
)
def test_what_is_decided_is_not_evaluated_further(
    condition: str, expected: bool, make: Make
) -> None:
    def boom(_message: Any) -> bool:
        raise ValueError("evaluated")

    source = f'raise "x" if:\n    (m: Message)\n    {condition}\n'
    result = make(source, functions={"boom": boom}).analyze([HELLO])

    assert not result.errors
    assert bool(result) is expected


def test_a_false_line_spares_the_lines_below_it(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (m: Message)
            m.content is not None
            len(m.content.strip().split("-")) > 1
    """)

    result = policy.analyze([user(None), user("a-b"), user("ab")])

    assert keys(result) == [(1,)]
    assert not result.errors


@pytest.mark.parametrize(
    "condition",
    [
        '[m.role] == ["user"]',
        '{r: m.role} == {"r": "user"}',
        "[x.role for x in [m]] == [m.role]",
        '[[m.role], 1] == [["user"], 1]',
        '"user" in [m.role, "x"]',
    ],
)
def test_literals_with_values_of_the_trace_compare(condition: str, holds: Holds) -> None:
    assert holds(condition)


def test_a_literal_with_values_of_the_trace_is_a_source(make: Make) -> None:
    policy = make("""
        raise Violation("n", n) if:
            (c: ToolCall)
            (n: int) in [c.function.arguments.get("n", 1), 7]

        raise Violation("d", d) if:
            (c: ToolCall)
            (d: dict) in [c.function.arguments]
    """)

    assert args(policy.analyze([calls("f", n=3)])) == [[3], [7], [{"n": 3}]]


def test_a_name_assigned_after_a_comprehension_reaches_the_violation(make: Make) -> None:
    policy = make("""
        raise Violation("x", y) if:
            (m: Message)
            [w for w in ["a"]] == ["a"]
            y := m.content + "!"
    """)

    assert args(policy.analyze([HELLO])) == [["hello!"]]


def test_loop_variables_are_local(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (m: Message)
            any([w == "hello" for w in [m.content]])
            any([w == "user" for w in [m.role]])
    """)

    (violation,) = policy.analyze([HELLO])

    assert violation.key == "(0, (0,))"
    assert violation.ranges == ["0"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("[x for x in None] == []", True),
        ("[x for x in [0, 1, [], [2], None, 3] if x] == [1, [2], 3]", True),
        ('[x + "!" for x in ["a", "b"]] == ["a!", "b!"]', True),
        ('[c for c in m.content] == ["h", "e", "l", "l", "o"]', True),
        ("[[y for y in x] for x in [[1], [2]]] == [[1], [2]]", True),
    ],
)
def test_comprehensions(condition: str, expected: bool, holds: Holds) -> None:
    assert holds(condition + " and m.role == 'user'") is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('"hello" contains_only "h"', None),
        ("[1, 2, 3] contains_only [1, 2]", True),
        ("[1, 2] contains_only [1, 2, 3]", False),
        ("[1] contains_only []", True),
        ("subset([1], [1, 2])", True),
        ("only([1, 3], [1, 2])", False),
    ],
)
def test_contains_only_is_about_the_right_side(
    condition: str, expected: bool | None, make: Make
) -> None:
    source = f'raise "x" if:\n    (m: Message)\n    len(m.content) > 0 and {condition}\n'
    if expected is None:
        source = source.replace('"hello" contains_only', "m.content contains_only")
        result = make(source).analyze([HELLO])
        assert "compares lists" in result.errors[0].message
    else:
        assert bool(make(source).analyze([HELLO])) is expected


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1.0, True),
        (True, 1, True),
        ("1", 1, False),
        ([1, "a"], [1.0, "a"], True),
        ({"a": 1}, {"a": 1}, True),
        (None, False, False),
        (float("nan"), float("nan"), False),
    ],
)
def test_equality_of_values_of_two_calls(left: Any, right: Any, equal: bool, make: Make) -> None:
    policy = make("""
        raise "equal" if:
            (a: ToolCall) -> (b: ToolCall)
            a.function.arguments.x == b.function.arguments.x

        raise "unequal" if:
            (a: ToolCall) -> (b: ToolCall)
            a.function.arguments.x != b.function.arguments.x
    """)

    (violation,) = policy.analyze([calls("f", x=left), calls("f", x=right)])

    assert violation.message == ("equal" if equal else "unequal")


def test_content_in_chunks_is_equal_by_what_is_in_it(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (a: Message) -> (b: Message)
            a.content == b.content
    """)
    hello = [{"type": "text", "text": "hello"}]

    result = policy.analyze([user(hello), user(list(hello)), user("hello")])

    assert keys(result) == [(0, 1)]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('"e" in m.content', True),
        ('"(" in m.content', False),
        ('["h", "z"] in m.content == [True, False]', None),
        ('any(["z", "h"] in m.content)', True),
        ('any(["y", "z"] in m.content)', False),
        ('all(["h", "e"] in m.content)', True),
        ('"user" in [m.role]', True),
        ('m.role in {"user": 1}', True),
        ('any(["a"] in None)', False),
        ("1 in None", False),
    ],
)
def test_membership(condition: str, expected: bool | None, holds: Holds) -> None:
    if expected is None:
        condition, expected = '(["h", "z"] in m.content) == [True, False]', True
    assert holds(condition + ' and m.role == "user"') is expected


def test_a_tool_pattern_in_a_chain_of_or(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (c: ToolCall)
            c is tool:a or c is tool:b or c is tool:c

        raise "not" if:
            (c: ToolCall)
            not c is tool:a
            c is not tool:b
    """)
    trace = [assistant(call("a"), call("b"), call("c"), call("d")), output()]

    result = policy.analyze(trace)

    places = [v.ranges[0] for v in result if v.message == "x"]
    assert places == ["0.tool_calls.0", "0.tool_calls.1", "0.tool_calls.2"]
    assert [v.ranges[0] for v in result if v.message == "not"] == [
        "0.tool_calls.2",
        "0.tool_calls.3",
    ]
