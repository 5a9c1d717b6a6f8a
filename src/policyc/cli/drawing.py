"""Trees and tables, drawn to the width of the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.tree import Tree

    from policyc.cli.terminal import Terminal
    from policyc.runtime.explanation_tree import Branch, LineStyle

_STYLES: Final[dict[LineStyle, str]] = {
    "plain": "",
    "strong": "bold",
    "quiet": "bright_black",
    "good": "green",
    "warning": "bold yellow",
    "error": "red",
}


def show_tree(root: Branch, terminal: Terminal) -> None:
    """Draw a tree."""
    from rich.text import Text  # noqa: PLC0415  # slow to load
    from rich.tree import Tree  # noqa: PLC0415

    def grown(branch: Branch) -> Tree:
        label = Text(branch.text, _STYLES[branch.style])
        tree = Tree(label, guide_style=_STYLES["quiet"])
        tree.children.extend(map(grown, branch.children))
        return tree

    draw(grown(root), terminal)


def draw(drawing: RenderableType, terminal: Terminal) -> None:
    """Draw something of rich, without blanks at the ends of lines."""
    from rich.console import Console  # noqa: PLC0415  # slow to load

    console = Console(
        file=terminal.stream,
        width=terminal.width,
        color_system="standard" if terminal.color else None,
        force_terminal=terminal.color,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(drawing)
    for line in captured.get().splitlines():
        terminal.write(line.rstrip())
