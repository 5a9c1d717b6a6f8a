"""Case files as tests of pytest. A case runs in pytest's own process, unless it has a timeout."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import pytest

from policyc.cli.case_report import show_failure
from policyc.cli.terminal import Terminal
from policyc.grammar.rendering import render_text
from policyc.runtime.engine import Engine
from policyc.runtime.loading import loader
from policyc.runtime.testing.case_reading import read_case_file
from policyc.runtime.testing.running import run_case
from policyc.runtime.testing.workers import Task, run_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from policyc.runtime.program import Program
    from policyc.runtime.testing.cases import Case
    from policyc.runtime.testing.outcomes import CaseResult

_WIDTH = 100


class CaseFailed(Exception):
    """A case does not hold."""

    def __init__(self, result: CaseResult) -> None:
        super().__init__(result.case.name)
        self.result = result


class CaseFileCollector(pytest.File):
    """A case file. Its mistakes are errors of the collection, so that no case of it can pass."""

    def collect(self) -> Iterator[CaseItem]:
        loaded = read_case_file(os.path.relpath(self.path))
        if loaded.file is None or loaded.program is None:
            raise self.CollectError(render_text(loaded.diagnostics, width=_WIDTH))
        for case in loaded.file.cases:
            yield CaseItem.from_parent(
                self, name=case.name, case=case, program=loaded.program, file=loaded.path
            )


class CaseItem(pytest.Item):
    """A case. Its tags can be chosen with `-k`."""

    def __init__(self, *, case: Case, program: Program, file: str, **others: Any) -> None:
        super().__init__(**others)
        self.case = case
        self._program = program
        self._file = file
        self.extra_keyword_matches.update(case.tags)
        if case.skip:
            self.add_marker(pytest.mark.skip(reason=case.skip))

    def runtest(self) -> None:
        if self.case.is_only and os.environ.get("CI"):
            pytest.fail("`only` leaves all other cases out", pytrace=False)
        if self.case.timeout:
            (result,) = run_tasks([Task(0, self.case)], [self._program])
        else:
            result = run_case(Engine(self._program, loader(None)), self.case)
        if not result.ok:
            raise CaseFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if not isinstance(excinfo.value, CaseFailed):
            return super().repr_failure(excinfo, style)
        stream = io.StringIO()
        terminal = Terminal(stream, color=False, width=_WIDTH)
        show_failure(self._file, excinfo.value.result, terminal)
        return stream.getvalue().rstrip("\n")

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.case.line - 1, self.name


def apply_only(
    items: Sequence[pytest.Item],
) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The tests to keep, and the cases to leave out: those without `only` where some have it."""
    cases = [item for item in items if isinstance(item, CaseItem)]
    if not any(item.case.is_only for item in cases):
        return list(items), []
    left_out = [item for item in cases if not item.case.is_only]
    dropped = set(map(id, left_out))
    return [item for item in items if id(item) not in dropped], list(left_out)
