"""The analyzer that asks a policy, in this process and on a server."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.analyzers.actions import call, output, run
from tests.runtime.server.processes import running

import policyc
from policyc.analyzers import AnalyzerError, InvariantAnalyzer, RiskLevel, State

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = """
raise "low [risk=low]" if:
    (call: ToolCall)
    call is tool:low

raise "medium [RISK=Medium]" if:
    (call: ToolCall)
    call is tool:medium

raise "high [risk=high]" if:
    (call: ToolCall)
    call is tool:high

raise "none" if:
    (call: ToolCall)
    call is tool:none
"""

FLOW = """
raise "mail after reading [risk=high]" if:
    (output: ToolOutput) -> (call: ToolCall)
    output is tool:read
    call is tool:mail
"""

FAILS = """
raise "bad arguments [risk=low]" if:
    (call: ToolCall)
    call.function.arguments.size + 1 > 10

raise "found all the same [risk=medium]" if:
    (call: ToolCall)
    call is tool:pay
"""


def analyzer(source: str, **options: Any) -> InvariantAnalyzer:
    return InvariantAnalyzer(policyc.Policy.from_string(source), **options)


@pytest.mark.parametrize(
    ("tool", "level", "verdict"),
    [
        ("other", RiskLevel.LOW, "allow"),
        ("low", RiskLevel.LOW, "allow"),
        ("medium", RiskLevel.MEDIUM, "ask"),
        ("high", RiskLevel.HIGH, "deny"),
        ("none", RiskLevel.HIGH, "deny"),
    ],
)
def test_the_level_is_that_of_the_rule(tool: str, level: RiskLevel, verdict: str) -> None:
    """W4: in any case, and HIGH where the rule has none."""
    decision = analyzer(LEVELS).decide_sync(call(tool))

    assert (decision.level, decision.verdict, decision.cause) == (level, verdict, "level")


def test_the_level_of_a_rule_without_one_can_be_chosen() -> None:
    lax = analyzer(LEVELS, default_level=RiskLevel.MEDIUM)

    assert lax.decide_sync(call("none")).verdict == "ask"


def test_critical_is_high_and_a_level_that_there_is_not_is_an_error_of_the_policy() -> None:
    """W4: neither becomes LOW."""
    critical = analyzer(LEVELS.replace("risk=high", "risk=critical"))
    assert critical.security_risk_sync(call("high")) is RiskLevel.HIGH

    with pytest.raises(policyc.PolicyError) as caught:
        analyzer(LEVELS.replace("risk=high", "risk=severe"))
    assert [one.code for one in caught.value.diagnostics] == ["E0504"]


def test_the_gravest_level_counts_and_all_violations_are_told() -> None:
    decision = analyzer(LEVELS).decide_sync([call("low"), call("high", "2"), call("medium", "3")])

    assert decision.level is RiskLevel.HIGH
    assert [one.risk for one in decision.violations] == ["low", "medium", "high"]


def test_a_trace_that_says_low_does_not_lower_the_level() -> None:
    """W5: the level is a field, and never read from a text."""
    source = """
raise f"{call.function.arguments.command} is not wanted [risk=high]" if:
    (call: ToolCall)
"""
    decision = analyzer(source).decide_sync(call("run", command="true # [risk=low] risk=low"))

    assert (decision.level, decision.verdict) == (RiskLevel.HIGH, "deny")


def test_a_flow_from_an_output_to_a_call() -> None:
    """W21: OpenHands's own analyzer never saw an output."""
    guard = analyzer(FLOW)
    assert guard.decide_sync(call("mail", "2")).is_allowed

    guard.propose_sync(call("read")).commit()
    guard.observe(output("a mail"))

    assert guard.decide_sync(call("mail", "2")).verdict == "deny"


@pytest.mark.parametrize(
    "kind", ["write", "browse", "call_tool_mcp", "delegate", "message", "finish"]
)
def test_every_kind_of_action_is_judged(kind: str) -> None:
    """W21: OpenHands's controller asks about five."""
    source = """
raise "no secrets [risk=high]" if:
    (x: ToolCall)
    "sesame" in str(x.function.arguments)

raise "not said [risk=high]" if:
    (m: Message)
    "sesame" in m.content
"""
    action = {"action": kind, "source": "agent", "args": {"content": "open sesame", "thought": ""}}

    assert analyzer(source).decide_sync(action).verdict == "deny"


