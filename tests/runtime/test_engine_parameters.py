"""Parameters: `input.name` in rules, predicates and constants; what happens without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import args, errors, keys, messages
from tests.traces import calls, user

from policyc import Policy, PolicycError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.conftest import Make

POLICY = """
    LIMIT := input.limit

    trusted(name: str) := name in input.trusted

    raise "plain" if:
        (m: Message)
        m.content == "bad"

    raise "direct" if:
        (m: Message)
        m.content == input.word

    raise "constant" if:
        (m: Message)
        len(m.content) > LIMIT

    raise "predicate" if:
        (m: Message)
        not trusted(m.content)

    raise Violation("raised", input.note) if:
        (m: Message)
        m.content == "note"
"""


def test_a_policy_lists_the_parameters_it_needs(make: Make) -> None:
    policy = make(POLICY)

    assert policy.parameters == dict.fromkeys(["limit", "note", "trusted", "word"])
    assert make('raise "x" if:\n    (m: Message)\n').parameters == {}


def test_a_parameter_in_a_tool_pattern_that_is_a_value_is_needed(make: Make) -> None:
    policy = make("""
raise "x" if:
    (c: ToolCall)
    any([c is one for one in [tool:read, tool:send({to: input.who})]])
""")
    assert policy.parameters == {"who": None}


def test_parameters_reach_every_part_of_a_policy(make: Make) -> None:
    result = make(POLICY).analyze(
        [user("bad"), user("ok"), user("note")],
        limit=2,
        word="ok",
        trusted=["ok", "note"],
        note={"any": ["json"]},
    )

    assert not result.errors
    assert [(v.message, v.key) for v in result] == [
        ("plain", "(0, (0,))"),
        ("direct", "(1, (1,))"),
        ("constant", "(2, (0,))"),
        ("constant", "(2, (2,))"),
        ("predicate", "(3, (0,))"),
        ("raised", "(4, (2,))"),
    ]
    assert args(result)[-1] == [{"any": ["json"]}]


@pytest.mark.parametrize("trace", [[], [user("bad")]])
def test_a_missing_parameter_is_an_error_of_the_rules_that_need_it(
    trace: list[Any], make: Make
) -> None:
    """Of these alone, and whatever the trace holds: a gate that was not set up must not pass."""
    result = make(POLICY).analyze(trace, word="ok")

    assert messages(result) == (["plain"] if trace else [])
    assert [(e.rule.name, e.message.split(":")[0]) for e in result.errors] == [
        ("constant", "missing policy parameter `limit`"),
        ("predicate", "missing policy parameter `trusted`"),
        ("raised", "missing policy parameter `note`"),
    ]
    assert result.blocked


def test_a_missing_parameter_is_told_at_its_place(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (m: Message)
            m.content == input.word
    """)

    assert errors(policy.analyze([])) == [
        (4, "missing policy parameter `word`: pass it as `word=...` to the analysis")
    ]
    assert policy.analyze([]).errors[0].column == 26


def test_a_rule_that_is_decided_before_it_needs_no_parameter(make: Make) -> None:
    policy = make("""
        raise "x" if:
            input.mode == "strict"
            (m: Message)
            m.content == input.word
    """)

    assert not policy.analyze([user()], mode="lax").blocked
    assert errors(policy.analyze([user()], mode="strict"))[0][0] == 5
    assert [line for line, _ in errors(policy.analyze([user()]))] == [3]


@pytest.mark.parametrize(
    ("value", "condition"),
    [
        (None, "input.p is None"),
        (True, "input.p"),
        (0, "not input.p"),
        ({"a": {"b": [1, 2]}}, "input.p.a.b[1] == 2"),
        ({"a": {"b": [1, 2]}}, 'input.p["a"].b == [1, 2]'),
        ({"a": 1}, '"a" in input.p'),
        ({"a": 1}, "input.p.missing is None"),
        ([1, "x"], '"x" in input.p'),
        ("text", 'input.p.startswith("te")'),
        ({"get": 1, "x": 2}, 'input.p.get("x") == 2'),
    ],
)
def test_parameters_of_any_json_value(value: Any, condition: str, make: Make) -> None:
    policy = make(f'raise "x" if:\n    (m: Message)\n    {condition}\n')

    result = policy.analyze([user()], p=value)

    assert messages(result) == ["x"]
    assert not result.errors


@pytest.mark.parametrize("name", ["trace", "past", "pending", "self", "events", "limits"])
def test_parameters_of_any_name(name: str, make: Make) -> None:
    """Also the names of the arguments that the functions of the host have."""
    policy = make(f'raise "x" if:\n    (m: Message)\n    m.content == input.{name}\n')

    assert keys(policy.analyze([user("a")], **{name: "a"})) == [(0,)]
    assert keys(policy.analyze_pending([], [user("a")], **{name: "a"})) == [(0,)]
    assert keys(policy.monitor(**{name: "a"}).append(user("a"))) == [(0,)]


