"""What benchmarks answer: rows of a table, as text for a terminal, as Markdown and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Unit = Literal["x", "us", "ms", "MiB"]
Verdict = Literal["stretch", "met", "missed", ""]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    `measured`: a ratio (unit "x") or an absolute value. `goal` and `stretch`: what it should be at
    most, or at least where `more_is_better`; None where it is only for information. `note`: the
    times behind a ratio.
    """

    what: str
    measured: float
    unit: Unit = "x"
    goal: float | None = None
    stretch: float | None = None
    more_is_better: bool = False
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.stretch is not None and self._reaches(self.stretch):
            return "stretch"
        if self.goal is None:
            return ""
        return "met" if self._reaches(self.goal) else "missed"

    def _reaches(self, wanted: float) -> bool:
        return self.measured >= wanted if self.more_is_better else self.measured <= wanted

    def cells(self) -> list[str]:
        """What a table shows of it."""
        sign = ">=" if self.more_is_better else "<="
        limits = [
            "" if limit is None else f"{sign} {shown(limit, self.unit)}"
            for limit in (self.goal, self.stretch)
        ]
        return [self.what, shown(self.measured, self.unit), *limits, self.verdict, self.note]

    def to_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "measured": self.measured,
            "unit": self.unit,
            "goal": self.goal,
            "stretch": self.stretch,
            "verdict": self.verdict or None,
            "note": self.note,
        }


def shown(value: float, unit: Unit) -> str:
    """A value with three digits that count."""
    if value >= 1000:
        digits = f"{round(value, -len(str(int(value))) + 3):,.0f}".replace(",", " ")
    else:
        digits = f"{value:.3g}"
    return f"x{digits}" if unit == "x" else f"{digits} {unit}"


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return shown(seconds * 1e3, "ms") if seconds >= 1e-3 else shown(seconds * 1e6, "us")


HEADINGS = ("what", "measured", "goal", "stretch", "verdict", "times")


def as_text(title: str, rows: Sequence[Row]) -> str:
    """A table for a terminal."""
    cells = [list(HEADINGS), *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [title]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        lines.append(f"  {'  '.join(padded)}".rstrip())
    return "\n".join(lines) + "\n"


def as_markdown(title: str, rows: Sequence[Row]) -> str:
    """A table for the documentation."""
    lines = [f"### {title}", "", _line(HEADINGS), "|" + "---|" * len(HEADINGS)]
    lines.extend(_line(row.cells()) for row in rows)
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
