"""Every diagnostic code has a page, and the policies on the page behave as it says."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from policyc.compiler.frontend import check_source
from policyc.grammar.catalog import CODES, page
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue

_BLOCK = re.compile(r"^```inv\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMPILED = sorted(code for code in CODES if code[0] in "EW")
"""Codes of policies; those of traces, backends and sandboxes have no policy to show."""


def _sections(code: str) -> dict[str, str]:
    """The sections of a page by their title; what stands above the first one by the empty title."""
    parts = re.split(r"^## (.*)$", page(code), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def _block(code: str, section: str) -> str:
    blocks = _BLOCK.findall(_sections(code)[section])
    assert len(blocks) == 1, f"the section {section} of {code} has {len(blocks)} policies"
    return str(blocks[0])


def _codes_in(text: str) -> list[str]:
    return [found.code for found in check_source(Source(text), catalogue()).diagnostics]


@pytest.mark.parametrize("code", sorted(CODES))
def test_page_says_what_is_meant(code: str) -> None:
    sections = _sections(code)
    first, _, meaning = sections[""].partition("\n")
    assert first == f"# {code}: {CODES[code].title}"
    assert meaning.strip()
    assert sections["Why"].strip()


@pytest.mark.parametrize("code", _COMPILED)
def test_page_has_the_sections_in_order(code: str) -> None:
    assert list(_sections(code)) == ["", "Wrong", "Right", "Why", "Related"]


@pytest.mark.parametrize("code", _COMPILED)
def test_wrong_policy_has_exactly_this_mistake(code: str) -> None:
    assert _codes_in(_block(code, "Wrong")) == [code]


@pytest.mark.parametrize("code", _COMPILED)
def test_right_policy_has_no_mistake(code: str) -> None:
    assert _codes_in(_block(code, "Right")) == []


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
