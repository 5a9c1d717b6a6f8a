"""Whether a path stays in a folder: `import path`, then `path.inside(input.workspace, args.path)`.

A path is followed as far as it exists (links are read, nothing is opened), and the rest is resolved
as text. Whoever uses the path may read it in another way: with `~`, percent signs, backslashes or
full-width dots decoded. It is inside only if it is in every such reading. Between the question and
the use a link may change: what a sandbox enforces, this cannot.
"""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from policyc.runtime.bounds import BuiltinError, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PATH = 32_768
"""Characters of a path."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_DRIVE = re.compile(r"[A-Za-z]:(?:[\\/]|\Z)|\\\\")
_VARIABLE = re.compile(r"\$[A-Za-z_{(]|%[A-Za-z_]+%|`")
_OF_PROCESS = re.compile(r"/+(?:proc|dev|sys)(?:/|\Z)")


def inside(root: Any, path: Any, lexical: Any = False) -> bool:
    """Whether a path, relative to `root` or absolute, leads to `root` or into it.

    A path that cannot be told is not inside: an empty one, one with a NUL character, a scheme, a
    drive or a variable, one that starts with `~`, a circle of links. `lexical`: links are not read,
    for a root on another machine.

    Raises:
        BuiltinError: `root` is no absolute path, or `path` no text.
    """
    folder = _root(root)
    if path is None:
        return False
    if not isinstance(path, str):
        raise BuiltinError(f"a path is a text, not {kind_of(path)}")
    if _cannot_be_told(path):
        return False
    base = folder if lexical else _real(folder)
    if base is None:
        return False
    return all(_is_in(base, reading, lexical=bool(lexical)) for reading in _readings(path))


def normalize(path: Any, root: Any = None, lexical: Any = False) -> str:
    """The absolute form of a path: links followed as far as it exists, `..` resolved.

    A relative path starts at `root`. `lexical`: links are not read.

    Raises:
        BuiltinError: where a path leads cannot be told, or `root` is needed and not given.
    """
    if not isinstance(path, str):
        raise BuiltinError(f"a path is a text, not {kind_of(path)}")
    if _cannot_be_told(path):
        raise BuiltinError("where the path leads cannot be told")
    if not path.startswith("/") and root is None:
        raise BuiltinError(
            "a relative path needs `root`",
            "Write for example `path.normalize(p, input.workspace)`.",
        )
    start = _root(root) if root is not None else "/"
    whole = posixpath.join(start, path)
    found = posixpath.normpath(whole) if lexical else _real(whole)
    if found is None:
        raise BuiltinError("the path leads in a circle")
    return _single(found)


def _root(root: Any) -> str:
    if not isinstance(root, str) or not root.startswith("/") or "\0" in root:
        raise BuiltinError(
            f"`root` takes the absolute path of a folder, not {kind_of(root)}"
            if not isinstance(root, str)
            else "`root` takes the absolute path of a folder",
        )
    return _single(posixpath.normpath(root))


def _cannot_be_told(path: str) -> bool:
    return (
        not path.strip()
        or path != path.strip()
        or len(path) > MAX_PATH
        or any(ord(char) < 32 or "\ud800" <= char <= "\udfff" for char in path)
        or path.startswith("~")
        or _SCHEME.match(path) is not None
        or _DRIVE.match(path) is not None
        or _VARIABLE.search(path) is not None
    )


def _readings(path: str) -> Iterator[str]:
    """The path as it is, and as others may read it."""
    yield path
    decoded = path
    for _ in range(3):
        decoded = unquote(decoded, errors="replace")
    for other in dict.fromkeys((decoded, unicodedata.normalize("NFKC", decoded))):
        slashed = other.replace("\\", "/")
        if slashed != path:
            yield slashed


def _is_in(base: str, path: str, *, lexical: bool) -> bool:
    if _cannot_be_told(path):
        return False
    whole = posixpath.join(base, path)
    if _OF_PROCESS.match(posixpath.normpath(whole)) and not _OF_PROCESS.match(base):
        return False
    place = posixpath.normpath(whole) if lexical else _real(whole)
    return place is not None and _is_below(_single(place), base)


def _is_below(place: str, base: str) -> bool:
    return place == base or place.startswith(base.rstrip("/") + "/")


def _single(path: str) -> str:
    """POSIX keeps two slashes at the start; here they mean one."""
    return "/" + path.lstrip("/") if path.startswith("//") else path


def _real(path: str) -> str | None:
    """The path without links, as far as it exists; None for a circle of links."""
    try:
        found = place = os.path.realpath(path)
        # What a circle leaves behind is a link.
        while place != "/":
            if os.path.islink(place):
                return None
            place = os.path.dirname(place)
    except (OSError, ValueError):
        return None
    return found
