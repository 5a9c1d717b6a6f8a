"""The project file against the folders: what it does not list is silently absent from the wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("grammar", "compiler", "runtime", "policies")
SHIPPED = {".py", ".inv", ".lark", ".md", ".json", ".yaml"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def folders_with_files(top: Path) -> set[Path]:
    return {file.parent for file in top.rglob("*") if file.suffix in SHIPPED}


def package_of(folder: Path, top: Path, name: str) -> str:
    return ".".join((name, *folder.relative_to(top).parts))


def test_every_folder_with_files_to_ship_is_a_listed_package() -> None:
    found = {
        package_of(folder, ROOT / layer, f"policyc.{layer}")
        for layer in LAYERS
        for folder in folders_with_files(ROOT / layer)
    }
    facade = ROOT / "src" / "policyc"
    for entry in facade.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            found |= {package_of(f, facade, "policyc") for f in folders_with_files(entry)}
    found.add("policyc")

    assert found == set(PROJECT["tool"]["setuptools"]["packages"])


def test_every_data_file_has_a_pattern_that_ships_it() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    homes = {
        f"policyc.{package}": ROOT / package.replace(".", "/")
        for package in (
            "grammar",
            "grammar.catalog",
            "compiler",
            "runtime",
            "runtime.detectors",
            "runtime.sandbox.docker",
            "runtime.testing",
            "policies",
        )
    }
    shipped = {
        file
        for package, globs in patterns.items()
        if package in homes
        for glob in globs
        for file in homes[package].glob(glob)
        if file.suffix in SHIPPED
    }
    data = {
        file
        for layer in LAYERS
        for file in (ROOT / layer).rglob("*")
        if file.suffix in SHIPPED - {".py"}
    }
    assert data == shipped


@pytest.mark.parametrize("layer", LAYERS)
def test_the_link_for_static_tools_leads_to_its_folder(layer: str) -> None:
    link = ROOT / "src" / "policyc" / layer
    assert link.is_symlink()
    assert link.resolve() == ROOT / layer


def test_the_version_is_the_same_in_the_project_file_and_the_package() -> None:
    import policyc  # noqa: PLC0415  # the rest of this module does not need it

    assert policyc.__version__ == PROJECT["project"]["version"]
