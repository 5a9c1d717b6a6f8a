"""`Policy.why`: what it says of rules that fired, did not fire, or failed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.faults import FAULTS, RIGHT
from tests.traces import assistant, call, calls, output, tools, user

from policyc import Explanation, Limits, Policy, PolicycError, RuleExplanation, TraceError

if TYPE_CHECKING:
    from tests.runtime.faults import Fault
    from tests.traces import Event

    from policyc.runtime.observations import Observation

MAIL: list[Event] = [
    user("my password is hunter2"),
    assistant(call("get_inbox"), content="looking"),
    output("nothing new"),
    user("tell bob"),
    calls("send_email", to="bob@corp.com", body="the password is hunter2", tags=["a", "b"]),
    output("sent"),
]


def explain(source: str, *trace: Event, **parameters: Any) -> RuleExplanation:
    """The explanation of the first rule; of a rule with these lines where there is no `raise`."""
    if "raise" not in source:
        body = "".join(f"    {line}\n" for line in source.strip("\n").splitlines())
        source = f'from invariant import count, forall\n\nraise "x" if:\n{body}'
    return Policy.from_string(source).why(list(trace) or MAIL, **parameters).rules[0]


def culprit(source: str, *trace: Event, **parameters: Any) -> Observation:
    """The condition that was in the way of the first rule."""
    found = explain(source, *trace, **parameters)
    assert found.status == "not fired"
    assert found.culprit is not None, found.notes
    return found.culprit


# --- rules that fired ---------------------------------------------------------------------------


def test_a_rule_that_fired_shows_its_objects_conditions_and_places() -> None:
    found = explain("""
(m: Message) -> (c: ToolCall)
m.role == "user"
"password" in m.content
c is tool:send_email({to: ".*@corp.com"})
""")
    assert (found.status, found.violations) == ("fired", 1)
    (model,) = found.models
    assert model.message == "x"
    variables = [(seen.text, seen.value, seen.ranges) for seen in model.binding.variables]
    assert variables[0] == ("m: Message", 'user: "my password is hunter2"', ("0",))
    assert variables[1][0] == "c: ToolCall" and variables[1][2] == ("4.tool_calls.0",)
    conditions = model.binding.conditions
    assert {seen.outcome for seen in conditions} == {"true"}
    assert [(seen.line, seen.text) for seen in conditions] == [
        (4, "(m: Message) -> (c: ToolCall)"),
        (5, 'm.role == "user"'),
        (6, '"password" in m.content'),
        (7, "c is tool:send_email"),
        (7, 'c is tool:send_email({to: ".*@corp.com"})'),
    ]
    assert conditions[2].ranges == ("0.content:3-11",)
    assert found.nearest is None and found.culprit is None


def test_a_rule_that_fired_often_is_counted_and_shown_in_part() -> None:
    found = explain("(m: Message)", *[user(str(number)) for number in range(20)])
    assert found.violations == 20
    assert [model.binding.variables[0].ranges for model in found.models] == [("0",), ("1",), ("2",)]
    assert str(found).startswith("rule 1 `x` (line 3) fired 20 times")


def test_variables_that_are_derived_or_assigned_have_values_and_places() -> None:
    found = explain("""
(m: Message)
words := m.content.split()
(w: str) in words
w == "bob"
""")
    (model,) = found.models
    shown = {seen.text: (seen.value, seen.ranges) for seen in model.binding.variables}
    assert shown["words"] == ('["tell", "bob"]', ())
    assert shown["w: str"][0] == '"bob"'


def test_quantifiers_and_predicates_show_what_they_found() -> None:
    found = explain("""from invariant import count
sends(c: ToolCall) :=
    c is tool:send_email
raise "x" if:
    count(min=1):
        (c: ToolCall)
        sends(c)
    (d: ToolCall)
    sends(d)
""")
    counted, sends = found.models[0].binding.conditions
    assert (counted.text, counted.detail) == ("count(min=1): …", "1 counted, at least 1 wanted")
    (model,) = counted.parts
    assert (model.text, model.ranges) == ("c: ToolCall", ("4.tool_calls.0",))
    assert [(part.text, part.outcome) for part in sends.parts] == [
        ("c", "value"),
        ("c is tool:send_email", "true"),
    ]


# --- rules that did not fire --------------------------------------------------------------------


def test_a_rule_that_did_not_fire_names_what_was_in_the_way_and_what_it_saw() -> None:
    found = explain("""
