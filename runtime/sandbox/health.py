"""Whether sandboxes that run are well: asked of all at once, each within a time of its own."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import httpx

from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from policyc.runtime.sandbox.notes import ExposedUrl
    from policyc.runtime.sandbox.provider import Provider

    Check = Callable[[str, tuple[ExposedUrl, ...]], bool]
    """Given the id of a sandbox and where its ports are served, says whether it is well. It may
    raise, which means no, and should end by itself."""

MOST_AT_ONCE: Final = 32
"""Checks that run at the same time."""

SECONDS: Final = 2.0
"""That a check may take."""


def runs_commands(provider: Provider, seconds: float = SECONDS) -> Check:
    """A sandbox is well when a command can be run in it."""

    def check(sandbox: str, _urls: tuple[ExposedUrl, ...]) -> bool:
        with provider.start_process(sandbox, ["true"]) as process:
            process.close_input()
            end = time.monotonic() + seconds
            while process.read(max(0.01, end - time.monotonic())) is not None:
                pass
            return process.finish(max(0.01, end - time.monotonic())).exit_code == 0

    return check


def answers_http(port: str, path: str = "/health", seconds: float = SECONDS) -> Check:
    """A sandbox is well when the server behind one of its ports answers with success."""

    def check(_sandbox: str, urls: tuple[ExposedUrl, ...]) -> bool:
        found = next((one.url for one in urls if one.name == port), None)
        if found is None:
            return False
        return httpx.get(found.rstrip("/") + path, timeout=seconds, trust_env=False).is_success

    return check


def well(
    check: Check, sandboxes: Mapping[str, tuple[ExposedUrl, ...]], seconds: float
) -> frozenset[str]:
    """Those of some sandboxes that are well; one whose check takes longer is not."""
    waiting = iter(list(sandboxes.items()))
    lock = threading.Lock()
    found: set[str] = set()

    def work() -> None:
        while True:
            with lock:
                one = next(waiting, None)
            if one is None:
                return
            if _is_well(check, *one):
                found.add(one[0])

    # Not a pool: a check that never ends would keep the program from ending.
    count = min(MOST_AT_ONCE, len(sandboxes))
    rounds = -(-len(sandboxes) // MOST_AT_ONCE)
    threads = [
        threading.Thread(target=work, name="sandbox-health", daemon=True) for _ in range(count)
    ]
    _join(threads, time.monotonic() + seconds * rounds)
    return frozenset(found)


def _join(threads: Iterable[threading.Thread], end: float) -> None:
    started = list(threads)
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(max(0.01, end - time.monotonic()))


def _is_well(check: Check, sandbox: str, urls: tuple[ExposedUrl, ...]) -> bool:
    try:
        return check(sandbox, urls)
    except (BackendError, OSError, httpx.HTTPError):
        return False
