"""The files of a workspace, for policies about what an agent left there.

A path of a policy or a trace never leads out of the workspace: every one is resolved, links
included, before anything is opened. Folders behind links are not entered. Only regular files are
read, as UTF-8, and what is read and listed is bounded; reaching a bound is an error, since a file
that was not looked at could be the one that matters."""

from __future__ import annotations

import os
import stat
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError, kind_of
from policyc.runtime.records import File

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_FILES = 10_000
"""Entries of folders that one call goes through."""

MAX_FILE = 5_000_000
"""Bytes of one file."""

MAX_BYTES = 50_000_000
"""Bytes of all files of one call."""


def get_files(workspace_path: Any, path: Any = ".", pattern: Any = None) -> list[str]:
    """The paths of the files in a folder, relative to the workspace and in order."""
    return _list(workspace_path, path, pattern, is_deep=False)


def get_tree_files(workspace_path: Any, path: Any = ".", pattern: Any = None) -> list[str]:
    """The paths of the files in a folder and in the folders below it."""
    return _list(workspace_path, path, pattern, is_deep=True)


def get_file_content(workspace_path: Any, file_path: Any) -> File:
    """One file: its path relative to the workspace and its content."""
    return _read(_root(workspace_path), file_path)


def get_file_contents(
    workspace_path: Any, path: Any = ".", pattern: Any = None, tree: Any = True
) -> list[File]:
    """The files in a folder, by default also those in the folders below it."""
    return list(_contents(workspace_path, path, pattern, tree))


def is_sensitive(file: Any, func: Any) -> bool:
    """Whether a function finds something in the content of a file."""
    if not isinstance(file, File):
        raise BuiltinError(
            f"`is_sensitive` takes a file, not {kind_of(file)}",
            "Get one with `get_file_content(workspace, path)`.",
        )
    return bool(_function(func)(file.content))


def is_sensitive_dir(
    workspace_path: Any, funcs: Any, path: Any = ".", pattern: Any = None, tree: Any = True
) -> bool:
    """Whether one of some functions finds something in a file of a folder."""
    functions = [
        _function(func) for func in (funcs if isinstance(funcs, list | tuple) else [funcs])
    ]
    return any(
        function(file.content)
        for file in _contents(workspace_path, path, pattern, tree)
        for function in functions
    )


def _function(value: Any) -> Callable[[str], Any]:
    if callable(value):
        function: Callable[[str], Any] = value
        return function
    raise BuiltinError(
        f"what is to look at a file is a function, not {kind_of(value)}",
        "Write the name of a detector, such as `secrets`.",
    )


def _contents(workspace_path: Any, path: Any, pattern: Any, tree: Any) -> Iterator[File]:
    root = _root(workspace_path)
    size = 0
    for name in _list(root, path, pattern, is_deep=bool(tree)):
        file = _read(root, name)
        size += len(file.content)
        if size > MAX_BYTES:
            raise BuiltinError(f"files of more than {MAX_BYTES} bytes in total are not read")
        yield file


def _list(workspace_path: Any, path: Any, pattern: Any, *, is_deep: bool) -> list[str]:
    root = _root(workspace_path)
    folder = _inside(root, path)
    if pattern is not None and not isinstance(pattern, str):
        raise BuiltinError(f"`pattern` takes a text, not {kind_of(pattern)}")
    if not os.path.isdir(folder):
        raise BuiltinError(f"`{path}` is no folder of the workspace")
    names = (PurePath(os.path.relpath(name, root)) for name in _walk(folder, is_deep=is_deep))
    try:
        return sorted(name.as_posix() for name in names if not pattern or name.match(pattern))
    except ValueError:
        raise BuiltinError(
            f"`{pattern}` is no pattern of file names", "Write for example `*.txt`."
        ) from None


def _walk(folder: str, *, is_deep: bool) -> Iterator[str]:
    folders, entries = [folder], 0
    while folders:
        try:
            with os.scandir(folders.pop()) as scan:
                for entry in scan:
                    entries += 1
                    if entries > MAX_FILES:
                        raise BuiltinError(f"more than {MAX_FILES} files are not listed")
                    if entry.is_dir(follow_symlinks=False):
                        if is_deep:
                            folders.append(entry.path)
                    elif entry.is_file():
                        yield entry.path
        except OSError as error:
            raise BuiltinError(f"a folder cannot be read: {error.strerror}") from None


def _read(root: str, path: Any) -> File:
    place = _inside(root, path)
    try:
        # Without waiting for the other end, in case of a pipe; and not through a link that was put
        # there after the path was resolved.
        descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        raise BuiltinError(f"`{path}` cannot be read: {error.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BuiltinError(f"`{path}` is not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_FILE + 1)
    finally:
        os.close(descriptor)
    if len(data) > MAX_FILE:
        raise BuiltinError(f"`{path}` has more than {MAX_FILE} bytes")
    name = PurePath(os.path.relpath(os.path.join(root, path), root)).as_posix()
    return File(name, data.decode("utf-8", errors="replace"))


def _root(workspace_path: Any) -> str:
    if not isinstance(workspace_path, str) or not workspace_path or "\0" in workspace_path:
        raise BuiltinError(
            f"`workspace_path` takes the path of a folder, not {kind_of(workspace_path)}"
        )
    root = os.path.realpath(workspace_path)
    if not os.path.isdir(root):
        raise BuiltinError(f"the workspace `{workspace_path}` is no folder")
    return root


def _inside(root: str, path: Any) -> str:
    """The real place of a path of the workspace.

    Raises:
        BuiltinError: it is no path, or leads out of the workspace.
    """
    if not isinstance(path, str) or "\0" in path:
        raise BuiltinError(f"a path is a text, not {kind_of(path)}")
    place = os.path.realpath(os.path.join(root, path))
    if place != root and not place.startswith(root.rstrip(os.sep) + os.sep):
        raise BuiltinError(f"`{path}` leads out of the workspace")
    return place
