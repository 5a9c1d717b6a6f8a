"""A service on this machine that speaks the wire format: it answers as it is told, and remembers
what it was asked."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Asked:
    """A request: its path, its headers in lower case, and its body."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """What to answer; a body that is no text becomes JSON."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass
class Service:
    url: str
    asked: list[Asked]


@contextmanager
def service(answer: Callable[[Asked], Answer]) -> Iterator[Service]:
    """A service while the block runs."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked.append(Asked(self.path, headers, json.loads(data)))
            said = answer(asked[-1])
            sleep(said.delay)
            body = said.body if isinstance(said.body, str) else json.dumps(said.body)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as in the base
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Service(f"http://127.0.0.1:{server.server_port}/v1", asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def chat(content: Any, finish: str | None = "stop") -> Answer:
    """An answer of `/v1/chat/completions`."""
    message = {"role": "assistant", "content": content}
    return Answer({"choices": [{"index": 0, "message": message, "finish_reason": finish}]})
