"""The engines that must give the same answers: generated code, with and without counters and
limits, and nested loops.

A test that takes `make` or `holds` runs once for each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from policyc import Limits, Policy

if TYPE_CHECKING:
    from tests.traces import Event

ENGINES: dict[str, dict[str, Any]] = {
    "generated": {},
    "metered": {"limits": Limits(work=1_000_000)},
    "plain": {"optimize": False},
}


class Make(Protocol):
    def __call__(self, source: str, **options: Any) -> Policy: ...


class Holds(Protocol):
    def __call__(self, lines: str, *trace: Event, **parameters: Any) -> bool: ...


@pytest.fixture(params=ENGINES)
def make(request: pytest.FixtureRequest) -> Make:
    """Compiles a policy for the engine under test."""
    engine = ENGINES[request.param]

    def make(source: str, **options: Any) -> Policy:
        return Policy.from_string(source, **{**engine, **options})

    return make


@pytest.fixture
def holds(make: Make) -> Holds:
    """Whether lines about a message `m` hold for some message; by default there is one, `hello`."""

    def holds(lines: str, *trace: Event, **parameters: Any) -> bool:
        body = "".join(f"    {line.strip()}\n" for line in lines.strip().splitlines())
        policy = make(f'raise "found" if:\n    (m: Message)\n{body}')
        result = policy.analyze(list(trace) or [{"role": "user", "content": "hello"}], **parameters)
        assert not result.errors
        return bool(result)

    return holds
