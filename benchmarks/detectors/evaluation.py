"""What an evaluation of a detector is, and how its figures come about.

An evaluation has parts (a name and labelled items) and engines that answer the same texts. To add
one for a detector, write a function `(upstream) -> Evaluation` and its row in `__main__`.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import process_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Answers = frozenset[str]
"""What is found in a text, in whatever words the labels use: hosts, or just "yes"."""

YES: Answers = frozenset({"yes"})
NO: Answers = frozenset()


@dataclass(frozen=True, slots=True)
class Item:
    """A text, and what is in it."""

    text: str
    expected: Answers


@dataclass(frozen=True, slots=True)
class Engine:
    """Something that answers: a name, and a function from texts to answers and CPU seconds."""

    name: str
    answer: Callable[[Sequence[Item]], tuple[list[Answers], float]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The parts of a labelled set by name, and the engines to compare; the first is policyc's."""

    title: str
    parts: dict[str, list[Item]]
    engines: list[Engine]


@dataclass(frozen=True, slots=True)
class Figures:
    """How one engine did on one part."""

    engine: str
    part: str
    items: int
    hits: int
    misses: int
    false: int
    milliseconds: float
    """CPU time per KiB of text."""

    @property
    def precision(self) -> float | None:
        found = self.hits + self.false
        return self.hits / found if found else None

    @property
    def recall(self) -> float | None:
        wanted = self.hits + self.misses
        return self.hits / wanted if wanted else None

    def to_dict(self) -> dict[str, object]:
        names = ("engine", "part", "items", "hits", "misses", "false", "milliseconds")
        figures = {name: getattr(self, name) for name in names}
        return {**figures, "precision": self.precision, "recall": self.recall}


def each(name: str, look: Callable[[Item], Answers]) -> Engine:
    """An engine that looks at one item after the other in this process."""

    def answer(items: Sequence[Item]) -> tuple[list[Answers], float]:
        look(Item("warm up", NO))
        started = process_time()
        found = [look(item) for item in items]
        return found, process_time() - started

    return Engine(name, answer)


def figures(evaluation: Evaluation) -> list[Figures]:
    """The figures of every engine on every part."""
    rows = []
    for part, items in evaluation.parts.items():
        size = sum(len(item.text.encode("utf-8", "surrogatepass")) for item in items) / 1024
        for engine in evaluation.engines:
            answers, seconds = engine.answer(items)
            pairs = list(zip(items, answers, strict=True))
            rows.append(
                Figures(
                    engine.name,
                    part,
                    len(items),
                    sum(len(item.expected & found) for item, found in pairs),
                    sum(len(item.expected - found) for item, found in pairs),
                    sum(len(found - item.expected) for item, found in pairs),
                    seconds * 1000 / size,
                )
            )
    return rows


def as_text(title: str, rows: Sequence[Figures]) -> str:
    """A table for a terminal or a page."""
    lines = [
        f"## {title}",
        "",
        "| engine | part | items | found | missed | false | precision | recall | ms/KiB |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {row.engine} | {row.part} | {row.items} | {row.hits} | {row.misses} | {row.false} "
        f"| {_share(row.precision)} | {_share(row.recall)} | {row.milliseconds:.3f} |"
        for row in rows
    ]
    return "\n".join([*lines, ""])


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
