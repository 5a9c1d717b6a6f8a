"""`policyc.openhands` in real conversations of the OpenHands SDK, with a scripted model.

Needs `pip install 'policyc[openhands]'` and Python 3.12 or newer; is skipped elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

# Its prices of models are else looked for in the network.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("OPENHANDS_SUPPRESS_BANNER", "1")

pytest.importorskip(
    "openhands.sdk",
    reason="needs the OpenHands SDK: Python 3.12 or newer, pip install 'policyc[openhands]'",
)

from openhands.sdk import Agent, Conversation, Tool
from openhands.sdk.conversation.state import ConversationExecutionStatus
from openhands.sdk.event import ActionEvent, ObservationEvent, UserRejectObservation
from openhands.sdk.event.security import SecurityAnalysisEvent
from openhands.sdk.llm import Message, MessageToolCall, TextContent
from openhands.sdk.security.confirmation_policy import NeverConfirm
from openhands.sdk.security.risk import SecurityRisk
from openhands.sdk.testing import TestLLM
from openhands.sdk.tool import Action, Observation, ToolDefinition, ToolExecutor, register_tool

import policyc
from policyc.analyzers import AnalyzerError, Assessment, RiskLevel, SecurityAnalyzer, Thresholds
from policyc.openhands import PolicycAnalyzer, PolicycConfirmation, guard

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("default")

WAITING = ConversationExecutionStatus.WAITING_FOR_CONFIRMATION
FINISHED = ConversationExecutionStatus.FINISHED


class ShellAction(Action):
    command: str


class ShellObservation(Observation):
    exit_code: int = 0


class ShellExecutor(ToolExecutor[ShellAction, ShellObservation]):
    """Notes the commands in the workspace instead of running them."""

    def __init__(self, folder: str) -> None:
        self._ran = f"{folder}/ran"

    def __call__(self, action: ShellAction, conversation: Any = None) -> ShellObservation:
        with open(self._ran, "a") as file:
            file.write(action.command + "\n")
        return ShellObservation.from_text(f"output of {action.command}")


class ShellTool(ToolDefinition[ShellAction, ShellObservation]):
    name = "shell"

    @classmethod
    def create(cls, conv_state: Any, **_: Any) -> list[ShellTool]:
        return [
            cls(
                description="Runs a command.",
                action_type=ShellAction,
                observation_type=ShellObservation,
                executor=ShellExecutor(conv_state.workspace.working_dir),
            )
        ]


register_tool("shell", ShellTool)

DELETES = """
raise "files are deleted [risk=high]" if:
    (call: ToolCall)
    call is tool:shell
    "rm -rf" in call.function.arguments.command

raise "something is installed [risk=medium]" if:
    (call: ToolCall)
    call is tool:shell
    "pip install" in call.function.arguments.command
"""

FLOW = """
raise "mail after a secret was read [risk=high]" if:
    (output: ToolOutput) -> (call: ToolCall)
    "secret" in output.content
    "mail" in call.function.arguments.command
"""

FAILS = """
raise "never known" if:
    (call: ToolCall)
    call.function.arguments.command + 1 == 2
"""


def calls(*commands: str, first: int = 1) -> Message:
    """A turn of the model that calls the shell, once for each command."""
    return Message(
        role="assistant",
        content=[TextContent(text="I think.")],
        tool_calls=[
            MessageToolCall(
                id=f"call_{first + number}",
                name="shell",
                arguments=json.dumps({"command": command, "security_risk": "LOW"}),
                origin="completion",
            )
            for number, command in enumerate(commands)
        ],
    )


DONE = Message(role="assistant", content=[TextContent(text="Done.")])


def converse(folder: Path, *turns: Message) -> Any:
    llm = TestLLM.from_messages([*turns, DONE])
    agent = Agent(llm=llm, tools=[Tool(name="shell")])
    conversation = Conversation(agent=agent, workspace=str(folder), visualizer=None)
    conversation.send_message("Do it.")
    return conversation


def policy(source: str) -> policyc.Policy:
    return policyc.Policy.from_string(source)


def policy_with_a_mistake(folder: Path) -> Path:
    path = folder / "mistake.inv"
    path.write_text('raise "x" if:\n    (m: Mesage)\n')
    return path


def ran(folder: Path) -> list[str]:
    file = folder / "ran"
    return file.read_text().splitlines() if file.exists() else []


def of(conversation: Any, kind: type) -> list[Any]:
    return [event for event in conversation.state.events if isinstance(event, kind)]


def test_a_violating_action_does_not_run_and_the_agent_goes_on(tmp_path: Path) -> None:
    conversation = converse(tmp_path, calls("rm -rf /"), calls("ls", first=2))
    guard(conversation, policy(DELETES))

    conversation.run()

    assert ran(tmp_path) == ["ls"]
    assert conversation.state.execution_status == FINISHED
    (rejected,) = of(conversation, UserRejectObservation)
    assert "denied by policyc: files are deleted" in rejected.rejection_reason
    told = of(conversation, SecurityAnalysisEvent)[0]
    assert list(told.risks.values()) == [SecurityRisk.HIGH]
    (details,) = told.details.values()
    assert (details["verdict"], details["cause"]) == ("deny", "level")


def test_of_several_actions_only_the_denied_one_does_not_run(tmp_path: Path) -> None:
    conversation = converse(tmp_path, calls("ls", "rm -rf /", "pwd"))
    guard(conversation, policy(DELETES))

    conversation.run()
    # A person is asked about the turn; what is denied does not run whatever they say.
    assert conversation.state.execution_status == WAITING
    conversation.run()

    assert sorted(ran(tmp_path)) == ["ls", "pwd"]


def test_a_medium_risk_waits_for_a_person(tmp_path: Path) -> None:
    conversation = converse(tmp_path, calls("pip install x"), calls("pip install y", first=2))
    guard(conversation, policy(DELETES))

    conversation.run()
    assert conversation.state.execution_status == WAITING
    assert ran(tmp_path) == []
    conversation.run()  # confirms
    assert conversation.state.execution_status == WAITING
    conversation.reject_pending_actions("no")
    conversation.run()

    assert ran(tmp_path) == ["pip install x"]
    assert conversation.state.execution_status == FINISHED


def test_a_flow_from_an_output_to_a_call(tmp_path: Path) -> None:
    turns = [calls("mail bob"), calls("cat secret", first=2), calls("mail eve", first=3)]
    conversation = converse(tmp_path, *turns)
    guard(conversation, policy(FLOW))

    conversation.run()

    assert ran(tmp_path) == ["mail bob", "cat secret"]


def test_what_was_rejected_never_happened(tmp_path: Path) -> None:
    source = """
