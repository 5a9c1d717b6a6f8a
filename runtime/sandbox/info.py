"""What is told of sandboxes, and pages of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from policyc.runtime.sandbox.failures import InvalidRequest
from policyc.runtime.sandbox.provider import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyc.runtime.sandbox.notes import ExposedUrl
    from policyc.runtime.sandbox.provider import Record

MOST_ON_PAGE: Final = 100

SPEC_LABEL: Final = "policyc.sandbox.spec"
"""The label of a sandbox that has its specification, in JSON without the secrets."""


@dataclass(frozen=True, slots=True)
class SandboxInfo:
    """What is told of a sandbox.

    `spec` is as `SandboxSpec.to_dict` gives it, empty where its provider does not keep it;
    `deadline` is when it ends by itself. `session_key` and `exposed_urls` are None unless it runs.
    `kept`: it outlives the process that owns it. `used`: when it was used last, as far as known.
    """

    id: str
    spec: Mapping[str, Any]
    status: Status
    created: datetime
    deadline: datetime
    owner: str
    policy: str
    image: str
    kept: bool
    used: datetime | None = None
    exposed_urls: tuple[ExposedUrl, ...] | None = None
    session_key: str | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        record: Record,
        status: Status,
        urls: tuple[ExposedUrl, ...],
        *,
        key: str | None,
        is_kept: bool,
        used: datetime | None,
    ) -> Self:
        """What is told of a sandbox that is in a state; its key and addresses if it runs."""
        runs = status is Status.RUNNING
        return cls(
            id=record.id,
            spec=spec_of(record),
            status=status,
            created=record.created,
            deadline=record.deadline,
            owner=record.owner,
            policy=record.policy,
            image=record.image,
            kept=is_kept,
            used=used,
            exposed_urls=urls if runs else None,
            session_key=key if runs else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """It as JSON values, without the key of its session."""
        return {
            "id": self.id,
            "status": str(self.status),
            "image": self.image,
            "created": self.created.isoformat(),
            "deadline": self.deadline.isoformat(),
            "used": self.used.isoformat() if self.used else None,
            "owner": self.owner,
            "kept": self.kept,
            "policy": self.policy,
            "spec": dict(self.spec),
            "exposed_urls": None
            if self.exposed_urls is None
            else [asdict(one) for one in self.exposed_urls],
        }


@dataclass(frozen=True, slots=True)
class SandboxPage:
    """Some sandboxes, newest first. `next_page_id` asks for those after them; None: there are no
    more."""

    items: tuple[SandboxInfo, ...]
    next_page_id: str | None


def spec_of(record: Record) -> Mapping[str, Any]:
    """The specification that a sandbox was made by, empty where it is not told."""
    try:
        found = json.loads(record.labels.get(SPEC_LABEL, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def page_of(
    records: Callable[[], Sequence[Record]], page_id: str | None, limit: int
) -> tuple[list[Record], str | None]:
    """A page of sandboxes, and the id of the next page. A page begins after a sandbox, not at a
    number, so that none is left out or told twice where others come and go.

    Args:
        records: gives all of them, newest first; it is called once the question makes sense.

    Raises:
        InvalidRequest: there is no such page.
    """
    if not 1 <= limit <= MOST_ON_PAGE:
        raise InvalidRequest(f"a page has 1 to {MOST_ON_PAGE} sandboxes, not {limit}")
    after = None if page_id is None else _place(page_id)
    left = [one for one in records() if after is None or (one.created, one.id) < after]
    page = left[:limit]
    return page, _page_id(page[-1]) if len(left) > limit else None


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def _page_id(last: Record) -> str:
    return f"{(last.created - _EPOCH) // _MICROSECOND}.{last.id}"


def _place(page_id: str) -> tuple[datetime, str]:
    time, _, sandbox = page_id.partition(".")
    try:
        if not (time.isascii() and time.isdigit() and sandbox):
            raise ValueError
        return _EPOCH + int(time) * _MICROSECOND, sandbox
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"`{page_id[:80]}` is no page: give the `next_page_id` of the page before, or none"
        ) from None
