"""The session API: every row of its endpoints and of its errors."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.server.policies import (
    BROKEN,
    FAILS,
    RM,
    SAYS_A,
    answers,
    calls,
    message_that_calls,
    says,
)

if TYPE_CHECKING:
    import httpx

UNKNOWN = "00000000-0000-4000-8000-000000000000"


# --- endpoints ------------------------------------------------------------------------------------


def ask(client: httpx.Client, session: str, line: str, body: Any = None) -> httpx.Response:
    method, path = line.split()
    return client.request(method, path, params={"session_id": session}, json=body)


@pytest.mark.parametrize("slash", ["", "/"])
def test_every_endpoint(client: httpx.Client, session: str, slash: str) -> None:
    def got(line: str, body: Any = None) -> Any:
        answer = ask(client, session, line + slash, body)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    policy = {"rule": SAYS_A, "name": "Policy #1", "session_id": session, "policy_id": 1}
    monitor = {"session_id": session, "monitor_id": 1, "rule": SAYS_A, "name": "Monitor #1"}
    assert got("GET /session/new") == {"id": session}
    assert got("GET /session") == {"id": session}
    assert isinstance(got("GET /policy/template"), str)
    assert got("GET /policy") == []
    assert got("GET /monitor") == []
    assert got("POST /policy/new", {"rule": SAYS_A}) == policy
    assert got("GET /policy/1") == policy
    assert got("GET /policy") == [policy]
    assert got("POST /policy/1/analyze", {"trace": [says("a"), says("b"), says("a")]}) == {
        "errors": ["PolicyViolation(a [risk=low])"] * 2,
        "handled_errors": [],
    }
    assert got("POST /monitor/new", {"policy_id": 1}) == monitor
    changed = {"rule": RM, "name": "not taken"}
    assert got("PUT /policy/1", changed) == {**policy, "rule": RM}
    assert got("GET /monitor/1") == monitor
    assert got("DELETE /policy/1") == {"ok": True}
    assert got("GET /policy") == []
    assert got("GET /monitor") == [monitor]
    events = {"past_events": [says("a")], "pending_events": [says("a")]}
    assert got("POST /monitor/1/check", events) == ["PolicyViolation(a [risk=low])"]
    assert got("DELETE /monitor/1") == {"ok": True}
    assert got("GET /monitor") == []
    assert got("DELETE /session") == {"ok": True}
    assert ask(client, session, f"GET /session{slash}").status_code == 404


def test_the_root_and_the_health(client: httpx.Client) -> None:
    assert client.get("/").json() == {"ok": True}
    assert client.get("/health").json() == {"status": "ok"}
    assert client.head("/health").status_code == 200
    assert client.get("/version").json()["name"] == "policyc"


def test_the_template_compiles(client: httpx.Client, session: str) -> None:
    template = client.get("/policy/template").json()
    made = ask(client, session, "POST /monitor/new", {"rule": template})
    assert made.status_code == 200, made.text


@pytest.mark.parametrize(
    ("wanted", "is_taken"),
    [
        ("7f1d5a1c-3c5c-4c1e-9f1a-0a2b3c4d5e6f", True),
        ("7F1D5A1C-3C5C-4C1E-9F1A-0A2B3C4D5E6F", False),
        ("7f1d5a1c-3c5c-1c1e-9f1a-0a2b3c4d5e6f", False),
        ("7f1d5a1c3c5c4c1e9f1a0a2b3c4d5e6f", False),
        ("main", False),
        ("", False),
    ],
)
def test_session_ids(client: httpx.Client, wanted: str, is_taken: bool) -> None:
    given = client.get("/session/new", params={"session_id": wanted}).json()["id"]
    assert (given == wanted) is is_taken
    assert str(uuid.UUID(given)) == given
    assert uuid.UUID(given).version == 4


def test_a_session_that_is_asked_for_again_has_its_policies(
    client: httpx.Client, session: str
) -> None:
    ask(client, session, "POST /policy/new", {"rule": SAYS_A})
    assert ask(client, session, "GET /session/new").json() == {"id": session}
    assert len(ask(client, session, "GET /policy").json()) == 1
    ask(client, session, "DELETE /session")
    assert ask(client, session, "GET /session/new").json() == {"id": session}
    assert ask(client, session, "GET /policy").json() == []


def test_ids_are_one_more_than_the_highest(client: httpx.Client, session: str) -> None:
    for _ in range(3):
        ask(client, session, "POST /policy/new", {"rule": "hello world"})
    ask(client, session, "DELETE /policy/3")
    assert ask(client, session, "POST /policy/new", {"rule": ""}).json()["policy_id"] == 3
    ask(client, session, "DELETE /policy/1")
    assert ask(client, session, "POST /policy/new", {"rule": ""}).json()["policy_id"] == 4
    made = ask(client, session, "POST /monitor/new", {"rule": "", "name": "mine"}).json()
    assert (made["monitor_id"], made["name"]) == (1, "mine")
    listed = ask(client, session, "GET /policy").json()
    assert [one["policy_id"] for one in listed] == [2, 3, 4]


def test_a_check_has_no_memory(client: httpx.Client, session: str) -> None:
    ask(client, session, "POST /monitor/new", {"rule": SAYS_A})
    body = {"past_events": [says("a")], "pending_events": [says("a")], "more": 1}
    found = [ask(client, session, "POST /monitor/1/check", body).json() for _ in range(3)]
    assert found == [["PolicyViolation(a [risk=low])"]] * 3
    nothing = {"past_events": [says("a")], "pending_events": [says("b")]}
    assert ask(client, session, "POST /monitor/1/check", nothing).json() == []


@pytest.mark.parametrize(
    "pending",
    [
        calls("run", command="rm -rf /"),
        message_that_calls(calls("run", command="rm -rf /")),
        {
            "id": "1",
            "type": "function",
            "function": {"name": "run", "arguments": '{"command": "rm -rf /"}'},
        },
    ],
)
def test_a_call_is_found_alone_and_inside_a_message(
    client: httpx.Client, session: str, pending: Any
) -> None:
    ask(client, session, "POST /monitor/new", {"rule": RM})
    body = {"past_events": [says("hi")], "pending_events": [pending]}
    found = ask(client, session, "POST /monitor/1/check", body).json()
    assert found == ["PolicyViolation(rm [risk=high])"]


def test_an_output_needs_no_call(client: httpx.Client, session: str) -> None:
    rule = 'raise "o" if:\n    (o: ToolOutput)\n    "x" in o.content\n'
    ask(client, session, "POST /monitor/new", {"rule": rule})
    alone = {"role": "tool", "content": "x"}
    body = {"past_events": [answers("x")], "pending_events": [alone]}
    assert len(ask(client, session, "POST /monitor/1/check", body).json()) == 1


def test_the_empty_rule_never_reports(client: httpx.Client, session: str) -> None:
    assert ask(client, session, "POST /monitor/new", {"rule": ""}).status_code == 200
    body = {"past_events": [], "pending_events": [says("a")]}
    assert ask(client, session, "POST /monitor/1/check", body).json() == []


# --- errors ---------------------------------------------------------------------------------------

EMPTY = {"past_events": [], "pending_events": []}
WRONG_INPUTS: list[tuple[str, Any, list[Any], str]] = [
    ("POST /policy/new", {}, ["body", "rule"], "missing"),
    ("POST /policy/new", {"rule": 1}, ["body", "rule"], "string_type"),
    ("POST /policy/new", {"rule": None}, ["body", "rule"], "string_type"),
    ("POST /policy/new", None, ["body"], "missing"),
    ("POST /policy/new", [], ["body"], "model_attributes_type"),
    ("GET /policy/one", None, ["path", "policy_id"], "int_parsing"),
    ("GET /policy/1.5", None, ["path", "policy_id"], "int_parsing"),
    ("PUT /policy/1", {}, ["body", "rule"], "missing"),
    ("POST /policy/1/analyze", {}, ["body", "trace"], "missing"),
    ("POST /policy/1/analyze", {"trace": [1]}, ["body", "trace", 0], "dict_type"),
    ("POST /policy/1/analyze", {"trace": {}}, ["body", "trace"], "list_type"),
    ("POST /monitor/new", {}, ["body"], "value_error"),
    ("POST /monitor/new", {"rule": None}, ["body"], "value_error"),
    ("POST /monitor/new", {"rule": "", "policy_id": 1}, ["body"], "value_error"),
    ("POST /monitor/new", [], ["body"], "model_attributes_type"),
    ("POST /monitor/new", {"policy_id": "x"}, ["body", "policy_id"], "int_parsing"),
    ("GET /monitor/x", None, ["path", "monitor_id"], "int_parsing"),
    ("POST /monitor/1/check", {"past_events": []}, ["body", "pending_events"], "missing"),
    (
        "POST /monitor/1/check",
        {"past_events": [None], "pending_events": []},
        ["body", "past_events", 0],
        "dict_type",
    ),
]


@pytest.mark.parametrize(("line", "body", "place", "kind"), WRONG_INPUTS)
def test_wrong_input(
    client: httpx.Client, session: str, line: str, body: Any, place: list[Any], kind: str
) -> None:
    answer = ask(client, session, line, body)
    assert answer.status_code == 422
    first = answer.json()["detail"][0]
    assert set(first) == {"type", "loc", "msg", "input"}
    assert (first["loc"], first["type"]) == (place, kind)


@pytest.mark.parametrize("line", ["GET /session", "GET /policy/", "POST /monitor/new"])
def test_the_session_has_to_be_named(client: httpx.Client, line: str) -> None:
    method, path = line.split()
    body = {"rule": ""} if method == "POST" else None
    answer = client.request(method, path, json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "session_id"]


NOT_FOUND = {"rule": SAYS_A}
MISSING: list[tuple[str, Any, str, str]] = [
    ("GET /policy/9", None, "Policy not found", "any"),
    ("PUT /policy/9", NOT_FOUND, "Policy not found", "any"),
    ("DELETE /policy/9", None, "Policy not found", "any"),
    ("POST /policy/9/analyze", {"trace": []}, "Policy not found", "any"),
    ("GET /monitor/9", None, "Monitor not found", "any"),
    ("DELETE /monitor/9", None, "Monitor not found", "any"),
    ("POST /monitor/9/check", EMPTY, "Monitor not found", "any"),
    ("POST /monitor/new", {"policy_id": 9}, "Policy not found", "known"),
    ("POST /monitor/new", {"policy_id": 9}, "Session not found", "unknown"),
    ("POST /monitor/new", {"rule": ""}, "Session not found", "unknown"),
    ("POST /policy/new", NOT_FOUND, "Session not found", "unknown"),
    ("GET /session/", None, "Session not found", "unknown"),
    ("DELETE /session/", None, "Session not found", "unknown"),
    ("GET /nowhere", None, "Not Found", "any"),
]


@pytest.mark.parametrize(("line", "body", "detail", "which"), MISSING)
def test_what_is_not_there(
    client: httpx.Client, session: str, line: str, body: Any, detail: str, which: str
) -> None:
    sessions = {"any": [session, UNKNOWN], "known": [session], "unknown": [UNKNOWN]}
    for one in sessions[which]:
        answer = ask(client, one, line, body)
        assert (answer.status_code, answer.json()) == (404, {"detail": detail})


@pytest.mark.parametrize("line", ["GET /policy/", "GET /monitor/"])
def test_lists_of_an_unknown_session_are_empty(client: httpx.Client, line: str) -> None:
    assert ask(client, UNKNOWN, line).json() == []


def test_wrong_methods(client: httpx.Client) -> None:
    answer = client.delete("/session/new")
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})


def test_a_rule_that_does_not_compile(client: httpx.Client, session: str) -> None:
    made = ask(client, session, "POST /policy/new", {"rule": "hello world"})
    assert made.status_code == 200
    for line, body in [
        ("POST /monitor/new", {"rule": BROKEN}),
        ("POST /monitor/new", {"policy_id": 1}),
        ("POST /policy/1/analyze", {"trace": []}),
    ]:
        answer = ask(client, session, line, body)
        assert answer.status_code == 422
        first = answer.json()["detail"][0]
        assert first["code"].startswith("E")
        assert first["line"] >= 1
        assert "Traceback" not in answer.text
    assert ask(client, session, "GET /monitor").json() == []


@pytest.mark.parametrize("event", [{}, {"role": None, "content": "a"}, {"content": "a"}])
def test_an_event_of_no_known_shape_is_a_finding(
    client: httpx.Client, session: str, event: Any
) -> None:
    ask(client, session, "POST /monitor/new", {"rule": SAYS_A})
    body = {"past_events": [], "pending_events": [event]}
    answer = ask(client, session, "POST /monitor/1/check", body)
    assert answer.status_code == 200
    (text,) = answer.json()
    assert text.startswith("PolicyEvaluationError(")
    assert text.endswith("[risk=high])")


def test_a_rule_that_fails_hides_no_other(client: httpx.Client, session: str) -> None:
    ask(client, session, "POST /monitor/new", {"rule": FAILS + SAYS_A})
    body = {"past_events": [], "pending_events": [says("a")]}
    found = ask(client, session, "POST /monitor/1/check", body).json()
    assert found[0] == "PolicyViolation(a [risk=low])"
    assert found[1].startswith("PolicyEvaluationError(")
    assert found[1].endswith("[risk=high])")


def test_a_missing_parameter_is_a_finding(client: httpx.Client, session: str) -> None:
    rule = 'raise "x" if:\n    (m: Message)\n    input.word in m.content\n'
    ask(client, session, "POST /monitor/new", {"rule": rule})
    body = {"past_events": [], "pending_events": [says("a")]}
    (found,) = ask(client, session, "POST /monitor/1/check", body).json()
    assert found.startswith("PolicyEvaluationError(")


def test_connections_are_kept_after_errors(client: httpx.Client, session: str) -> None:
    ports = set()
    for line, body in [
        ("GET /session", None),
        ("GET /nowhere", None),
        ("POST /monitor/new", {"rule": BROKEN}),
        ("POST /monitor/new", []),
        ("DELETE /session/new", None),
        ("GET /policy/x", None),
        ("GET /session", None),
    ]:
        answer = ask(client, session, line, body)
        ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
        assert "connection" not in answer.headers
    assert len(ports) == 1
