"""Nothing is left out of the documentation, and what is generated is current."""

from __future__ import annotations

import re
from itertools import chain

import click
import pytest
from tests.docs.pages import ROOT
from tests.docs.reference import FOLDER, pages

import policyc
from policyc.cli.app import COMMANDS, root
from policyc.compiler.typesystem import DICT_METHODS, MEMBERS, TEXT_METHODS, TYPE_NAMES
from policyc.grammar.catalog import CODES
from policyc.grammar.operators import INFIX, RESERVED
from policyc.runtime.builtins import registry as builtins_registry
from policyc.runtime.detectors import registry as detectors_registry

_PAGES = pages()
_MODULES = {**builtins_registry.MODULES, **detectors_registry.MODULES}
_SPEC = (ROOT / "docs/language/spec.md").read_text("utf-8")


def _section(title: str) -> str:
    return _SPEC.split(f"\n## {title}\n")[1].partition("\n## ")[0]


@pytest.mark.parametrize("name", sorted(_PAGES))
def test_generated_pages_are_current(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == _PAGES[name], "run `make docs`"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_a_place(name: str) -> None:
    command = root.get_command(root.make_context("policyc", [], resilient_parsing=True), name)
    assert command is not None and command.help
    assert all(option.help for option in command.params if isinstance(option, click.Option))
    assert f"\n## {name}\n" in _PAGES["cli.md"]
    told = "\n".join(
        path.read_text("utf-8")
        for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        if path.parent != FOLDER
    )
    assert f"policyc {name}" in told, "only the reference knows it"


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_a_place(code: str) -> None:
    assert f"\n## {code}\n" in _PAGES["diagnostics.md"]


@pytest.mark.parametrize("name", sorted(policyc.__all__))
def test_every_public_name_has_a_place_and_says_what_it_is(name: str) -> None:
    text = _PAGES["python.md"].split(f"\n## {name}\n")[1].partition("\n## ")[0]
    prose = re.sub(r"```.*?```", "", text, flags=re.S).strip()
    assert re.search(r"\w{3}", re.sub(r"An exception, a `\w+`\.", "", prose))


def test_every_function_of_policies_has_a_place() -> None:
    rows = chain(
        builtins_registry.BUILTINS.values(),
        *(module.functions.values() for module in _MODULES.values()),
    )
    missing = [row.name for row in rows if f"| `{row.name}(" not in _PAGES["builtins.md"]]
    assert missing == []


def test_the_specification_names_exactly_the_built_ins() -> None:
    section = _section("Built-ins")
    table = re.findall(r"^\| [a-z ]+ \| (.*) \|$", section, flags=re.M)
    functions = set(re.findall(r"`(\w+)`", " ".join(table)))
    assert functions == set(builtins_registry.BUILTINS)
    types = set(re.findall(r"`(\w+)`", section.partition("Functions,")[0]))
    assert types == set(TYPE_NAMES) - {"LLM"}


def test_the_specification_names_exactly_the_standard_library() -> None:
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (.*) \|$", _section("Standard library"), flags=re.M))
    for name, text in rows.items():
        if name in ("invariant", "policyc.detectors"):
            continue
        module = _MODULES[name]
        expected = {*module.functions, *module.types, *module.constants}
        assert set(re.findall(r"`(\w+)`", text)) == expected, name
    named = set(re.findall(r"`([\w.]+)`", _section("Standard library")))
    assert {name for name in _MODULES if name.count(".") < 2} <= named


def test_the_specification_names_exactly_the_members() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", _section("Members and entries"), flags=re.M))
    found = {name: set(re.findall(r"`(\w+)`", text)) for name, text in rows.items()}
    found["Tool"] -= {"ToolParameter"}
    assert found == {name: set(members) for name, members in MEMBERS.items()}
    text_row = re.search(r"^\| a text \| (.*) \|$", _SPEC, flags=re.M)
    dict_row = re.search(r"^\| an object \(dict\) \| (.*) \|$", _SPEC, flags=re.M)
    assert text_row and set(re.findall(r"`(\w+)`", text_row[1])) == TEXT_METHODS
    assert dict_row and set(re.findall(r"`(\w+)\(", dict_row[1])) == DICT_METHODS


def test_the_specification_has_every_operator_and_reserved_word() -> None:
    table = _section("Expressions").partition("A chain compares")[0]
    assert [name for name in INFIX if f"`{name}`" not in table] == []
    listed = re.search(r"reserved:\n\n```text\n(.*?)```", _SPEC, flags=re.S)
    assert listed and set(listed[1].split()) == RESERVED


def test_links_lead_somewhere() -> None:
    broken = []
    for path in [*(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md"]:
        text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.S)
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", text):
            if re.match(r"https?:", target):
                continue
            file = path.parent / target if target else path
            if not file.exists() or (anchor and anchor not in _anchors(file.read_text("utf-8"))):
                broken.append(f"{path.relative_to(ROOT)}: {target}#{anchor}")
    assert broken == []


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", text, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in headings}


def test_files_named_in_the_recipes_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = re.findall(r"`((?:grammar|compiler|runtime|tests|src|docs)/[\w./*]+)`", text)
    assert len(named) > 20
    assert [name for name in named if not list(ROOT.glob(name.rstrip("/")))] == []
