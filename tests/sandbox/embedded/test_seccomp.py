"""The filter of system calls, run by a small machine for both architectures, and its numbers."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from policyc.runtime.sandbox.embedded import seccomp

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_ALLOWED = 0x7FFF0000
_KILLED = 0x80000000


def _refused(number: int) -> int:
    return 0x00050000 | number


def _run(architecture: str, number: int, *arguments: int, of: int | None = None) -> int:
    """What the filter says to a call; `of` is the architecture that the kernel tells."""
    program = list(struct.iter_unpack("HBBI", seccomp.filter_program(architecture)))
    told = _ARCHITECTURES[architecture] if of is None else of
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("IIQ6Q", number, told, 0, *values)
    accumulator = place = 0
    while True:
        code, if_true, if_false, value = program[place]
        place += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            (accumulator,) = struct.unpack_from("I", data, value)
            continue
        holds = {0x15: accumulator == value, 0x35: accumulator >= value}.get(
            code, bool(accumulator & value)
        )
        place += if_true if holds else if_false


def _number(architecture: str, numbers: seccomp.Numbers) -> int | None:
    return numbers.x86_64 if architecture == "x86_64" else numbers.aarch64


@pytest.mark.parametrize("architecture", _ARCHITECTURES)
def test_every_call_of_the_list_is_refused(architecture: str) -> None:
    seen = {
        name: _run(architecture, number)
        for name, numbers in seccomp.REFUSED.items()
        if (number := _number(architecture, numbers)) is not None
    }
    assert len(seen) > 50
    assert set(seen.values()) == {_refused(errno.EPERM)}, seen


@pytest.mark.parametrize("architecture", _ARCHITECTURES)
def test_all_other_calls_are_allowed(architecture: str) -> None:
    listed = {
        _number(architecture, one) for one in (*seccomp.REFUSED.values(), *seccomp.UNKNOWN.values())
    }
    sockets = {"x86_64": (41, 53), "aarch64": (198, 199)}[architecture]
    for number in range(600):
        if number not in listed and number not in sockets:
            assert _run(architecture, number) == _ALLOWED, number


@pytest.mark.parametrize("architecture", _ARCHITECTURES)
@pytest.mark.parametrize("name", ["user", "mount", "net", "pid", "ipc", "uts", "cgroup"])
def test_no_namespace_is_made(architecture: str, name: str) -> None:
    flag = {
        "user": 0x10000000,
        "mount": 0x00020000,
        "net": 0x40000000,
        "pid": 0x20000000,
        "ipc": 0x08000000,
        "uts": 0x04000000,
        "cgroup": 0x02000000,
    }[name]
    clone, unshare = {"x86_64": (56, 272), "aarch64": (220, 97)}[architecture]
    for number in (clone, unshare):
        assert _run(architecture, number, flag) == _refused(errno.EPERM)
        assert _run(architecture, number, flag | 0x00010F00) == _refused(errno.EPERM)
        # The kernel ignores the upper half: so must the filter.
        assert _run(architecture, number, flag | 1 << 40) == _refused(errno.EPERM)


@pytest.mark.parametrize("architecture", _ARCHITECTURES)
def test_threads_and_forks_are_allowed(architecture: str) -> None:
    clone, unshare = {"x86_64": (56, 272), "aarch64": (220, 97)}[architecture]
    assert _run(architecture, clone, 0x003D0F00) == _ALLOWED
    assert _run(architecture, clone, 0x01200011) == _ALLOWED
    assert _run(architecture, unshare, 0x00000400) == _ALLOWED  # CLONE_FILES
    assert _run(architecture, unshare, 0x00000080) == _refused(errno.EPERM)  # CLONE_NEWTIME
    assert _run(architecture, 435) == _refused(errno.ENOSYS)  # clone3


@pytest.mark.parametrize("architecture", _ARCHITECTURES)
def test_only_common_sockets_are_made(architecture: str) -> None:
    for number in {"x86_64": (41, 53), "aarch64": (198, 199)}[architecture]:
        allowed = [one for one in range(64) if _run(architecture, number, one) == _ALLOWED]
        assert allowed == [1, 2, 10, 16]
        assert _run(architecture, number, 40) == _refused(errno.EAFNOSUPPORT)


@pytest.mark.parametrize("architecture", _ARCHITECTURES)
def test_nothing_is_typed_into_a_terminal(architecture: str) -> None:
    number = {"x86_64": 16, "aarch64": 29}[architecture]
    refused = [
        one for one in range(0x5400, 0x5480) if _run(architecture, number, 0, one) != _ALLOWED
    ]
    assert refused == [0x5412, 0x541C]
    assert _run(architecture, number, 0, 0x5412 | 1 << 32) == _refused(errno.EPERM)


def test_calls_of_other_architectures_end_the_process() -> None:
    assert _run("x86_64", 1, of=0x40000003) == _KILLED  # i386
    assert _run("x86_64", 1, of=0xC00000B7) == _KILLED
    assert _run("aarch64", 64, of=0x40000028) == _KILLED  # 32-bit ARM
    assert _run("x86_64", 0x40000000 | 1) == _KILLED  # x32
    assert _run("x86_64", 0xFFFFFFFF) == _KILLED


@pytest.mark.parametrize("architecture", _ARCHITECTURES)
def test_it_is_small_enough_and_jumps_within(architecture: str) -> None:
    program = list(struct.iter_unpack("HBBI", seccomp.filter_program(architecture)))
    assert len(program) < 4096
    for place, (code, if_true, if_false, _) in enumerate(program):
        if code in (0x15, 0x35, 0x45):
            assert place + 1 + max(if_true, if_false) < len(program)
    assert program[-1][0] == 0x06


@pytest.mark.parametrize(
    ("architecture", "header"),
    [
        ("x86_64", "x86_64-linux-gnu/asm/unistd_64.h"),
        ("aarch64", "asm-generic/unistd.h"),
    ],
)
def test_numbers_are_those_of_the_kernel(architecture: str, header: str) -> None:
    path = Path("/usr/include", header)
    if not path.exists():
        pytest.skip(f"{path} of linux-libc-dev is not here")
    found = dict(re.findall(r"#define __NR\w*?_(\w+)\s+(\d+)", path.read_text()))
    known = {name: int(number) for name, number in found.items()}
    wrong = {
        name: (number, known[name])
        for name, numbers in {**seccomp.REFUSED, **seccomp.UNKNOWN}.items()
        if (number := _number(architecture, numbers)) is not None
        and known.get(name, number) != number
    }
    assert not wrong
    checked = [name for name in seccomp.REFUSED if name in known]
    assert len(checked) > 45
