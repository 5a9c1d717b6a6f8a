"""`policyc.openhands` where the OpenHands SDK is not installed."""

from __future__ import annotations

import subprocess
import sys


def test_the_error_names_the_way_out() -> None:
    code = "import sys; sys.modules['openhands'] = None; import policyc.openhands"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "ImportError: `policyc.openhands` needs the OpenHands SDK" in done.stderr
    assert "pip install 'policyc[openhands]'" in done.stderr


def test_nothing_else_needs_it() -> None:
    code = "import sys; sys.modules['openhands'] = None; import policyc.analyzers"
    subprocess.run([sys.executable, "-c", code], check=True)
