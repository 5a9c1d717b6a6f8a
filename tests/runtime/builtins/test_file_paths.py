"""Whether paths stay in a folder."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.detectors.sets import PARTS, make_root, path_items

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.builtins.file_paths import inside, normalize

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")


@pytest.mark.parametrize("part", PARTS)
def test_the_labelled_set_holds(part: str, tmp_path: Path) -> None:
    root = make_root(tmp_path)
    items = path_items(part, root)
    assert [one for one in items if inside(root, one.path) is not one.is_inside] == []


def test_a_root_may_be_a_link(tmp_path: Path) -> None:
    root = make_root(tmp_path)
    (tmp_path / "shortcut").symlink_to(root)
    assert inside(str(tmp_path / "shortcut"), f"{root}/sub")
    assert inside(str(tmp_path / "shortcut"), str(tmp_path / "shortcut" / "sub"))
    assert not inside(str(tmp_path / "shortcut"), "../other")
    assert inside("/", "/etc/passwd")


def test_lexical_does_not_look_at_links(tmp_path: Path) -> None:
    root = make_root(tmp_path)
    assert inside(root, "out/x", lexical=True)
    assert not inside(root, "../x", lexical=True)
    assert inside("/no/such/folder", "x", lexical=True)


def test_nothing_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_root(tmp_path)
    opened: list[str] = []
    sys.addaudithook(lambda event, _: opened.append(event) if event == "open" else None)
    inside(root, "sub/a.txt")
    inside(root, "out/passwd")
    assert opened == []


def test_normalize(tmp_path: Path) -> None:
    root = make_root(tmp_path)
    assert normalize("here/../sub/./new", root) == f"{root}/sub/new"
    assert normalize(f"{root}/out/x") == "/etc/x"
    assert normalize("//etc//hosts") == "/etc/hosts"
    assert normalize("a/../b", "/x", lexical=True) == "/x/b"


@pytest.mark.parametrize("path", ["~/x", "", "a\0b", "file:///x", "C:\\x", "$HOME/x", "loop/x"])
def test_what_cannot_be_told(path: str, tmp_path: Path) -> None:
    with pytest.raises(BuiltinError, match=r"cannot be told|circle"):
        normalize(path, make_root(tmp_path))


@pytest.mark.parametrize(
    ("root", "path", "message"),
    [
        ("relative", "x", "`root` takes the absolute path"),
        (None, "x", "`root` takes the absolute path"),
        (3, "x", "`root` takes the absolute path"),
        ("/w", 3, "a path is a text"),
        ("/w", ["x"], "a path is a text"),
    ],
)
def test_what_is_no_path(root: Any, path: Any, message: str) -> None:
    with pytest.raises(BuiltinError, match=message):
        inside(root, path)


def test_an_absent_path_is_nowhere() -> None:
    assert not inside("/w", None)
    with pytest.raises(BuiltinError, match="a relative path needs `root`"):
        normalize("x")
