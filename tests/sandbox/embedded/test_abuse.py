"""What somebody in a sandbox, or a runner that went wrong, might try."""

from __future__ import annotations

import os
import platform
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.embedded.conftest import sh, told, wait_until

import policyc
from policyc.runtime.sandbox.embedded import EmbeddedProvider, control
from policyc.runtime.sandbox.execution import End
from policyc.runtime.sandbox.failures import SandboxError, WrongState
from policyc.runtime.sandbox.spec import Resources, SandboxSpec

if TYPE_CHECKING:
    from tests.sandbox.embedded.conftest import Make

    from policyc.runtime.sandbox.provider import Process

_FORKS = "s() { while :; do (echo x; sleep 0.01) & wait; done; }; s & s & s & s"
_BOMB = """
import os
while True:
    try: os.fork()
    except OSError: pass
"""
_MACHINE_CODE = """
import ctypes, mmap, sys
code = bytes.fromhex(sys.argv[1])
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(code)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
print(ctypes.CFUNCTYPE(ctypes.c_int)(address)())
"""


def test_commands_get_nothing_but_their_streams(provider: EmbeddedProvider, sandbox: str) -> None:
    seen = told(
        provider, sandbox, "for f in /proc/self/fd/*; do echo ${f##*/}; done; ls -l /proc/1/fd"
    )
    assert seen.split()[:3] == ["0", "1", "2"]
    # The shell's own listing needs one more; the keeper's are out of reach.
    assert "Permission denied" in seen
    held = told(provider, sandbox, "python3 -c 'import os; print(os.listdir(\"/proc/self/fd\"))'")
    assert held == "['0', '1', '2', '3']"


@pytest.mark.parametrize("path", ["mem", "environ", "maps", "root/", "cwd/", "fd/"])
def test_the_keeper_cannot_be_looked_into(
    provider: EmbeddedProvider, sandbox: str, path: str
) -> None:
    reader = "ls" if path.endswith("/") else "head -c 1"
    assert "Permission denied" in told(provider, sandbox, f"{reader} /proc/1/{path}")


def test_no_signal_reaches_the_keeper(provider: EmbeddedProvider, sandbox: str) -> None:
    sh(provider, sandbox, "for s in $(seq 1 64); do kill -$s 1; done")
    assert told(provider, sandbox, "echo here") == "here"


def test_the_command_line_of_the_keeper_tells_nothing_of_the_host(
    provider: EmbeddedProvider, folder: Path, sandbox: str
) -> None:
    seen = told(provider, sandbox, "cat /proc/1/cmdline | tr '\\0' ' '")
    assert "main()" in seen
    assert str(folder) not in seen and str(Path(policyc.__file__).parent) not in seen


@pytest.mark.skipif(platform.machine() != "x86_64", reason="calls of 32-bit x86")
@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("b814000000cd80c3", "getpid of i386: mov eax, 20; int 0x80; ret"),
        ("b8270000400f05c3", "getpid of x32: mov eax, 0x40000027; syscall; ret"),
    ],
)
def test_other_ways_to_call_the_kernel_end_the_process(
    provider: EmbeddedProvider, sandbox: str, code: str, what: str
) -> None:
    done = sh(provider, sandbox, f"exec python3 - {code} <<'END'\n{_MACHINE_CODE}\nEND")
    assert done.end is End.SIGNALLED, (what, done)
    assert done.signal in (signal.SIGSYS, signal.SIGSEGV)  # the latter: a kernel without i386


def _read_what_was_written(process: Process) -> None:
    """Until nothing comes any more."""
    with suppress(TimeoutError):
        for _ in range(1000):
            assert process.read(0.2) is not None
        pytest.fail("it goes on")


def test_nothing_forks_away_from_a_pause(provider: EmbeddedProvider, sandbox: str) -> None:
    with provider.start_process(sandbox, ["sh", "-c", _FORKS]) as process:
        for _ in range(20):
            assert process.read(10) is not None
            provider.pause(sandbox)
            _read_what_was_written(process)
            provider.resume(sandbox)
        provider.pause(sandbox)
        provider.kill_processes(sandbox)
    assert provider.usage(sandbox).processes == 0
    assert told(provider, sandbox, "echo here") == "here"


def test_nothing_forks_away_from_the_end(provider: EmbeddedProvider, make: Make) -> None:
    sandbox = make(SandboxSpec(resources=Resources(processes=32)))
    for _ in range(10):
        with provider.start_process(sandbox, ["python3", "-c", _BOMB]):
            wait_until(lambda: (provider.usage(sandbox).processes or 0) > 20)
            provider.kill_processes(sandbox)
        assert provider.usage(sandbox).processes == 0


def test_a_long_command(provider: EmbeddedProvider, sandbox: str) -> None:
    assert len(told(provider, sandbox, f"echo {'x' * 100_000}")) == 100_000
    done = sh(provider, sandbox, f"echo {'x' * 1_000_000}")
    assert done.exit_code == 126 and b"Argument list too long" in done.stderr
    with pytest.raises(SandboxError, match="too large"):
        sh(provider, sandbox, f"echo {'x' * 5_000_000}")
    assert told(provider, sandbox, "echo here") == "here"


def test_an_impossible_command(provider: EmbeddedProvider, sandbox: str) -> None:
    with pytest.raises(SandboxError, match="needs a program"):
        provider.start_process(sandbox, [])
    with provider.start_process(sandbox, ["echo", "a\0b"]) as process:
        chunk = process.read(10)
        assert chunk is not None and b"null byte" in chunk.data
        assert process.read(10) is None and process.finish(10).exit_code == 126
    assert told(provider, sandbox, "echo here") == "here"


def test_a_client_that_says_nothing_or_nonsense(
    provider: EmbeddedProvider, folder: Path, sandbox: str
) -> None:
    place = os.open(folder / sandbox, os.O_PATH)
    silent = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(3)]
    try:
        for one in silent:
            one.connect(f"/proc/self/fd/{place}/{control.SOCKET}")
        silent[0].send(b"nonsense")
        silent[1].close()
        read, write = os.pipe()
        socket.send_fds(silent[2], [b"?"], [read, write])
        assert "error" in (control.next_answer(silent[2]) or {})
        os.close(read)
        os.close(write)
        assert told(provider, sandbox, "echo here") == "here"
    finally:
        for one in silent:
            one.close()
        os.close(place)


def test_a_runner_that_goes_away_leaves_the_command(
    provider: EmbeddedProvider, sandbox: str
) -> None:
    with provider.start_process(sandbox, ["sh", "-c", "sleep 0.5; echo done > file; sleep 60"]):
        pass
    wait_until(lambda: told(provider, sandbox, "cat file", keep_background=True) == "done")


def test_pausing_what_is_gone(provider: EmbeddedProvider, make: Make) -> None:
    sandbox = make()
    provider.remove(sandbox)
    for operation in (provider.pause, provider.resume, provider.usage, provider.kill_processes):
        with pytest.raises(SandboxError, match="there is no sandbox"):
            operation(sandbox)


def test_a_paused_sandbox_is_asked_for_a_command(provider: EmbeddedProvider, sandbox: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    provider.pause(sandbox)
    for _ in range(20):
        with pytest.raises(WrongState, match="resume it first"):
            provider.start_process(sandbox, ["true"])
    assert len(os.listdir("/proc/self/fd")) == before
