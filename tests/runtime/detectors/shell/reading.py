"""Short ways to ask the reader."""

from __future__ import annotations

from policyc.runtime.detectors.shell.detector import read_shell


def kinds(text: str) -> set[str]:
    """The kinds of the risks of a command."""
    return {risk.kind for risk in read_shell(text).risks}


def reasons(text: str) -> list[str]:
    """Why something in it cannot be decided."""
    return [gap.reason for gap in read_shell(text).undecidable]


def commands(text: str) -> list[list[str]]:
    """The words of its commands."""
    return [command.argv for command in read_shell(text).commands]