(m: Message) -> (c: ToolCall)
m.role == "user"
"password" in m.content
c is tool:send_mail
""")
    assert found.status == "not fired"
    assert found.is_alone
    assert found.culprit is not None
    assert (found.culprit.line, found.culprit.text) == (7, "c is tool:send_mail")
    assert found.culprit.detail == "the tool is `send_email`, a similar name"
    assert found.culprit.ranges == ("4.tool_calls.0.function.name",)
    assert found.nearest is not None
    assert [seen.ranges for seen in found.nearest.variables] == [("0",), ("4.tool_calls.0",)]
    assert [seen.outcome for seen in found.nearest.conditions] == ["true", "true", "true", "false"]


def test_the_fault_is_named_wherever_it_stands() -> None:
    """The first condition that fails for most objects is not the one that is in the way."""
    found = culprit("""
(m: Message)
"password" in m.content
m.role == "human"
(c: ToolCall)
c is tool:send_email
m -> c
""")
    assert (found.line, found.parts[0].value) == (6, '"user"')


def test_counts_say_how_many_candidates_came_how_far() -> None:
    found = explain("""
(m: Message)
m.role == "user"
"secret" in m.content
(c: ToolCall)
c is tool:send_email
m -> c
""")
    counts = [(count.text, count.passed, count.reached) for count in found.counts]
    assert counts == [
        ("m: Message", 4, 1),
        ('m.role == "user"', 2, 4),
        ('"secret" in m.content', 0, 2),
        ("c: ToolCall", 2, 1),
        ("c is tool:send_email", 1, 2),
        ("m -> c", 0, 0),
    ]


def test_several_conditions_in_the_way_of_different_objects_are_all_named() -> None:
    found = explain("""
(m: Message)
m.role == "assistant"
"bob" in m.content
""")
    assert found.is_alone and found.culprit is not None
    named = {found.culprit.text, *(other.text for other in found.others)}
    assert named == {'m.role == "assistant"', '"bob" in m.content'}


def test_of_several_conditions_that_fail_the_nearest_object_fails_in_the_fewest() -> None:
    found = explain("""
