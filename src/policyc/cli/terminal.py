"""Text for a person: in colour or not, how wide, and with nothing in it that steers a terminal.

Colour is used on a terminal only, unless `--color` or `--no-color` decides or NO_COLOR is set.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

Command = TypeVar("Command", bound="Callable[..., Any]")
Style = Literal["error", "warning", "strong", "quiet", "place", "mark", "good", "removed"]

_SEQUENCES: dict[Style, str] = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "strong": "\x1b[1m",
    "quiet": "\x1b[1;34m",
    "place": "\x1b[36m",
    "mark": "\x1b[1;7;31m",
    "good": "\x1b[32m",
    "removed": "\x1b[31m",
}
_END = "\x1b[0m"

WIDTH_OF_A_FILE = 100
"""How wide text is made that goes to no terminal."""

_LEAST_WIDTH = 20

_CHOICE = "policyc.color"


@dataclass(frozen=True, slots=True)
class Terminal:
    """A stream to write on."""

    stream: IO[str]
    color: bool
    width: int

    @classmethod
    def of(cls, stream: IO[str]) -> Terminal:
        """The stream, with the colour that it and the command's options ask for."""
        return cls(stream, _wants_color(stream), max(_width(), _LEAST_WIDTH))

    def styled(self, text: str, style: Style) -> str:
        return f"{_SEQUENCES[style]}{text}{_END}" if self.color else text

    def write(self, text: str) -> None:
        """Write a line."""
        click.echo(text, file=self.stream, color=True)


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """A value as JSON in plain ASCII, so that every stream and terminal takes it."""
    import json  # noqa: PLC0415  # only for this format

    return json.dumps(value, indent=indent).replace("\x7f", "\\u007f")


def _width() -> int:
    """The columns of the terminal. As `shutil` has it, which would load three decompressors."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size().columns or WIDTH_OF_A_FILE
    except OSError:
        return WIDTH_OF_A_FILE


def _wants_color(stream: IO[str]) -> bool:
    context = click.get_current_context(silent=True)
    chosen = context.meta.get(_CHOICE) if context is not None else None
    if chosen is not None:
        return bool(chosen)
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def _choose(context: click.Context, _parameter: click.Parameter, value: bool | None) -> None:
    if value is not None:
        context.meta[_CHOICE] = value


def color_option(command: Command) -> Command:
    """The options `--color` and `--no-color`, which every command that reports has."""
    option = click.option(
        "--color/--no-color",
        default=None,
        expose_value=False,
        callback=_choose,
        help="Use colours, or none. By default only on a terminal.",
    )
    return option(command)
