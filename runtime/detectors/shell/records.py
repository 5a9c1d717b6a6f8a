"""What a policy sees of shell code: the members of `ShellCode` and of what it lists.

`compiler.typesystem.MEMBERS` lists the same names. A span is `[start, end]`, in characters of the
text that was read, end exclusive; what stands in a nested script that is not written out there
(decoded, put together) has the span of the word that it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from policyc.runtime.records import Marked


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """A command that would run. A part of a word that is not known stands as it is written."""

    name: str
    argv: list[str]
    flags: list[str]
    wrappers: list[str]
    variables: list[str]
    text: str
    span: list[int]
    resolved: bool


@dataclass(frozen=True, slots=True)
class ShellPipe:
    """Commands of which each reads what the one before it writes."""

    commands: list[ShellCommand]
    text: str
    span: list[int]


@dataclass(frozen=True, slots=True)
class ShellRedirect:
    """A redirection to or from a file or a descriptor; here-documents have no target."""

    operator: str
    target: str
    text: str
    span: list[int]


@dataclass(frozen=True)
class ShellRisk(Marked):
    """Something that may do harm: its kind, why, and the command that does it."""

    kind: str
    reason: str
    command: str
    text: str
    span: list[int]


@dataclass(frozen=True)
class ShellUndecidable(Marked):
    """A place of which the reader cannot tell what it does, and why."""

    reason: str
    text: str
    span: list[int]


@dataclass(frozen=True)
class ShellCode(Marked):
    """What shell code would do."""

    commands: list[ShellCommand] = field(default_factory=list)
    pipes: list[ShellPipe] = field(default_factory=list)
    redirects: list[ShellRedirect] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    risks: list[ShellRisk] = field(default_factory=list)
    undecidable: list[ShellUndecidable] = field(default_factory=list)
    syntax_error: bool = False