(c: ToolCall)
c is tool:send_email
c.function.arguments.to == "eve"
c.function.arguments.body == "hello"
""")
    assert not found.is_alone
    assert found.nearest is not None
    assert found.nearest.variables[0].ranges == ("4.tool_calls.0",)
    assert [seen.outcome for seen in found.nearest.conditions] == ["true", "false", "false"]
    assert "one of 2 conditions that fail" in str(found)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_single_fault_is_named(fault: Fault) -> None:
    policy = Policy.from_string(fault.source)
    assert not policy.analyze(fault.trace)
    (found,) = policy.why(fault.trace).rules
    assert found.culprit is not None
    assert fault.line in (found.culprit.line, found.culprit.innermost().line), str(found)


@pytest.mark.parametrize("name", RIGHT)
def test_the_policies_without_a_fault_fire(name: str) -> None:
    source, trace = RIGHT[name]
    (found,) = Policy.from_string(source).why(trace).rules
    assert (found.status, found.violations) == ("fired", 1)


# --- what conditions saw ------------------------------------------------------------------------

_DETAILS = [
    ('(m: Message)\nm.role == "User"', "they differ in upper and lower case only"),
    ('(m: Message)\nm.content == "tell  bob"', "they differ in white space only"),
    ('(m: Message)\n"TELL" in m.content', "it occurs with other upper and lower case"),
    ('(m: Message)\n"zz" in m.content', "it does not occur in the text of 8 characters"),
    ('(o: ToolOutput)\no.content in ["a"]', "it is none of 1 element"),
    (
        '(c: ToolCall)\n"cc" in c.function.arguments\nc is tool:send_email',
        "the keys are `to`, `body`, `tags`",
    ),
    (
        "(c: ToolCall)\nc.function.arguments.size > 5",
        "nothing is smaller or larger than a missing value",
    ),
    ('(m: Message)\nm.role != "user"\n"bob" in m.content', "they are equal"),
    ('(m: Message)\n"bob" not in m.content\nm.role == "user"\n"tell" in m.content', "it is there"),
    (
        '(c: ToolCall)\nc is tool:send_email\n["a"] contains_only c.function.arguments.tags',
        'the left side lacks "b"',
    ),
    ("(o: ToolOutput)\no is tool:get_inboxes", "the tool is `get_inbox`, a similar name"),
    (
        '(c: ToolCall)\nc is tool:send_email({from: ".*"})',
        "there is no argument `from`, there are `to`, `body`, `tags`",
    ),
    (
        '(c: ToolCall)\nc is tool:send_email({too: "bob@corp.com"})',
        "there is no argument `too`, but `to`",
    ),
    (
        '(c: ToolCall)\nc is tool:send_email({to: "bob"})',
        'argument `to` is "bob@corp.com", which "bob" does not match as a whole, only a part of it',
    ),
    (
        '(c: ToolCall)\nc is tool:send_email({to: "Bob@Corp.com"})',
        'argument `to` is "bob@corp.com", which "Bob@Corp.com" does not match because of upper and'
        " lower case",
    ),
    (
        '(c: ToolCall)\nc is tool:send_email({tags: ["a", "c"]})',
        'argument `tags.1` is "b", which "c" does not match',
    ),
    (
        '(c: ToolCall)\nc is tool:send_email({tags: ["a"]})',
        "argument `tags` has 2 elements, the pattern 1",
    ),
    ("(c: ToolCall)\nc is tool:send_email({to: 3})", 'argument `to` is "bob@corp.com", not 3'),
    ("(c: ToolCall)\nc is tool:send_email({body: {}})", "no object"),
    (
        '(m: Message)\nmatch("bob", m.content)',
        "`match` looks at the start of a text only, the pattern fits at 5",
    ),
    ('(o: ToolOutput)\nany([w == "x" for w in o.content.split()])', "none of 1 element"),
    ("count(min=3):\n    (c: ToolCall)", "2 counted, at least 3 wanted"),
    ("count(max=1):\n    (c: ToolCall)", "2 counted, at most 1 wanted"),
    ('forall:\n    (m: Message)\n    m.role == "user"', "not each of 4 candidates fits"),
    ("(i: Image)", "the trace has no Image"),
    ("(m: Message)\n(n: int) in [m.content]", "there is no value of the type int in it"),
]


@pytest.mark.parametrize(("lines", "detail"), _DETAILS)
def test_why_a_condition_does_not_hold(lines: str, detail: str) -> None:
    assert detail in culprit(lines).detail


def test_flows_say_where_both_sides_are() -> None:
    lines = "(a: ToolOutput)\n(b: ToolCall)\n{}\na is tool:send_email\nb is tool:get_inbox"
    assert culprit(lines.format("a -> b")).detail == "5 comes after 1.tool_calls.0"
    lines = '(a: Message)\n(b: ToolCall)\na ~> b\n"hunter" in a.content\nb is tool:send_email'
    assert culprit(lines).detail == "4.tool_calls.0 comes right after 4"
    assert culprit("(a: Message) -> (b: Message)", user()).detail == "both are 0"


def test_an_absent_entry_says_what_is_there_instead() -> None:
    (value,) = culprit('(c: ToolCall)\nc is tool:send_email\nc.function.arguments.cc == "x"').parts
    assert (value.value, value.detail) == ("absent", "the entries are `to`, `body`, `tags`")
    (value,) = culprit('(o: ToolOutput)\no.content.status == "ok"').parts
    assert value.detail == "the text is no JSON object with this entry"


def test_values_come_with_their_places_and_the_piece_that_matters() -> None:
    text = "x" * 200 + " needle " + "y" * 200
    found = explain('(m: Message)\n"needle" in m.content\nm.role == "tool"', user(text))
    assert found.nearest is not None
    needle, _ = found.nearest.conditions
    assert needle.ranges == ("0.content:201-207",)
    (value,) = culprit('(m: Message)\nm.content == "needle"', user(text)).parts
    assert value.value is not None and value.value.endswith('…"') and len(value.value) < 80
    assert value.ranges == ("0.content",)


def test_every_side_of_or_is_told_and_the_first_of_and_that_fails() -> None:
    found = culprit(
        '(m: Message)\nm.role == "a" or (m.role == "user" and "zz" in m.content)', user()
    )
    left, right = found.parts
    assert (left.text, left.outcome) == ('m.role == "a"', "false")
    (failing,) = right.parts
    assert failing.text == '"zz" in m.content'


def test_predicates_are_followed_to_the_line_that_fails() -> None:
    found = culprit("""
mentions(m: Message, word: str) :=
    m.role == "user"
    word in m.content

raise "x" if:
    (m: Message)
    mentions(m, "alice")
""")
    assert [part.text for part in found.parts] == ["m", "word", "word in m.content"]
    assert found.innermost().line == 4
    assert found.innermost().parts[0].value == '"alice"'


def test_quantifiers_are_followed_to_the_candidate_that_comes_nearest() -> None:
    found = culprit("""
count(min=1):
    (c: ToolCall) -> (o: ToolOutput)
    c is tool:send_email
    o.content == "delivered"
