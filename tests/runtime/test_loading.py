"""Reading policies: files, bundled ones, and bytes that are no text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import policyc
from policyc import policies
from policyc.runtime.loading import decode_source, read_source

if TYPE_CHECKING:
    from pathlib import Path

RULE = 'raise "x" if:\n    (m: Message)\n    "a" in m.content\n'


@pytest.mark.parametrize("name", policies.names())
def test_a_bundled_policy_is_read_by_its_name(name: str) -> None:
    source = read_source(f"policy:{name}")
    assert (source.path, source.text) == (f"policy:{name}", policies.read(name))
    assert policyc.Policy.from_file(f"policy:{name}").diagnostics == ()


def test_a_bundled_policy_that_does_not_exist_is_no_file() -> None:
    with pytest.raises(FileNotFoundError, match="did you mean `secrets`"):
        policyc.Policy.from_file("policy:secret")
    with pytest.raises(KeyError):
        policies.read("../__init__")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_places_are_those_of_an_editor(tmp_path: Path, mark: bytes, line_end: str) -> None:
    path = tmp_path / "a.inv"
    path.write_bytes(mark + RULE.replace("content", "contnt").replace("\n", line_end).encode())
    with pytest.raises(policyc.PolicyError) as refused:
        policyc.Policy.from_file(path)
    (found,) = refused.value.diagnostics
    assert (found.path, found.line, found.column) == (str(path), 3, 14)


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b"\xff", 1, 1),
        (b"\xef\xbb\xbf# \xc3\xa9 \xe9\n", 1, 5),
        (b"# a\n# b\xc3", 2, 4),
        (RULE.encode("utf-16"), 1, 1),
    ],
)
def test_bytes_that_are_no_text_are_a_diagnostic_at_their_place(
    data: bytes, line: int, column: int
) -> None:
    with pytest.raises(policyc.PolicyError) as refused:
        decode_source(data, "a.inv")
    (found,) = refused.value.diagnostics
    assert (found.code, found.line, found.column) == ("E0101", line, column)
    assert "UTF-8" in found.message
