"""What every benchmark is given, and how it insists on right answers before it measures."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.pairing import Effort


@dataclass(frozen=True, slots=True)
class Setting:
    """How much is measured, and the Python that has invariant-ai, if any."""

    effort: Effort
    oracle: Path | None = None

    @contextmanager
    def running_oracle(self) -> Iterator[Oracle | None]:
        """invariant-ai in a process of its own, or None."""
        if self.oracle is None:
            yield None
        else:
            with Oracle(self.oracle) as oracle:
                yield oracle


class WrongAnswer(Exception):
    """Contenders that should find the same did not: times would mean nothing."""


def agree(what: str, **answers: object) -> None:
    """Insist that all contenders answer the same.

    Raises:
        WrongAnswer: they do not.
    """
    first, *others = answers.values()
    if any(other != first for other in others):
        shown = "; ".join(f"{name}: {answer}" for name, answer in answers.items())
        raise WrongAnswer(f"{what}: {shown}")
