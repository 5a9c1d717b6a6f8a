"""Sandboxes made beforehand: each is used once, and shows nothing of another."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.local_provider import LocalProvider
from tests.sandbox.service.test_service import SPEC, output

from policyc.runtime.sandbox.failures import InvalidRequest, WrongState
from policyc.runtime.sandbox.pool import WarmPool
from policyc.runtime.sandbox.provider import Capabilities, Status
from policyc.runtime.sandbox.service import SandboxService

if TYPE_CHECKING:
    from pathlib import Path


def test_claimed_sandboxes_are_each_their_own(
    service: SandboxService, provider: LocalProvider
) -> None:
    with WarmPool(service, SPEC, size=2) as pool:
        assert pool.wait_until_full(20)
        first = pool.claim()
        output(provider, first.id, "echo secret of A > left; sleep 60 >left 2>&1 &")
        second = pool.claim()
        assert first.id != second.id and first.status is second.status is Status.RUNNING
        assert output(provider, second.id, "ls -A; ls -A /run/secrets") == b"session-key\n"
        assert first.session_key != second.session_key
        service.delete(first.id)
        third = pool.claim()
        assert third.id not in (first.id, second.id)
        service.delete(second.id)
        service.delete(third.id)
    assert provider.leaks() == []


def test_those_that_wait_are_paused_and_it_is_filled_again(
    service: SandboxService, provider: LocalProvider
) -> None:
    with WarmPool(service, SPEC, size=2) as pool:
        assert pool.wait_until_full(20)
        assert {one.status for one in provider.records()} == {Status.PAUSED}
        claimed = pool.claim()
        assert pool.wait_until_full(20)
        assert pool.ready == 2 and len(provider.records()) == 3
        service.delete(claimed.id)


def test_all_claim_at_once(provider: LocalProvider) -> None:
    service = SandboxService(provider, limit=None)
    claimed: list[str] = []
    with WarmPool(service, SPEC, size=3) as pool:
        threads = [
            threading.Thread(target=lambda: claimed.append(pool.claim().id)) for _ in range(10)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert len(set(claimed)) == 10
    assert {one.id for one in provider.records()} == set(claimed)


def test_one_that_somebody_used_or_removed_is_not_given(
    service: SandboxService, provider: LocalProvider
) -> None:
    with WarmPool(service, SPEC, size=2) as pool:
        assert pool.wait_until_full(20)
        used, removed = (one.id for one in reversed(provider.records()))
        service.resume(used)
        provider.remove(removed)
        claimed = pool.claim()
        assert claimed.id not in (used, removed)
        assert provider.record(used) is None
        service.delete(claimed.id)


def test_it_pauses_nobody_to_be_filled(provider: LocalProvider) -> None:
    service = SandboxService(provider, limit=1)
    mine = service.start(SPEC)
    with WarmPool(service, SPEC, size=1) as pool:
        assert not pool.wait_until_full(0.3)
        found = service.get(mine.id)
        assert found and found.status is Status.RUNNING
        service.delete(mine.id)
        assert pool.wait_until_full(20)


def test_where_it_makes_no_sense(service: SandboxService, tmp_path: Path) -> None:
    class Still(LocalProvider):
        def probe(self) -> Capabilities:
            return Capabilities("still", "1", "nothing", frozenset(), can_pause=False)

    with pytest.raises(InvalidRequest, match="at least one"):
        WarmPool(service, SPEC, size=0)
    with pytest.raises(WrongState, match="cannot be paused"):
        WarmPool(SandboxService(Still(tmp_path / "still")), SPEC)