raise "twice [risk=high]" if:
    (a: ToolCall) -> (b: ToolCall)
    a.function.arguments.command == b.function.arguments.command

raise "asked [risk=medium]" if:
    (call: ToolCall)
    "ask" in call.function.arguments.command
"""
    conversation = converse(tmp_path, calls("ask"), calls("ask", first=2), calls("ask", first=3))
    guard(conversation, policy(source))

    conversation.run()
    conversation.reject_pending_actions("no")
    conversation.run()
    assert conversation.state.execution_status == WAITING  # not "twice"
    conversation.run()

    assert ran(tmp_path) == ["ask"]
    assert conversation.state.execution_status == FINISHED  # "twice": denied


def test_calls_of_one_turn_know_of_each_other(tmp_path: Path) -> None:
    source = """
raise "b after a [risk=high]" if:
    (x: ToolCall) -> (y: ToolCall)
    x.function.arguments.command == "a" and y.function.arguments.command == "b"
"""
    conversation = converse(tmp_path, calls("a", "b"))
    guard(conversation, policy(source))

    conversation.run()
    conversation.run()

    assert ran(tmp_path) == ["a"]


def test_what_is_denied_in_a_turn_did_not_happen_for_the_rest_of_it(tmp_path: Path) -> None:
    source = (
        DELETES
        + """
raise "after a deletion [risk=high]" if:
    (x: ToolCall) -> (y: ToolCall)
    "rm -rf" in x.function.arguments.command
"""
    )
    conversation = converse(tmp_path, calls("rm -rf /", "ls"))
    guard(conversation, policy(source))

    conversation.run()
    conversation.run()

    assert ran(tmp_path) == ["ls"]


def test_a_rejection_is_no_output_of_a_tool(tmp_path: Path) -> None:
    source = (
        DELETES
        + """
raise "after an output [risk=high]" if:
    (output: ToolOutput) -> (call: ToolCall)
