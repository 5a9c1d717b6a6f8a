"""What functions of the standard library return besides JSON values: small records.

Their fields are what a policy may read; `compiler.typesystem.MEMBERS` lists the same names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.runtime.places import Mark


@runtime_checkable
class MarkingRecord(Protocol):
    """A record that stands for pieces of the trace."""

    def marks_of(self, member: str) -> Sequence[Mark]:
        """What to mark in the trace where a policy reads that member; without a name, where it
        picks the record itself."""


@dataclass(frozen=True, slots=True)
class PythonCode:
    """What a piece of Python code uses. With a syntax error all lists are empty."""

    imports: list[str] = field(default_factory=list)
    builtins: list[str] = field(default_factory=list)
    function_calls: list[str] = field(default_factory=list)
    shell_commands: list[str] = field(default_factory=list)
    syntax_error: bool = False
    syntax_error_exception: str | None = None


@dataclass(frozen=True, slots=True)
class HtmlCode:
    """What HTML holds that a reader of the page does not see."""

    alt_texts: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class File:
    """A file of a workspace; `path` is relative to it."""

    path: str
    content: str
