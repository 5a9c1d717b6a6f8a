"""The stateless API: each request brings its policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.server.policies import BROKEN, FAILS, RM, SAYS_A, calls, message_that_calls, says

if TYPE_CHECKING:
    import httpx

CHECK, ANALYZE = "/api/monitor/check", "/api/policy/analyze"


@pytest.mark.parametrize("slash", ["", "/"])
def test_analyze_tells_ranges(client: httpx.Client, slash: str) -> None:
    rule = 'raise "AB found" if:\n    (m: Message)\n    "AB" in m.content\n'
    answer = client.post(ANALYZE + slash, json={"policy": rule, "trace": [says("xABx AB")]})
    (found,) = answer.json()["errors"]
    assert found["error"] == "PolicyViolation([risk=high] AB found, ranges=[<3 ranges>])"
    wanted = {"messages.0", "messages.0.content:1-3", "messages.0.content:5-7"}
    assert set(found["ranges"]) == wanted
    assert answer.json()["handled_errors"] == []


def test_ranges_of_a_call(client: httpx.Client) -> None:
    trace = [says("hi"), message_that_calls(calls("run", command="rm -rf /"))]
    (found,) = client.post(ANALYZE, json={"policy": RM, "trace": trace}).json()["errors"]
    assert "messages.1.tool_calls.0" in found["ranges"]


def test_a_violation_object_does_not_count_its_ranges(client: httpx.Client) -> None:
    rule = 'raise PolicyViolation(m, k=1) if:\n    (m: Message)\n    m.role == "user"\n'
    (found,) = client.post(ANALYZE, json={"policy": rule, "trace": [says("a")]}).json()["errors"]
    fields = "metadata={'trace_idx': 0} role='user' content='a' tool_calls=None"
    assert found["error"] == f"PolicyViolation([risk=high] {fields}, k=1)"


@pytest.mark.parametrize("slash", ["", "/"])
def test_check_reports_what_has_to_do_with_pending_events(client: httpx.Client, slash: str) -> None:
    body = {"policy": SAYS_A, "past_events": [says("a")], "pending_events": [says("a")]}
    for _ in range(2):
        found = client.post(CHECK + slash, json=body).json()
        assert found == ["PolicyViolation(a [risk=low], ranges=[<2 ranges>])"]
    assert client.post(CHECK, json={**body, "pending_events": []}).json() == []


def test_errors(client: httpx.Client) -> None:
    broken = client.post(ANALYZE, json={"policy": BROKEN, "trace": []})
    assert broken.status_code == 422
    assert broken.json()["detail"][0]["line"] == 1
    failing = client.post(ANALYZE, json={"policy": FAILS, "trace": [says("a")]}).json()
    (found,) = failing["errors"]
    assert found["error"].startswith("PolicyEvaluationError(")
    assert found["ranges"] == []


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        (ANALYZE, {"trace": []}, ["body", "policy"]),
        (ANALYZE, {"policy": ""}, ["body", "trace"]),
        (CHECK, {"policy": "", "past_events": []}, ["body", "pending_events"]),
        (CHECK, {"policy": "", "past_events": 1, "pending_events": []}, ["body", "past_events"]),
        (CHECK, None, ["body"]),
    ],
)
def test_wrong_input(client: httpx.Client, path: str, body: Any, place: list[str]) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == place