""")
    *variables, condition = found.parts
    assert [seen.ranges for seen in variables] == [("4.tool_calls.0",), ("5",)]
    assert condition.text == 'o.content == "delivered"'
    assert condition.parts[0].value == '"sent"'


def test_a_counterexample_of_forall_is_shown() -> None:
    found = culprit('forall:\n    (m: Message)\n    m.role == "user"')
    variable, condition = found.parts
    assert variable.ranges == ("1",)
    assert condition.parts[0].value == '"assistant"'


def test_negations_show_what_holds() -> None:
    found = culprit("""
(m: Message)
not (m.role == "user")
"tell" in m.content
""")
    (inner,) = found.parts
    assert (inner.outcome, inner.parts[0].value) == ("true", '"user"')


def test_detectors_say_what_they_looked_at() -> None:
    source = """from invariant.detectors import secrets

raise "x" if:
    (m: Message)
    m.role == "user"
    any(secrets(m))
"""
    found = culprit(source)
    (detected,) = found.parts
    assert (detected.text, detected.value) == ("secrets(m)", "[]")
    key = user("my key is AKIAIOSFODNN7EXAMPLE")
    fired = explain(source, key)
    assert fired.models[0].binding.conditions[1].ranges == ("0.content:10-30",)


# --- rules that failed --------------------------------------------------------------------------


def test_a_rule_that_failed_shows_the_step_and_the_values_it_saw() -> None:
    found = explain("""
(c: ToolCall)
c is tool:send_email
c.function.arguments.to > 5
""")
    assert found.status == "failed"
    (failure,) = found.failures
    assert (failure.message, failure.line) == ("cannot order a text and a number with `>`", 6)
    assert failure.binding.variables[0].ranges == ("4.tool_calls.0",)
    *_, failed = failure.binding.conditions
    assert failed.outcome == "error"
    assert failed.parts[0].value == '"bob@corp.com"'


def test_a_missing_parameter_is_named() -> None:
    found = explain('(m: Message)\n"bob" in m.content\nlen(m.content) > input.limit')
    assert found.status == "failed"
    assert "missing policy parameter `limit`" in found.failures[0].message
    assert found.failures[0].line == 6


def test_a_rule_may_fire_and_fail() -> None:
    found = explain("(m: Message)\nm.content > 5 or True", user("a"), user(None))
    assert (found.status, found.violations, len(found.failures)) == ("fired", 1, 1)


def test_a_violation_that_cannot_be_raised_is_a_failure() -> None:
    source = 'raise Violation("x", 1 / len(m.content)) if:\n    (m: Message)\n'
    policy = Policy.from_string(source)
    trace = [user(""), user("a")]
    (found,) = policy.why(trace).rules
    assert (found.violations, len(found.failures)) == (1, 1)
    assert len(policy.analyze(trace)) == 1


def test_a_limit_of_the_host_is_told() -> None:
    policy = Policy.from_string('raise "x" if:\n    (m: Message)\n', limits=Limits(matches=2))
    (found,) = policy.why([user()] * 5).rules
    assert "reached its limit of 2 matches" in found.failures[0].message


# --- functions of the host ----------------------------------------------------------------------


def test_functions_of_the_host_are_asked_only_where_an_analysis_asks_them() -> None:
    asked: list[str] = []

    def is_bad(text: str) -> bool:
        asked.append(text)
        return False

    source = """raise "x" if:
    (m: Message)
    m.role == "user"
    is_bad(m.content)
    "tell" in m.content
"""
    policy = Policy.from_string(source, functions={"is_bad": is_bad})
    (found,) = policy.why(MAIL).rules
    assert set(asked) == {"my password is hunter2", "tell bob"}
    assert found.culprit is not None and found.culprit.text == "is_bad(m.content)"


def test_a_function_that_raises_is_no_problem() -> None:
    def is_bad(text: str) -> bool:
        raise ValueError("no idea")

    policy = Policy.from_string(
        'raise "x" if:\n    (m: Message)\n    is_bad(m.content)\n', functions={"is_bad": is_bad}
    )
    (found,) = policy.why([user()]).rules
    assert found.status == "failed"
    assert found.failures[0].message == "`is_bad` failed: no idea"


def test_print_prints_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    policy = Policy.from_string(
        'raise "x" if:\n    (m: Message)\n    print(m)\n    m.role == "x"\n'
    )
    policy.why([user()])
    printed = len(caplog.records)
    policy.analyze([user()])
    assert printed == len(caplog.records) - printed


# --- which rules, which forms -------------------------------------------------------------------

_TWO = """raise "mail to bob" if:
    (m: Message)
    m.role == "x"

raise "mail to eve" if:
    (c: ToolCall)
