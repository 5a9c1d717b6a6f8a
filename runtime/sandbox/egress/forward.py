"""The way from a sandbox to the proxy of its host: 127.0.0.1:3128 to a socket of a file.

    python3 forward.py               relays until it is killed
    python3 forward.py -- ARGV...    starts a relay, and becomes ARGV, which is told of the proxy

A listener that is its standard input is used: with it, connections wait while a relay comes back.

It is copied into the sandbox and needs nothing but Python 3.9. It decides nothing: all that it
does, a program in the sandbox may do as well. Each relay has a listener of its own on the one
port, so that commands that run side by side do not depend on one another's.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from typing import NoReturn

ADDRESS = ("127.0.0.1", 3128)
URL = "http://127.0.0.1:3128"
OWN = "localhost,127.0.0.1,::1"
PROXY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "proxy.sock")
PIECE = 65536


def listen() -> socket.socket:
    """A listener, beside those that are there already."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(ADDRESS)
    listener.listen(128)
    return listener


def inherited() -> socket.socket | None:
    """The listener that is the standard input, where that is one."""
    try:
        listener = socket.socket(fileno=os.dup(0))
        if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return listener
    except OSError:
        pass
    return None


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy to the end; then say so to the other side."""
    try:
        while True:
            data = await reader.read(PIECE)
            if not data:
                break
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        # Neither side hears from the other any more.
        writer.transport.abort()


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Join one connection with one to the proxy."""
    try:
        up_reader, up_writer = await asyncio.open_unix_connection(PROXY)
    except OSError:
        writer.close()
        return
    try:
        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))
    finally:
        up_writer.close()
        writer.close()


async def serve(listener: socket.socket, parent: int | None) -> None:
    """Relay until `parent` (None: nobody) has ended, and what is relayed then to its end."""
    running = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(relay(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(accept, sock=listener)
    while parent is None or os.getppid() == parent:
        await asyncio.sleep(0.5)
    server.close()
    while running:  # others that share the port may have been given to this one
        await asyncio.wait(running)


def run_beside(argv: list[str]) -> NoReturn:
    """Become ARGV, with a relay beside it, and told of the proxy."""
    try:
        relay_beside(listen())
    except OSError as error:
        if error.errno != errno.EADDRINUSE:  # else the sandbox has a relay of another user
            raise
    for name, value in (("http_proxy", URL), ("https_proxy", URL), ("no_proxy", OWN)):
        os.environ.setdefault(name, value)
        os.environ.setdefault(name.upper(), value)
    try:
        os.execvp(argv[0], argv)  # noqa: S606  # what the caller asked for
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        sys.exit(127 if isinstance(error, FileNotFoundError) else 126)


def relay_beside(listener: socket.socket) -> None:
    """Relay in a child that ends with this process and holds none of its streams."""
    parent = os.getpid()
    if os.fork() == 0:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        os.closerange(3, listener.fileno())
        os.closerange(listener.fileno() + 1, 1024)
        try:
            asyncio.run(serve(listener, parent))
        finally:
            os._exit(0)
    listener.close()


def main(arguments: list[str]) -> None:
    """Begin; what cannot be is said in a line."""
    if arguments and (arguments[0] != "--" or len(arguments) < 2):
        sys.exit("usage: forward.py [-- COMMAND [ARGUMENT...]]")
    try:
        if arguments:
            run_beside(arguments[1:])
        listener = inherited() or listen()
        asyncio.run(serve(listener, None))
    except OSError as error:
        sys.exit(f"forward.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main(sys.argv[1:])