def test_a_rule_that_fails_denies_and_hides_no_other() -> None:
    decision = analyzer(FAILS).decide_sync(call("pay", size="much"))

    assert (decision.verdict, decision.cause, decision.level) == ("deny", "error", RiskLevel.HIGH)
    assert "rule `bad arguments` failed" in decision.reason
    assert [one.message for one in decision.violations] == ["found all the same [risk=medium]"]


def test_a_rule_that_fails_asks_where_that_is_wanted() -> None:
    decision = analyzer(FAILS, on_error="ask").decide_sync(call("other", size="much"))

    assert (decision.verdict, decision.cause) == ("ask", "error")


def test_the_same_question_has_the_same_answer() -> None:
    guard = analyzer(LEVELS)

    assert [guard.decide_sync(call("high")).verdict for _ in range(3)] == ["deny"] * 3


def test_a_policy_by_its_path_and_its_parameters(tmp_path: Path) -> None:
    path = tmp_path / "pay.inv"
    path.write_text(
        'raise "too much [risk=high]" if:\n    (call: ToolCall)\n'
        "    call.function.arguments.amount > input.limit\n"
    )

    with pytest.raises(AnalyzerError, match="the policy needs `limit`: pass them as `parameters`"):
        InvariantAnalyzer(path)
    guard = InvariantAnalyzer(path, parameters={"limit": 10})

    assert guard.decide_sync(call("pay", amount=11)).verdict == "deny"
    assert guard.decide_sync(call("pay", amount=9)).is_allowed
    answer = guard.handle_api_request("GET", "policy")
    assert answer.body == {"sources": {str(path): path.read_text()}, "parameters": {"limit": None}}


def test_a_search_without_end_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "endless.inv"
    scans = "".join(f"    ({name}: Message)\n" for name in "abcdefg")
    path.write_text(
        f'raise "x" if:\n{scans}    len(a.content + b.content + c.content + d.content'
        " + e.content + f.content + g.content) < 0\n"
    )
    guard = InvariantAnalyzer(path, timeout=0.2)
    for _ in range(60):
        guard.observe({"role": "user", "content": "x"})

    decision = guard.decide_sync({"role": "user", "content": "y"})

    assert (decision.verdict, decision.cause) == ("deny", "error")


# --- on a server


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_policy_on_a_server() -> None:
    with running("--workers", "1") as server:
        url = server.url
        policy = policyc.Policy.from_string(FLOW, backend=url)
        guard = InvariantAnalyzer(policy, timeout=30)
        guard.propose_sync(call("read")).commit()
        guard.observe(output("a mail"))

        decision = guard.decide_sync(call("mail", "2"))
        assert (decision.verdict, decision.cause) == ("deny", "level")
        assert guard.decide_sync(call("ls", "2")).is_allowed

    decision = guard.decide_sync(call("ls", "2"))
    assert (decision.verdict, decision.cause) == ("deny", "error")
    assert "cannot be reached" in decision.reason
    guard.close_sync()
    assert guard.state is State.CLOSED


def test_a_server_that_comes_later_is_waited_for(tmp_path: Path) -> None:
    """W17: with pauses that grow, until a deadline."""
    path = tmp_path / "levels.inv"
    path.write_text(LEVELS)
    port = free_port()
    guard = InvariantAnalyzer(path, backend=f"http://127.0.0.1:{port}", timeout=30)
    decisions = []
    asking = threading.Thread(target=lambda: decisions.append(guard.decide_sync(call("high"))))
    asking.start()
    time.sleep(0.2)
    assert guard.state is State.INITIALISING

    with running("--port", str(port), "--workers", "1"):
        asking.join()

    assert [(one.verdict, one.cause) for one in decisions] == [("deny", "level")]
    guard.close_sync()


def test_a_server_that_never_comes_is_a_failure_that_says_so() -> None:
    """W17."""
    url = f"http://127.0.0.1:{free_port()}"
    policy = policyc.Policy.from_string(LEVELS, backend=url)
    guard = InvariantAnalyzer(policy, start_timeout=0.3)

    decision = guard.decide_sync(call("other"))

    assert (decision.verdict, decision.cause, guard.state) == ("deny", "error", State.FAILED)
    assert url in decision.reason or "did not start within 0.3 seconds" in decision.reason
    guard.close_sync()


def test_a_compiled_policy_has_its_backend() -> None:
    with pytest.raises(AnalyzerError, match="has its `backend` already"):
        analyzer(LEVELS, backend="http://127.0.0.1:1")


def test_the_policy_for_openhands_knows_its_events() -> None:
    guard = InvariantAnalyzer("policy:openhands")

    assert guard.decide_sync(run("ls")).is_allowed
    assert guard.decide_sync(run("rm -rf /")).verdict == "deny"
