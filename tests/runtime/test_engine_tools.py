"""Tool patterns: names, arguments of every kind, outputs and their calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import errors, keys, ranges
from tests.traces import assistant, call, calls, output, user

from policyc import Policy, PolicyError

if TYPE_CHECKING:
    from tests.runtime.conftest import Make


def matches(make: Make, pattern: str, **arguments: Any) -> bool:
    """Whether a call of the tool `t` with these arguments matches."""
    result = make(f'raise "x" if:\n    (c: ToolCall)\n    c is tool:t({pattern})\n').analyze(
        [calls("t", **arguments)]
    )
    assert not result.errors
    return bool(result)


@pytest.mark.parametrize(
    ("pattern", "fits", "others"),
    [
        ("tool:send", ["send"], ["Send", "send\n", "sends", "", "resend"]),
        ("tool:a-b", ["a-b"], ["a", "a-c"]),
        ("tool:a.b", ["a.b"], ["axb"]),
        ("tool:ns/a", ["ns/a"], ["a", "ns"]),
        ('tool:"any text"', ["any text"], ["any"]),
        ("tool:send_*", ["send_", "send_mail", "send_*", "send_\n"], ["send", "xsend_mail"]),
        ("tool:*_mail", ["send_mail", "_mail"], ["send_mails"]),
        ("tool:a*b*c", ["abc", "aXbYc", "abbc"], ["ab", "ac", "abcd"]),
        ('tool:"send_*"', ["send_*"], ["send_mail"]),
        ("tool:*", ["", "anything"], []),
        ("tool:a+b", None, None),
    ],
)
def test_names(pattern: str, fits: list[str] | None, others: list[str], make: Make) -> None:
    source = f'raise "x" if:\n    (c: ToolCall)\n    c is {pattern}\n'
    if fits is None:
        with pytest.raises(PolicyError):
            make(source)
        return
    trace = [calls(name) for name in [*fits, *others]]

    assert keys(make(source).analyze(trace)) == [(number,) for number in range(len(fits))]


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        # Texts: equal, or the whole text fits the regular expression.
        ('"bob"', "bob", True),
        ('"bob"', "bobby", False),
        ('"bob"', "bob\n", False),
        ('"bob$"', "bob", True),
        ('"bob$"', "bob\n", False),
        ('"b.b"', "b\nb", True),
        ('"b+"', "bbb", True),
        ('"b+"', "b+", True),
        ('".*@x.com"', "a@x.com", True),
        ('".*@x.com"', "a@x.com.evil", False),
        ('"a|b"', "b", True),
        ('"a|b"', "ab", False),
        ('"3"', 3, False),
        ('".*"', None, False),
        ('".*"', ["x"], False),
        ('".*"', "", True),
        # Numbers: equal of either kind, never a text or a truth value.
        ("3", 3, True),
        ("3", 3.0, True),
        ("3.0", 3, True),
        ("3", "3", False),
        ("1", True, False),
        ("0", False, False),
        ("-3", -3, True),
        ("2.5", 2.5, True),
        # Truth values and None.
        ("True", True, True),
        ("True", 1, False),
        ("False", 0, False),
        ("False", False, True),
        ("None", None, True),
        ("None", "", False),
        # Anything present.
        ("*", None, True),
        ("*", [], True),
        # Lists and objects.
        ('["a", *]', ["a", 1], True),
        ('["a", *]', ["a"], False),
        ('["a"]', ["a", "b"], False),
        ('["a.*"]', ["abc"], True),
        ("[]", [], True),
        ("[[1]]", [[1.0]], True),
        ('{k: "v"}', {"k": "v", "more": 1}, True),
        ('{k: "v"}', {}, False),
        ('{k: "v"}', '{"k": "v"}', False),
        ("{k: *}", {"k": None}, True),
        ("{k: {l: [1]}}", {"k": {"l": [1]}}, True),
        ("{}", {"any": 1}, True),
        ("{}", [], False),
    ],
)
def test_values(pattern: str, value: Any, expected: bool, make: Make) -> None:
    assert matches(make, "{x: " + pattern + "}", x=value) is expected


@pytest.mark.parametrize("pattern", ['"a"', "*", "None", "True", "1", "[]", "{}"])
def test_a_missing_argument_fits_nothing(pattern: str, make: Make) -> None:
    assert not matches(make, "{x: " + pattern + "}", y="a")


@pytest.mark.parametrize("pattern", ["", "*", "{}"])
def test_any_arguments(pattern: str, make: Make) -> None:
    assert matches(make, pattern)
    assert matches(make, pattern, x=1)


def test_all_keys_must_fit(make: Make) -> None:
    pattern = '{to: ".*@x.com", "cc": ["a", "b"], size: 3}'

    assert matches(make, pattern, to="a@x.com", cc=["a", "b"], size=3)
    assert not matches(make, pattern, to="a@x.com", cc=["a", "b"], size=4)
    assert not matches(make, pattern, to="a@x.com", cc=["a", "b"])


def test_names_are_legal_patterns(make: Make) -> None:
    """Constants, parameters and variables match by equality; texts of the policy as patterns."""
    policy = make("""
        OWN := ".*@own.com"
        LISTS := ["a.*", "b"]

        raise "constant" if:
            (c: ToolCall)
            c is tool:t({to: OWN})

        raise "list" if:
            (c: ToolCall)
            c is tool:t({cc: LISTS})

        raise "parameter" if:
            (c: ToolCall)
            c is tool:t({to: input.to})

        raise "variable" if:
            (m: Message)
            (c: ToolCall)
            m -> c
            c is tool:t({to: m.content})
    """)
    trace = [
        user(".*@z.com"),
        calls("t", to="a@own.com", cc=["aa", "b"]),
        calls("t", to=".*@z.com"),
    ]

    result = policy.analyze(trace, to=".*@own.com")

    assert [(v.message, v.key) for v in result] == [
        ("constant", "(0, (1,))"),
        ("list", "(1, (1,))"),
        ("variable", "(3, (2, 0))"),
    ]
    assert len(policy.analyze(trace, to="a@own.com")) == 4
    assert not policy.analyze([calls("t", to=3)], to="3")


def test_arguments_as_json_text(make: Make) -> None:
    policy = make('raise "x" if:\n    (c: ToolCall)\n    c is tool:t({to: "bob"})\n')
    texts = ['{"to": "bob"}', '{"to": "amy"}', "", "[]", '{"to": ', "null", '"bob"']

    assert keys(policy.analyze([assistant(call("t", text)) for text in texts])) == [(0,)]


def test_an_output_stands_for_its_call(make: Make) -> None:
    policy = make("""
        raise "name" if:
            (o: ToolOutput)
            o is tool:read

        raise "arguments" if:
            (o: ToolOutput)
            o is tool:read({path: "/etc/.*"})

        raise "not" if:
            (o: ToolOutput)
            o is not tool:read
    """)
    trace = [
        assistant(call("read", {"path": "/etc/x"}, id="1"), call("write", id="2")),
        output(id="2"),
        output(id="1"),
        output(id="unknown"),
        assistant(call("read", {"path": "/tmp"}, id="1")),
        output(id="1"),
        output(id=None),
    ]

    result = policy.analyze(trace)

    assert not errors(result)
    assert [(v.message, v.ranges) for v in result] == [
        ("name", ["2"]),
        ("name", ["5"]),
        ("name", ["6"]),
        ("arguments", ["2"]),
        ("not", ["1"]),
        ("not", ["3"]),
    ]


def test_the_call_of_an_output(make: Make) -> None:
    policy = make("""
        raise Violation("x", name) if:
            (o: ToolOutput)
            name := tool_call(o).function.name
    """)
    trace = [
        output(id="1"),
        assistant(call("a", id="1"), call("b", id="2")),
        output(id="1"),
        calls("c"),
        output(id="1"),
        output(id=None),
        {"type": "function", "id": "2", "function": {"name": "d", "arguments": {}}},
        output(id="2"),
    ]

    result = policy.analyze(trace)

    assert [violation.args[1] for violation in result] == [None, "a", "c", "c", "d"]


def test_what_is_no_call_matches_no_pattern(make: Make) -> None:
    policy = make("""
        is_send(x: dict) :=
            x is tool:send

        raise "message" if:
            (m: Message)
            not is_send(m)

        raise "text" if:
            (m: Message)
            is_send(m.content) or is_send(None)

        raise "false" if:
            (m: Message)
            is_send(m) == False
    """)

    assert [v.message for v in policy.analyze([user("send")])] == ["message", "false"]


def test_patterns_in_any_expression(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (m: Message)
            any([c is tool:send({to: "bob"}) for c in m.tool_calls])
    """)

    result = policy.analyze([calls("send", to="bob"), calls("send", to="amy"), calls("x")])

    assert ranges(result) == [["0"]]


