"""The folder where a user's sandboxes are remembered: traces, policies, locks and the audit log."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from policyc.runtime.sandbox.failures import SandboxAbsent, SandboxError

FOLDER_VARIABLE: Final = "POLICYC_STATE_DIR"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def state_folder() -> Path:
    """The folder, of this user alone; made if need be.

    Raises:
        SandboxError: there is no place for it, or others may write to it.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    base = os.environ.get("XDG_STATE_HOME")
    try:
        if chosen:
            folder = Path(chosen).absolute()
        else:
            folder = (Path(base) if base else Path.home() / ".local/state") / "policyc"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SandboxError(
            f"there is no place to remember sandboxes: {reason}; set {FOLDER_VARIABLE}"
        ) from None
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise SandboxError(
            f"`{folder}` must be a folder that only you can write to: change that, or set "
            f"{FOLDER_VARIABLE} to another"
        )
    return folder


def private_folder(name: str) -> Path:
    """A folder in that of the state, into which no other user can look; made if need be. They may
    look into that of the state, where it was there before.

    Raises:
        SandboxError: there is no place for it.
    """
    folder = state_folder() / name
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise SandboxError(f"`{folder}` cannot be used: {error.strerror}") from None
    return folder


def is_name(text: str) -> bool:
    """Whether a text could be the name of a sandbox."""
    return _NAME.fullmatch(text) is not None


def sandbox_folder(sandbox: str, *, make: bool = False) -> Path:
    """The folder of one sandbox.

    Raises:
        SandboxAbsent: this is no name of one, and could be a path to elsewhere.
    """
    if not is_name(sandbox):
        raise SandboxAbsent(
            f"`{sandbox}` is no name of a sandbox: `policyc sandbox ls` lists yours"
        )
    folder = state_folder() / "sandboxes" / sandbox
    if make:
        private_folder("sandboxes")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
