"""A test run as GitHub workflow commands: annotations beside the lines of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.grammar.printable import printable
from policyc.grammar.rendering import github_command, render_github
from policyc.runtime.testing.wording import sentences

if TYPE_CHECKING:
    from policyc.runtime.testing.session import Report


def render(report: Report) -> str:
    lines = [
        _line(file.path, result.case.line, result.case.name, "\n".join(sentences(result)))
        for file in report.files
        for result in file.results
        if not result.ok
    ]
    lines += [_line(one.path, one.line, one.kind, one.message) for one in report.complaints]
    return render_github(report.diagnostics) + "".join(lines)


def _line(path: str, line: int, title: str, text: str) -> str:
    where = {"file": printable(path), "line": str(line), "title": printable(title)}
    told = "\n".join(map(printable, text.split("\n")))
    return github_command("error", where, told) + "\n"
