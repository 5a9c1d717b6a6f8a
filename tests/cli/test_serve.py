"""`policyc serve` before it serves: what it refuses, and with which exit code."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def serve(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "POLICYC_TOKEN"}
    return subprocess.run(
        [sys.executable, "-m", "policyc", "serve", "--port", "0", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--host", "0.0.0.0"], "clients need a token"),
        (["--host", "::"], "clients need a token"),
        (["--token-file", "empty"], "there is no token in `empty`"),
        (["--policy", "broken.inv"], "E0"),
        (["--policy", "nowhere.inv"], "cannot read `nowhere.inv`"),
        (["--policy", "policy:nowhere"], "policy:nowhere"),
        (["--policy", "good.inv", "--policy", "more"], "two policies have the name `good`"),
        (["--watch"], "--watch is for the policies of --policy"),
        (["--workers", "0"], "--workers"),
        (["--deadline", "0"], "--deadline"),
    ],
)
def test_what_cannot_be_served(tmp_path: Path, arguments: list[str], told: str) -> None:
    good = 'raise "x" if:\n    (m: Message)\n    "x" in m.content\n'
    (tmp_path / "good.inv").write_text(good, "utf-8")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "good.inv").write_text(good, "utf-8")
    (tmp_path / "broken.inv").write_text("raise if if:\n", "utf-8")
    (tmp_path / "empty").write_text("\n", "utf-8")
    done = serve(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = serve("--port", port, folder=tmp_path)
    assert done.returncode == 3
    assert f"port {port}" in done.stderr


def test_a_key_that_is_too_short_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICYC_SERVER_KEY", "short")
    done = serve(folder=tmp_path)
    assert done.returncode == 2
    assert "the key in POLICYC_SERVER_KEY has fewer than 32 characters" in done.stderr
    assert "openssl rand -hex 32" in done.stderr
