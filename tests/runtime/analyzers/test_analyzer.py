"""Questions, what happened, and requests: what all analyzers share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.analyzers.actions import call, output, ran, run, user

from policyc import TraceError
from policyc.analyzers import AnalyzerError, Assessment, RiskLevel, SecurityAnalyzer, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from policyc.analyzers import Question


class Looking(SecurityAnalyzer):
    """Remembers what it was asked, and answers by the name of the tool."""

    name = "looking"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked: list[Question] = []

    async def assess(self, question: Question) -> Assessment:
        self.asked.append(question)
        match question.events[-1]["function"]["name"]:
            case "raise":
                raise RuntimeError("it broke")
            case "sleep":
                await asyncio.sleep(60)
            case "high":
                return Assessment(RiskLevel.HIGH)
        return Assessment(RiskLevel.LOW)

    @property
    def past(self) -> list[Any]:
        """The past of the last question: contents, and names of tools."""
        return [
            event["function"]["name"] if "function" in event else event["content"]
            for event in self.asked[-1].past
        ]


def test_an_error_is_a_decision_and_never_a_low_risk() -> None:
    """W1."""
    analyzer = Looking()

    decision = analyzer.decide_sync(call("raise"))

    assert (decision.verdict, decision.cause) == ("deny", "error")
    assert decision.reason == "the analyzer `looking` failed: it broke"
    assert analyzer.security_risk_sync(call("raise")) is RiskLevel.HIGH
    assert analyzer.state is State.RUNNING
    assert analyzer.decide_sync(call("ls")).is_allowed


def test_an_error_asks_where_that_is_wanted() -> None:
    decision = Looking(on_error="ask").decide_sync(call("raise"))

    assert (decision.verdict, decision.cause, decision.level) == ("ask", "error", RiskLevel.HIGH)


def test_a_question_has_an_end() -> None:
    decision = Looking(timeout=0.02).decide_sync(call("sleep"))

    assert (decision.verdict, decision.cause) == ("deny", "error")
    assert "had no answer within 0.02 seconds" in decision.reason


@pytest.mark.parametrize("action", [None, "ls", 7, {}, {"role": "tool", "tool_call_id": 7}, [None]])
def test_what_is_no_action_is_denied(action: Any) -> None:
    analyzer = Looking()

    decision = analyzer.decide_sync(action)

    assert (decision.verdict, decision.cause) == ("deny", "error")
    assert "cannot be read" in decision.reason
    assert analyzer.asked == []


@pytest.mark.parametrize(
    "action",
    [
        [],
        {"action": "null", "args": {}},
        {"kind": "NewKindOfAction", "id": "1", "source": "agent", "timestamp": "", "run": "rm"},
    ],
)
def test_an_action_in_which_nothing_can_be_judged_is_denied(action: Any) -> None:
    analyzer = Looking()

    decision = analyzer.decide_sync(action)

    assert (decision.verdict, decision.cause) == ("deny", "error")
    assert decision.reason == "the action holds nothing that can be judged"
    assert analyzer.asked == []


def test_it_can_be_asked_inside_of_an_event_loop() -> None:
    analyzer = Looking()

    async def ask() -> RiskLevel:
        return analyzer.security_risk_sync(call("high"))

    assert asyncio.run(ask()) is RiskLevel.HIGH
    assert asyncio.run(analyzer.security_risk(call("high"))) is RiskLevel.HIGH


# --- what ran


def test_only_what_ran_stays() -> None:
    """W20: propose, decide, and commit or abort."""
    analyzer = Looking()
    analyzer.observe(user("hello"))

    ran_ = analyzer.propose_sync(call("one"))
    ran_.commit()
    analyzer.observe(output("1"))
    not_run = analyzer.propose_sync(call("two"))
    not_run.abort()
    failed = analyzer.propose_sync(call("raise"))
    denied = analyzer.propose_sync(call("high"))
    analyzer.decide_sync(call("three"))

    assert analyzer.past == ["hello", "one", "1"]
    assert (failed.decision.cause, denied.decision.verdict) == ("error", "deny")


def test_a_question_changes_nothing() -> None:
    analyzer = Looking()

    for _ in range(3):
        analyzer.decide_sync(call("one"))

    assert analyzer.past == []


def test_proposals_that_are_open_know_of_each_other() -> None:
    analyzer = Looking()

    first = analyzer.propose_sync(call("one"))
    second = analyzer.propose_sync(call("two"))
    assert analyzer.past == ["one"]
    second.commit()
    first.commit()

    analyzer.decide_sync(call("three"))
    assert analyzer.past == ["two", "one"]


def test_a_proposal_is_settled_once() -> None:
    proposal = Looking().propose_sync(call("one"))
    proposal.commit()

    with pytest.raises(AnalyzerError, match="settled already"):
        proposal.abort()


def test_what_was_denied_and_ran_all_the_same_is_in_the_trace() -> None:
    analyzer = Looking()

    analyzer.propose_sync(call("high")).commit()
    analyzer.decide_sync(call("one"))

    assert analyzer.past == ["high"]


def test_what_is_told_must_be_an_event() -> None:
    with pytest.raises(TraceError):
        Looking().observe({"role": "tool", "tool_call_id": 7})


def test_a_whole_message_is_an_action_too() -> None:
    analyzer = Looking()
    message = {"role": "assistant", "content": "I think."}

    analyzer.decide_sync([message, call("ls")])

    assert analyzer.asked[0].events == [message, call("ls")]


# --- events of OpenHands


def test_an_action_of_openhands_ran_when_its_observation_comes() -> None:
    """W21: outputs and messages are part of the trace."""
    analyzer = Looking()
    told: list[dict[str, Any]] = [
        {"id": 0, "source": "user", "action": "message", "args": {"content": "hello"}},
        run("ls", 1),
        ran("a.txt", 2, 1),
        run("rm a.txt", 3, confirmation_state="awaiting_confirmation"),
        run("rm a.txt", 4, confirmation_state="rejected"),
        ran("no", 5, 4, "user_rejected"),
        run("rm b.txt", 6),
        ran("no", 7, 6, "user_rejected"),
        {"id": 8, "action": "think", "args": {"thought": "so"}},
    ]
    for event in told:
        analyzer.observe(event)
    analyzer.decide_sync(run("pwd"))

    assert analyzer.past == ["hello", "run", "a.txt", "so", "think"]


def test_an_action_that_still_runs_counts() -> None:
    analyzer = Looking()
    analyzer.observe(run("sleep 9", 1))
    analyzer.decide_sync(run("ls"))
    assert analyzer.past == ["run"]

    analyzer.observe(ran("", 2, 1))
    analyzer.decide_sync(run("ls"))
    assert analyzer.past == ["run", ""]


def test_an_output_without_a_cause_belongs_to_what_ran_last() -> None:
    analyzer = Looking()
    analyzer.propose_sync(run("ls")).commit()
    analyzer.decide_sync(run("rm x"))  # only a question
    analyzer.observe({"observation": "run", "content": "a.txt"})

    analyzer.decide_sync(run("pwd"))

    assert analyzer.past == ["run", "a.txt"]
    assert "tool_call_id" not in analyzer.asked[-1].past[-1]


class Stream:
    """A stream of events that counts what is read from it."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.read = 0

    def search_events(self, start_id: int = 0) -> Iterable[Any]:
        for event in self.events[start_id:]:
            self.read += 1
            yield event


