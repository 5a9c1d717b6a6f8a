"""Trees of lines, and how they look in plain text; the command line draws them in colour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

LineStyle = Literal["plain", "strong", "quiet", "good", "warning", "error"]


@dataclass(slots=True)
class Branch:
    """A line with others below it."""

    text: str
    style: LineStyle = "plain"
    children: list[Branch] = field(default_factory=list)


def draw(branch: Branch) -> str:
    """The tree in plain text, with guides in front of the lines."""
    return "\n".join([branch.text, *_below(branch, "")])


def _below(branch: Branch, before: str) -> list[str]:
    lines = []
    for child in branch.children:
        is_last = child is branch.children[-1]
        lines.append(f"{before}{'└── ' if is_last else '├── '}{child.text}")
        lines.extend(_below(child, f"{before}{'    ' if is_last else '│   '}"))
    return lines
