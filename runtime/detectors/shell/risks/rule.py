"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from policyc.runtime.detectors.shell.call import Call
from policyc.runtime.detectors.shell.values import Word

Found = Iterator[tuple[str, Word | None]]
"""Reasons, each with the word that it is about; None stands for the whole command."""

UNDECIDABLE = "undecidable"
"""The kind of a finding that is no risk, but a place where the reader cannot tell."""

Check = Callable[[Call], Found]


@dataclass(frozen=True, slots=True)
class Rule:
    """`commands` are the names that it is about; None: every command, also one without a name
    (assignments and redirections alone)."""

    kind: str
    check: Check
    commands: frozenset[str] | None = None


def names(text: str) -> frozenset[str]:
    """A set of command names."""
    return frozenset(text.split())
