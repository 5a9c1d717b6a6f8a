"""Names of sandboxes, and keys of their sessions: random, and short enough for a host name."""

from __future__ import annotations

import os
import re
import secrets
from functools import cache
from typing import Final

from policyc.runtime.sandbox.failures import SandboxError

PREFIX_VARIABLE: Final = "POLICYC_SANDBOX_PREFIX"
DEFAULT_PREFIX: Final = "policyc-sbx-"

_PREFIX: Final = re.compile(r"[a-z][a-z0-9-]{0,29}-")
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_BYTES: Final = 16
_KEY_BYTES: Final = 32


def prefix() -> str:
    """What the ids of this user's sandboxes begin with.

    Raises:
        SandboxError: the variable has something else.
    """
    chosen = os.environ.get(PREFIX_VARIABLE, DEFAULT_PREFIX)
    if not _PREFIX.fullmatch(chosen):
        raise SandboxError(
            f"{PREFIX_VARIABLE} is `{chosen}`: it must be of small letters, digits and hyphens, "
            "begin with a letter and end with a hyphen"
        )
    return chosen


def new_id(begin: str | None = None) -> str:
    """An id that no other sandbox has."""
    return (prefix() if begin is None else begin) + _base62(secrets.token_bytes(_ID_BYTES))


def is_id(text: str, begin: str | None = None) -> bool:
    """Whether a text is the id of a sandbox that could be there."""
    return _form(prefix() if begin is None else begin).fullmatch(text) is not None


def new_key() -> str:
    """The key of a session."""
    return _base62(secrets.token_bytes(_KEY_BYTES))


@cache
def _form(begin: str) -> re.Pattern[str]:
    return re.compile(re.escape(begin) + "[0-9A-Za-z]{22}")


def _base62(data: bytes) -> str:
    """Digits of a number, as many for each number of this size."""
    number = int.from_bytes(data)
    most = 256 ** len(data) - 1
    text = ""
    while most:
        number, digit = divmod(number, 62)
        text = _ALPHABET[digit] + text
        most //= 62
    return text
