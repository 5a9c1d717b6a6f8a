"""What a request must pass before a host hears of it, and the way to that host."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from policyc.runtime.sandbox.egress.addresses import is_public
from policyc.runtime.sandbox.egress.calls import Calls
from policyc.runtime.sandbox.egress.records import EgressVerdict, Refused, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from policyc.runtime.sandbox.egress.limits import EgressLimits
    from policyc.runtime.sandbox.egress.names import AllowList
    from policyc.runtime.sandbox.egress.records import EgressRequest
    from policyc.runtime.sandbox.egress.targets import Target

    Judge = Callable[[EgressRequest], EgressVerdict]
    Resolver = Callable[[str, int], Sequence[str]]


async def dial(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to an address."""
    return await asyncio.open_connection(address, port)


class Checks:
    """The allow-list, the judge and the addresses of one proxy; belongs to one loop."""

    def __init__(
        self,
        allowed: AllowList,
        judge: Judge,
        resolver: Resolver,
        private: AllowList,
        limits: EgressLimits,
    ) -> None:
        self._allowed = allowed
        self._judge = judge
        self._resolver = resolver
        self._private = private
        self._limits = limits
        # Apart, so that names that are not answered for do not hold up decisions.
        self._judgements = Calls(16)
        self._lookups = Calls(16)

    async def decide(self, target: Target) -> None:
        """Let a request pass.

        Raises:
            Refused: it is not on the list, or the judge is against it or has no answer.
        """
        self._allowed.check(target.host, target.port, target.default_port)
        request = target.request()
        try:
            async with asyncio.timeout(self._limits.judge_seconds):
                verdict: object = await self._judgements.call(lambda: self._judge(request))
        except TimeoutError as error:
            raise Refused(
                Rule.POLICY, "the request could not be judged in time", detail=str(error)
            ) from None
        except Exception as error:  # a judge that fails is no consent
            raise Refused(
                Rule.POLICY,
                "the request could not be judged",
                detail=f"{type(error).__name__}: {error}",
            ) from None
        if not isinstance(verdict, EgressVerdict):
            raise Refused(Rule.POLICY, "the request could not be judged", detail=repr(verdict))
        if verdict.allowed is not True:
            raise Refused(Rule.POLICY, verdict.reason or "the policy is against it")

    async def connect(
        self, target: Target
    ) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
        """Look the name up, and connect to an address that was checked, never to the name.

        Raises:
            Refused: there is no address that may be connected to, or nobody answers there.
        """
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                return await self._reach(target, await self._addresses(target))
        except TimeoutError:
            raise Refused(
                Rule.UPSTREAM, f"`{target.host}` cannot be reached in time", 504
            ) from None

    async def _addresses(self, target: Target) -> Sequence[str]:
        try:
            found = await self._lookups.call(lambda: self._resolver(target.host, target.port))
        except Exception as error:  # a resolver may be anybody's
            raise Refused(
                Rule.UPSTREAM, f"`{target.host}` has no address", 502, detail=str(error)
            ) from None
        usable = [one for one in found if target.host in self._private or is_public(one)]
        if found and not usable:
            raise Refused(
                Rule.ADDRESS,
                f"`{target.host}` has no address on the public internet",
                detail=", ".join(found),
            )
        return usable

    async def _reach(
        self, target: Target, addresses: Sequence[str]
    ) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
        failure = "it has no address"
        for address in addresses:
            try:
                reader, writer = await dial(address, target.port)
            except OSError as error:
                failure = str(error)
            else:
                return address, reader, writer
        raise Refused(
            Rule.UPSTREAM, f"`{target.host}` cannot be reached", 502, detail=failure
        ) from None
