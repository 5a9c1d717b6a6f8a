"""Whether a provider keeps what a sandbox promises on this machine: one list for all of them.

Every check does what it is about for real: it runs commands, attacks from inside, and looks at what
happened.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from policyc.runtime.sandbox.checks import commands, endings, isolation, lifecycle, limits
from policyc.runtime.sandbox.checks.scene import CheckFailed, Scene
from policyc.runtime.sandbox.failures import SandboxError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from policyc.runtime.sandbox.checks.scene import Check
    from policyc.runtime.sandbox.provider import Provider

CHECKS: dict[str, Check] = {
    **commands.CHECKS.all,
    **endings.CHECKS.all,
    **lifecycle.CHECKS.all,
    **isolation.CHECKS.all,
    **limits.CHECKS.all,
}
"""All checks by their names, in their order."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found. `seen` is what it saw, in words; `seconds` is how long it took."""

    name: str
    passed: bool
    seen: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "passed": self.passed,
            "seen": self.seen,
            "seconds": round(self.seconds, 3),
        }


def selfcheck(
    provider: Provider, *, image: str | None = None, names: Collection[str] | None = None
) -> Iterator[CheckResult]:
    """Check a provider; nothing is left behind, however it ends.

    Args:
        provider: it must work on this machine (see `Provider.probe`).
        image: of the sandboxes; None is that of the provider.
        names: of checks; None is all of them.

    Yields:
        The result of each check, once it is known.

    Raises:
        ProviderUnavailable: it does not work here at all.
        SandboxError: it makes no sandboxes.
    """
    with Scene(provider, provider.probe(), image) as scene:
        for name, check in CHECKS.items():
            if names is not None and name not in names:
                continue
            began = time.monotonic()
            passed = False
            try:
                seen = check(scene)
                passed = True
            except CheckFailed as error:
                seen = str(error)
            except (SandboxError, TimeoutError) as error:
                seen = f"{type(error).__name__}: {error}"
            yield CheckResult(name, passed, seen, time.monotonic() - began)
