"""The files of a workspace."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors import files
from policyc.runtime.records import File

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path) -> str:
    (tmp_path / "outside.txt").write_text("outside")
    root = tmp_path / "ws"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "a.txt").write_text("hi é")
    (root / ".dot").write_text("")
    (root / "sub" / "b.txt").write_text("secret")
    (root / "sub" / "deep" / "c.md").write_bytes(b"\xff\xfe")
    return str(root)


def test_lists(workspace: str) -> None:
    assert files.get_files(workspace) == [".dot", "a.txt"]
    assert files.get_files(workspace, "sub") == ["sub/b.txt"]
    assert files.get_files(workspace, pattern="*.txt") == ["a.txt"]
    assert files.get_tree_files(workspace) == [".dot", "a.txt", "sub/b.txt", "sub/deep/c.md"]
    assert files.get_tree_files(workspace, "sub", "*.md") == ["sub/deep/c.md"]
    assert files.get_tree_files(workspace, pattern="sub/*") == ["sub/b.txt"]


def test_contents(workspace: str) -> None:
    assert files.get_file_content(workspace, "sub/b.txt") == File("sub/b.txt", "secret")
    assert files.get_file_content(workspace, f"{workspace}/a.txt") == File("a.txt", "hi é")
    assert files.get_file_contents(workspace, "sub") == [
        File("sub/b.txt", "secret"),
        File("sub/deep/c.md", "\ufffd\ufffd"),
    ]
    assert files.get_file_contents(workspace, "sub", tree=False) == [File("sub/b.txt", "secret")]
    assert files.get_file_contents(workspace, pattern="*.txt") == [
        File("a.txt", "hi é"),
        File("sub/b.txt", "secret"),
    ]


def test_functions_decide_what_is_sensitive(workspace: str) -> None:
    def finds_secret(text: str) -> list[str]:
        return ["S"] if "secret" in text else []

    assert files.is_sensitive(File("x", "a secret"), finds_secret)
    assert not files.is_sensitive(File("x", "nothing"), finds_secret)
    assert files.is_sensitive_dir(workspace, [len, finds_secret], tree=False)
    assert files.is_sensitive_dir(workspace, [finds_secret])
    assert not files.is_sensitive_dir(workspace, [finds_secret], tree=False)
    with pytest.raises(BuiltinError, match="`is_sensitive` takes a file, not a text"):
        files.is_sensitive("x", finds_secret)
    with pytest.raises(BuiltinError, match="what is to look at a file is a function, not a text"):
        files.is_sensitive_dir(workspace, ["secrets"])


@pytest.mark.parametrize("path", ["../outside.txt", "sub/../../outside.txt", "/etc/passwd", ".."])
def test_no_path_leads_out(workspace: str, path: str) -> None:
    for function in (files.get_file_content, files.get_files, files.get_file_contents):
        with pytest.raises(BuiltinError, match="leads out of the workspace"):
            function(workspace, path)


def test_no_link_leads_out(workspace: str) -> None:
    os.symlink("../outside.txt", f"{workspace}/link.txt")
    os.symlink("..", f"{workspace}/up")
    os.symlink("a.txt", f"{workspace}/in.txt")
    assert files.get_tree_files(workspace, pattern="*.txt") == [
        "a.txt",
        "in.txt",
        "link.txt",
        "sub/b.txt",
    ]
    assert files.get_file_content(workspace, "in.txt") == File("in.txt", "hi é")
    for path in ("link.txt", "up/outside.txt"):
        with pytest.raises(BuiltinError, match="leads out of the workspace"):
            files.get_file_content(workspace, path)
    with pytest.raises(BuiltinError, match=r"`link\.txt` leads out of the workspace"):
        files.get_file_contents(workspace, tree=False)


def test_a_neighbour_with_a_longer_name_is_outside(workspace: str, tmp_path: Path) -> None:
    (tmp_path / "ws2").mkdir()
    with pytest.raises(BuiltinError, match="leads out of the workspace"):
        files.get_files(workspace, "../ws2")


def test_only_regular_files_are_read(workspace: str) -> None:
    os.mkfifo(f"{workspace}/pipe")
    with pytest.raises(BuiltinError, match="`pipe` is not a regular file"):
        files.get_file_content(workspace, "pipe")
    with pytest.raises(BuiltinError, match="`sub` is not a regular file"):
        files.get_file_content(workspace, "sub")
    with pytest.raises(BuiltinError, match="`none` cannot be read"):
        files.get_file_content(workspace, "none")


def test_bounds_are_errors(workspace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 3)
    with pytest.raises(BuiltinError, match="more than 3 files are not listed"):
        files.get_tree_files(workspace)
    monkeypatch.setattr(files, "MAX_FILE", 5)
    with pytest.raises(BuiltinError, match=r"`sub/b.txt` has more than 5 bytes"):
        files.get_file_content(workspace, "sub/b.txt")
    monkeypatch.setattr(files, "MAX_FILE", 100)
    monkeypatch.setattr(files, "MAX_BYTES", 7)
    with pytest.raises(BuiltinError, match="more than 7 bytes in total"):
        files.get_file_contents(workspace, "sub")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("/none/there",), "the workspace `/none/there` is no folder"),
        ((None,), "`workspace_path` takes the path of a folder, not nothing"),
        (("{}", 3), "a path is a text, not a number"),
        (("{}", "a\0b"), "a path is a text"),
        (("{}", "a.txt"), "`a.txt` is no folder of the workspace"),
        (("{}", ".", 3), "`pattern` takes a text, not a number"),
        (("{}", ".", "."), "`.` is no pattern of file names"),
    ],
)
def test_refuses(workspace: str, arguments: tuple[Any, ...], message: str) -> None:
    first, *others = arguments
    with pytest.raises(BuiltinError, match=message):
        files.get_files(workspace if first == "{}" else first, *others)
