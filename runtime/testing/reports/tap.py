"""A test run in the Test Anything Protocol, version 14."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from policyc.grammar.printable import printable
from policyc.runtime.testing.outcomes import Outcome
from policyc.runtime.testing.wording import sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.testing.session import Report


def render(report: Report) -> str:
    points = list(_points(report))
    lines = ["TAP version 14", f"1..{len(points)}"]
    for number, (is_ok, rest) in enumerate(points, 1):
        lines.append(f"{'ok' if is_ok else 'not ok'} {number} - {rest}")
    return "\n".join(lines) + "\n"


def _points(report: Report) -> Iterator[tuple[bool, str]]:
    for file in report.files:
        for found in file.diagnostics:
            place = f"{found.path}:{found.line}:{found.column}"
            name = f"{file.path}: {found.code}"
            yield False, _named(name) + _details([found.message], place)
        for result in file.results:
            case = result.case
            name = _named(f"{file.path}: {case.name}")
            if result.outcome is Outcome.SKIPPED:
                yield True, f"{name} # SKIP {printable(case.skip or '')}"
            elif result.ok:
                yield True, name
            else:
                yield False, name + _details(sentences(result), f"{file.path}:{case.line}")
    for one in report.complaints:
        name = _named(f"{one.path}: {one.kind}")
        yield False, name + _details([one.message], f"{one.path}:{one.line}")


def _named(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace("#", "\\#")


def _details(messages: list[str], place: str) -> str:
    """A block of YAML; JSON texts are YAML as well."""
    told = "".join(f"\n    - {json.dumps(printable(message))}" for message in messages)
    return f"\n  ---\n  at: {json.dumps(printable(place))}\n  messages:{told}\n  ..."