def test_a_stream_tells_what_happened_and_is_read_once() -> None:
    analyzer, stream = Looking(), Stream()
    analyzer.set_event_stream(stream)
    for number in range(0, 20, 2):
        analyzer.decide_sync(run(f"echo {number}"))
        stream.events += [run(f"echo {number}", number), ran("", number + 1, number)]

    analyzer.decide_sync(run("ls"))

    assert analyzer.past == ["run", ""] * 10
    assert stream.read == 20
    with pytest.raises(AnalyzerError, match="ask `decide`"):
        analyzer.propose_sync(run("ls"))
    with pytest.raises(AnalyzerError, match="follows another"):
        analyzer.set_event_stream(Stream())


def test_events_of_a_stream_may_be_objects() -> None:
    analyzer, stream = Looking(), Stream()
    stream.events = [(0, "ls")]
    to_dict: Callable[[Any], Any] = lambda event: run(event[1], event[0])  # noqa: E731
    analyzer.set_event_stream(stream, to_dict)

    analyzer.decide_sync(run("pwd"))

    assert analyzer.past == ["run"]


@pytest.mark.parametrize(
    "event", [object(), {"action": "run", "args": {}}, run("ls") | {"id": "1"}]
)
def test_a_stream_that_cannot_be_read_denies(event: Any) -> None:
    analyzer, stream = Looking(), Stream()
    stream.events = [event]
    analyzer.set_event_stream(stream)

    decision = analyzer.decide_sync(run("ls"))

    assert (decision.verdict, decision.cause) == ("deny", "error")
    assert analyzer.handle_api_request("GET", "export-trace").status == 500


# --- requests


def test_requests() -> None:
    analyzer = Looking(session_id="s1", on_error="ask")
    analyzer.observe(user("hello"))

    described = analyzer.handle_api_request("GET", "/")
    assert (described.status, described.body) == (
        200,
        {"name": "looking", "state": "initialising", "reason": "", "session_id": "s1"},
    )
    assert analyzer.handle_api_request("get", "settings").body == {
        "ask": "medium",
        "deny": "high",
        "unknown": "ask",
        "on_error": "ask",
        "timeout": 30.0,
    }
    assert analyzer.handle_api_request("GET", "/export-trace/").body == [user("hello")]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "nothing", None, 404),
        ("POST", "nothing", {}, 404),
        ("POST", "settings", {"on_error": "allow"}, 405),
        ("DELETE", "", None, 405),
        ("GET", "settings", {}, 422),
    ],
)
def test_requests_that_are_refused(method: str, path: str, body: Any, status: int) -> None:
    answer = Looking().handle_api_request(method, path, body)

    assert answer.status == status
    assert set(answer.body) == {"detail"}
