"""Work for other processes to do: they must be able to import it."""

from __future__ import annotations

import os
import signal
import time

from policyc.grammar.diagnostics import PolicycError


def double(number: int) -> int:
    return 2 * number


def double_slowly(number: int) -> int:
    """The first items take longest, so that answers come in the wrong order."""
    time.sleep(0.05 if number % 4 == 0 else 0)
    return 2 * number


def process_of(_number: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def refuse_seven(number: int) -> int:
    if number == 7:
        raise PolicycError("seven")
    return number


def die_on_seven(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def leave_on_seven(number: int) -> int:
    if number == 7:
        os._exit(9)
    return number
