"""A real `policyc serve`, as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextmanager
def serving(
    *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a server, and its process; both end with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "policyc", "serve", "--port", "0", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "policyc listens on " in line:
                break
        else:
            raise AssertionError(f"the server ended with {process.wait()}")
        # What it logs from here on nobody reads, so it must not fill the pipe.
        with subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL) as drain:
            yield line.split()[-1], process
            process.terminate()
            process.wait(30)
            drain.wait(30)
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
