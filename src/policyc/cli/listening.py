"""The address that a server of the command line listens on."""

from __future__ import annotations

import ipaddress
import socket

from policyc.cli.exits import reason


def is_own(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        BackendError: the port cannot be had.
    """
    from policyc.runtime.failures import BackendError  # noqa: PLC0415  # by need

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(1024)
    except OSError as error:
        raise BackendError(f"cannot listen on {host} port {port}: {reason(error)}") from None
    return made
