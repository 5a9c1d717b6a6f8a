"""Asking a person elsewhere whether something may happen, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policyc.runtime.detectors.masking import masked
from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyc.runtime.sandbox.gate import Question

SECONDS: Final = 300.0
"""A person may take."""


class HttpAsk:
    """Posts a question to an address and waits for `{"allow": true}`.

    The body is `{"tool": ..., "arguments": {...}, "decision": {...}, "output": ... or null}`, with
    credentials in the output masked. Any other answer, none in time and any failure is a no.

    Args:
        url: where the question goes.
        headers: sent with it, such as one with a token.
        seconds: that the answer may take.
    """

    def __init__(
        self, url: str, *, headers: Mapping[str, str] | None = None, seconds: float = SECONDS
    ) -> None:
        self.url = url
        self.headers = dict(headers or {})
        self.seconds = seconds

    def __call__(self, question: Question) -> bool:
        """Whether it may happen.

        Raises:
            BackendError: there is no answer that can be used.
        """
        import httpx  # noqa: PLC0415  # slow to load, and seldom needed

        body = {
            "tool": question.tool,
            "arguments": dict(question.arguments),
            "decision": question.decision.to_dict(),
            "output": None if question.output is None else masked(question.output),
        }
        try:
            answer = httpx.post(self.url, json=body, headers=self.headers, timeout=self.seconds)
            answer.raise_for_status()
            is_allowed: bool = answer.json() == {"allow": True}
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # The agent is told why it was refused, and must not learn the address: it may have a
            # token, and whoever knows it could answer.
            raise BackendError(
                f"the address that is asked gave no answer ({type(error).__name__})"
            ) from None
        return is_allowed
