"""Secrets in a sandbox: files that only the user of commands reads, written through a pipe, so that
no environment, argument, label or file of the host has them."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from secrets import compare_digest, token_hex
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.execution import run
from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.spec import SECRETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyc.runtime.sandbox.provider import Provider

SECONDS: Final = 20.0
"""That writing one may take."""

_MOST: Final = 1024 * 1024
"""Bytes of a secret."""

_ROUNDS: Final = 100_000
"""Of the hash in a fingerprint, so that a short secret cannot be found by trying."""

_WRITE: Final = 'rm -f -- "$1" && umask 377 && cat > "$1"'


def write_secrets(provider: Provider, sandbox: str, secrets: Mapping[str, str]) -> None:
    """Write files under `/run/secrets`, in the place of older ones of the name.

    Raises:
        SandboxError: that failed; the message has the name, never the value.
    """
    for name, value in secrets.items():
        reason = _write(provider, sandbox, f"{SECRETS}/{name}", value.encode())
        if reason:
            raise SandboxError(
                f"the secret `{name}` could not be written in the sandbox `{sandbox}`: {reason}"
            )


def _write(provider: Provider, sandbox: str, path: str, value: bytes) -> str:
    """Write one; why it failed, empty where it did not."""
    end = time.monotonic() + SECONDS
    told = b""
    with provider.start_process(sandbox, ["sh", "-c", _WRITE, "sh", path]) as process:
        # Where it is not read, what the command says tells why.
        with suppress(BrokenPipeError):
            process.write(value)
        process.close_input()
        try:
            while (chunk := process.read(max(0.01, end - time.monotonic()))) is not None:
                told = (told + chunk.data)[:200]
            finish = process.finish(max(0.01, end - time.monotonic()))
        except TimeoutError:
            return f"it took longer than {SECONDS:g} seconds"
    if finish.exit_code == 0:
        return ""
    if finish.lost:
        return f"the {finish.lost} was lost"
    return told.decode(errors="replace").strip() or "the command failed"


def fingerprint(value: str, salt: str | None = None) -> str:
    """What a secret is recognised by later, without keeping it."""
    salt = salt or token_hex(16)
    data = value.encode("utf-8", "surrogateescape")
    return f"{salt}:{hashlib.pbkdf2_hmac('sha256', data, salt.encode(), _ROUNDS).hex()}"


def read_secrets(
    provider: Provider, sandbox: str, fingerprints: Mapping[str, str]
) -> dict[str, str]:
    """The values of secrets that another process wrote, so that they can be hidden. Commands may
    have replaced the files, so each must have the fingerprint of what was written.

    Raises:
        SandboxError: one cannot be read, or is another; nothing can be shown of the sandbox then.
    """
    values = {}
    for name, expected in fingerprints.items():
        done = run(
            provider,
            sandbox,
            ["cat", "--", f"{SECRETS}/{name}"],
            seconds=SECONDS,
            output=_MOST,
            keep_background=True,
        )
        if done.exit_code != 0:
            raise SandboxError(f"the secret `{name}` of `{sandbox}` cannot be read, to hide it")
        value = done.stdout.decode("utf-8", "surrogateescape")
        if not compare_digest(fingerprint(value, expected.partition(":")[0]), expected):
            raise SandboxError(
                f"the secret `{name}` of `{sandbox}` was replaced by a command, so the one that it "
                "was given cannot be hidden: attach with `secrets=`"
            )
        values[name] = value
    return values
