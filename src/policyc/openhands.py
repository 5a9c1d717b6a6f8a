"""policyc for the OpenHands SDK (`pip install 'policyc[openhands]'`, Python 3.12 or newer).

    from policyc.openhands import guard

    conversation = Conversation(agent=agent, workspace=workspace)
    guard(conversation, "policy:openhands")

Each action is judged before it runs, after what happened in its conversation. What is denied does
not run, whoever confirms it; the agent is told why and goes on. Where a person has to be asked, the
conversation waits for the confirmation, as it does with the SDK's own analyzers.
"""

from __future__ import annotations

import weakref
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Literal

try:
    from openhands.sdk.conversation import LocalConversation
    from openhands.sdk.conversation.state import ConversationState
    from openhands.sdk.event import ActionEvent, AgentErrorEvent, Event, UserRejectObservation
    from openhands.sdk.security.analyzer import SecurityAnalysis, SecurityAnalyzerBase
    from openhands.sdk.security.confirmation_policy import ConfirmationPolicyBase
    from openhands.sdk.security.risk import SecurityRisk
except ModuleNotFoundError as error:
    raise ImportError(
        "`policyc.openhands` needs the OpenHands SDK, and Python 3.12 or newer: "
        "pip install 'policyc[openhands]'"
    ) from error
from pydantic import Field, PrivateAttr

from policyc.api import Policy
from policyc.runtime.adapters.openhands_sdk import events_of
from policyc.runtime.analyzers.analyzer import SecurityAnalyzer
from policyc.runtime.analyzers.invariant import SECONDS, InvariantAnalyzer
from policyc.runtime.analyzers.risk import (
    AnalyzerError,
    Decision,
    RiskLevel,
    Thresholds,
    Verdict,
)
from policyc.runtime.analyzers.synchronous import run

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PolicycAnalyzer", "PolicycConfirmation", "guard"]

Level = Literal["LOW", "MEDIUM", "HIGH"]
Judge = str | PathLike[str] | Policy | SecurityAnalyzer


