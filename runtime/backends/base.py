"""What a backend has to do, and how one is chosen.

A backend judges; it never says that nothing was found because something went wrong: whatever it
cannot do is a `BackendError`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol

from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.grammar.source import Source
    from policyc.runtime.results import AnalysisResult

Event = dict[str, Any]

EMBEDDED: Final = "embedded"
CONTAINER: Final = "container"

INTERFACES: Final = ("v1", "session", "stateless")
"""The APIs that a server can be asked by: our own, and the two of the Invariant server."""


class RemoteMonitor(Protocol):
    """Watches one trace as it grows, as `Monitor` does."""

    def append(self, event: Event) -> AnalysisResult: ...

    def check(
        self, past: Any, pending: Any, *, raise_on_violation: bool = False
    ) -> AnalysisResult: ...

    def analyze(self, trace: Any, *, raise_on_violation: bool = False) -> AnalysisResult: ...

    def reset(self) -> None: ...


class Backend(Protocol):
    """Judges traces with the policy that it was made for.

    All of it raises `BackendError` where there is no verdict, and `TraceError` for a trace that
    cannot be read.
    """

    def analyze(self, events: list[Event], parameters: dict[str, Any]) -> AnalysisResult: ...

    def analyze_pending(
        self, past: list[Event], pending: list[Event], parameters: dict[str, Any]
    ) -> AnalysisResult: ...

    async def a_analyze(
        self, events: list[Event], parameters: dict[str, Any]
    ) -> AnalysisResult: ...

    async def a_analyze_pending(
        self, past: list[Event], pending: list[Event], parameters: dict[str, Any]
    ) -> AnalysisResult: ...

    def monitor(self, parameters: dict[str, Any]) -> RemoteMonitor: ...

    def close(self) -> None: ...


def is_remote(backend: str | None) -> bool:
    """Whether a backend is another than this process."""
    return backend not in (None, EMBEDDED)


_NAME: Final = re.compile(
    rf"(?P<container>{CONTAINER})(?::(?P<image>\S+))?"
    rf"|(?:(?P<api>{'|'.join(INTERFACES)})\+)?(?P<url>https?://.+)"
)


def check_name(backend: str | None) -> re.Match[str] | None:
    """The parts of the name of a backend (see `make_backend`); None: it is this process.

    Raises:
        BackendError: there is no such backend.
    """
    if not is_remote(backend):
        return None
    found = _NAME.fullmatch(backend or "")
    if found is None:
        raise BackendError(
            f"there is no backend `{backend}`: it is `{EMBEDDED}`, `{CONTAINER}`, "
            f"`{CONTAINER}:IMAGE`, or the address of a server, as http://127.0.0.1:8000, before "
            f"which its API can stand ({', '.join(INTERFACES)}), as in "
            "session+http://127.0.0.1:8000"
        )
    return found


def make_backend(backend: str, sources: Sequence[Source]) -> Backend:
    """The backend of that name, for a policy.

    `http://HOST:PORT` or `https://...` is a server; which API it has is asked, unless it is said:
    `v1+http://...`, `session+http://...`, `stateless+http://...`. `container` is a server of this
    version in a container, which is started by need; `container:IMAGE` one of another image.

    Raises:
        BackendError: there is no such backend.
    """
    found = check_name(backend)
    if found is None:
        raise BackendError(f"`{backend}` is no other place than this process")
    if found["container"]:
        from policyc.runtime.backends.container import container_backend  # noqa: PLC0415  # by need

        return container_backend(found["image"], sources)
    from policyc.runtime.backends.http import HttpBackend  # noqa: PLC0415  # by need

    return HttpBackend(found["url"], found["api"], sources)
