"""The table of diagnostic codes. Each has a page `CODE.md` beside this file, which `policyc explain` prints.

A code is a letter and four digits: E errors and W warnings of a policy, R evaluation, T traces, B backends,
S sandbox. The first two digits are the stage: 01 source and layout, 02 syntax, 03 names and imports, 04 types and
arguments, 05 rules and flow, 06 availability and capabilities, 07 lints. A code is never renumbered or reused.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from policyc.grammar.diagnostics import Severity


@dataclass(frozen=True, slots=True)
class Code:
    """A row: the code, a short name in the form `what-is-flagged`, its severity and a title for lists."""

    code: str
    name: str
    title: str

    @property
    def severity(self) -> Severity:
        return Severity.WARNING if self.code.startswith("W") else Severity.ERROR


_ROWS: tuple[Code, ...] = (
    # E01 source and layout
    # E02 syntax
    # E03 names and imports
    # E04 types and arguments
    # E05 rules and flow
    # E06 availability and capabilities
    # W07 lints
)

CODES: dict[str, Code] = {row.code: row for row in _ROWS}


def page(code: str) -> str:
    """The text of a code's page.

    Raises:
        KeyError: there is no such code.
    """
    return resources.files("policyc.grammar.catalog").joinpath(f"{CODES[code].code}.md").read_text("utf-8")
