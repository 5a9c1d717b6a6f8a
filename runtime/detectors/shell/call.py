"""A command with everything that a rule may ask about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.options import Options, read_options
from policyc.runtime.detectors.shell.paths import normalize
from policyc.runtime.detectors.shell.values import NO_LABELS, Data, Word

if TYPE_CHECKING:
    from collections.abc import KeysView

    from policyc.runtime.detectors.shell.script import Script
    from policyc.runtime.detectors.shell.state import State, Value


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirection: `target` is None for here-documents and here-strings, whose text is `data`."""

    operator: str
    descriptor: str
    target: Word | None
    data: Data | None
    start: int
    end: int

    @property
    def is_input(self) -> bool:
        return self.operator.startswith("<")

    @property
    def is_output(self) -> bool:
        return ">" in self.operator


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds a command: where it stands, what it reads, what was wrapped around it."""

    script: Script
    start: int
    end: int
    stdin: Data | None = None
    redirects: tuple[Redirect, ...] = ()
    assigned: tuple[tuple[str, Value], ...] = ()
    wrappers: tuple[str, ...] = ()


@dataclass
class Call:
    """A command after its wrappers. `words` has its name at first; it is empty where only
    variables are set or files redirected."""

    name: str
    words: list[Word]
    context: Context
    state: State
    reads: list[tuple[str, Word]] = field(default_factory=list)
    writes: list[tuple[str, Word]] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    executes: list[tuple[Data, Word | None]] = field(default_factory=list)
    """Code that it runs: the script of `sh -c`, standard input of `sh`, a file."""
    content: frozenset[str] = NO_LABELS
    """Where what it reads from files comes from."""

    @cached_property
    def args(self) -> list[str]:
        """The values of the words after the name."""
        return [word.value for word in self.words[1:]]

    @cached_property
    def options(self) -> Options:
        return read_options(self.name, self.words[1:])

    @property
    def flags(self) -> KeysView[str]:
        """The options without their values: `-r`, `--recursive`."""
        return self.options.flags.keys()

    @property
    def operands(self) -> list[Word]:
        """The words that are no options."""
        return self.options.operands

    @cached_property
    def verbs(self) -> list[str]:
        """The values of the operands: `push origin` of `git -C x push origin`."""
        return [word.value for word in self.options.operands]

    @property
    def redirects(self) -> tuple[Redirect, ...]:
        return self.context.redirects

    @property
    def stdin(self) -> Data | None:
        return self.context.stdin

    @cached_property
    def labels(self) -> frozenset[str]:
        """Where what it gets comes from: by its words and standard input."""
        labels = NO_LABELS if self.stdin is None else self.stdin.labels
        for word in self.words:
            labels |= word.labels
        return labels

    def path(self, word: Word) -> str:
        """A word as a normal path: without `.` and `..`, below the working folder if known."""
        return normalize(word.value, self.state.folder)
