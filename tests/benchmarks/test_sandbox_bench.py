"""The benchmark of sandboxes on tiny sizes: contenders answer the same, and it gives rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from benchmarks import sandbox
from benchmarks.setting import WrongAnswer

from policyc.runtime.sandbox.embedded import EmbeddedProvider
from policyc.runtime.sandbox.failures import ProviderUnavailable

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def provider(tmp_path: Path) -> EmbeddedProvider:
    made = EmbeddedProvider(tmp_path / "sandboxes")
    try:
        made.probe()
    except ProviderUnavailable as error:
        pytest.skip(str(error))
    return made


def test_warm_commands_and_whole_lives(provider: EmbeddedProvider, tmp_path: Path) -> None:
    rows = [
        *sandbox.warm([("embedded", provider)], 2),
        *sandbox.lives("embedded", provider, 2),
    ]
    assert len({row.what for row in rows}) == len(rows) == 2 * len(sandbox.COMMANDS) + 6
    assert all(row.measured > 0 for row in rows)
    assert list((tmp_path / "sandboxes").iterdir()) == []


def test_another_answer_ends_it(
    provider: EmbeddedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_plain", lambda _argv: b"something else")
    with pytest.raises(WrongAnswer):
        list(sandbox.warm([("embedded", provider)], 2))
