"""`/v1`: policies by name or text, structured results, sessions that get only what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.server.policies import (
    BROKEN,
    FAILS,
    LEAKS,
    NAMED,
    NEEDS,
    SAYS_A,
    answers,
    calls,
    message_that_calls,
    says,
)

import policyc

if TYPE_CHECKING:
    import httpx

TRACE = [says("hi"), answers("the secret"), message_that_calls(calls("send", to="bob"))]


def text(source: str) -> dict[str, Any]:
    return {"sources": [{"text": source, "path": "mine.inv"}]}


def test_the_policies_of_the_server(client: httpx.Client) -> None:
    listed = client.get("/v1/policies").json()["policies"]
    assert {one["name"] for one in listed} == set(NAMED)
    needs = next(one for one in listed if one["name"] == "needs")
    assert (needs["required"], list(needs["parameters"])) == (["most"], ["most"])
    assert len(needs["digest"]) == 64


def test_compile(client: httpx.Client) -> None:
    good = client.post("/v1/compile", json=text(NEEDS)).json()
    assert (good["ok"], good["required"]) == (True, ["most"])
    bad = client.post("/v1/compile", json=text(BROKEN)).json()
    assert bad["ok"] is False
    assert bad["diagnostics"][0]["path"] == "mine.inv"


@pytest.mark.parametrize("chosen", [{"policy": "leaks"}, {"sources": [{"text": LEAKS}]}])
def test_a_check_is_what_the_library_says(client: httpx.Client, chosen: dict[str, Any]) -> None:
    here = policyc.Policy.from_string(LEAKS)

    def without_path(result: dict[str, Any]) -> dict[str, Any]:
        for one in result["violations"]:
            del one["rule"]["path"]
            one.pop("secrets", None)
        return result

    whole = client.post("/v1/check", json={**chosen, "trace": TRACE}).json()
    assert whole["blocked"] is True
    assert without_path(whole) == without_path(here.analyze(TRACE).to_dict())
    split = {**chosen, "past": TRACE[:2], "pending": TRACE[2:]}
    wanted = here.analyze_pending(TRACE[:2], TRACE[2:]).to_dict()
    assert without_path(client.post("/v1/check", json=split).json()) == without_path(wanted)
    alone = client.post("/v1/check", json={**chosen, "pending": TRACE[2:]}).json()
    assert alone["blocked"] is False


def test_violations_say_which_ranges_hold_secrets(client: httpx.Client) -> None:
    rule = "from invariant.detectors import secrets\n"
    rule += 'raise "s" if:\n    (m: Message)\n    any(secrets(m))\n'
    trace = [says("ghp_" + "aB3d" * 9)]
    (found,) = client.post("/v1/check", json={**text(rule), "trace": trace}).json()["violations"]
    assert found["secrets"] == ["0.content:0-40"]
    assert set(found["secrets"]) <= set(found["ranges"])


def test_several_sources_are_one_policy(client: httpx.Client) -> None:
    body = {"sources": [{"text": SAYS_A}, {"text": NEEDS}], "parameters": {"most": 1}}
    found = client.post("/v1/check", json={**body, "trace": [says("aa")]}).json()
    assert [one["message"] for one in found["violations"]] == ["a [risk=low]", "too long"]


def test_a_failing_rule_is_an_error_of_the_result(client: httpx.Client) -> None:
    found = client.post("/v1/check", json={**text(FAILS + SAYS_A), "trace": [says("a")]}).json()
    assert (len(found["violations"]), len(found["errors"])) == (1, 1)
    assert found["blocked"] is True


def test_a_session_reports_what_each_event_completes(client: httpx.Client) -> None:
    made = client.post("/v1/sessions", json={"policy": "leaks"})
    assert made.status_code == 201
    path = f"/v1/sessions/{made.json()['id']}"
    found = []
    for number, event in enumerate(TRACE):
        body = {"events": [event], "after": number}
        answer = client.post(f"{path}/events", json=body).json()
        found.append(len(answer["violations"]))
        assert answer["events"] == number + 1
    assert found == [0, 0, 1]
    assert client.get(path).json()["events"] == 3
    assert client.delete(path).json() == {"ok": True}
    for line in ("GET", "DELETE"):
        assert client.request(line, path).status_code == 404
    assert client.post(f"{path}/events", json={"events": []}).status_code == 404


def test_events_that_were_sent_twice_are_noticed(client: httpx.Client) -> None:
    path = f"/v1/sessions/{client.post('/v1/sessions', json=text(SAYS_A)).json()['id']}/events"
    body = {"events": [says("a")], "after": 0}
    assert len(client.post(path, json=body).json()["violations"]) == 1
    again = client.post(path, json=body)
    assert (again.status_code, again.json()["detail"]) == (409, "the session has 1 events, not 0")


def test_events_without_a_verdict_are_not_taken(client: httpx.Client) -> None:
    path = f"/v1/sessions/{client.post('/v1/sessions', json=text(SAYS_A)).json()['id']}"
    client.post(f"{path}/events", json={"events": [says("a")]})
    bad = client.post(f"{path}/events", json={"events": [says("a"), {}]})
    assert (bad.status_code, bad.json()["detail"]["kind"]) == (422, "trace")
    assert client.get(path).json()["events"] == 1
    good = client.post(f"{path}/events", json={"events": [says("a")], "after": 1}).json()
    assert (len(good["violations"]), good["events"]) == (1, 2)


def test_a_session_has_parameters(client: httpx.Client) -> None:
    body = {"policy": "needs", "parameters": {"most": 2}}
    path = f"/v1/sessions/{client.post('/v1/sessions', json=body).json()['id']}/events"
    found = client.post(path, json={"events": [says("ab"), says("abc")]}).json()
    assert len(found["violations"]) == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/check", {"policy": "nowhere", "trace": []}, 404),
        ("/v1/check", {"policy": "rm"}, 422),
        ("/v1/check", {"trace": []}, 422),
        ("/v1/check", {"policy": "rm", "sources": [], "trace": []}, 422),
        ("/v1/check", {"sources": [], "trace": []}, 422),
        ("/v1/check", {"policy": "rm", "past": [], "trace": []}, 422),
        ("/v1/check", {"policy": "rm", "trace": [1]}, 422),
        ("/v1/check", {"policy": "rm", "trace": [{}]}, 422),
        ("/v1/check", {**text(BROKEN), "trace": []}, 422),
        ("/v1/check", {"policy": "rm", "trace": [], "parameters": []}, 422),
        ("/v1/compile", {}, 422),
        ("/v1/sessions", text(BROKEN), 422),
        ("/v1/sessions", {"policy": "nowhere"}, 404),
        ("/v1/sessions/nowhere/events", {"events": []}, 404),
        ("/v1/sessions/nowhere/events", {"events": [], "after": -1}, 422),
    ],
)
def test_errors(client: httpx.Client, path: str, body: Any, status: int) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status
    assert answer.json()["detail"]
