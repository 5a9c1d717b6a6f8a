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
    """`commands` are the names that it is about, or languages that they are interpreters of; None:
    every command, also one without a name (assignments and redirections alone). A rule is not asked
    where the list of a call that it is `about` is empty: `reads`, `writes`, `executes`,
    `redirects`."""

    kind: str
    check: Check
    commands: frozenset[str] | None = None
    about: str = ""