def test_many_rules_for_single_tools(make: Make) -> None:
    """From some number of rules on they are found by the name of the tool."""
    rules = "".join(
        f'raise "rule {number}" if:\n    (c: ToolCall)\n    c is tool:t{number % 7}\n'
        f"    c.function.arguments.n > {number}\n"
        for number in range(30)
    )
    policy = make(rules)
    trace = [calls("t3", n=11), assistant(call("t4", {"n": 5}), call("t3", {"n": "x"}))]

    result = policy.analyze(trace)

    assert [(v.message, v.ranges) for v in result] == [
        ("rule 3", ["0.tool_calls.0"]),
        ("rule 4", ["1.tool_calls.0"]),
        ("rule 10", ["0.tool_calls.0"]),
    ]
    assert [error.rule.name for error in result.errors] == [
        f"rule {number}" for number in (3, 10, 17, 24)
    ]


@pytest.mark.parametrize(
    "pattern", ['{to: "b(b"}', '{to: "[a"}', '{to: "(?P<x>a)(?P<x>b)"}', "{to: <NOBODY>}"]
)
def test_patterns_that_mean_nothing_are_refused(pattern: str) -> None:
    with pytest.raises(PolicyError):
        Policy.from_string(f'raise "x" if:\n    (c: ToolCall)\n    c is tool:t({pattern})\n')
