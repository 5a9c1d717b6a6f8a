"""Parts of a corpus in chunks: enough work for a process to be worth sending it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policyc.runtime.trace_corpus import BadPart, FilePart, LinePart, Part, TextPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHUNK_SIZE: Final = 1 << 18
"""Characters of a chunk, unless a single part has more."""

_SIZE_OF_FILE: Final = 1 << 14
"""What an unread file counts as."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Parts of a corpus that are judged together."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        first, last = _place(self.parts[0]), _place(self.parts[-1])
        return f"`{first}`" if first == last else f"the traces from `{first}` to `{last}`"


def _place(part: Part) -> str:
    return f"{part.name}:{part.number}" if isinstance(part, LinePart) else part.name


def chunks_of(parts: Iterable[Part]) -> Iterator[Chunk]:
    """The parts in chunks, in their order."""
    chunk: list[Part] = []
    size = 0
    for part in parts:
        match part:
            case LinePart(text=text) | TextPart(text=text):
                size += len(text)
            case FilePart() | BadPart():
                size += _SIZE_OF_FILE
        chunk.append(part)
        if size >= CHUNK_SIZE:
            yield Chunk(tuple(chunk))
            chunk, size = [], 0
    if chunk:
        yield Chunk(tuple(chunk))
