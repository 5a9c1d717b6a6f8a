"""Running code as an ordinary user, where the tests run as root."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

import policyc

USER = 4242
_START = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from pathlib import Path
from policyc.runtime.sandbox.embedded import EmbeddedProvider
folder = Path(sys.argv[2])
"""


def run_as_ordinary_user(code: str, *arguments: str, seconds: float = 300) -> Any:
    """What code prints as JSON in its last line. It has `EmbeddedProvider` and a `folder` for it.

    It runs as a user without any right; where the tests are such a user's, as that one."""
    home = Path(tempfile.mkdtemp(prefix="policyc-ordinary-"))
    try:
        options: dict[str, Any] = {}
        if os.geteuid() == 0:
            os.chown(home, USER, USER)
            options = {"user": USER, "group": USER, "extra_groups": []}
        done = subprocess.run(
            [_interpreter(), "-I", "-c", _START + code, json.dumps([_package()]), home, *arguments],
            capture_output=True,
            text=True,
            timeout=seconds,
            cwd="/",
            env={"HOME": str(home), "PATH": os.defpath, "POLICYC_STATE_DIR": str(home)},
            check=False,
            **options,
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@functools.cache
def _package() -> str:
    """A folder with `policyc` in it that everybody can read. What is run needs no other package."""
    place = Path(tempfile.mkdtemp(prefix="policyc-package-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    place.chmod(0o755)
    source = Path(policyc.__file__).parent
    shutil.copytree(source, place / "policyc", ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("grammar", "compiler", "runtime", "policies"):
        module = __import__(f"policyc.{part}", fromlist=["__path__"])
        if not (place / "policyc" / part).exists():
            shutil.copytree(module.__path__[0], place / "policyc" / part)
    return str(place)


@functools.cache
def _interpreter() -> str:
    """A Python that everybody can run."""
    for one in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            subprocess.run(
                [one, "-I", "-c", "import sys; assert sys.version_info >= (3, 11)"],
                check=True,
                capture_output=True,
                **({"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}),
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return one
    pytest.skip("there is no Python 3.11 that an ordinary user can run")
