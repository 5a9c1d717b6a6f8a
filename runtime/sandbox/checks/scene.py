"""Where checks happen: sandboxes of one provider, and short words for what is done in them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Self

from policyc.runtime.sandbox import execution
from policyc.runtime.sandbox.execution import End, Execution
from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.ids import new_id
from policyc.runtime.sandbox.owners import Owner
from policyc.runtime.sandbox.provider import Creation
from policyc.runtime.sandbox.spec import MIB, Resources, SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Event

    from policyc.runtime.sandbox.provider import Capabilities, Chunk, Provider

RESOURCES: Final = Resources(
    memory=256 * MIB,
    cpus=1.0,
    processes=64,
    open_files=128,
    disk=32 * MIB,
    temporary=16 * MIB,
    lifetime=900.0,
)
"""Small, so that limits are reached soon."""
VARIABLE: Final = "POLICYC_CHECK"
VALUE: Final = "grün ☂"
POLICY: Final = "sha256:check"


class CheckFailed(Exception):
    """What was seen is not what was promised."""


class Scene:
    """A provider and the sandboxes that checks have of it; leaving it removes them all.

    Args:
        provider: it must work.
        capabilities: of it, on this machine.
        image: of the sandboxes.
    """

    def __init__(
        self, provider: Provider, capabilities: Capabilities, image: str | None = None
    ) -> None:
        self.provider = provider
        self.capabilities = capabilities
        self._image = image
        self._made: list[str] = []
        self._shared = ""
        self._usual: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._shared = self.make()
        self._usual = Counter(self.processes(self._shared))
        return self

    def __exit__(self, *_error: object) -> None:
        for one in self._made:
            with suppress(SandboxError):
                self.provider.remove(one)

    @property
    def sandbox(self) -> str:
        """One that all checks share: a check must leave it as it was. A new one where it ended."""
        record = self.provider.record(self._shared)
        if record is None:
            self._shared = self.make()
        return self._shared

    def make(self, **changes: Any) -> str:
        """Make a sandbox; `changes` are resources other than usual."""
        values = {name: getattr(RESOURCES, name) for name in RESOURCES.__slots__} | changes
        spec = SandboxSpec(
            image=self._image, environment={VARIABLE: VALUE}, resources=Resources(**values)
        )
        sandbox = new_id()
        self._made.append(sandbox)
        self.provider.create(Creation(sandbox, spec, str(Owner.current()), POLICY))
        return sandbox

    @contextmanager
    def another(self, **changes: Any) -> Iterator[str]:
        """A sandbox for one check alone."""
        sandbox = self.make(**changes)
        try:
            yield sandbox
        finally:
            self.provider.remove(sandbox)

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        seconds: float = 20.0,
        output: int = 8 * MIB,
        on_chunk: Callable[[Chunk], None] | None = None,
        cancelled: Event | None = None,
        environment: dict[str, str] | None = None,
        keep_background: bool = False,
        sandbox: str | None = None,
    ) -> Execution:
        """Run a command in the shared sandbox, or in another."""
        return execution.run(
            self.provider,
            sandbox or self.sandbox,
            argv,
            stdin=stdin,
            seconds=seconds,
            output=output,
            on_chunk=on_chunk,
            cancelled=cancelled,
            environment=environment,
            keep_background=keep_background,
        )

    def sh(self, text: str, **options: Any) -> Execution:
        """Run a text of the shell."""
        return self.run("sh", "-c", text, **options)

    def told(self, text: str, **options: Any) -> str:
        """What a text of the shell writes; it must end well."""
        done = self.sh(text, **options)
        expect(done.end is End.EXITED and done.exit_code == 0, done)
        return done.stdout.decode("utf-8", "replace").strip()

    def python(self, code: str, **options: Any) -> Any:
        """What a Python program prints as JSON; it must end well."""
        done = self.run("python3", "-c", code, **options)
        expect(done.end is End.EXITED and done.exit_code == 0, done)
        return json.loads(done.stdout)

    def processes(self, sandbox: str | None = None) -> list[str]:
        """The names of the programs that run in a sandbox, without the one that looks. A program
        that died and waits to be taken note of does not run."""
        seen = self.told(
            "for p in /proc/[0-9]*; do read -r _ name state _ < $p/stat && echo $name $state; done"
            " 2>/dev/null; true",
            sandbox=sandbox,
            keep_background=True,
        )
        rows = [line.rpartition(" ") for line in seen.splitlines()]
        return [name.strip("()") for name, _, state in rows if state not in ("Z", "X")]

    def left(self, sandbox: str | None = None) -> list[str]:
        """What runs in a sandbox besides what ran in a new one."""
        seen = Counter(self.processes(sandbox)) - self._usual
        return sorted(seen.elements())

    def answers(self, sandbox: str | None = None) -> None:
        """The sandbox must still do what it is asked for."""
        expect(self.told("echo here", sandbox=sandbox) == "here", "the sandbox does not answer")


Check = Callable[[Scene], str]


class Checks:
    """Checks of one kind, in their order."""

    def __init__(self) -> None:
        self.all: dict[str, Check] = {}

    def __call__(self, name: str) -> Callable[[Check], Check]:
        def add(check: Check) -> Check:
            self.all[name] = check
            return check

        return add


def expect(condition: bool, seen: object) -> None:
    """Go on where it holds.

    Raises:
        CheckFailed: it does not; it tells what was seen.
    """
    if not condition:
        raise CheckFailed(str(told(seen) if isinstance(seen, Execution) else seen)[:800])


def told(done: Execution) -> str:
    """How a command ended, in words."""
    parts = [str(done.end)]
    if done.exit_code is not None:
        parts.append(f"code {done.exit_code}")
    if done.signal is not None:
        parts.append(f"signal {done.signal}")
    parts.append(f"after {done.seconds:.2f} s")
    for name, data in (("stdout", done.stdout), ("stderr", done.stderr)):
        if data:
            parts.append(f"{name} {data[:200]!r}")
    return ", ".join(parts)
