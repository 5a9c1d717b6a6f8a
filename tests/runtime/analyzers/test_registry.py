"""Analyzers by their names."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from tests.runtime.analyzers.actions import call

from policyc.analyzers import (
    AnalyzerError,
    InvariantAnalyzer,
    SecurityAnalyzer,
    analyzer_names,
    make_analyzer,
)

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = """
from policyc.analyzers import Assessment, RiskLevel, SecurityAnalyzer

class Acme(SecurityAnalyzer):
    name = "acme"

    def __init__(self, level="LOW", **options):
        super().__init__(**options)
        self.level = RiskLevel.read(level)

    async def assess(self, question):
        return Assessment(self.level)

def function():
    pass
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where distributions can be installed by hand."""
    (tmp_path / "acme_analyzers.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_analyzers", raising=False)
    return tmp_path


def install(folder: Path, distribution: str, *entries: str) -> None:
    info = folder / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(["[policyc.analyzers]", *entries, ""]))


def test_those_of_policyc() -> None:
    assert {"ensemble", "grayswan", "invariant", "llm"} <= set(analyzer_names())
    made = make_analyzer("invariant", policy="policy:openhands", on_error="ask")

    assert isinstance(made, InvariantAnalyzer)
    assert made.on_error == "ask"


@pytest.mark.parametrize("name", ["ensemble", "grayswan", "invariant", "llm"])
def test_each_is_called_what_it_is_called(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAYSWAN_API_KEY", "x")
    options = {
        "invariant": {"policy": "policy:openhands"},
        "ensemble": {"analyzers": [make_analyzer("llm")]},
    }

    assert make_analyzer(name, **options.get(name, {})).name == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("invarant", "there is no analyzer `invarant`: did you mean `invariant`?"),
        ("greyswan", "did you mean `grayswan`?"),
        ("nothing", "known are `ensemble`, `grayswan`, `invariant`, `llm`"),
        ("", "there is no analyzer ``"),
    ],
)
def test_an_unknown_name_refuses_to_start(name: str, message: str) -> None:
    """W1: it does not become an analyzer that fails, and is then ignored."""
    with pytest.raises(AnalyzerError) as caught:
        make_analyzer(name)

    assert message in str(caught.value)


@pytest.mark.parametrize("options", [{}, {"policy": "policy:openhands", "colour": "red"}])
def test_options_that_it_does_not_take(options: dict[str, str]) -> None:
    with pytest.raises(AnalyzerError, match=r"`invariant` cannot be made so: .*(policy|colour)"):
        make_analyzer("invariant", **options)


def test_those_of_others(plugin: Path) -> None:
    install(plugin, "acme", "acme = acme_analyzers:Acme")

    made = make_analyzer("acme", level="HIGH")

    assert "acme" in analyzer_names()
    assert isinstance(made, SecurityAnalyzer)
    assert made.decide_sync(call("x")).verdict == "deny"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("acme = acme_analyzers:Missing", "`acme` of `acme 1.0` cannot be loaded"),
        ("acme = not_there:Acme", "`acme` of `acme 1.0` cannot be loaded: No module"),
        ("acme = acme_analyzers:function", "is no class of a SecurityAnalyzer"),
    ],
)
def test_one_that_cannot_be_used_names_its_distribution(
    plugin: Path, entry: str, message: str
) -> None:
    install(plugin, "acme", entry)

    with pytest.raises(AnalyzerError, match=message):
        make_analyzer("acme")


def test_one_name_in_two_distributions(plugin: Path) -> None:
    install(plugin, "acme", "llm = acme_analyzers:Acme")

    with pytest.raises(AnalyzerError, match=r"`acme 1.0` and `policyc .*` both have an analyzer"):
        make_analyzer("llm")
