"""Events of OpenHands become what OpenHands sends to its analysis server, and what that loses.

The mapping of the server's client is a table here (`CALLS`, `MESSAGES`, `NOTHING`) with the rules
for ids; the adapter must give the same trace, apart from what it adds.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import policyc
from policyc.runtime.adapters import openhands
from policyc.runtime.trace_check import check_trace
from policyc.runtime.traces import TraceError, read_trace

Event = dict[str, Any]

RISKY = {"confirmation_state": "confirmed", "security_risk": -1}

# action: (whether its class has a thought, its other fields with their defaults)
CALLS: dict[str, tuple[bool, Event]] = {
    "system": (
        False,
        {"content": "", "tools": None, "openhands_version": None, "agent_class": None},
    ),
    "run": (
        True,
        {
            "command": "ls",
            "is_input": False,
            "blocking": False,
            "is_static": False,
            "cwd": None,
            "hidden": False,
            **RISKY,
        },
    ),
    "run_ipython": (True, {"code": "1", "include_extra": True, "kernel_init_code": "", **RISKY}),
    "read": (
        True,
        {
            "path": "a.txt",
            "start": 0,
            "end": -1,
            "security_risk": -1,
            "impl_source": "default",
            "view_range": None,
        },
    ),
    "write": (
        True,
        {"path": "a.txt", "content": "x", "start": 0, "end": -1, "security_risk": -1},
    ),
    "edit": (
        True,
        {
            "path": "a.txt",
            "command": "",
            "file_text": None,
            "old_str": None,
            "new_str": None,
            "insert_line": None,
            "content": "",
            "start": 1,
            "end": -1,
            "security_risk": -1,
            "impl_source": "oh_aci",
        },
    ),
    "browse": (True, {"url": "https://x.example", "security_risk": -1, "return_axtree": False}),
    "browse_interactive": (
        True,
        {
            "browser_actions": "noop()",
            "browsergym_send_msg_to_user": "",
            "security_risk": -1,
            "return_axtree": False,
        },
    ),
    "call_tool_mcp": (
        True,
        {"name": "create_issue", "arguments": {"title": None}, "security_risk": -1},
    ),
    "delegate": (True, {"agent": "Browsing", "inputs": {}}),
    "finish": (True, {"final_thought": "", "outputs": {}}),
    "reject": (True, {"outputs": {}}),
    "think": (True, {}),
    "recall": (True, {"recall_type": "knowledge", "query": ""}),
    "task_tracking": (True, {"command": "view", "task_list": []}),
    "condensation": (
        False,
        {
            "forgotten_event_ids": None,
            "forgotten_events_start_id": None,
            "forgotten_events_end_id": None,
            "summary": None,
            "summary_offset": None,
        },
    ),
    "condensation_request": (False, {}),
    "loop_recovery": (False, {"option": 1}),
}
NOTHING = ["null", "change_agent_state"]
OUTPUTS = ["run", "run_ipython", "read", "write", "edit", "browse", "mcp", "delegate", "think"]
OUTPUTS += ["error", "success", "user_rejected", "recall", "condensation", "task_tracking"]
SILENT = ["null", "agent_state_changed"]


def reference(events: list[Event]) -> list[Event]:
    """The trace that OpenHands sends, written from the table."""
    trace: list[Event] = []
    for event in events:
        trace += _reference(event, trace)
    return trace


def _reference(event: Event, trace: list[Event]) -> list[Event]:
    ids = [each["id"] for each in trace if "function" in each]
    if "observation" in event:
        if event["observation"] in SILENT:
            return []
        output = {"metadata": {}, "role": "tool", "content": event["content"]}
        return [{**output, "tool_call_id": ids[-1]} if ids else output]
    action, given_ = event["action"], event["args"]
    if action in NOTHING:
        return []
    if action == "message":
        role = "user" if event.get("source") == "user" else "assistant"
        return [{"metadata": {}, "role": role, "content": given_["content"]}]
    has_thought, defaults = CALLS[action]
    number = next(n for n in range(1, len(ids) + 2) if str(n) not in ids)
    call = {
        "metadata": {},
        "id": str(number),
        "type": "function",
        "function": {"name": action, "arguments": {name: given_[name] for name in defaults}},
    }
    thought = {"metadata": {}, "role": "assistant", "content": given_.get("thought")}
    return [thought, call] if has_thought else [call]


def without_additions(trace: list[Event]) -> list[Event]:
    """The adapter's trace without what it adds."""
    return [{**each, "metadata": {}} for each in trace if "of" not in each["metadata"]]


