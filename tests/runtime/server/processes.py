"""A real `policyc serve` for tests: started, asked, ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 60.0
"""Seconds after which something that should have happened is missed."""


@dataclass
class Server:
    """A running server. `log`: what it wrote to standard error."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE, trust_env=False)

    @property
    def workers(self) -> set[int]:
        """The processes that evaluate: those below the one that they are forked from."""
        return {pid for child in _children(self.process.pid) for pid in _children(child)}

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def end(self, number: int = signal.SIGTERM) -> int:
        """The exit code, after a signal."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, task.read_text().split())
    return found


def is_there(pid: int) -> bool:
    """Whether a process runs; one that only waits to be noticed does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@contextmanager
def running(*arguments: str, token: str | None = None, key: str | None = None) -> Iterator[Server]:
    """`policyc serve` with some arguments, on a free port."""
    given = {"POLICYC_TOKEN": token, "POLICYC_SERVER_KEY": key}
    environment = {name: value for name, value in os.environ.items() if name not in given}
    environment |= {name: value for name, value in given.items() if value is not None}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("wb") as written:
            process = subprocess.Popen(
                [sys.executable, "-m", "policyc", "serve", "--port", "0", *arguments],
                env=environment,
                stderr=written,
            )
        try:
            yield Server(process, _address(process, log), log)
        finally:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if found := re.search(r"listens on (\S+)\n", log.read_text("utf-8")):
            return found[1]
        time.sleep(0.02)
    raise AssertionError(log.read_text("utf-8"))