"""
    )
    conversation = converse(tmp_path, calls("rm -rf /"), calls("ls", first=2))
    guard(conversation, policy(source))

    conversation.run()

    assert ran(tmp_path) == ["ls"]


def test_an_error_denies(tmp_path: Path) -> None:
    conversation = converse(tmp_path, calls("ls"))
    guard(conversation, policy(FAILS))

    conversation.run()

    assert ran(tmp_path) == []
    assert conversation.state.execution_status == FINISHED
    (details,) = of(conversation, SecurityAnalysisEvent)[0].details.values()
    assert (details["verdict"], details["cause"]) == ("deny", "error")


def test_an_error_asks_where_that_is_wanted(tmp_path: Path) -> None:
    conversation = converse(tmp_path, calls("ls"))
    guard(conversation, policy(FAILS), on_error="ask")

    conversation.run()

    assert conversation.state.execution_status == WAITING
    assert ran(tmp_path) == []
    conversation.run()
    assert ran(tmp_path) == ["ls"]


def test_an_analyzer_that_raises_denies(tmp_path: Path) -> None:
    class Broken(SecurityAnalyzer):
        name = "broken"

        async def assess(self, question: Any) -> Assessment:
            raise RuntimeError("it broke")

    conversation = converse(tmp_path, calls("ls"))
    guard(conversation, Broken())

    conversation.run()

    assert ran(tmp_path) == []
    (rejected,) = of(conversation, UserRejectObservation)
    assert "it broke" in rejected.rejection_reason


def test_an_unknown_risk_asks(tmp_path: Path) -> None:
    class Unsure(SecurityAnalyzer):
        name = "unsure"

        async def assess(self, question: Any) -> Assessment:
            return Assessment(RiskLevel.UNKNOWN)

    conversation = converse(tmp_path, calls("ls"))
    guard(conversation, Unsure())

    conversation.run()

    assert conversation.state.execution_status == WAITING


def test_where_nobody_is_asked_what_needs_a_confirmation_does_not_run(tmp_path: Path) -> None:
    conversation = converse(tmp_path, calls("pip install x"))
    guard(conversation, policy(DELETES))
    conversation.set_confirmation_policy(NeverConfirm())

    conversation.run()

    assert ran(tmp_path) == []
    (rejected,) = of(conversation, UserRejectObservation)
    assert "asks nobody" in rejected.rejection_reason


def test_thresholds_are_the_users(tmp_path: Path) -> None:
    conversation = converse(tmp_path, calls("pip install x"), calls("rm -rf /", first=2))
    guard(conversation, policy(DELETES), ask="HIGH", deny=None)

    conversation.run()

    assert ran(tmp_path) == ["pip install x"]
    assert conversation.state.execution_status == WAITING


def test_arguments_that_the_sdk_repairs_are_judged_as_they_run(tmp_path: Path) -> None:
    turn = calls("rm -rf /")
    assert turn.tool_calls
    # A raw line feed in a string is no JSON; the SDK takes it all the same.
    turn.tool_calls[0].arguments = '{"command": "ls\nrm -rf /"}'
    conversation = converse(tmp_path, turn)
    guard(conversation, policy(DELETES))

    conversation.run()

    assert of(conversation, ActionEvent)[0].action.command == "ls\nrm -rf /"
    assert ran(tmp_path) == []


def test_an_analyzer_of_another_conversation_denies(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = converse(tmp_path / "one", calls("ls"))
    second = converse(tmp_path / "two", calls("ls"))
    analyzer = guard(first, policy(DELETES))
    second.set_security_analyzer(analyzer)
    second.set_confirmation_policy(PolicycConfirmation())

    second.run()

    assert second.state.execution_status == WAITING
    assert ran(tmp_path / "two") == []


def test_a_bundled_policy_is_kept_with_the_conversation(tmp_path: Path) -> None:
    conversation = converse(tmp_path, calls("ls"))
    analyzer = guard(conversation)

    kept = conversation.state.model_dump(mode="json")["security_analyzer"]
    again = PolicycAnalyzer.model_validate(kept)

    assert (kept["kind"], kept["policy"]) == ("PolicycAnalyzer", "policy:openhands")
    assert again.model_dump() == analyzer.model_dump()
    conversation.run()
    (action,) = of(conversation, ActionEvent)
    assert ran(tmp_path) == ["ls"]
    # Until it is attached it belongs to no conversation, and its risk asks.
    assert again.security_risk(action) == SecurityRisk.HIGH
    assert len(of(conversation, ObservationEvent)) == 1


def test_what_is_missing_refuses_to_start(tmp_path: Path) -> None:
    conversation = converse(tmp_path)
    needs = 'raise "x" if:\n    (m: Message)\n    m.content == input.word\n'

    with pytest.raises(AnalyzerError, match="needs `word`"):
        guard(conversation, policy(needs))
    with pytest.raises(policyc.PolicyError):
        guard(conversation, policy_with_a_mistake(tmp_path))
    with pytest.raises(FileNotFoundError):
        guard(conversation, tmp_path / "none.inv")
    assert conversation.state.security_analyzer is None


def test_a_threshold_of_an_analyzer_is_that_of_the_confirmation(tmp_path: Path) -> None:
    class Says(SecurityAnalyzer):
        name = "says"

        async def assess(self, question: Any) -> Assessment:
            return Assessment(RiskLevel.LOW)

    conversation = converse(tmp_path, calls("ls"))
    guard(conversation, Says(thresholds=Thresholds(ask=RiskLevel.LOW)))

    conversation.run()

    assert conversation.state.execution_status == WAITING


def test_what_is_closed_denies(tmp_path: Path) -> None:
    conversation = converse(tmp_path, calls("ls"))
    guard(conversation, policy(DELETES)).close()

    conversation.run()

    assert ran(tmp_path) == []


def test_a_conversation_in_an_event_loop(tmp_path: Path) -> None:
    conversation = converse(tmp_path, calls("rm -rf /"), calls("ls", first=2))
    guard(conversation, policy(DELETES))

    asyncio.run(conversation.arun())

    assert ran(tmp_path) == ["ls"]
    assert conversation.state.execution_status == FINISHED
