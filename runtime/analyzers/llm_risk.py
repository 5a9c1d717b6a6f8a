"""The analyzer that believes the model: the level that it gave its own call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from policyc.runtime.analyzers.analyzer import Question, SecurityAnalyzer
from policyc.runtime.analyzers.risk import Assessment, RiskLevel, worst

if TYPE_CHECKING:
    from collections.abc import Iterator

Event = dict[str, Any]


class LLMRiskAnalyzer(SecurityAnalyzer):
    """Takes the `security_risk` in the arguments of a call for the level of the action.

    This is a self-assessment: the model that acts says how dangerous it is, and whatever it has
    read may have told it what to say. Use it beside another analyzer (`EnsembleAnalyzer`), never
    alone. A call without a level, or with one that there is not, is UNKNOWN.
    """

    name: ClassVar[str] = "llm"

    async def assess(self, question: Question) -> Assessment:
        levels = [_level(call) for call in calls_of(question.events)]
        level = worst(levels)
        return Assessment(level, notes=(f"the model calls the risk {level.name.lower()}",))


def calls_of(events: list[Event]) -> Iterator[Event]:
    """The tool calls among some events, those in messages too."""
    for event in events:
        if "role" in event:
            yield from event.get("tool_calls") or ()
        elif "function" in event and not event.get("metadata", {}).get("of"):
            yield event


def _level(call: Event) -> RiskLevel:
    arguments = call["function"].get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return RiskLevel.UNKNOWN
    return RiskLevel.read(arguments.get("security_risk") if isinstance(arguments, dict) else None)