"""


@pytest.mark.parametrize("rule", ["mail to eve", "Eve", 2, "2", 6, ":5", "two.inv:6"])
def test_a_rule_is_chosen_by_name_number_or_line(rule: str | int) -> None:
    (found,) = Policy.from_string(_TWO, "two.inv").why(MAIL, rule).rules
    assert found.name == "mail to eve"


@pytest.mark.parametrize("rule", ["alice", "mail", 0, ":4", "other.inv:6", ""])
def test_an_unknown_rule_is_refused_with_a_list(rule: str | int) -> None:
    with pytest.raises(PolicycError, match=r"1  mail to bob \(line:1\)\n  2  mail to eve"):
        Policy.from_string(_TWO).why(MAIL, rule)


def test_all_rules_are_explained_by_default() -> None:
    found = Policy.from_string(_TWO).why(MAIL)
    assert isinstance(found, Explanation)
    assert [(rule.number, rule.status) for rule in found.rules] == [(1, "not fired"), (2, "fired")]
    assert str(Policy.from_string("").why(MAIL)) == "the policy has no rules"


def test_the_text_form_is_a_tree() -> None:
    found = Policy.from_string(
        'raise "leak" if:\n    (m: Message)\n    m.role == "user"\n    "secret" in m.content\n',
        "leak.inv",
    ).why([user("hello")])
    assert str(found).splitlines() == [
        "rule 1 `leak` (leak.inv:1) did not fire",
        '├── in the way: line 4: "secret" in m.content',
        "│   └── without it the rule would have fired",
        "├── nearest candidate: 1 of 2 conditions hold",
        '│   ├── m: Message = user: "hello"  [0]',
        '│   ├── ✓ line 3: m.role == "user"',
        '│   └── ✗ line 4: "secret" in m.content',
        "│       ├── it does not occur in the text of 5 characters",
        '│       └── m.content = "hello"  [0.content]',
        "└── candidates",
        "    └── 1 for m: Message",
        '        ├── 1 of 1 pass line 3: m.role == "user"',
        '        └── 0 of 1 pass line 4: "secret" in m.content',
    ]


def test_the_json_form_has_it_all() -> None:
    found = Policy.from_string(_TWO).why(MAIL).to_dict()
    assert json.loads(json.dumps(found)) == found
    first, second = found["rules"]
    assert first["rule"] == {"name": "mail to bob", "path": None, "line": 1}
    assert first["status"] == "not fired" and first["alone"] is True
    assert first["culprit"]["text"] == 'm.role == "x"'
    assert first["nearest"]["variables"][0]["ranges"] == ["4"]
    assert first["counts"][0] == {"text": "m: Message", "line": 2, "reached": 1, "passed": 4}
    assert second["violations"] == 2 and len(second["models"]) == 2


# --- hostile traces -----------------------------------------------------------------------------


def test_nothing_in_a_trace_steers_a_terminal() -> None:
    evil = user("\x1b[2Ja\u202eb\r\n\ud800")
    found = explain('(m: Message)\nm.content == "x"\nm.role == "user"', evil)
    text = str(found)
    assert "\x1b" not in text and "\u202e" not in text
    assert '"\\x1b[2Ja\\u202eb\\r\\n\\ud800"' in text
    text.encode("utf-8")


@pytest.mark.parametrize(
    "trace",
    [
        [],
        [user(None)],
        [tools("a", "b")],
        [user([{"type": "image_url", "image_url": {"url": "x"}}, {"type": "other"}])],
        [assistant(call("send_email", "no JSON")), output(None, id="unknown")],
        [assistant(call("send_email", {"to": {"deep": [[[[[[1]]]]]]}}))],
        [output({"a": [1]}, id=None)],
    ],
)
def test_any_trace_is_explained(trace: list[Event]) -> None:
    source = """
raise "x" if:
    (m: Message) -> (c: ToolCall)
    "a" in m.content
    c is tool:send_email({to: "bob.*"})
raise "x" if:
    (o: ToolOutput)
    o is tool:send_email
    (t: str) in text(o)
    match("a+", t)
raise "x" if:
    (t: Tool)
    t.description == "x"
"""
    found = Policy.from_string(source).why(trace)
    assert [rule.status for rule in found.rules] == ["not fired"] * 3
    assert all(rule.culprit is not None for rule in found.rules)
    json.dumps(found.to_dict())


def test_deep_conditions_are_followed_down_to_some_level() -> None:
    found = culprit(f"(m: Message)\nm.role == 'user'\n{'not ' * 80}(m.content is None)", user())
    depth = 0
    while found.parts:
        found, depth = found.parts[0], depth + 1
    assert 10 < depth < 40


def test_what_is_no_trace_is_refused() -> None:
    with pytest.raises(TraceError):
        Policy.from_string(_TWO).why([{"role": 5}])