def without_ghosts(trace: list[Event]) -> list[Event]:
    """The reference's trace without thoughts that are empty."""
    return [each for each in trace if each.get("role") != "assistant" or each["content"] != ""]


def without_ids(trace: list[Event]) -> list[Event]:
    return [
        {name: value for name, value in each.items() if name not in ("id", "tool_call_id")}
        for each in trace
    ]


TEXTS = st.text(max_size=8)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), TEXTS, st.just({"k": None}))
SAID = st.text(min_size=1, max_size=8)


@st.composite
def action(draw: st.DrawFn) -> Event:
    name = draw(st.sampled_from([*CALLS, *NOTHING, "message"]))
    if name == "message":
        source = draw(st.sampled_from(["user", "agent", "environment", None]))
        images = draw(st.sampled_from([None, ["https://x.example/a.png"]]))
        return {
            "action": name,
            "source": source,
            # An agent that says nothing is a message all the same, and must not be taken for a
            # thought that is empty.
            "args": {"content": draw(SAID), "image_urls": images, "wait_for_response": False},
        }
    has_thought, defaults = CALLS.get(name, (False, {}))
    changed = draw(st.dictionaries(st.sampled_from([*defaults, "_"]), VALUES, max_size=3))
    args = {**defaults, **{key: value for key, value in changed.items() if key != "_"}}
    if has_thought:
        args["thought"] = draw(TEXTS)
    return {"action": name, "source": "agent", "args": args}


@st.composite
def observation(draw: st.DrawFn) -> Event:
    return {
        "observation": draw(st.sampled_from([*OUTPUTS, *SILENT])),
        "source": "environment",
        "content": draw(TEXTS),
        "extras": draw(
            st.sampled_from([{}, {"metadata": {"exit_code": 1}}, {"path": "a"}, {"error": True}])
        ),
        "success": draw(st.booleans()),
    }


def numbered(events: list[Event]) -> list[Event]:
    return [{"id": number, **event} for number, event in enumerate(events)]


@given(st.lists(st.one_of(action(), observation()), max_size=12))
def test_the_trace_is_the_reference_s_apart_from_additions(events: list[Event]) -> None:
    trace = openhands.convert(numbered(events)) if events else []

    check_trace(trace)
    assert without_additions(trace) == without_ghosts(reference(events))


@given(st.lists(st.one_of(action(), observation()), max_size=12), st.randoms())
def test_with_real_ids_only_the_ids_differ_and_they_are_right(
    events: list[Event], random: Any
) -> None:
    events = numbered(events)
    calls: list[Event] = []
    for event in events:
        if event.get("action") in CALLS:
            event["tool_call_metadata"] = {"tool_call_id": f"call_{event['id']}"}
            calls.append(event)
        elif "observation" in event and calls:
            event["cause"] = random.choice(calls)["id"]

    trace = openhands.convert(events) if events else []

    assert without_ids(without_additions(trace)) == without_ids(without_ghosts(reference(events)))
    told = [each["id"] for each in trace if "function" in each and "of" not in each["metadata"]]
    assert told == [f"call_{each['id']}" for each in calls]
    answered = [
        f"call_{each['cause']}" if "cause" in each else None
        for each in events
        if each.get("observation") in OUTPUTS
    ]
    outputs = [each.get("tool_call_id") for each in trace if each.get("role") == "tool"]
    assert outputs == answered


