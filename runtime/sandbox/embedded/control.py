"""How a runner and the keeper of a sandbox talk: one request a connection.

A request is a JSON document in a memory file, whose descriptor is sent with those of a process's
streams; so it arrives as a whole or not at all, whatever its size. Answers are JSON in one packet.
"""

from __future__ import annotations

import array
import json
import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.embedded.folders import SOCKET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LARGEST_REQUEST: Final = 4 * 1024 * 1024
_LARGEST_ANSWER: Final = 65536
_MOST_DESCRIPTORS: Final = 4


def listen(folder: str) -> socket.socket:
    """The socket of a sandbox's keeper; whoever can enter the folder can use it."""
    own = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with _address(folder) as address:
        own.bind(address)
    own.listen(64)
    own.setblocking(False)
    return own


def ask(
    folder: str, request: dict[str, Any], streams: Sequence[int] = (), timeout: float = 10.0
) -> tuple[dict[str, Any], socket.socket]:
    """Send a request and wait for its answer; the connection is returned for what follows.

    Raises:
        OSError: nobody is there, or there was no answer in time.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.settimeout(timeout)
        with _address(folder) as address:
            connection.connect(address)
        document = os.memfd_create("request", os.MFD_CLOEXEC)
        try:
            os.write(document, json.dumps(request).encode())
            socket.send_fds(connection, [b"?"], [document, *streams])
        finally:
            os.close(document)
        answer = next_answer(connection)
        if answer is None:
            raise ConnectionResetError("the sandbox ended")
    except BaseException:
        connection.close()
        raise
    return answer, connection


def next_answer(connection: socket.socket) -> dict[str, Any] | None:
    """The next answer; None where the other side is gone."""
    try:
        packet = connection.recv(_LARGEST_ANSWER)
    except ConnectionError:
        return None
    return json.loads(packet) if packet else None


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The request of a connection that has something to read, and the descriptors of streams.

    Raises:
        OSError, ValueError: it is none.
    """
    descriptors = array.array("i")
    space = socket.CMSG_SPACE(_MOST_DESCRIPTORS * descriptors.itemsize)
    packet, ancillary, _flags, _address = connection.recvmsg(1, space, socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    streams = list(descriptors)
    try:
        if packet != b"?" or not streams:
            raise ValueError("this is no request")
        document = streams.pop(0)
        try:
            if os.fstat(document).st_size > LARGEST_REQUEST:
                raise ValueError("the request is too large")
            return json.loads(os.pread(document, LARGEST_REQUEST, 0)), streams
        finally:
            os.close(document)
    except BaseException:
        for one in streams:
            os.close(one)
        raise


def answer(connection: socket.socket, content: dict[str, Any]) -> None:
    """Send an answer; whoever does not want it any more does not get it."""
    try:
        connection.send(json.dumps(content).encode())
    except OSError:
        return


@contextmanager
def _address(folder: str) -> Iterator[str]:
    """A path of the socket that fits into an address, however long that of the folder is."""
    place = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{place}/{SOCKET}"
    finally:
        os.close(place)
