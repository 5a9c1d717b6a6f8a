"""Finding a Python that has invariant-ai."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from benchmarks import oracle
from benchmarks.__main__ import arguments

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "ROOT", tmp_path)
    monkeypatch.delenv(oracle.VARIABLE, raising=False)


@pytest.fixture
def environment(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        path = tmp_path / name / "bin" / "python"
        path.parent.mkdir(parents=True)
        path.touch()
        return path

    return make


def test_there_may_be_none() -> None:
    assert oracle.interpreter() is None


def test_the_environment_that_make_sets_up(environment: Callable[[str], Path]) -> None:
    python = environment(".venv-oracle")
    assert oracle.interpreter() == python


def test_what_is_named_comes_first(
    environment: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(".venv-oracle")
    variable, option = environment("variable"), environment("option")
    monkeypatch.setenv(oracle.VARIABLE, str(variable))
    assert oracle.interpreter() == variable
    assert oracle.interpreter(str(option)) == option


def test_a_name_that_leads_nowhere_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert arguments(["--oracle", sys.executable]).oracle == sys.executable
    with pytest.raises(SystemExit):
        arguments(["--oracle", "/no/python/here"])
    assert "there is no /no/python/here" in capsys.readouterr().err
