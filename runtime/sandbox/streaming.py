"""Output that is handed out while a command still runs.

Whole lines are held back until the policy has seen all output so far with them. Once it objects,
nothing more is handed out until the command has ended and its whole output is judged. What was
handed out before that cannot be taken back: who must not see the beginning of what is refused at
its end does not stream.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Literal

from policyc.runtime.sandbox.files import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.runtime.sandbox.hidden_secrets import HiddenSecrets
    from policyc.runtime.sandbox.provider import Chunk

PAUSE: Final = 0.2
"""Seconds between two looks of the policy, at least."""

Stream = Literal["stdout", "stderr"]


class Streaming:
    """The output of one command.

    Args:
        on_output: takes what may be seen.
        may_show: whether an output may be seen as far as it is there.
        secrets: hidden in everything.
    """

    def __init__(
        self,
        on_output: Callable[[Stream, bytes], None],
        may_show: Callable[[str], bool],
        secrets: HiddenSecrets,
    ) -> None:
        self._on_output = on_output
        self._may_show = may_show
        self._secrets = secrets
        self._written: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
        self._shown: dict[Stream, int] = {"stdout": 0, "stderr": 0}
        self._is_stopped = False
        self._next = 0.0

    def add(self, chunk: Chunk) -> None:
        """What the command wrote next."""
        self._written[chunk.stream] += chunk.data
        if not self._is_stopped and b"\n" in chunk.data and time.monotonic() >= self._next:
            self._show()
            self._next = time.monotonic() + PAUSE

    def _show(self) -> None:
        whole: dict[Stream, bytes] = {
            name: self._secrets.hide(data[: data.rfind(b"\n") + 1])
            for name, data in self._written.items()
        }
        if not self._may_show(shown(whole["stdout"]) + shown(whole["stderr"])):
            self._is_stopped = True
            return
        for name, data in whole.items():
            self._hand_out(name, data)

    def finish(self, stdout: bytes, stderr: bytes) -> None:
        """The command has ended, and this may be seen: hand out what was not yet."""
        self._hand_out("stdout", stdout)
        self._hand_out("stderr", stderr)

    def _hand_out(self, name: Stream, data: bytes) -> None:
        new = data[self._shown[name] :]
        if new:
            self._shown[name] = len(data)
            self._on_output(name, new)
