"""Words and data of a script as far as they are known without running it.

In a value the character NUL, which no word of a shell can hold, stands for a piece that is not
known. So a value can be compared and matched like any text: `/home/\\0/.ssh` is a path below
`/home`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

UNKNOWN = "\0"

NO_LABELS: frozenset[str] = frozenset()

DOWNLOADED = "downloaded"
"""Data that came over the network."""
SECRET = "secret"  # noqa: S105  # a label, no password
"""Data that holds credentials, the environment or a history."""
LOCAL = "local"
"""The content of a local file, or what commands tell about this machine."""
SOCKET = "socket"
"""Data from a raw connection."""
SET_UP = "set-up"
"""What well-known programs print for `eval`: `ssh-agent`, `direnv hook bash`."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word after its expansion.

    `shown` is the value with what is not known as it is written. `start` and `end` are a piece of
    the script that the word stands in. `has_glob` tells that a `*`, `?` or `[` was not quoted.
    """

    value: str
    shown: str
    start: int
    end: int
    labels: frozenset[str] = NO_LABELS
    has_glob: bool = False

    @property
    def is_known(self) -> bool:
        return UNKNOWN not in self.value

    def with_value(self, value: str) -> Word:
        """The same place with another value, which is known as far as it can be."""
        return replace(self, value=value, shown=value.replace(UNKNOWN, "…"))


@dataclass(frozen=True, slots=True)
class Data:
    """What a command writes or reads: its text where it is known, and where it comes from."""

    text: str | None = None
    labels: frozenset[str] = NO_LABELS
    sample: str | None = None
    """Where the text is not known: what each line of it is like, as a word with a pattern."""

    def with_labels(self, labels: frozenset[str]) -> Data:
        return self if labels <= self.labels else replace(self, labels=self.labels | labels)


NOTHING = Data("")
ANYTHING = Data(None)


def joined(parts: list[Data]) -> Data:
    """What commands write that run one after the other."""
    if not parts:
        return NOTHING
    if len(parts) == 1:
        return parts[0]
    labels = frozenset[str]().union(*(part.labels for part in parts))
    texts = [part.text for part in parts]
    known = [text for text in texts if text is not None]
    return Data("".join(known) if len(known) == len(texts) else None, labels)


@dataclass(slots=True)
class Piece:
    """A part of a word while it is expanded.

    `kind` is one of the three below; only `SPLIT` pieces are split into words, only `PLAIN` and
    `SPLIT` ones hold patterns.
    """

    text: str
    kind: int
    shown: str
    labels: frozenset[str] = field(default=NO_LABELS)


PLAIN, QUOTED, SPLIT = range(3)