def test_a_parameter_named_data_is_refused(make: Make) -> None:
    policy = make('raise "x" if:\n    (m: Message)\n')

    for ask in (policy.analyze, lambda t, **p: policy.analyze_pending(t, t, **p)):
        with pytest.raises(PolicycError, match="is the trace itself"):
            ask([], data=1)
    with pytest.raises(PolicycError):
        policy.monitor(data=1)


def test_the_trace_is_a_parameter(make: Make) -> None:
    policy = make("""
        raise Violation("x", len(input.data), input.data[0].content) if:
            len(input.data) > 1
    """)

    assert args(policy.analyze([user("first"), user()])) == [[2, "first"]]
    assert not policy.analyze([user()])


def test_parameters_that_no_rule_needs_are_ignored(make: Make) -> None:
    assert make('raise "x" if:\n    (m: Message)\n').analyze([user()], unused=1)


def test_roles_of_users_decide_what_may_be_read(make: Make) -> None:
    policy = make("""
        from invariant.access_control import should_allow_rbac

        raise Violation("denied", chunk.scope) if:
            (c: ToolCall)
            (chunk: dict) in c.function.arguments.chunks
            not should_allow_rbac(
                chunk, chunk.scope, input.username, input.user_roles, input.role_grants
            )
    """)
    trace = [calls("read", chunks=[{"scope": "public"}, {"scope": "internal"}])]

    result = policy.analyze(
        trace,
        username="bob",
        user_roles={"bob": ["guest"]},
        role_grants={"guest": {"public": True}},
    )

    assert args(result) == [["internal"]]


DEFAULTS = """
    TOOLS := input.get("tools", ["bash", "run"])

    raise Violation("a shell", c.function.name) if:
        (c: ToolCall)
        c.function.name in TOOLS

    raise "too long" if:
        (m: Message)
        len(m.content) > input.get("most", 3)

    raise "a word" if:
        (m: Message)
        m.role == "user"
        m.content == input.get("word")
"""


def test_a_parameter_with_a_default_may_be_left_out(make: Make) -> None:
    policy = make(DEFAULTS)
    trace = [user("long text"), calls("bash"), calls("sh")]

    assert policy.parameters == {"most": 3, "tools": ["bash", "run"], "word": None}
    assert policy.required_parameters == frozenset()
    assert messages(policy.analyze(trace)) == ["a shell", "too long"]
    assert messages(policy.analyze(trace, most=20, tools=["sh", "bash"])) == ["a shell"] * 2
    assert messages(policy.analyze(trace, word="long text", most=20, tools=[])) == ["a word"]
    assert not policy.analyze([user("ab")]).errors


def test_a_default_cannot_be_changed_through_the_list_of_parameters(make: Make) -> None:
    policy = make(DEFAULTS)
    policy.parameters["tools"].append("sh")

    assert not policy.analyze([calls("sh")])


def test_a_parameter_that_is_needed_somewhere_is_needed(make: Make) -> None:
    policy = make("""
        raise "a" if:
            (m: Message)
            m.content == input.get("word", "x")

        raise "b" if:
            (m: Message)
            m.content != input.word
    """)

    assert policy.parameters == {"word": None}
    assert policy.required_parameters == {"word"}
    result = policy.analyze([user("x")])
    assert messages(result) == ["a"]
    assert [message for _, message in errors(result)] == [
        "missing policy parameter `word`: pass it as `word=...` to the analysis"
    ]
    assert messages(policy.analyze([user("x")], word="x")) == ["a"]


def test_defaults_of_files_stay_apart(tmp_path: Path) -> None:
    for name, default in (("a", "x"), ("b", "y")):
        text = (
            f'raise "{name}" if:\n    (m: Message)\n    m.content == input.get("w", "{default}")\n'
        )
        (tmp_path / f"{name}.inv").write_text(text, "utf-8")
    policy = Policy.from_files([tmp_path / "a.inv", tmp_path / "b.inv"])

    assert messages(policy.analyze([user("x"), user("y")])) == ["a", "b"]
    assert messages(policy.analyze([user("x"), user("y")], w="y")) == ["a", "b"]
    assert messages(policy.analyze([user("y")])) == ["b"]


def test_a_large_default_is_found_too(make: Make) -> None:
    words = [f"w{number}" for number in range(20_000)]
    policy = make(
        f"WORDS := {words!r}\n".replace("'", '"')
        + 'raise "x" if:\n    (m: Message)\n    m.content in input.get("words", WORDS)\n'
    )

    assert policy.parameters == {"words": words}
    assert messages(policy.analyze([user("w19999"), user("v")])) == ["x"]
