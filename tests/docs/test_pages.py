"""Every code block of the documentation does what its page says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.docs.pages import ROOT, read_blocks, run_page

if TYPE_CHECKING:
    from pathlib import Path

_PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md"])


@pytest.mark.parametrize("path", _PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_blocks_do_what_the_page_says(path: Path, tmp_path: Path) -> None:
    failures = run_page(path, tmp_path)
    assert not failures, "\n" + "\n".join(failures)


_BAD = [
    pytest.param("```inv\nraise 'x' if:\n    usr\n```", "E0301", id="diagnostic"),
    pytest.param("<!-- expect: E0301 -->\n```inv\n# nothing\n```", "E0301", id="no diagnostic"),
    pytest.param("```values\n1 + 1 => 3\n```", "1 + 1", id="value"),
    pytest.param("```values\n1 => True\n```", "wanted: True", id="type of a value"),
    pytest.param("```console\n$ policyc --version\npolicyc 9\n```", "policyc 9", id="console"),
    pytest.param("```console\n$ false\n```", "exit code", id="exit code"),
    pytest.param("```python\nassert False\n```", "AssertionError", id="python"),
    pytest.param("```python\nprint(1)\n```\n\n```output\n2\n```", "found:  1", id="output"),
    pytest.param("```sh\nmake nonsense\n```", "no such target", id="target"),
    pytest.param("```sh\npolicyc check .\n```", "console block", id="shell"),
    pytest.param("```whatever\n```", "no block of the kind", id="unknown kind"),
    pytest.param(
        '```inv\nraise "x" if:\n    (m: Message)\n    m.role == "user"\n```\n```result\nx\n```',
        "found:  nothing",
        id="result",
    ),
]


@pytest.mark.parametrize(("text", "told"), _BAD)
def test_what_a_page_says_wrongly_is_noticed(text: str, told: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text + "\n", "utf-8")
    (failure,) = run_page(page, tmp_path)
    assert failure.startswith("page.md:") and told in failure


def test_markers_belong_to_the_next_block_only() -> None:
    text = "<!-- file: a.inv -->\n\n```inv\na\n```\n\n<!-- exit: 1 -->\ntext\n\n```console\n```\n"
    first, second = read_blocks(text)
    assert (first.markers, first.text, first.line) == ({"file": "a.inv"}, "a\n", 3)
    assert second.markers == {}