@pytest.mark.parametrize("name", CALLS)
def test_the_names_and_arguments_of_every_action(name: str) -> None:
    has_thought, arguments = CALLS[name]
    args = {**arguments, "thought": "so"} if has_thought else arguments

    *thoughts, first = [
        each
        for each in openhands.convert([{"id": 1, "action": name, "args": args}])
        if "of" not in each["metadata"]
    ]

    assert first["function"] == {"name": name, "arguments": arguments}
    assert [each["content"] for each in thoughts] == ["so"] * has_thought


def test_what_the_reference_strips_is_no_argument() -> None:
    stripped = ("id", "timestamp", "source", "message", "cause", "action", "observation")
    stripped += ("tool_call_metadata", "llm_metrics")
    args = {"command": "ls", **dict.fromkeys(stripped, 1), "set_on_it": 2}

    (call,) = openhands.convert({"id": 1, "action": "run", "args": args})

    assert call["function"]["arguments"] == {"command": "ls", "set_on_it": 2}


def run(number: int, identifier: str | None = None, **args: Any) -> Event:
    event = {"id": number, "action": "run", "args": {"command": "ls", "thought": "", **args}}
    return event if identifier is None else event | with_id(identifier)


def with_id(identifier: str) -> Event:
    return {"tool_call_metadata": {"tool_call_id": identifier, "function_name": "execute_bash"}}


def ran(cause: int | None, content: str = "out", **extras: Any) -> Event:
    return {"id": 99, "cause": cause, "observation": "run", "content": content, "extras": extras}


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["name", "x"]), inner)
    ),
    max_leaves=4,
)
KEYS = ["id", "cause", "source", "action", "args", "observation", "content", "extras", "success"]


@given(st.lists(st.dictionaries(st.sampled_from([*KEYS, "tool_call_metadata"]), JSON), min_size=1))
def test_whatever_is_in_an_event_it_is_a_trace_or_an_error_of_it(events: list[Event]) -> None:
    for hurt in ([run(1), *events], [{**run(1), **each} for each in events]):
        try:
            check_trace(openhands.convert(hurt))
        except TraceError:
            continue


