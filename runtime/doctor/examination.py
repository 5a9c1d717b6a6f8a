"""Running the checks: what is asked about, and what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from policyc.runtime.backends.base import check_name
from policyc.runtime.doctor.faults import FAULTS
from policyc.runtime.ports import DEFAULT_RANGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

State = Literal["ok", "warning", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined.

    `backend`: the one that shall be used, as programs name it; None: nothing in particular, so that
    what only containers and servers need is at most a warning. `ports`: the range for sandboxes.
    `clock`: gives the time of this machine, in seconds since 1970. `seconds`: a request may take.
    """

    backend: str | None = None
    ports: range = DEFAULT_RANGE
    clock: Callable[[], float] = time.time
    seconds: int = 5

    @property
    def image(self) -> str | None:
        """The image of the container; None: our own."""
        found = check_name(self.backend)
        return found["image"] if found else None

    @property
    def wants_container(self) -> bool:
        found = check_name(self.backend)
        return bool(found and found["container"])

    @property
    def url(self) -> str | None:
        """The address of the server; None: the backend is none."""
        found = check_name(self.backend)
        return found["url"].rstrip("/") if found and found["url"] else None

    @property
    def api(self) -> str | None:
        """The API that the server is said to have."""
        found = check_name(self.backend)
        return found["api"] if found else None


@dataclass(frozen=True, slots=True)
class Check:
    """`about`: what is looked at, in a sentence. `run` gives what is there, or raises `FaultFound`
    with one of `faults`, or `NotChecked`. A fault is an error where `is_needed`."""

    name: str
    about: str
    run: Callable[[Subject], str]
    faults: tuple[str, ...]
    is_needed: Callable[[Subject], bool]


class FaultFound(Exception):
    """A check found a fault. `detail`: what exactly."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = FAULTS[name]
        self.detail = detail


class NotChecked(Exception):
    """There is nothing to check, or it cannot be; the message says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a check. `fault` and `way_out` are None where there is no fault."""

    check: str
    state: State
    detail: str
    fault: str | None = None
    meaning: str | None = None
    way_out: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The finding in JSON."""
        return {
            "check": self.check,
            "state": self.state,
            "detail": self.detail,
            "fault": self.fault,
            "meaning": self.meaning,
            "way_out": self.way_out,
        }


def examine(subject: Subject, checks: Iterable[Check]) -> list[Finding]:
    """Run checks, in their order."""
    return [_examined(subject, check) for check in checks]


def _examined(subject: Subject, check: Check) -> Finding:
    try:
        return Finding(check.name, "ok", check.run(subject))
    except NotChecked as reason:
        return Finding(check.name, "skipped", str(reason))
    except FaultFound as found:
        state: State = "error" if check.is_needed(subject) else "warning"
        fault = found.fault
        return Finding(check.name, state, found.detail, fault.name, fault.meaning, fault.way_out)
