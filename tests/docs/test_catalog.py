"""Every diagnostic code has a page, and the policies or case files on it behave as it says."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from policyc.compiler.frontend import check_source
from policyc.grammar.catalog import CODES, page
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue
from policyc.runtime.testing.case_reading import read_case_file
from policyc.runtime.testing.session import run

_BLOCK = re.compile(r"^```(?:inv|yaml|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHOWN = sorted(code for code in CODES if code[0] in "EWT")
"""Codes of policies and case files; those of backends and sandboxes have none to show."""

_POLICY = """\
raise "mail to an outsider [risk=high]" if:
    (call: ToolCall)
    call is tool:send_email
    {condition}
"""
_POLICIES = {
    "mail.inv": _POLICY.format(condition='not "@acme.example" in call.function.arguments.to'),
    "domains.inv": _POLICY.format(condition="not input.domain in call.function.arguments.to"),
}
"""The policies that case files are about."""


def _sections(code: str) -> dict[str, str]:
    """The sections of a page by their title; what stands above the first one by the empty title."""
    parts = re.split(r"^## (.*)$", page(code), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def _block(code: str, section: str) -> str:
    blocks = _BLOCK.findall(_sections(code)[section])
    assert len(blocks) == 1, f"the section {section} of {code} has {len(blocks)} policies"
    return str(blocks[0])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in _POLICIES.items():
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "chat.json").write_text('[{"role": "user", "content": "hello"}]', "utf-8")


def _codes_in(code: str, text: str) -> set[str]:
    if code.startswith("T"):
        Path("mail.cases.yaml").write_text(text, "utf-8")
        return {found.code for found in read_case_file("mail.cases.yaml").diagnostics}
    return {found.code for found in check_source(Source(text), catalogue()).diagnostics}


@pytest.mark.parametrize("code", sorted(CODES))
def test_page_says_what_is_meant(code: str) -> None:
    sections = _sections(code)
    first, _, meaning = sections[""].partition("\n")
    assert first == f"# {code}: {CODES[code].title}"
    assert meaning.strip()
    assert sections["Why"].strip()


@pytest.mark.parametrize("code", _SHOWN)
def test_page_has_the_sections_in_order(code: str) -> None:
    assert list(_sections(code)) == ["", "Wrong", "Right", "Why", "Related"]


@pytest.mark.parametrize("code", _SHOWN)
def test_what_is_wrong_has_exactly_this_mistake(code: str) -> None:
    assert _codes_in(code, _block(code, "Wrong")) == {code}


@pytest.mark.parametrize("code", _SHOWN)
def test_what_is_right_has_no_mistake(code: str) -> None:
    assert _codes_in(code, _block(code, "Right")) == set()


@pytest.mark.parametrize("code", [code for code in _SHOWN if code.startswith("T")])
def test_the_right_cases_hold(code: str) -> None:
    Path("mail.cases.yaml").write_text(_block(code, "Right"), "utf-8")
    report = run([read_case_file("mail.cases.yaml")])
    assert report.ok, report


@pytest.mark.parametrize("code", sorted(CODES))
def test_related_codes_exist(code: str) -> None:
    related = re.findall(r"[A-Z]\d{4}", _sections(code).get("Related", ""))
    assert code not in related
    assert set(related) <= set(CODES)


def test_every_page_has_a_code() -> None:
    pages = resources.files("policyc.grammar.catalog").iterdir()
    assert {file.name[:-3] for file in pages if file.name.endswith(".md")} <= set(CODES)


def test_names_of_codes_are_unique_and_say_what_is_flagged() -> None:
    names = [code.name for code in CODES.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)
