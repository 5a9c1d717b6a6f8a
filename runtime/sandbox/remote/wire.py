"""What both ends of the runtime API send: runtimes, errors, and the frames of a process.

A runtime is what OpenHands reads of one (`runtime_id`, `session_id`, `status`, `pod_status`, `url`,
`session_api_key`), and under `policyc` what else a provider knows. Its key is not known here: it is
in the sandbox, and with whoever made it.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox import failures
from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.provider import Capabilities, Finish, Record, Status, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyc.grammar.diagnostics import PolicycError

PROTOCOL: Final = 1
"""Goes up when an older end cannot work with a newer one."""

KEY_HEADER: Final = "X-API-Key"

PIECE: Final = 32 * 1024
"""Bytes of standard input in a frame."""

HEARTBEAT_SECONDS: Final = 15.0
"""After which the server says that it is there, where the process says nothing."""

_STATUSES: Final[Mapping[Status, tuple[str, str | None]]] = {
    Status.STARTING: ("starting", "pending"),
    Status.RUNNING: ("running", "ready"),
    Status.PAUSED: ("paused", None),
    Status.ERROR: ("error", "failed"),
    Status.MISSING: ("stopped", None),
}
_OF_POD: Final[Mapping[str, Status]] = {
    "ready": Status.RUNNING,
    "pending": Status.STARTING,
    "running": Status.STARTING,
    "failed": Status.ERROR,
    "unknown": Status.ERROR,
    "crashloopbackoff": Status.ERROR,
}
_OF_RUNTIME: Final[Mapping[str, Status]] = {
    "running": Status.RUNNING,
    "paused": Status.PAUSED,
    "stopped": Status.MISSING,
    "starting": Status.STARTING,
    "error": Status.ERROR,
}

_CODES: Final[Mapping[str, int]] = {
    "InvalidSpec": 422,
    "InvalidRequest": 422,
    "ImageAbsent": 422,
    "SandboxAbsent": 404,
    "WrongState": 409,
    "SandboxBusy": 409,
    "SandboxLost": 410,
    "LimitReached": 429,
    "ProviderUnavailable": 503,
    "SandboxError": 502,
}
"""The errors that are told, and their codes of HTTP. Others are told as the kind they are of."""


class Frame(IntEnum):
    """The first byte of what is sent while a process runs. Of the client: `INPUT` and `INPUT_END`;
    of the server: all others."""

    INPUT = 0
    OUTPUT = 1
    ERRORS = 2
    FINISH = 3
    """How it ended, as JSON."""
    INPUT_END = 4
    INPUT_CLOSED = 5
    """It does not read any more."""
    OUTPUT_END = 6
    FAILURE = 7
    """An error, as JSON."""
    HEARTBEAT = 8


def frame(kind: Frame, data: bytes = b"") -> bytes:
    """A frame."""
    return bytes([kind]) + data


def status_of(pod_status: str | None, status: str | None) -> Status:
    """The state of a runtime: that of its pod, or else its own."""
    found = _OF_POD.get((pod_status or "").lower()) or _OF_RUNTIME.get((status or "").lower())
    return found or Status.MISSING


def runtime_of(record: Record) -> dict[str, Any]:
    """A sandbox as it is sent."""
    status, pod_status = _STATUSES[record.status]
    return {
        "runtime_id": record.id,
        "session_id": record.id,
        "status": status,
        "pod_status": pod_status,
        "url": None,
        "session_api_key": None,
        "image": record.image,
        "policyc": {
            "created": record.created.isoformat(),
            "deadline": record.deadline.isoformat(),
            "owner": record.owner,
            "policy": record.policy,
            "labels": dict(record.labels),
        },
    }


def record_of(runtime: Any) -> Record:
    """A sandbox as it was sent.

    Raises:
        SandboxError: it was not sent by policyc.
    """
    try:
        ours = runtime["policyc"]
        return Record(
            id=_text(runtime["session_id"]),
            status=status_of(runtime.get("pod_status"), runtime.get("status")),
            created=datetime.fromisoformat(ours["created"]),
            deadline=datetime.fromisoformat(ours["deadline"]),
            owner=_text(ours["owner"]),
            policy=_text(ours["policy"]),
            image=_text(runtime["image"]),
            labels={_text(name): _text(value) for name, value in ours["labels"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SandboxError(f"the runtime API tells no sandbox of policyc: {error!r}") from None


def capabilities_to_dict(found: Capabilities) -> dict[str, Any]:
    """What a provider gives, as it is sent."""
    return {
        "protocol": PROTOCOL,
        **asdict(found),
        "enforced": sorted(found.enforced),
        "degraded": list(found.degraded),
    }


def capabilities_of(data: Any) -> Capabilities:
    """What a provider gives, as it was sent.

    Raises:
        SandboxError: it was not sent by policyc, or by a version that ours cannot work with.
    """
    try:
        if data["protocol"] != PROTOCOL:
            raise SandboxError(
                f"the runtime API speaks protocol {data['protocol']}, this policyc {PROTOCOL}: "
                "install the same version on both machines"
            )
        return Capabilities(
            provider=_text(data["provider"]),
            version=_text(data["version"]),
            isolation=_text(data["isolation"]),
            enforced=frozenset(map(_text, data["enforced"])),
            can_pause=data["can_pause"] is True,
            degraded=tuple(map(_text, data["degraded"])),
        )
    except (KeyError, TypeError) as error:
        raise SandboxError(f"there is no runtime API of policyc: {error!r}") from None


def usage_of(data: Any) -> Usage:
    """What a sandbox uses, as it was sent.

    Raises:
        SandboxError: it was not.
    """
    try:
        return Usage(data["memory"], data["processes"], data["cpu_seconds"])
    except (KeyError, TypeError) as error:
        raise SandboxError(f"the runtime API tells no usage: {error!r}") from None


def finish_of(data: bytes) -> Finish:
    """How a process ended, as it was sent.

    Raises:
        SandboxError: it was not.
    """
    try:
        return Finish(**json.loads(data))
    except (ValueError, TypeError) as error:
        raise SandboxError(f"the runtime API tells no end of a process: {error!r}") from None


def error_to_dict(error: PolicycError) -> dict[str, str]:
    """An error as it is sent."""
    kinds = [one.__name__ for one in type(error).__mro__ if one.__name__ in _CODES]
    return {"detail": str(error), "kind": kinds[0] if kinds else "SandboxError"}


def code_of(error: PolicycError) -> int:
    """The code of HTTP of an error."""
    return _CODES[error_to_dict(error)["kind"]]


def error_of(data: Any, code: int | None = None) -> PolicycError:
    """An error as it was sent; `code` is that of HTTP."""
    told = data if isinstance(data, dict) else {}
    detail = told.get("detail")
    if not isinstance(detail, str):
        detail = f"the runtime API refuses with {code}: {json.dumps(detail)[:500]}"
    kind = told.get("kind")
    found = getattr(failures, kind) if isinstance(kind, str) and kind in _CODES else SandboxError
    made: PolicycError = found(detail)
    return made


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.80} is no text")
    return value
