"""Commands that run other commands: what they leave to be run.

A handler looks at the words of a command and says what is inside: a command (its words), scripts,
or code of another language. Tables of handlers are in the modules beside this one; `HANDLERS` is
all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.values import ANYTHING, Data, Word

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call


@dataclass(frozen=True, slots=True)
class Nested:
    """A script inside of a command.

    `word` is where it stands. `is_same_shell` tells that it sees and changes the state of the shell
    that runs the command, as `eval` does. `positional` are its parameters, None if not known;
    `zero` is `$0` where it is given.
    """

    data: Data
    word: Word | None = None
    is_same_shell: bool = False
    positional: tuple[Word, ...] | None = ()
    zero: Word | None = None


@dataclass(slots=True)
class Inside:
    """What a command runs.

    `commands` are those in the words of the command; `is_prefix` tells that the wrapper is nothing
    by itself: only the inner command counts, with the wrapper's name beside it. `keeps_stdin` tells
    that the inner commands read the standard input. `unknown` are reasons why something that runs
    is not known, each with the word that it is about.
    """

    commands: list[list[Word]] = field(default_factory=list)
    scripts: list[Nested] = field(default_factory=list)
    is_prefix: bool = False
    keeps_stdin: bool = True
    unknown: list[tuple[str, Word | None]] = field(default_factory=list)


Handler = Callable[["Call"], Inside | None]
"""Looks at a command; None: it runs nothing but itself."""


def script_of(words: list[Word]) -> Data:
    """Words joined by blanks, as `eval` and `ssh` do."""
    labels = frozenset[str]().union(*(word.labels for word in words))
    if not all(word.is_known for word in words):
        return Data(None, labels)
    return Data(" ".join(word.value for word in words), labels)


def data_of(word: Word) -> Data:
    """The text of a word as a script."""
    return Data(word.value, word.labels) if word.is_known else Data(None, word.labels)


def input_of(call: Call) -> Data:
    """What a command reads from its standard input, where that is more than a terminal."""
    return ANYTHING if call.stdin is None else call.stdin
