"""What a container tells of the sandbox that it is."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.provider import Record, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyc.runtime.sandbox.provider import Creation

PREFIX: Final = "policyc.sandbox."
OWNER: Final = f"{PREFIX}owner"
USER: Final = f"{PREFIX}user"
POLICY: Final = f"{PREFIX}policy"
SPEC: Final = f"{PREFIX}spec"
CREATED: Final = f"{PREFIX}created"
DEADLINE: Final = f"{PREFIX}deadline"

ENDED: Final = "exited"
"""The state of a container whose sandbox is over, in the engine's words."""

_STARTING_SECONDS: Final = 60.0
"""A container that was made and does not run is starting for so long; later it is an error."""


def labels_of(creation: Creation, now: datetime) -> dict[str, str]:
    """The labels of a container. Those of the host come first: it cannot have ours."""
    spec = creation.spec
    return {
        **spec.labels,
        OWNER: creation.owner,
        USER: str(os.getuid()),
        POLICY: creation.policy,
        SPEC: json.dumps(spec.to_dict(), sort_keys=True, separators=(",", ":")),
        CREATED: now.isoformat(),
        DEADLINE: (now + timedelta(seconds=spec.resources.lifetime)).isoformat(),
    }


def is_ours(labels: Mapping[str, str] | None) -> bool:
    """Whether a container with these labels is a sandbox of this user."""
    return (labels or {}).get(USER) == str(os.getuid())


def is_over(labels: Mapping[str, str] | None) -> bool:
    """Whether the time of a sandbox with these labels is up."""
    now = datetime.now(UTC)
    return _time((labels or {}).get(DEADLINE), now + timedelta(seconds=1)) < now


def record_of(summary: Mapping[str, Any]) -> Record:
    """A container of the engine's list, as a sandbox."""
    labels: dict[str, str] = summary["Labels"] or {}
    made = datetime.fromtimestamp(summary["Created"], UTC)
    created = _time(labels.get(CREATED), made)
    return Record(
        id=summary["Names"][0].removeprefix("/"),
        status=_status(summary["State"], created),
        created=created,
        deadline=_time(labels.get(DEADLINE), created),
        owner=labels.get(OWNER, ""),
        policy=labels.get(POLICY, ""),
        image=summary["Image"],
        labels=labels,
    )


def name_filter(sandbox: str) -> str:
    """What the engine's filter of names takes for exactly that name."""
    return f"^/{re.escape(sandbox)}$"


def _status(state: str, created: datetime) -> Status:
    match state:
        case "running":
            return Status.RUNNING
        case "paused":
            return Status.PAUSED
        case "created" | "restarting":
            age = (datetime.now(UTC) - created).total_seconds()
            return Status.STARTING if age < _STARTING_SECONDS else Status.ERROR
        case "removing":
            return Status.MISSING
        case _:
            return Status.ERROR


def _time(text: str | None, otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(text or "")
    except ValueError:
        return otherwise
