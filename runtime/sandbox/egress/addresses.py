"""Addresses: how a name is looked up, and which addresses are never connected to."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# Written out, because what Python calls global has changed within its patch releases.
_CLOSED_4: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT; clouds have services there
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's services for a machine, within public addresses
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_OPEN_6: Final = ip_network("2000::/3")  # all of IPv6 that is given out to hosts
_CLOSED_6: Final = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # Teredo (an IPv4 address inside) and other protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",
    )
)


def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system knows them.

    Raises:
        OSError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


def is_public(text: str) -> bool:
    """Whether an address belongs to a host on the internet other than this machine.

    What embeds an IPv4 address (mapped, 6to4, Teredo, NAT64) does not: it would be a second
    spelling of a private one.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        closed = any(address in network for network in _CLOSED_4)
    else:
        closed = address not in _OPEN_6 or any(address in network for network in _CLOSED_6)
    return not closed and not _is_own(address)


def _is_own(address: IPv4Address | IPv6Address) -> bool:
    """Whether this machine has the address: it would be the one that a packet comes from."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), 9))  # of a datagram socket: nothing is sent
        except OSError:
            return False  # no way there
        return bool(probe.getsockname()[0] == str(address))
