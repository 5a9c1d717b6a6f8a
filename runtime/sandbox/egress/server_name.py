"""The name of the server in the first message of TLS, read by OpenSSL.

A server's side of TLS is begun on the bytes that pass, and is ended as soon as it knows the name.
Of a name that is not ASCII, Python writes a line to the standard error, and the message is refused.
"""

from __future__ import annotations

import ssl
from typing import Final

ACCESS_DENIED: Final = b"\x15\x03\x03\x00\x02\x02\x31"
"""The fatal alert of TLS that tells a client it may not do this."""


class NotTls(Exception):
    """The bytes do not begin a connection with TLS."""


class _Side(ssl.SSLObject):
    """A server's side that keeps the name."""

    is_read = False
    server_name: str | None = None


def _keep(side: _Side, name: str | None, _context: ssl.SSLContext) -> int:
    side.is_read = True
    side.server_name = name
    return ssl.ALERT_DESCRIPTION_ACCESS_DENIED  # the message is all that is wanted


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = _Side
    context.sni_callback = _keep  # type: ignore[assignment]  # it is given the class above
    return context


_CONTEXT: Final = _context()


class ServerName:
    """Reads the first message of a client, piece by piece."""

    def __init__(self) -> None:
        self._incoming = ssl.MemoryBIO()
        side = _CONTEXT.wrap_bio(self._incoming, ssl.MemoryBIO(), server_side=True)
        assert isinstance(side, _Side)  # noqa: S101  # of the context
        self._side = side

    def feed(self, data: bytes) -> bool:
        """Take some bytes; whether the message is complete.

        Raises:
            NotTls: it is none.
        """
        self._incoming.write(data)
        try:
            self._side.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            if not self._side.is_read:
                raise NotTls from None
        return True

    @property
    def name(self) -> str | None:
        """The name, once the message is complete; None where it has none."""
        return self._side.server_name
