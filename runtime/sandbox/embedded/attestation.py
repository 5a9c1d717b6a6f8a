"""The protections of a sandbox as they are seen, from inside as far as that can be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.spec import KEEPER, SECRETS, TEMPORARY, USER, WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyc.runtime.sandbox.spec import SandboxSpec

SCRIPT: Final = (
    "for f in self/status 1/status self/mountinfo self/limits net/dev; do "
    'echo "# $f"; while IFS= read -r line; do echo "$line"; done < /proc/$f; done'
)
"""What is run in a sandbox, as the user of commands, to see them; it starts no other program."""

_SETS: Final = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
_GROUP_FILES: Final = {
    "memory": ("memory.max", "memory.limit_in_bytes"),
    "processes": ("pids.max",),
    "cpus": ("cpu.max", "cpu.cfs_quota_us"),
}
_LIMITS: Final = {
    "processes": "Max processes",
    "open_files": "Max open files",
    "file_size": "Max file size",
    "core_files": "Max core file size",
}


def seen(output: str, groups: Sequence[str]) -> dict[str, str]:
    """What the script saw, and what its control groups hold, by the name of each protection."""
    parts = dict(
        (title.strip(), text)
        for title, _, text in (one.partition("\n") for one in re.split(r"^# ", output, flags=re.M))
    )
    own, first = _table(parts.get("self/status", "")), _table(parts.get("1/status", ""))
    interfaces = [
        one.partition(":")[0].strip() for one in parts.get("net/dev", "").splitlines()[2:]
    ]
    facts = {
        "user": own.get("Uid", "unknown").split()[0],
        "keeper": first.get("Uid", "unknown").split()[0],
        "capabilities": " ".join(sorted({own.get(one, "unknown") for one in _SETS})),
        "no_new_privileges": own.get("NoNewPrivs", "unknown"),
        "seccomp": own.get("Seccomp", "unknown"),
        "writable": " ".join(_writable(parts.get("self/mountinfo", ""))),
        "network": " ".join(sorted(interfaces)),
    }
    for name, title in _LIMITS.items():
        found = re.search(rf"^{title}\s+(\S+)", parts.get("self/limits", ""), flags=re.M)
        facts[name] = found[1] if found else "unknown"
    for name, files in _GROUP_FILES.items():
        value = _of_groups(groups, files)
        if value:
            facts[f"{name}_group"] = value
    return facts


def promised(spec: SandboxSpec, *, as_root: bool) -> dict[str, str]:
    """What must be seen in a sandbox of that specification."""
    user = 0 if "root-user" in spec.loosened else USER
    writable = {WORKSPACE, TEMPORARY, SECRETS, "/dev/pts", "/dev/shm", "/proc"}  # noqa: S108
    writable |= {one.target for one in spec.mounts if one.writable}
    expected = {
        "user": str(user),
        "keeper": str(KEEPER if as_root else user),
        "capabilities": "0" * 16,
        "no_new_privileges": "1",
        "seccomp": "2",
        "writable": " ".join(sorted(writable)),
        "network": "lo",
        "file_size": str(spec.resources.disk),
        "core_files": "0",
    }
    if "open-network" in spec.loosened:
        del expected["network"]
    return expected


def wanting(facts: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """The protections that were promised and are not there, in words."""
    return [
        f"`{name}` is `{facts.get(name, 'unknown')}` instead of `{value}`"
        for name, value in expected.items()
        if facts.get(name) != value
    ]


def _table(text: str) -> dict[str, str]:
    rows = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in rows}


def _writable(text: str) -> list[str]:
    """The places that are mounted so that they could be written to. What was mounted last at a
    place is on top. Devices are left out: they are only written to, not changed."""
    options = {
        row[4]: row[5].split(",") for row in map(str.split, text.splitlines()) if len(row) > 5
    }
    devices = re.compile(r"/dev/(null|zero|full|random|urandom|tty)")
    return sorted(
        place for place, held in options.items() if "rw" in held and not devices.fullmatch(place)
    )


def _of_groups(groups: Sequence[str], files: Sequence[str]) -> str:
    for folder in groups:
        for name in files:
            try:
                return Path(folder, name).read_text("ascii").strip()
            except OSError:
                continue
    return ""
