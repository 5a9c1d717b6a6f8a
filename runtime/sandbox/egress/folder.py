"""The folder that a sandbox sees of its proxy: a socket and the script that leads to it."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

from policyc.runtime.sandbox.failures import SandboxError

SOCKET: Final = "proxy.sock"
FORWARD: Final = "forward.py"

_LONGEST: Final = 100
"""Of the path of a socket; the kernel takes about 108 bytes."""


def prepare(folder: Path) -> socket.socket:
    """Write the script, and bind the socket. The sandbox may connect, and change nothing.

    Raises:
        SandboxError: the folder cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        script = folder / FORWARD
        script.unlink(missing_ok=True)
        script.write_bytes(Path(__file__).with_name(FORWARD).read_bytes())
        script.chmod(0o444)
        return _bind(folder)
    except OSError as error:
        raise SandboxError(f"the folder `{folder}` of the proxy cannot be used: {error}") from None


def _bind(folder: Path) -> socket.socket:
    path = folder / SOCKET
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if len(os.fsencode(path)) <= _LONGEST:
            listener.bind(str(path))
        else:
            _bind_through_descriptor(listener, folder)
        path.chmod(0o666)  # connecting needs the right to write
        listener.listen(1024)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _bind_through_descriptor(listener: socket.socket, folder: Path) -> None:
    """Bind in a folder whose own path is too long."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{descriptor}/{SOCKET}")
    finally:
        os.close(descriptor)
