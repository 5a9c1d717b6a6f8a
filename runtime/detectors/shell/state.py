"""What a script knows while it runs: variables, functions, aliases, files, the working folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.budget import MAX_ALTERNATIVES
from policyc.runtime.detectors.shell.values import NO_LABELS, UNKNOWN, Data, Word

if TYPE_CHECKING:
    from tree_sitter import Node

    from policyc.runtime.detectors.shell.script import Script


@dataclass(frozen=True, slots=True)
class Value:
    """A value that a variable may have. `words` are the elements of an array."""

    text: str
    labels: frozenset[str] = NO_LABELS
    words: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """The body of a function, in the script that defines it."""

    script: Script
    body: Node


class Files(dict[str, Data]):
    """What a script has written, by path. All its shells share it; it counts the changes of all."""

    changes = 0

    def __setitem__(self, path: str, data: Data) -> None:
        if self.get(path) != data:
            self.changes += 1
            super().__setitem__(path, data)

    def next_version(self) -> int:
        """A number that no state has had before."""
        self.changes += 1
        return self.changes


ENVIRONMENT: dict[str, str] = {
    "HOME": "~",
    "IFS": " \t\n",
    "PWD": f"/{UNKNOWN}",
    "OLDPWD": f"/{UNKNOWN}",
    "PATH": f"/{UNKNOWN}",
    "SHELL": "/bin/bash",
    "BASH": "/bin/bash",
    "TMPDIR": "/tmp",  # noqa: S108  # what a script finds there
    "OSTYPE": "linux-gnu",
}
"""What is known of variables that the script does not set."""


@dataclass(slots=True)
class State:
    """The state of one shell; a subshell has a copy (`fork`)."""

    variables: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    functions: dict[str, tuple[Function, ...]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    files: Files = field(default_factory=Files)
    pipes: set[str] = field(default_factory=set)
    """Named pipes that the script has made."""
    positional: tuple[Word, ...] | None = ()
    """The parameters `$1` and so on; None where they are not known."""
    zero: Word | None = None
    """The parameter `$0`, where the script was given one."""
    folder: str | None = None
    """The working folder, where the script has changed to one that is known."""
    maybe: int = 0
    """How many conditions stand around the command: its assignments are alternatives."""
    version: int = 0
    """Two states with the same version have the same variables."""

    def fork(self) -> State:
        """A subshell: it sees the same, and what it sets is gone after it. Files stay."""
        return State(
            dict(self.variables),
            dict(self.functions),
            dict(self.aliases),
            self.files,
            self.pipes,
            self.positional,
            self.zero,
            self.folder,
            self.maybe,
            self.version,
        )

    def assign(self, name: str, value: Value) -> None:
        """Set a variable; under a condition the value is one more that it may have."""
        old = self.variables.get(name, ())
        if not self.maybe:
            new: tuple[Value, ...] = (value,)
        elif value in old:
            return
        elif len(old) >= MAX_ALTERNATIVES:
            new = (*old[:-1], Value(UNKNOWN, old[-1].labels | value.labels))
        else:
            new = (*old, value)
        if new != old:
            self.variables[name] = new
            self._change()

    def set_all(self, name: str, values: list[Value]) -> None:
        """Set a variable that takes several values one after the other."""
        kept = values[:MAX_ALTERNATIVES]
        if len(values) > len(kept):
            labels = NO_LABELS.union(*(value.labels for value in values))
            kept[-1] = Value(UNKNOWN, labels)
        if self.variables.get(name) != tuple(kept):
            self.variables[name] = tuple(kept)
            self._change()

    def unset(self, name: str) -> None:
        """Forget a variable."""
        if self.variables.pop(name, None) is not None:
            self._change()

    def _change(self) -> None:
        self.version = self.files.next_version()

    def define(self, name: str, function: Function) -> None:
        """Define a function; under a condition it is one more that the name may stand for."""
        old = self.functions.get(name, ())
        if function not in old:
            kept = old if self.maybe and len(old) < MAX_ALTERNATIVES else ()
            self.functions[name] = (*kept, function)

    def value_of(self, name: str, choice: int) -> Value | None:
        """One of the values of a variable, or None if nothing sets it."""
        found = self.variables.get(name)
        if found:
            return found[choice % len(found)]
        known = ENVIRONMENT.get(name)
        return None if known is None else Value(known)
