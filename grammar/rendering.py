"""Diagnostics -> text for a person, JSON, SARIF and GitHub workflow commands.

Whatever comes from a policy is shown with its control characters escaped: a policy cannot move the
cursor of the terminal that shows its mistakes.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from policyc.grammar.catalog import CODES, page
from policyc.grammar.diagnostics import Severity
from policyc.grammar.printable import printable
from policyc.grammar.underlining import CUT, Excerpt, marks_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.grammar.diagnostics import Diagnostic
    from policyc.grammar.source import Source, Span

_DEFAULT_WIDTH = 120
_LEAST_WIDTH = 40
_HELP = " = help: "
_RESET, _BOLD, _BLUE = "\x1b[0m", "\x1b[1m", "\x1b[1;34m"
_SEVERITY_COLORS = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m"}


# --- text -----------------------------------------------------------------------------------------


def render_text(
    diagnostics: Iterable[Diagnostic], *, color: bool = False, width: int | None = None
) -> str:
    """Each diagnostic with the lines it is about, separated by blank lines; empty for none."""
    paint = _Paint(color)
    room = max(width or _DEFAULT_WIDTH, _LEAST_WIDTH)
    return "\n".join(_text(diagnostic, paint, room) for diagnostic in diagnostics)


class _Paint:
    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled

    def __call__(self, text: str, color: str) -> str:
        return f"{color}{text}{_RESET}" if self._enabled and text else text


def _text(diagnostic: Diagnostic, paint: _Paint, width: int) -> str:
    source = diagnostic.source
    color = _SEVERITY_COLORS[diagnostic.severity]
    marks = marks_of(source, diagnostic.span, diagnostic.note, is_primary=True)
    for label in diagnostic.labels:
        marks += marks_of(source, label.span, label.text, is_primary=False)
    numbers = sorted({mark.line for mark in marks})
    gutter = len(str(numbers[-1]))
    bar = paint(f"{' ' * gutter} |", _BLUE)
    title = paint(f"{diagnostic.severity}[{diagnostic.code}]", color)
    place = f"{printable(source.name)}:{diagnostic.line}:{diagnostic.column}"
    lines = [
        f"{title}{paint(f': {printable(diagnostic.message)}', _BOLD)}",
        f"{' ' * gutter}{paint('-->', _BLUE)} {place}",
        bar,
    ]
    before = None
    for number in numbers:
        if before is not None and number > before + 1:
            lines.append(paint(CUT, _BLUE))
        before = number
        here = [mark for mark in marks if mark.line == number]
        shown = Excerpt(source.line(number), here, width - gutter - 3)
        lines.append(f"{paint(f'{number:>{gutter}} |', _BLUE)} {shown.text}".rstrip())
        for mark in here:
            underline = shown.underline(mark)
            lines.append(
                f"{bar} {' ' * shown.column(mark.start)}"
                f"{paint(underline, color if mark.is_primary else _BLUE)}"
            )
    if diagnostic.help:
        margin = " " * gutter
        first, *rest = textwrap.wrap(printable(diagnostic.help), width - gutter - len(_HELP))
        lines += [bar, f"{margin} {paint('=', _BLUE)} {paint('help', _BOLD)}: {first}"]
        lines += [f"{margin}{' ' * len(_HELP)}{line}" for line in rest]
    return "".join(f"{line}\n" for line in lines)


# --- for programs ---------------------------------------------------------------------------------


def render_json(diagnostics: Iterable[Diagnostic]) -> dict[str, Any]:
    """The answer of `policyc check --format json`. Warnings do not spoil `ok`."""
    found = list(diagnostics)
    return {
        "diagnostics": [diagnostic.to_dict() for diagnostic in found],
        "ok": all(diagnostic.severity is not Severity.ERROR for diagnostic in found),
    }


def render_sarif(diagnostics: Iterable[Diagnostic]) -> dict[str, Any]:
    """A SARIF 2.1.0 log with one run; the rules are the codes that occur, described by the
    catalogue."""
    found = list(diagnostics)
    codes = sorted({diagnostic.code for diagnostic in found})
    driver = {
        "name": "policyc",
        "rules": [_sarif_rule(code) for code in codes],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_sarif_result(d, codes.index(d.code)) for d in found],
            }
        ],
    }


def _sarif_rule(code: str) -> dict[str, Any]:
    row = CODES[code]
    return {
        "id": code,
        "name": row.name,
        "shortDescription": {"text": row.title},
        "help": {"text": page(code), "markdown": page(code)},
        "defaultConfiguration": {"level": str(row.severity)},
    }


def _sarif_result(diagnostic: Diagnostic, rule_index: int) -> dict[str, Any]:
    text = diagnostic.message
    if diagnostic.help:
        text = f"{text}. {diagnostic.help}"
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule_index,
        "level": str(diagnostic.severity),
        "message": {"text": text},
        "locations": [_sarif_location(diagnostic.source, diagnostic.span)],
    }
    if diagnostic.labels:
        result["relatedLocations"] = [
            {**_sarif_location(diagnostic.source, label.span), "message": {"text": label.text}}
            for label in diagnostic.labels
        ]
    return result


def _sarif_location(source: Source, span: Span) -> dict[str, Any]:
    start, end = source.position(span.start), source.position(span.end)
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": sarif_uri(source.name)},
            "region": {
                "startLine": start.line,
                "startColumn": start.column,
                "endLine": end.line,
                "endColumn": end.column,
            },
        }
    }


def sarif_uri(path: str) -> str:
    """A path as a relative reference; an absolute path becomes a file address."""
    posix = path.replace("\\", "/")
    if re.match(r"[A-Za-z]:/", posix):
        return f"file:///{posix[:2]}{quote(posix[2:])}"
    return f"file://{quote(posix)}" if posix.startswith("/") else quote(posix)


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """One workflow command a line, which GitHub shows beside the lines of a change."""
    return "".join(f"{_github(diagnostic)}\n" for diagnostic in diagnostics)


def _github(diagnostic: Diagnostic) -> str:
    properties = {
        "file": printable(diagnostic.source.name),
        "line": str(diagnostic.line),
        "col": str(diagnostic.column),
        "endLine": str(diagnostic.end_line),
        "endColumn": str(diagnostic.end_column),
        "title": diagnostic.code,
    }
    text = printable(diagnostic.message)
    if diagnostic.help:
        text = f"{text}\n{printable(diagnostic.help)}"
    return github_command(diagnostic.severity, properties, text)


def github_command(severity: str, properties: dict[str, str], text: str) -> str:
    """A workflow command that annotates a place; what it holds must be printable."""
    listed = ",".join(f"{name}={_github_property(value)}" for name, value in properties.items())
    return f"::{severity} {listed}::{_github_data(text)}"


def _github_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")
