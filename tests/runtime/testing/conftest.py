"""A folder with a policy and a short way to run the cases of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from policyc.runtime.engine import Engine
from policyc.runtime.loading import loader
from policyc.runtime.testing.case_reading import Loaded, read_case_file
from policyc.runtime.testing.running import run_case

if TYPE_CHECKING:
    from pathlib import Path

    from policyc.runtime.testing.outcomes import CaseResult

MAIL = """\
raise "mail to an outsider [risk=high]" if:
    (call: ToolCall)
    call is tool:send_email
    call.function.arguments.to.split("@")[-1] != input.domain

raise Violation("a secret word", word="swordfish") if:
    (m: Message)
    "swordfish" in m.content

raise 5 if:
    (out: ToolOutput) -> (m: Message)
    out.content == m.content
"""


class Read(Protocol):
    """Reads the text of a case file about `mail.inv`."""

    def __call__(self, text: str, name: str = "mail.cases.yaml") -> Loaded: ...


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POLICYC_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "mail.inv").write_text(MAIL, "utf-8")
    return tmp_path


@pytest.fixture
def read(folder: Path) -> Read:
    def read_text(text: str, name: str = "mail.cases.yaml") -> Loaded:
        (folder / name).write_text(text, "utf-8")
        return read_case_file(name)

    return read_text


def results_of(loaded: Loaded) -> list[CaseResult]:
    """The results of all cases, run in this process."""
    assert loaded.file is not None and loaded.program is not None, loaded.diagnostics
    engine = Engine(loaded.program, loader(None))
    return [run_case(engine, case) for case in loaded.file.cases]
