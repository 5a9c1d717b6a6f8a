"""The analyzer that asks GraySwan's Cygnal service: how badly a conversation violates its policy.

The service has answered in two schemas; both are read, and an answer with a score in neither is a
failure: a missing score must not count as a harmless one. What is sent never gets into a log or a
message, only its digest does.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from typing import TYPE_CHECKING, Any, ClassVar, Final

from policyc.runtime.analyzers.analyzer import Question, SecurityAnalyzer
from policyc.runtime.analyzers.risk import AnalyzerError, Assessment, RiskLevel

if TYPE_CHECKING:
    import httpx

Event = dict[str, Any]

KEY_VARIABLE: Final = "GRAYSWAN_API_KEY"
POLICY_VARIABLE: Final = "GRAYSWAN_POLICY_ID"
CODING_POLICY: Final = "689ca4885af3538a39b2ba04"
"""The service's own policy for coding agents, which OpenHands uses."""

URL: Final = "https://api.grayswan.ai/cygnal/monitor"

_LOG = logging.getLogger(__name__)


class GraySwanAnalyzer(SecurityAnalyzer):
    """Assesses actions by the score, 0 to 1, that GraySwan gives the conversation with them.

    Up to `low` the level is LOW, up to `medium` MEDIUM, above HIGH; where the service sees an
    indirect prompt injection, HIGH. The conversation leaves this machine: the last events and the
    action are sent.

    Args:
        api_key: by default that of the environment, `GRAYSWAN_API_KEY`.
        policy_id: by default `GRAYSWAN_POLICY_ID`, or the service's policy for coding agents.
        low: the highest score that is LOW.
        medium: the highest score that is MEDIUM.
        history: how many of the last events are sent, besides the system's message.
        url: of the service.
        options: as `SecurityAnalyzer` takes them.

    Raises:
        AnalyzerError: there is no key, or the limits are not in order.
    """

    name: ClassVar[str] = "grayswan"

    def __init__(
        self,
        *,
        api_key: str | None = None,
        policy_id: str | None = None,
        low: float = 0.3,
        medium: float = 0.7,
        history: int = 20,
        url: str = URL,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._key = api_key or os.environ.get(KEY_VARIABLE, "")
        if not self._key:
            raise AnalyzerError(f"GraySwan needs a key: set {KEY_VARIABLE}, or pass `api_key`")
        if not 0 <= low < medium <= 1:
            raise AnalyzerError(
                f"the scores are not in order: 0 <= low ({low}) < medium ({medium}) <= 1"
            )
        if history < 0:
            raise AnalyzerError(f"`history` must be a number of events, not {history}")
        self._policy = policy_id or os.environ.get(POLICY_VARIABLE) or CODING_POLICY
        self._low, self._medium = low, medium
        self._history = history
        self._url = url

    async def assess(self, question: Question) -> Assessment:
        import httpx  # noqa: PLC0415  # slow to load, and only needed here

        body = {"messages": self._messages(question), "policy_id": self._policy}
        sent = json.dumps(body).encode()
        headers = {
            "authorization": f"Bearer {self._key}",
            "x-grayswan-api-key": self._key,
            "content-type": "application/json",
        }
        digest = hashlib.sha256(sent).hexdigest()[:16]
        try:
            # A client belongs to one event loop, and an analyzer to none.
            async with httpx.AsyncClient(timeout=self.timeout) as client:
                answer = await client.post(self._url, content=sent, headers=headers)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise AnalyzerError(f"GraySwan cannot be asked: {reason}") from None
        _LOG.debug("asked GraySwan about sha256:%s: %d", digest, answer.status_code)
        score, is_injection = _read(answer)
        note = f"GraySwan's score is {score:g}"
        if is_injection:
            return Assessment(RiskLevel.HIGH, notes=(f"{note}; it sees a prompt injection",))
        return Assessment(self._level(score), notes=(note,))

    def _level(self, score: float) -> RiskLevel:
        if score <= self._low:
            return RiskLevel.LOW
        return RiskLevel.MEDIUM if score <= self._medium else RiskLevel.HIGH

    def _messages(self, question: Question) -> list[Event]:
        """The last events and the action, as chat messages."""
        past = question.past
        kept = past[len(past) - self._history :] if self._history < len(past) else past
        system = [event for event in past[: len(past) - len(kept)] if event.get("role") == "system"]
        messages: list[Event] = []
        called: set[Any] = set()
        for event in [*system[:1], *kept, *question.events]:
            message = _message(event)
            if message is None:
                continue
            called |= {call.get("id") for call in message.get("tool_calls", ())}
            # An output whose call was cut off: chat APIs refuse it.
            if message["role"] != "tool" or message.get("tool_call_id") in called:
                messages.append(message)
        return messages


def _message(event: Event) -> Event | None:
    """An event as a chat message; None: it is none."""
    if "role" not in event:
        if "function" not in event or event.get("metadata", {}).get("of"):
            return None
        return {"role": "assistant", "content": "", "tool_calls": [_call(event)]}
    message = {"role": event["role"], "content": _text(event.get("content"))}
    if event.get("tool_calls"):
        message["tool_calls"] = [_call(call) for call in event["tool_calls"]]
    if event["role"] == "tool":
        message["tool_call_id"] = event.get("tool_call_id")
    return message


def _call(call: Event) -> Event:
    function = call["function"]
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        # What the model says about itself is none of the judge's business.
        rest = {name: value for name, value in arguments.items() if name != "security_risk"}
        arguments = json.dumps(rest)
    written = {"name": function.get("name"), "arguments": arguments or "{}"}
    return {"id": call.get("id"), "type": "function", "function": written}


def _text(content: Any) -> Any:
    if content is None:
        return ""
    return content if isinstance(content, str | list) else json.dumps(content)


def _read(answer: httpx.Response) -> tuple[float, bool]:
    """The score of an answer, the higher one if there are two, and whether it tells of an
    injection."""
    if answer.status_code != 200:
        raise AnalyzerError(f"GraySwan refused with {answer.status_code}")
    try:
        top = answer.json()
    except ValueError:
        raise AnalyzerError("GraySwan answered with something that is no JSON") from None
    places = [place for place in (top, _inner(top)) if isinstance(place, dict)]
    scores = [_score(place["violation"]) for place in places if "violation" in place]
    if not scores:
        raise AnalyzerError("GraySwan answered without a score")
    return max(scores), any(bool(place.get("ipi")) for place in places)


def _inner(top: Any) -> Any:
    """`output.data` of an answer."""
    output = top.get("output") if isinstance(top, dict) else None
    return output.get("data") if isinstance(output, dict) else None


def _score(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 <= value <= 1:
        raise AnalyzerError("GraySwan answered with a score that is no number from 0 to 1")
    return float(value)
