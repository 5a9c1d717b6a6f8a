"""Paths as texts: nothing is looked up. `~` is the home of whoever runs the script."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache

_HOME = re.compile(r"(?:/root|/home/[^/]+|/Users/[^/]+)(?=/|$)")


@lru_cache(maxsize=4_096)
def normalize(path: str, folder: str | None = None) -> str:
    """A path without doubled slashes, `.` and `..`; a relative one below `folder` if that is known.

    `/root` and `/home/NAME` are written `~`.
    """
    if folder is not None and not path.startswith(("/", "~")):
        path = f"{folder}/{path}"
    is_absolute = path.startswith("/")
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] not in ("..", "~"):
            parts.pop()
        elif part not in ("", ".") and not (part == ".." and is_absolute):
            parts.append(part)
    joined = "/".join(parts)
    normal = f"/{joined}" if is_absolute else joined or "."
    if not is_absolute:
        return normal
    home = _HOME.match(normal)
    return normal if home is None else "~" + normal[home.end() :]


_ROOTS = (
    r"/",
    r"~[^/]*",
    r"/(?:bin|boot|dev|etc|home|lib|lib32|lib64|media|mnt|opt|proc|root|run|sbin|srv|sys|usr|var)",
    r"/(?:System|Library|Applications|Users|Volumes)",
    r"/usr/(?:bin|lib|lib64|local|sbin|share|include)",
    r"/var/(?:lib|log|www|spool|mail|backups|cache|db)",
    r"/(?:etc|boot|bin|sbin|lib|lib64|dev|proc|sys)/.*",
    r"/usr/(?:bin|sbin|lib|lib64)/.*",
    r"/var/lib/[^/]+",
    r"~/(?:\.ssh|\.config|\.gnupg|\.aws|\.kube|Documents|Desktop|Downloads|Pictures|Library)",
    r"[A-Za-z]:",
    r"/mnt/[a-z]",
)
_IMPORTANT = re.compile("|".join(f"(?:{one})" for one in _ROOTS))
_HARMLESS = re.compile(r"/dev/(?:null|stdout|stderr|fd/.*|shm/.+)|/(?:etc|var)/(?:.*/)?tmp/.*")


def is_important(path: str) -> bool:
    """Whether losing what is below a normal path would hurt: a root, a home, a system folder."""
    return _IMPORTANT.fullmatch(path) is not None and _HARMLESS.fullmatch(path) is None


_TOP = "/bin /boot /dev /etc /home /lib /media /mnt /opt /proc /root /run /sbin /srv /sys /usr /var"


def covers(path: str) -> str:
    """The folder that a pattern such as `/e*` stands for, or `/etc/*` for all that is in it."""
    if path.count("/") == 1 and path[0] == "/" and len(path) > 1:
        found = fnmatch.filter(_TOP.split(), path)
        if found and path[1] not in "*?[":
            return found[0]
    while True:
        head, slash, last = path.rpartition("/")
        if last and re.fullmatch(r"[.*?]*\*[.*?]*|\.?\[.*\]\*?|\?+", last):
            path = head or ("/" if slash else ".")
        else:
            return path
