"""Processes, memory, disk, files: each is used up, and neither the sandbox nor others suffer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.sandbox.docker.conftest import Shell

from policyc.runtime.sandbox.execution import End
from policyc.runtime.sandbox.failures import InvalidSpec
from policyc.runtime.sandbox.spec import MIB, Resources, SandboxSpec

if TYPE_CHECKING:
    from tests.sandbox.docker.conftest import Make

    from policyc.runtime.sandbox.docker import DockerProvider

SMALL = SandboxSpec(
    resources=Resources(
        memory=128 * MIB,
        disk=16 * MIB,
        temporary=4 * MIB,
        processes=32,
        open_files=64,
        lifetime=120,
    )
)
FORK_BOMB = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
MEMORY_BOMB = "x = bytearray(10**9)"
IN_A_GRANDCHILD = f"sh -c 'python3 -c \"{MEMORY_BOMB}\"; true'"


@pytest.fixture
def small(provider: DockerProvider, make: Make) -> Shell:
    return Shell(provider, make(SMALL))


def test_a_fork_bomb_stays_in_its_sandbox(small: Shell, make: Make) -> None:
    other = Shell(small.provider, make())
    lived: list[bool] = []
    done = small.python(
        f"print(flush=True)\n{FORK_BOMB}",
        seconds=2,
        on_chunk=lambda _chunk: lived.append(other.lives),
    )
    assert lived == [True]
    assert done.end in (End.TIMEOUT, End.PROCESSES)
    assert other.lives
    small.provider.remove(small.sandbox)
    assert small.provider.record(small.sandbox) is None


def test_too_many_processes_are_told_as_the_limit(small: Shell) -> None:
    code = """
import os, signal
refused = 0
for _ in range(100):
    try:
        os.fork() or signal.pause()
    except OSError:
        refused += 1
print(refused)
"""
    done = small.python(code)
    assert (done.end, done.exit_code) == (End.PROCESSES, 0)
    assert 100 - 32 - 16 <= int(done.stdout) <= 100 - 32
    assert small.lives


@pytest.mark.parametrize(
    ("text", "exit_code"),
    [
        pytest.param(f'exec python3 -c "{MEMORY_BOMB}"', None, id="itself"),
        pytest.param(f'python3 -c "{MEMORY_BOMB}"; exit 5', 5, id="child"),
        pytest.param(f"{IN_A_GRANDCHILD}; exit 0", 0, id="grandchild, exit code 0"),
    ],
)
def test_running_out_of_memory_is_told_as_such(
    small: Shell, text: str, exit_code: int | None
) -> None:
    done = small(text)
    assert (done.end, done.exit_code) == (End.MEMORY, exit_code)
    assert small.lives


def test_an_exit_code_of_137_is_no_proof_of_anything(small: Shell) -> None:
    done = small("kill -9 $$")
    assert (done.end, done.signal) == (End.SIGNALLED, 9)


def test_memory_that_is_used_by_the_disk_does_not_end_the_sandbox(small: Shell) -> None:
    done = small(
        "for d in /ws /tmp /dev/shm; do cat /dev/zero > $d/fill; done 2>&1; "
        f'python3 -c "{MEMORY_BOMB}"'
    )
    assert done.end is End.MEMORY
    assert done.stdout.count(b"No space left on device") == 3
    assert small.lives


@pytest.mark.parametrize(
    ("folder", "size"),
    [("/ws", 16 * MIB), ("/tmp", 4 * MIB), ("/dev/shm", 8 * MIB), ("/run/secrets", MIB)],
)
def test_a_folder_has_its_size_and_no_more(small: Shell, folder: str, size: int) -> None:
    done = small(f"cat /dev/zero > {folder}/fill; stat -c %s {folder}/fill")
    assert b"No space left on device" in done.stderr
    assert int(done.stdout) == size
    assert small.says(f"rm {folder}/fill; echo again > {folder}/x; cat {folder}/x") == "again\n"


@pytest.mark.parametrize(("folder", "most"), [("/ws", 4096), ("/tmp", 1024)])
def test_there_is_a_bound_of_files(small: Shell, folder: str, most: int) -> None:
    code = f"""
import errno, os
for number in range(10000):
    try:
        os.mkdir("{folder}/%d" % number)
    except OSError as error:
        assert error.errno == errno.ENOSPC
        print(number)
        break
"""
    done = small.python(code)
    assert most - 8 < int(done.stdout) <= most


def test_a_file_is_no_larger_than_the_disk(small: Shell) -> None:
    done = small("truncate -s 17M /ws/sparse")
    assert (done.end, done.signal) == (End.DISK, 25)


def test_no_core_is_dumped_and_files_are_few(small: Shell) -> None:
    assert small.says("ulimit -Hc; ulimit -Hn") == "0\n64\n"
    done = small.python("opened = [open('/dev/null') for _ in range(100)]")
    assert b"Too many open files" in done.stderr


def test_a_spinner_has_its_share_of_the_processor(small: Shell) -> None:
    before = small.provider.usage(small.sandbox).cpu_seconds
    done = small("(while :; do :; done) & (while :; do :; done) & sleep 2")
    after = small.provider.usage(small.sandbox).cpu_seconds
    assert before is not None and after is not None
    assert after - before <= done.seconds * SMALL.resources.cpus * 1.2


def test_commands_are_chosen_before_others_when_the_machine_has_no_memory(small: Shell) -> None:
    assert small.says("cat /proc/self/oom_score_adj") == "500\n"


def test_folders_larger_than_the_memory_are_refused() -> None:
    with pytest.raises(InvalidSpec, match="memory"):
        Resources(memory=128 * MIB, disk=100 * MIB)