class PolicycAnalyzer(SecurityAnalyzerBase):
    """Judges the actions of one conversation; `guard` makes one and puts it in its place.

    Its fields are kept with the conversation, so that it is there again when that is opened; then
    `guard` has to be called again, since what is denied is told to the conversation itself.
    """

    policy: str | None = Field(default=None, description="The path of the policy.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="Its `input.*` values.")
    backend: str | None = Field(default=None, description="Where the policy is evaluated.")
    ask: Level | None = Field(default="MEDIUM", description="The level that asks a person.")
    deny: Level | None = Field(default="HIGH", description="The level that does not run.")
    on_error: Literal["deny", "ask"] = Field(
        default="deny", description="What happens where there is no answer."
    )
    timeout: float = Field(default=SECONDS, gt=0, description="Seconds for an answer.")

    _judge: SecurityAnalyzer | None = PrivateAttr(default=None)
    _conversation: weakref.ref[LocalConversation] | None = PrivateAttr(default=None)
    _converted: dict[str, list[dict[str, Any]]] = PrivateAttr(default_factory=dict)

    def attach(self, conversation: LocalConversation, judge: Judge) -> Thresholds:
        """Judge the actions of that conversation; the thresholds by which that is done.

        Raises:
            PolicyError: the policy has errors.
            AnalyzerError: the policy needs parameters.
        """
        self._judge = judge if isinstance(judge, SecurityAnalyzer) else self._by_policy(judge)
        self._conversation = weakref.ref(conversation)
        return self._judge.thresholds

    def _by_policy(self, policy: str | PathLike[str] | Policy) -> SecurityAnalyzer:
        return InvariantAnalyzer(
            policy,
            parameters=self.parameters,
            backend=self.backend,
            thresholds=Thresholds(
                RiskLevel[self.ask] if self.ask else None,
                RiskLevel[self.deny] if self.deny else None,
            ),
            on_error=self.on_error,
            timeout=self.timeout,
        )

    def close(self) -> None:
        """End what its analyzer holds, such as connections to a server; actions are denied then."""
        if self._judge is not None:
            self._judge.close_sync()

    # --- what the SDK asks

    def security_risk(self, action: ActionEvent) -> SecurityRisk:
        """The risk of an action: HIGH also where there is no answer."""
        return self.analyze_action(action).risk

    def analyze_action(self, action: ActionEvent) -> SecurityAnalysis:
        """The risk of an action, and the decision as its details. What is denied is blocked."""
        conversation = self._conversation() if self._conversation else None
        if conversation is None or self._judge is None:
            # Nothing can be blocked from here; a HIGH risk asks.
            reason = "the analyzer belongs to no conversation: call `policyc.openhands.guard`"
            return SecurityAnalysis(risk=SecurityRisk.HIGH, details={"error": reason})
        state = conversation.state
        decision = self._decided(state, action, self._judge)
        risk = SecurityRisk[decision.level.name]
        if decision.verdict is Verdict.DENY:
            state.block_action(action.id, f"denied by policyc: {decision.reason}")
        elif decision.verdict is Verdict.ASK and not state.confirmation_policy.should_confirm(risk):
            reason = "needs a confirmation, and the confirmation policy asks nobody"
            state.block_action(action.id, f"denied by policyc: {reason}: {decision.reason}")
        return SecurityAnalysis(risk=risk, details=decision.to_dict())

    def _decided(
        self, state: ConversationState, action: ActionEvent, judge: SecurityAnalyzer
    ) -> Decision:
        try:
            past = self._past(state, action)
            events = _converted(action)
        except Exception as error:  # of the SDK, too
            return judge.refuse(f"the conversation cannot be read: {error}")
        return run(lambda: judge.decide_after(past, events))

    # --- the conversation so far

    def _past(self, state: ConversationState, action: ActionEvent) -> list[dict[str, Any]]:
        """What ran, or is going to run, before an action."""
        branch = state.active_branch()
        names = [event.id for event in branch]
        if action.id not in names:
            raise AnalyzerError("the action belongs to another conversation: call `guard` for it")
        past: list[dict[str, Any]] = []
        never = _never_ran(branch) | state.blocked_actions.keys()
        for event in branch[: names.index(action.id)]:
            if event.id not in never:
                if event.id not in self._converted:
                    self._converted[event.id] = _converted(event)
                past += self._converted[event.id]
        return past


def _never_ran(branch: list[Event]) -> set[str]:
    """The ids of actions that were rejected, or that the SDK could not read, and of what says so
    to the model."""
    ids: set[str] = set()
    unread: set[str] = set()
    for event in branch:
        if isinstance(event, UserRejectObservation):
            ids |= {event.id, event.action_id}
        elif isinstance(event, ActionEvent) and event.action is None:
            ids.add(event.id)
            unread.add(event.tool_call_id)
        elif isinstance(event, AgentErrorEvent) and event.tool_call_id in unread:
            ids.add(event.id)
    return ids


def _converted(event: Event) -> list[dict[str, Any]]:
    return events_of(event.model_dump(mode="json"))


class PolicycConfirmation(ConfirmationPolicyBase):
    """Asks a person from a level on, and where the risk is not known; not about actions that are
    blocked anyway."""

    ask: Level = Field(default="MEDIUM", description="The level from which on a person is asked.")
    confirm_unknown: bool = Field(default=True, description="Whether an unknown risk asks.")

    _conversation: weakref.ref[LocalConversation] | None = PrivateAttr(default=None)

    def attach(self, conversation: LocalConversation) -> None:
        """Know what is blocked in that conversation."""
        self._conversation = weakref.ref(conversation)

    def should_confirm(self, risk: SecurityRisk = SecurityRisk.UNKNOWN) -> bool:
        """Whether an action of that risk waits for a person."""
        if self._nothing_would_run():
            return False
        if risk == SecurityRisk.UNKNOWN:
            return self.confirm_unknown
        return bool(risk.is_riskier(SecurityRisk[self.ask]))

    def _nothing_would_run(self) -> bool:
        """Whether each action that waits is blocked."""
        conversation = self._conversation() if self._conversation else None
        if conversation is None:
            return False
        state = conversation.state
        waiting = ConversationState.get_unmatched_actions(state.active_branch())
        return bool(waiting) and all(each.id in state.blocked_actions for each in waiting)


def guard(
    conversation: LocalConversation,
    judge: Judge = "policy:openhands",
    *,
    parameters: Mapping[str, Any] | None = None,
    backend: str | None = None,
    ask: Level | None = "MEDIUM",
    deny: Level | None = "HIGH",
    on_error: Literal["deny", "ask"] = "deny",
    timeout: float = SECONDS,
) -> PolicycAnalyzer:
    """Have every action of a conversation judged before it runs.

    Sets the conversation's security analyzer and its confirmation policy. To be called again when
    a conversation that was kept is opened.

    Args:
        conversation: one of this process; a remote one is guarded where it runs.
        judge: a policy (its path, as `policy:openhands`, or compiled), or an analyzer, which has
            thresholds, `on_error` and time limit of its own.
        parameters: the values of the policy's `input.*`.
        backend: where a policy given by its path is evaluated.
        ask: the level from which on a person is asked; None: only where an answer is missing and
            `on_error` is "ask".
        deny: the level from which on an action does not run; None: none.
        on_error: what happens where there is no answer.
        timeout: seconds for an answer.

    Raises:
        PolicyError: the policy has errors.
        OSError: the policy cannot be read.
        AnalyzerError: the policy needs parameters, or the conversation is a remote one.
    """
    if not isinstance(conversation, LocalConversation):
        raise AnalyzerError(
            "only a conversation of this process can be guarded: call `guard` there"
        )
    analyzer = PolicycAnalyzer(
        policy=fspath(judge) if isinstance(judge, str | PathLike) else None,
        parameters=dict(parameters or {}),
        backend=backend,
        ask=ask,
        deny=deny,
        on_error=on_error,
        timeout=timeout,
    )
    thresholds = analyzer.attach(conversation, judge)
    confirmation = PolicycConfirmation(
        ask=_level(thresholds.ask),
        confirm_unknown=thresholds.unknown is not Verdict.ALLOW,
    )
    confirmation.attach(conversation)
    conversation.set_confirmation_policy(confirmation)
    conversation.set_security_analyzer(analyzer)
    return analyzer


def _level(level: RiskLevel | None) -> Level:
    """The level from which on the SDK asks: HIGH at least, which a failure has."""
    names: dict[RiskLevel | None, Level] = {RiskLevel.LOW: "LOW", RiskLevel.MEDIUM: "MEDIUM"}
    return names.get(level, "HIGH")