class TestAdditions:
    def test_an_output_belongs_to_the_call_that_caused_it(self) -> None:
        """W22: two calls, then two outputs; the reference gives both to the second call."""
        events = [run(1), run(2), ran(1, "one"), ran(2, "two")]

        *_, one, two = openhands.convert(events)

        assert (one["tool_call_id"], two["tool_call_id"]) == ("1", "2")

    def test_the_id_of_an_observation_is_taken_over_its_cause(self) -> None:
        events = [run(1, "a"), run(2, "b"), ran(2) | with_id("a")]

        assert openhands.convert(events)[-1]["tool_call_id"] == "a"

    def test_an_output_without_a_cause_belongs_to_the_last_call(self) -> None:
        assert openhands.convert([run(1), run(2), ran(None)])[-1]["tool_call_id"] == "2"
        assert "tool_call_id" not in openhands.convert([ran(None)])[0]

    def test_a_number_never_takes_a_real_id(self) -> None:
        ids = [each["id"] for each in openhands.convert([run(1, "1"), run(2), run(3, "3"), run(4)])]

        assert ids == ["1", "2", "3", "4"]

    def test_an_empty_thought_is_no_message(self) -> None:
        """W22."""
        assert ["function" in each for each in openhands.convert([run(1)])] == [True]

    def test_a_thought_is_marked(self) -> None:
        thought, _ = openhands.convert([run(1, thought="I list.")])

        assert thought["metadata"] == {"thought": True}

    def test_a_call_of_mcp_has_the_name_of_its_tool_too(self) -> None:
        action_ = {
            "id": 1,
            "action": "call_tool_mcp",
            "args": {"name": "create_issue", "arguments": {"title": "x"}, "thought": ""},
        }
        answer = {"id": 2, "cause": 1, "observation": "mcp", "content": "{}"}
        events = [action_, answer | {"extras": {"name": "create_issue"}}]
        policy = policyc.Policy.from_string(
            'raise Violation("issue", call.function.arguments.title) if:\n'
            "    (call: ToolCall) -> (output: ToolOutput)\n"
            "    call is tool:create_issue\n"
            "    output is tool:create_issue\n"
            "    output.metadata.mcp_tool == call.function.name\n"
        )

        trace = read_trace(events)

        assert [each["function"]["name"] for each in trace[:2]] == ["call_tool_mcp", "create_issue"]
        assert [each.args for each in policy.analyze(trace)] == [["issue", "x"]]

    @pytest.mark.parametrize(
        ("observation_", "metadata"),
        [
            (ran(1, metadata={"exit_code": 2}), {"exit_code": 2}),
            (ran(1, exit_code=0), {"exit_code": 0}),
            (ran(1) | {"success": False}, {"is_error": True}),
            (ran(1, error=True), {"is_error": True}),
            (ran(1) | {"observation": "error"}, {"observation": "error", "is_error": True}),
            (
                ran(1, path="a.txt", url="") | {"observation": "read"},
                {"observation": "read", "path": "a.txt"},
            ),
            (
                ran(1, url="https://x.example", screenshot="data:image/png;base64,AAAA"),
                {
                    "url": "https://x.example",
                    "images": ["data:image/png;base64 (4 characters)"],
                },
            ),
        ],
    )
    def test_what_an_output_does_not_say(self, observation_: Event, metadata: Event) -> None:
        event = openhands.convert([run(1), observation_])[-1]

        assert event["metadata"] == {"observation": "run", **metadata}

    def test_images_of_a_message(self) -> None:
        args = {"content": "Look.", "image_urls": ["https://x.example/a.png", "data:image/png,AB"]}

        (message,) = openhands.convert(
            [{"id": 1, "source": "user", "action": "message", "args": args}]
        )

        assert message == {
            "role": "user",
            "content": "Look.",
            "metadata": {"images": ["https://x.example/a.png", "data:image/png (2 characters)"]},
        }

    def test_an_event_costs_the_same_whatever_came_before(self) -> None:
        """W22: the reference's time grows with the square of the events."""

        def work(count: int) -> int:
            events = [each for n in range(count) for each in (run(2 * n), ran(2 * n))]
            steps = 0

            def count_step(*_: Any) -> None:
                nonlocal steps
                steps += 1

            sys.setprofile(count_step)
            try:
                openhands.convert(events)
            finally:
                sys.setprofile(None)
            return steps

        few, many = work(100), work(1000)

        assert many < 10.5 * few


class TestDetection:
    def test_a_text_in_an_event_does_not_make_it_another_format(self) -> None:
        """What an agent runs is told in `message` too, and may be anything."""
        events = [run(1) | {"message": '{"jsonrpc": "2.0", "id": 1, "method": "ping"}'}]

        assert read_trace(events)[0]["function"]["name"] == "run"

    @pytest.mark.parametrize(
        ("event", "path"),
        [
            (5, "$[1]"),
            ({"id": 1}, "$[1]"),
            ({"action": "run", "args": []}, "$[1].args"),
        ],
    )
    def test_bad_events_are_named_where_they_are(self, event: Any, path: str) -> None:
        with pytest.raises(TraceError) as caught:
            openhands.convert([run(1), event])

        assert caught.value.path == path

    def test_an_action_that_nobody_knows_is_a_call_of_that_name(self) -> None:
        (call,) = openhands.convert([{"action": "teleport", "args": {"to": "x"}}])

        assert call["function"] == {"name": "teleport", "arguments": {"to": "x"}}
