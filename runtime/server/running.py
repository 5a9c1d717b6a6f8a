"""Running a server until it is told to end."""

from __future__ import annotations

import json
import logging
import logging.config
import signal
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from policyc.grammar.source import Source
from policyc.runtime.failures import BackendError
from policyc.runtime.loading import load_program
from policyc.runtime.server.announcing import AnnouncingServer
from policyc.runtime.server.app import make_app
from policyc.runtime.server.connections import Connection
from policyc.runtime.server.folder import read_policies
from policyc.runtime.server.workers import prepare

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from policyc.runtime.server.settings import Settings

GRACE_SECONDS: Final = 30
"""How long requests that run may take once the server was told to end."""

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonLines(logging.Formatter):
    """A log record as an object in a line: time, level, event, and what was given as `extra`.
    Bodies of requests are not in it: of an exception it has the kind and the place."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line.update({name: x for name, x in vars(record).items() if name not in _OWN})
        line.pop("color_message", None)
        if record.exc_info:
            line["exception"] = _told(record.exc_info[1])
        return json.dumps(line)


def _told(error: BaseException | None) -> list[str]:
    """What an exception is and where it was raised; its message may have what a client sent."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    return [type(error).__name__, *(f"{x.filename}:{x.lineno} {x.name}" for x in frames)]


_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLines}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {
        "policyc": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}


def serve(
    settings: Settings,
    listening: socket.socket,
    policies: Sequence[str],
    *,
    watches: bool,
    say: Callable[[str], None],
) -> None:
    """Serve on a socket until SIGTERM or SIGINT.

    Args:
        policies: as for `make_app`.
        say: gets a line with the address, once it can be asked.

    Raises:
        LoadError: a policy cannot be read.
        PolicyError: a policy has errors.
        BackendError: the server cannot be started.
    """
    for sources in read_policies(policies).values():
        load_program([Source(text, path) for text, path in sources.texts], None)
    logging.config.dictConfig(_LOGGING)
    prepare()
    app = make_app(settings, policies, watches=watches)
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=75,
        http=Connection,
        ws="none",
    )
    server = AnnouncingServer(config, lambda: say(f"policyc listens on {address}"))
    # The server raises the signal that ended it again, once all is done: that shall be no more
    # than an end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.run(sockets=[listening])
    if not server.started:
        raise BackendError("the server could not be started; the log says why")
