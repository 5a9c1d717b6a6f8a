"""What functions of the standard library return besides JSON values: small records.

Their fields are what a policy may read; `compiler.typesystem.MEMBERS` lists the same names.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyc.runtime.places import Mark


class Marked:
    """A record that knows where in the trace it stands.

    The places are no field: they are nothing that a policy reads or compares.
    """

    def marked(self, marks: Mapping[str, Sequence[Mark]]) -> Self:
        """The same with the pieces of the trace that it (named by an empty text) and its members
        stand for."""
        placed = replace(self)  # type: ignore[type-var]  # each of these is a dataclass
        placed.__dict__["_marks"] = marks
        return placed

    def marks_of(self, member: str) -> Sequence[Mark]:
        """What to mark in the trace where a policy reads that member; without a name, where it
        picks the record itself."""
        marks: Mapping[str, Sequence[Mark]] = self.__dict__.get("_marks", {})
        return marks.get(member, ())


class MarkedList(list[Any]):
    """A list that was read from pieces of the trace: `marks`, marked where a policy asks for it."""

    def __init__(self, items: Sequence[Any], marks: Sequence[Mark]) -> None:
        super().__init__(items)
        self.marks = marks


@dataclass(frozen=True, slots=True)
class PythonCode(Marked):
    """What a piece of Python code uses. With a syntax error all lists are empty."""

    imports: list[str] = field(default_factory=list)
    builtins: list[str] = field(default_factory=list)
    function_calls: list[str] = field(default_factory=list)
    shell_commands: list[str] = field(default_factory=list)
    syntax_error: bool = False
    syntax_error_exception: str | None = None


@dataclass(frozen=True, slots=True)
class HtmlCode(Marked):
    """What HTML holds that a reader of the page does not see."""

    alt_texts: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class File:
    """A file of a workspace; `path` is relative to it."""

    path: str
    content: str


@dataclass(frozen=True, slots=True)
class ImageWord(Marked):
    """A word in an image. `confidence` is from 0 to 1; `span` is its place in the text of the
    image, in characters; `box` is left, top, width and height in pixels; `image` is the number of
    the image among those that were read."""

    text: str
    confidence: float
    span: list[int]
    box: list[int]
    image: int = 0

    def of_image(self, number: int) -> ImageWord:
        return replace(self, image=number)


@dataclass(frozen=True, slots=True)
class CodeIssue(Marked):
    """What a linter says about a piece of code; `severity` is `info`, `warning` or `error`, `rule`
    the name of the rule, `span` the piece in characters."""

    description: str
    severity: str
    rule: str = ""
    span: list[int] = field(default_factory=list)
