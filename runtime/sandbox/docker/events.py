"""What the engine tells of its own accord: that memory ran out, that a process or container ended.

An exit code alone does not say so: 137 is that of anything that was killed, and a process whose
child was killed for its memory may well end with 0.
"""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.docker.labels import USER

if TYPE_CHECKING:
    from docker import DockerClient

_KINDS: Final = ("oom", "die", "exec_die")


class Watch:
    """What was told of one process and its container since the watch began.

    `is_over`: nothing more will be told of it, because the engine went away.
    """

    def __init__(self, container: str, execution: str, changed: threading.Condition) -> None:
        self.container = container
        self.execution = execution
        self.exit_code: int | None = None
        self.out_of_memory = False
        self.container_ended = False
        self.is_over = False
        self._changed = changed

    def wait(self, seconds: float, *, ended: bool = False) -> None:
        """Wait until the process has ended, or (`ended`) memory ran out or the container ended."""
        end = time.monotonic() + seconds
        with self._changed:
            while not self.is_over and (left := end - time.monotonic()) > 0:
                if self.out_of_memory or self.container_ended if ended else self._has_ended:
                    return
                self._changed.wait(left)

    @property
    def _has_ended(self) -> bool:
        return self.exit_code is not None

    def take(self, event: dict[str, Any]) -> None:
        """Note an event of its container."""
        told = event.get("Action") or event.get("status") or ""
        attributes = event.get("Actor", {}).get("Attributes", {})
        if told == "oom":
            self.out_of_memory = True
        elif told == "die":
            self.container_ended = True
        elif told == "exec_die" and attributes.get("execID") == self.execution:
            self.exit_code = int(attributes.get("exitCode", "-1"))


class Events:
    """One connection that the engine tells events over, and a thread that reads them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: set[Watch] = set()
        self._told: Any = None
        self._pid = 0

    def watch(self, client: DockerClient, container: str, execution: str) -> Watch:
        """Begin to watch a process that was prepared, before it is started."""
        if self._pid != os.getpid():
            # Of the process that this one was forked from, whose thread may have held the lock.
            self._changed, self._told, self._pid = threading.Condition(), None, os.getpid()
        with self._changed:
            if self._told is None:
                self._begin(client)
            watch = Watch(container, execution, self._changed)
            self._watches.add(watch)
        return watch

    def forget(self, watch: Watch) -> None:
        """End a watch."""
        with self._changed:
            self._watches.discard(watch)

    def close(self) -> None:
        """Let go of the connection; the next watch makes one again."""
        if self._pid != os.getpid():
            return
        with self._changed:
            told = self._told
            self._end()
        if told is not None:
            told.close()

    def _begin(self, client: DockerClient) -> None:
        self._watches = set()
        filters = {"type": "container", "event": list(_KINDS), "label": f"{USER}={os.getuid()}"}
        self._told = client.events(filters=filters)
        threading.Thread(
            target=self._read, args=(self._told,), name="policyc-sandbox-events", daemon=True
        ).start()

    def _read(self, told: Any) -> None:
        from docker.errors import DockerException  # noqa: PLC0415  # slow to load
        from requests.exceptions import RequestException  # noqa: PLC0415

        try:
            for line in told:
                event = json.loads(line)
                with self._changed:
                    for watch in self._watches:
                        if watch.container == event.get("id"):
                            watch.take(event)
                    self._changed.notify_all()
        except (DockerException, RequestException, OSError, ValueError, AttributeError):
            pass  # it went away, or was closed while a line was read
        finally:
            with self._changed:
                if self._told is told:
                    self._end()

    def _end(self) -> None:
        self._told = None
        for watch in self._watches:
            watch.is_over = True
        self._watches.clear()
        self._changed.notify_all()
