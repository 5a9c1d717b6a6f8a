"""What each protection is for: with it an attack fails, without it the same attack works."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.embedded.conftest import sandboxes_of, sh, told
from tests.sandbox.embedded.ordinary import run_as_ordinary_user

from policyc.runtime.sandbox.embedded import EmbeddedProvider, landlock, planning
from policyc.runtime.sandbox.spec import MIB, Resources, SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Attack = Callable[..., bool]

_CALLS = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
def unshare(flags): return libc.unshare(flags) == 0
def mount(): return libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0
"""


@pytest.fixture
def attack(folder: Path, works_here: None) -> Attack:
    """Whether a Python program gets what it wants, in a sandbox without these protections. It says
    so by its exit code 0."""

    def works(program: str, *without: str, spec: SandboxSpec | None = None) -> bool:
        provider = EmbeddedProvider(folder, without=without)
        with sandboxes_of(provider) as make:
            sandbox = make(spec)
            done = sh(provider, sandbox, "python3 - <<'END'\n" + _CALLS + program + "\nEND")
            return done.exit_code == 0

    return works


def test_the_filter_keeps_from_new_user_namespaces(attack: Attack) -> None:
    program = "sys.exit(not unshare(0x10000000))"
    assert not attack(program)
    assert attack(program, "seccomp")


def test_the_filter_keeps_from_the_keys_of_the_kernel(attack: Attack) -> None:
    number = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
    program = f"sys.exit(libc.syscall({number}, 1, None) < 0)"  # KEYCTL_JOIN_SESSION_KEYRING
    assert not attack(program)
    assert not attack(program, "seccomp:ptrace")
    assert attack(program, "seccomp:keyctl")


def test_the_filter_keeps_from_looking_into_other_processes(attack: Attack) -> None:
    program = """
import subprocess
other = subprocess.Popen(["sleep", "60"])
sys.exit(libc.ptrace(16, other.pid, 0, 0) != 0)
"""
    assert not attack(program)
    assert attack(program, "seccomp:ptrace")


@pytest.mark.skipif(landlock.abi() < landlock.NEEDED, reason="this kernel has no Landlock")
def test_landlock_keeps_from_mounts_where_the_filter_would_not(attack: Attack) -> None:
    program = "sys.exit(not (unshare(0x10020000) and mount()))"
    assert not attack(program)
    assert not attack(program, "seccomp")
    assert not attack(program, "landlock")
    assert attack(program, "seccomp", "landlock")


@pytest.mark.skipif(not planning.has_root(), reason="only root has sandboxes of two users")
def test_dropped_capabilities_keep_from_becoming_the_keeper(attack: Attack) -> None:
    program = "os.setresuid(10000, 10000, 10000)"
    spec = SandboxSpec(loosened=frozenset({"root-user"}))
    assert not attack(program, spec=spec)
    assert attack(program, "capabilities", spec=spec)


def test_hidden_files_of_the_kernel(attack: Attack) -> None:
    program = "sys.exit(not open('/proc/kallsyms').read(1))"
    assert not attack(program)
    assert attack(program, "closed-proc")


def test_limits_keep_a_process_small(attack: Attack) -> None:
    program = "held = [os.open('/dev/null', 0) for _ in range(2000)]"
    assert not attack(program)
    assert attack(program, "limits")


@pytest.mark.skipif(not planning.has_root(), reason="only root makes control groups")
def test_control_groups_keep_all_together_small(attack: Attack) -> None:
    """Each process alone is within its limit."""
    program = """
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        held = bytearray(60 * 2**20); import time; time.sleep(2); os._exit(0)
    children.append(child)
sys.exit(any(os.waitpid(one, 0)[1] for one in children))
"""
    spec = SandboxSpec(resources=Resources(memory=128 * MIB, disk=MIB, temporary=MIB))
    assert not attack(program, spec=spec)
    assert attack(program, "cgroups", spec=spec)


def test_a_network_of_its_own_keeps_from_the_services_of_the_host(attack: Attack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        port = canary.getsockname()[1]
        program = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        assert not attack(program)
        assert attack(program, spec=SandboxSpec(loosened=frozenset({"open-network"})))


def test_the_root_folder_is_bound_twice(works_here: None) -> None:
    """Read-only, and by Landlock. Where commands are the same user as the keeper, nothing else
    would keep them from it."""
    if landlock.abi() < landlock.NEEDED:
        pytest.skip("this kernel has no Landlock")
    written = run_as_ordinary_user(
        """
from policyc.runtime.sandbox.execution import run
from policyc.runtime.sandbox.provider import Creation
from policyc.runtime.sandbox.spec import SandboxSpec
written = []
both = ("read-only-root", "landlock")
for without in ((), both[:1], both[1:], both):
    provider = EmbeddedProvider(folder, without=without)
    provider.create(Creation("x", SandboxSpec(), "tests", "none"))
    done = run(provider, "x", ["sh", "-c", "echo x > /etc/passwd"], seconds=10, output=999)
    written.append(done.exit_code == 0)
    provider.remove("x")
print(json.dumps(written))
"""
    )
    assert written == [False, False, False, True]


def test_programs_are_not_run_from_the_temporary_folder(folder: Path, works_here: None) -> None:
    provider = EmbeddedProvider(folder)
    with sandboxes_of(provider) as make:
        sandbox = make()
        seen = told(provider, sandbox, "cp /bin/true /tmp/t; /tmp/t; cp /tmp/t t; ./t && echo ran")
    assert "Permission denied" in seen and "ran" in seen
