"""GraySwan, spoken to over HTTP by its wire format."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tests.runtime.analyzers.actions import call, output, run, user
from tests.runtime.models.services import Answer, service

from policyc.analyzers import AnalyzerError, GraySwanAnalyzer, RiskLevel

LOW, MEDIUM, HIGH = RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAYSWAN_API_KEY", "sesame")
    monkeypatch.delenv("GRAYSWAN_POLICY_ID", raising=False)


def nested(score: Any, **more: Any) -> dict[str, Any]:
    """The schema that has the score inside."""
    return {"output": {"data": {"violation": score, **more}}}


@pytest.mark.parametrize(
    ("body", "level"),
    [
        ({"violation": 0.0}, LOW),
        ({"violation": 0.3}, LOW),
        ({"violation": 0.31}, MEDIUM),
        ({"violation": 0.7}, MEDIUM),
        ({"violation": 0.71}, HIGH),
        ({"violation": 1}, HIGH),
        (nested(0.2), LOW),
        (nested(0.5), MEDIUM),
        (nested(0.9), HIGH),
        ({"violation": 0.1, "ipi": True}, HIGH),
        (nested(0.1, ipi=True), HIGH),
        ({"violation": 0.1, **nested(0.9)}, HIGH),
        ({"violation": 0.9, **nested(0.1)}, HIGH),
    ],
)
def test_the_level_of_a_score(body: Any, level: RiskLevel) -> None:
    with service(lambda _: Answer(body)) as one:
        decision = GraySwanAnalyzer(url=one.url).decide_sync(run("ls"))

    assert (decision.level, decision.cause) == (level, "level")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"output": {"data": {}}},
        {"output": None},
        {"violation": None},
        {"violation": "0.1"},
        {"violation": True},
        {"violation": -0.1},
        {"violation": 1.1},
        '{"violation": NaN}',
        {"violation": 0.1, **nested("high")},
        [],
        "",
        "no JSON",
    ],
)
def test_an_answer_without_a_score_is_an_error(body: Any) -> None:
    """W27: nothing counts as 0."""
    with service(lambda _: Answer(body)) as one:
        decision = GraySwanAnalyzer(url=one.url).decide_sync(run("ls"))

    assert (decision.verdict, decision.cause, decision.level) == ("deny", "error", HIGH)
    assert "GraySwan answered" in decision.reason


@pytest.mark.parametrize("status", [302, 401, 429, 500])
def test_a_refusal_is_an_error(status: int) -> None:
    headers = {"Location": "http://127.0.0.1:1/"}
    with service(lambda _: Answer({"violation": 0.0}, status, headers)) as one:
        decision = GraySwanAnalyzer(url=one.url, on_error="ask").decide_sync(run("ls"))

    assert (decision.verdict, decision.cause) == ("ask", "error")
    assert f"GraySwan refused with {status}" in decision.reason


def test_silence_is_an_error() -> None:
    with service(lambda _: Answer({"violation": 0.0}, delay=1.0)) as one:
        decision = GraySwanAnalyzer(url=one.url, timeout=0.1).decide_sync(run("ls"))
    assert (decision.verdict, decision.cause) == ("deny", "error")

    decision = GraySwanAnalyzer(url=one.url).decide_sync(run("ls"))
    assert (decision.verdict, decision.cause) == ("deny", "error")
    assert "cannot be asked" in decision.reason


def test_what_is_sent() -> None:
    with service(lambda _: Answer({"violation": 0.0})) as one:
        analyzer = GraySwanAnalyzer(url=one.url)
        analyzer.observe({"role": "system", "content": "You are careful."})
        analyzer.observe(user("hello"))
        analyzer.observe(run("ls", 1, security_risk=0))
        analyzer.observe({"id": 2, "cause": 1, "observation": "run", "content": "a.txt"})
        mcp = {"name": "create_issue", "arguments": {"title": "x"}, "thought": "so"}
        analyzer.decide_sync({"action": "call_tool_mcp", "args": mcp})

    (asked,) = one.asked
    assert asked.headers["authorization"] == "Bearer sesame"
    assert asked.headers["x-grayswan-api-key"] == "sesame"
    assert asked.body == {
        "policy_id": "689ca4885af3538a39b2ba04",
        "messages": [
            {"role": "system", "content": "You are careful."},
            {"role": "user", "content": "hello"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [sent("1", "run", '{"command": "ls"}')],
            },
            {"role": "tool", "content": "a.txt", "tool_call_id": "1"},
            {"role": "assistant", "content": "so"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    sent(
                        "2",
                        "call_tool_mcp",
                        '{"name": "create_issue", "arguments": {"title": "x"}}',
                    )
                ],
            },
        ],
    }


def sent(identifier: str, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": identifier, "type": "function", "function": function}


def test_only_the_last_events_are_sent_and_no_output_without_its_call() -> None:
    with service(lambda _: Answer({"violation": 0.0})) as one:
        analyzer = GraySwanAnalyzer(url=one.url, history=3)
        analyzer.observe({"role": "system", "content": "S"})
        for number in "1234":
            analyzer.observe([call("ls", number), output(f"o{number}", number)])
        analyzer.decide_sync(call("pwd", "5"))

    (asked,) = one.asked
    roles = [message["role"] for message in asked.body["messages"]]
    assert roles == ["system", "assistant", "tool", "assistant"]
    assert asked.body["messages"][2]["content"] == "o4"


def test_nothing_of_what_is_sent_gets_into_logs_or_reasons(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """W27."""
    caplog.set_level(logging.DEBUG)
    for body in ({"violation": 0.9}, {"echo": "hunter2"}):
        with service(lambda _, body=body: Answer(body)) as one:
            decision = GraySwanAnalyzer(url=one.url).decide_sync(run("login hunter2"))
        assert "hunter2" not in decision.reason + str(decision.to_dict())

    assert "asked GraySwan about sha256:" in caplog.text
    assert "hunter2" not in caplog.text
    assert "sesame" not in caplog.text


def test_without_a_key_it_refuses_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAYSWAN_API_KEY")

    with pytest.raises(AnalyzerError, match="set GRAYSWAN_API_KEY, or pass `api_key`"):
        GraySwanAnalyzer()


@pytest.mark.parametrize(
    ("low", "medium"), [(0.7, 0.3), (0.5, 0.5), (-0.1, 0.5), (0.1, 1.5), (float("nan"), 0.5)]
)
def test_limits_must_be_in_order(low: float, medium: float) -> None:
    with pytest.raises(AnalyzerError, match="the scores are not in order"):
        GraySwanAnalyzer(low=low, medium=medium)


def test_a_policy_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with service(lambda _: Answer({"violation": 0.0})) as one:
        monkeypatch.setenv("GRAYSWAN_POLICY_ID", "mine")
        GraySwanAnalyzer(url=one.url).decide_sync(run("ls"))
        GraySwanAnalyzer(url=one.url, policy_id="other").decide_sync(run("ls"))

    assert [asked.body["policy_id"] for asked in one.asked] == ["mine", "other"]
