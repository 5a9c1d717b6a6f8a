"""Programs that detectors start: where they are, and how they run.

Only detectors that a policy imports start one, without a shell and within a time.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from policyc.runtime.bounds import BuiltinError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_VERSION = re.compile(r"\d+(?:\.\d+)+")


def find(name: str) -> str | None:
    """The program of a name: on the PATH, or beside Python, where pip puts those of packages."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(name) or shutil.which(name, path=beside)


def version_of(name: str, environment: Mapping[str, str] | None = None) -> str:
    """The version that a program tells; empty where it tells none."""
    try:
        status, output, _ = run([find(name) or name, "--version"], 10, environment)
    except BuiltinError:
        return ""
    found = _VERSION.search(output.decode("utf-8", "replace"))
    return found[0] if found is not None and status == 0 else ""


def run(
    command: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None
) -> tuple[int, bytes, bytes]:
    """Run a program: its exit code and what it printed. It ends with all that it started.

    Raises:
        BuiltinError: it cannot be started, or takes longer than `seconds`.
    """
    name = Path(command[0]).name
    try:
        process = subprocess.Popen(  # noqa: S603  # no shell; the program was found by `find`
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    except OSError as error:
        raise BuiltinError(f"`{name}` cannot be started: {error.strerror}") from error
    with process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except BaseException as error:
            _end(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise BuiltinError(f"`{name}` took longer than {seconds:g} s") from None
            raise
    return process.returncode, output, errors


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and all that it started, where the system knows groups of processes."""
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
