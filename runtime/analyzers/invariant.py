"""The analyzer that asks a policy: in this process, or on a server (`backend=`)."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from policyc.runtime.analyzers.analyzer import Question, SecurityAnalyzer
from policyc.runtime.analyzers.risk import AnalyzerError, Assessment, RiskLevel, worst
from policyc.runtime.backends.base import is_remote
from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from policyc.api import Policy

SECONDS: Final = 5.0
"""A policy may take."""

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 2.0
"""Seconds between attempts to reach a server that is not there yet."""


class InvariantAnalyzer(SecurityAnalyzer):
    """Assesses actions by a policy.

    The level of an action is that of the gravest violation; a rule without a level counts as
    `default_level`. A rule that could not be evaluated is a failure, and the others still count.

    Args:
        policy: a compiled policy, or the path of one, as `policy:openhands`.
        backend: where a policy given by its path is evaluated, as `Policy.from_file` takes it.
        parameters: the values of its `input.*`.
        default_level: of a violation whose rule has none.
        options: as `SecurityAnalyzer` takes them.

    Raises:
        PolicyError: the policy has errors.
        OSError: the policy cannot be read.
        AnalyzerError: a parameter that the policy needs is missing.
    """

    name: ClassVar[str] = "invariant"

    def __init__(
        self,
        policy: Policy | str | os.PathLike[str],
        *,
        backend: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        default_level: RiskLevel = RiskLevel.HIGH,
        **options: Any,
    ) -> None:
        super().__init__(**{"timeout": SECONDS, **options})
        self.policy = _compiled(policy, backend, self.timeout)
        self.parameters = dict(parameters or {})
        self.default_level = default_level
        missing = sorted(self.policy.required_parameters - self.parameters.keys())
        if missing:
            names = ", ".join(f"`{name}`" for name in missing)
            raise AnalyzerError(f"the policy needs {names}: pass them as `parameters`")

    async def open(self) -> None:
        """Wait until whoever evaluates the policy answers: a server may still be starting."""
        end = time.monotonic() + self.start_timeout
        pause = FIRST_PAUSE
        while True:
            try:
                await self.policy.a_analyze([], **self.parameters)
            except BackendError:
                if time.monotonic() + pause >= end:
                    raise
            else:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def release(self) -> None:
        """End what the policy has on a server."""
        await asyncio.to_thread(self.policy.close)

    async def assess(self, question: Question) -> Assessment:
        result = await self.policy.a_analyze_pending(
            question.past, question.events, **self.parameters
        )
        violations = tuple(result.violations)
        levels = (
            self.default_level if each.risk is None else RiskLevel.read(each.risk)
            for each in violations
        )
        return Assessment(
            worst(levels), violations, failures=tuple(str(error) for error in result.errors)
        )

    def routes(self) -> dict[str, Callable[[], Any]]:
        return {**super().routes(), "policy": self._policy}

    def _policy(self) -> dict[str, Any]:
        return {"sources": self.policy.sources, "parameters": self.policy.parameters}


def _compiled(
    policy: Policy | str | os.PathLike[str], backend: str | None, seconds: float
) -> Policy:
    from policyc.api import Policy as Compiled  # noqa: PLC0415  # the facade is above this layer

    if not isinstance(policy, str | os.PathLike):
        if backend is not None:
            raise AnalyzerError("a compiled policy has its `backend` already")
        return policy
    # Waiting is given up after that time; the search itself must end then, too.
    limits = None if is_remote(backend) else {"seconds": seconds}
    return Compiled.from_file(os.fspath(policy), backend=backend, limits=limits)
