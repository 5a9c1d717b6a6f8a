"""The recipes for continuous integration fit the published schemas of what reads them."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml
from tests.docs.pages import ROOT, read_blocks
from tests.schemas import published_schema

from policyc.cli.app import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

RECIPES = {
    block.markers["file"]: block.text
    for block in read_blocks((ROOT / "docs/guides/ci.md").read_text("utf-8"))
    if block.info == "yaml" and "file" in block.markers
}
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        (".github/workflows/policies.yml", "vendor.github-workflows"),
        (".gitlab-ci.yml", "vendor.gitlab-ci"),
    ],
)
def test_pipelines(tmp_path: Path, file: str, schema: str) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text(RECIPES[file], "utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_pre_commit() -> None:
    recipe = yaml.safe_load(RECIPES[".pre-commit-config.yaml"])
    jsonschema.validate(recipe, published_schema("JSON schema for .pre-commit-config.yaml"))
    named = {hook["id"] for repo in recipe["repos"] for hook in repo["hooks"]}
    assert named == {hook["id"] for hook in HOOKS}


def test_hooks_and_recipes_run_commands_that_there_are() -> None:
    texts = [hook["entry"] for hook in HOOKS] + list(RECIPES.values())
    commands = {found for text in texts for found in re.findall(r"\bpolicyc ([a-z]+)\b", text)}
    assert commands == {"check", "fmt", "test"}
    assert commands <= set(COMMANDS)
