"""Figures of a running server for Prometheus."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.server.state import State

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(slots=True)
class Check:
    """An evaluation that runs; what came of it is noted at its end."""

    outcome: str = "broken"


class Metrics:
    """Counts of requests and checks."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "policyc_requests", "Requests.", ("route", "status"), registry=self._registry
        )
        self._checks = Counter(
            "policyc_checks",
            "Evaluations by what came of them.",
            ("outcome",),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "policyc_check_seconds",
            "How long evaluations took.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._sessions = Gauge(
            "policyc_sessions", "Sessions that are kept.", ("api",), registry=self._registry
        )
        self._restarts = Gauge(
            "policyc_worker_restarts", "Workers that hung or died.", registry=self._registry
        )
        self._reloads = Counter(
            "policyc_policy_reloads",
            "Reloads of the policy folder.",
            ("outcome",),
            registry=self._registry,
        )

    def request(self, done: dict[str, Any]) -> None:
        """Note a request that is over."""
        self._requests.labels(done["route"], str(done["status"])).inc()

    @contextmanager
    def check(self) -> Iterator[Check]:
        """Note an evaluation."""
        found = Check()
        started = time.perf_counter()
        try:
            yield found
        finally:
            self._seconds.observe(time.perf_counter() - started)
            self._checks.labels(found.outcome).inc()

    def reload(self, *, is_good: bool) -> None:
        """Note that the policy folder was read again."""
        self._reloads.labels("done" if is_good else "refused").inc()

    def text(self, state: State) -> bytes:
        """All figures in the text format of Prometheus."""
        self._sessions.labels("invariant").set(len(state.sessions))
        self._sessions.labels("v1").set(len(state.streams))
        self._restarts.set(state.workers.restarts)
        return generate_latest(self._registry)
