"""AgentDojo's tasks as traces: played once in the environment that has the package, then kept.

The environment is that of `.venv-agentdojo`, or of the interpreter that POLICYC_AGENTDOJO or
`--python` names, or this one if it has the package. The traces are kept in the temporary folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PLAYER = Path(__file__).with_name("player.py")
VARIABLE = "POLICYC_AGENTDOJO"

CHANGING = frozenset(
    {
        # workspace
        "send_email", "delete_email", "create_calendar_event", "cancel_calendar_event",
        "reschedule_calendar_event", "add_calendar_event_participants", "append_to_file",
        "create_file", "delete_file", "share_file",
        # travel
        "reserve_hotel", "reserve_car_rental", "reserve_restaurant",
        # banking
        "send_money", "schedule_transaction", "update_scheduled_transaction", "update_password",
        "update_user_info",
        # slack
        "add_user_to_channel", "send_direct_message", "send_channel_message",
        "invite_user_to_slack", "remove_user_from_slack", "post_webpage",
    }
)  # fmt: skip
"""The tools that change something; all others of the suites only read."""


@dataclass(frozen=True, slots=True)
class Played:
    """One user task, alone or with an injected task whose calls follow those of the user."""

    suite: str
    user: str
    injection: str | None
    own: int
    """How many of the events belong to the user's task."""
    events: list[dict[str, Any]]

    def changing_calls(self) -> frozenset[int]:
        """The events with a call that changes something and is to be judged: for an attack only
        those of the injected task."""
        first = 0 if self.injection is None else self.own
        return frozenset(
            number
            for number, event in enumerate(self.events[first:], first)
            for call in event.get("tool_calls") or ()
            if call["function"]["name"] in CHANGING
        )


def read(lines: Iterator[str]) -> Iterator[Played]:
    """The traces in JSON Lines, as `player.py` writes them."""
    for line in lines:
        yield Played(**json.loads(line))


def interpreter(named: str | None) -> Path | None:
    """The Python that has AgentDojo, or None."""
    name = named or os.environ.get(VARIABLE)
    path = Path(name) if name else ROOT / ".venv-agentdojo" / "bin" / "python"
    if path.exists():
        return path
    return Path(sys.executable) if find_spec("agentdojo") else None


def play(python: Path, attack: str, written: str, *, again: bool = False) -> Path:
    """The file with the traces; they are played if it is not there yet.

    Raises:
        subprocess.CalledProcessError: AgentDojo could not play them; it has said why.
    """
    played_by = hashlib.sha256(f"{python} {PLAYER.read_text('utf-8')}".encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / "policyc-agentdojo"
    folder.mkdir(exist_ok=True)
    kept = folder / f"{attack}-{written}-{played_by}.jsonl"
    if again or not kept.exists():
        unfinished = kept.with_suffix(f".{os.getpid()}")
        with unfinished.open("w") as file:
            command = [python, PLAYER, "--attack", attack, "--format", written]
            subprocess.run(command, stdout=file, check=True)
        unfinished.replace(kept)
    return kept
