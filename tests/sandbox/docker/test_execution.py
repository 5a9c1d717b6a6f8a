"""Commands to their end: output, deadlines, what is left behind, and how each end is called."""

from __future__ import annotations

import os
import resource
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.docker.conftest import Shell

from policyc.runtime.sandbox.docker import DockerProvider
from policyc.runtime.sandbox.docker.cgroup import Counters
from policyc.runtime.sandbox.execution import End, Execution, run
from policyc.runtime.sandbox.failures import SandboxAbsent, WrongState
from policyc.runtime.sandbox.provider import Chunk, Status
from policyc.runtime.sandbox.spec import Resources, SandboxSpec

if TYPE_CHECKING:
    from docker import DockerClient
    from tests.sandbox.docker.conftest import Make

MIB = 1 << 20


def test_both_streams_and_the_exit_code(shell: Shell) -> None:
    done = shell("echo out; echo err >&2; exit 3")
    assert (done.stdout, done.stderr) == (b"out\n", b"err\n")
    assert (done.end, done.exit_code, done.signal, done.truncated) == (End.EXITED, 3, None, False)


def test_a_signal_of_its_own(shell: Shell) -> None:
    done = shell("kill -SEGV $$")
    assert (done.end, done.exit_code, done.signal) == (End.SIGNALLED, None, 11)


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 5 * MIB])
def test_standard_input_and_output_of_any_size_are_exact(shell: Shell, size: int) -> None:
    data = os.urandom(size)
    done = shell("cat", stdin=data, output=6 * MIB)
    assert done.stdout == data
    assert done.end is End.EXITED


def test_input_that_nobody_reads_holds_nothing_up(shell: Shell) -> None:
    done = shell("exit 4", stdin=bytes(8 * MIB))
    assert (done.end, done.exit_code) == (End.EXITED, 4)


def test_bytes_of_any_kind_come_as_they_are(shell: Shell) -> None:
    written = bytes(range(256)) * 16 + b"\x1b[2J\x1b]0;title\x07\xc3\x28\x00"
    assert shell.python(f"import os; os.write(1, {written!r})").stdout == written


def test_chunks_are_told_as_they_come(shell: Shell) -> None:
    first = threading.Event()
    told: list[Chunk] = []

    def take(chunk: Chunk) -> None:
        told.append(chunk)
        first.set()

    done: list[Execution] = []
    running = threading.Thread(
        target=lambda: done.append(shell("echo one; cat go; rm go", on_chunk=take))
    )
    shell.says("mkfifo go")
    running.start()
    assert first.wait(20)
    assert not done
    assert told == [Chunk("stdout", b"one\n")]
    process = shell.provider.start_process(shell.sandbox, ["sh", "-c", "echo two > go"])
    process.close_input()
    running.join(20)
    process.close()
    assert b"".join(one.data for one in told) == done[0].stdout == b"one\ntwo\n"


def test_a_listener_that_raises_ends_the_command(shell: Shell) -> None:
    def fail(_chunk: Chunk) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shell("echo out; sleep 1000", on_chunk=fail)
    assert not shell.left()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("yes", id="endless"),
        pytest.param("head -c 200000000 /dev/zero", id="200 MB of NULs"),
        pytest.param("head -c 1000000000 /dev/zero | tr '\\0' x", id="a line of 1 GB"),
        pytest.param("yes >&2 & yes", id="both streams"),
    ],
)
def test_more_output_than_may_be_is_cut_and_the_command_killed(shell: Shell, text: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told: list[int] = []
    done = shell(text, output=100_000, on_chunk=lambda chunk: told.append(len(chunk.data)))
    assert (done.end, done.truncated, done.exit_code) == (End.OUTPUT, True, None)
    assert len(done.stdout) + len(done.stderr) <= 100_000 == sum(told)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB
    assert not shell.left()


def test_output_up_to_the_bound_is_whole(shell: Shell) -> None:
    done = shell("head -c 100000 /dev/zero", output=100_000)
    assert (done.end, done.truncated, done.stdout) == (End.EXITED, False, bytes(100_000))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("sleep 1000", id="sleeps"),
        pytest.param("trap '' TERM INT HUP; while :; do :; done", id="ignores signals"),
        pytest.param("setsid setsid sleep 1000 & sleep 1000", id="double fork"),
        pytest.param("sleep 1000 & kill -STOP $$", id="stops itself"),
        pytest.param("mkfifo f; cat f", id="reads a pipe nobody writes"),
        pytest.param("exec >&- 2>&- <&-; sleep 1000", id="closed its streams"),
    ],
)
def test_a_command_that_hangs_is_ended_at_its_deadline(shell: Shell, text: str) -> None:
    done = shell(f"echo begun; {text}", seconds=1.2)
    assert (done.end, done.exit_code, done.stdout) == (End.TIMEOUT, None, b"begun\n")
    assert not shell.left()
    assert shell.lives


@pytest.mark.parametrize(
    "daemon",
    ["sleep 1000 &", "(setsid sleep 1000 &)", "(setsid sleep 1000 >/dev/null 2>&1 <&- &)"],
)
def test_what_a_command_leaves_behind_is_killed(shell: Shell, daemon: str) -> None:
    done = shell(f"{daemon}\necho done")
    assert (done.end, done.exit_code, done.stdout) == (End.EXITED, 0, b"done\n")
    assert not shell.left()


def test_what_a_command_leaves_behind_is_kept_if_that_is_wanted(shell: Shell) -> None:
    done = shell("(setsid sleep 1000 >/dev/null 2>&1 &)", keep_background=True)
    assert done.end is End.EXITED
    seen = run(
        shell.provider,
        shell.sandbox,
        ["pgrep", "-c", "sleep", "-u", "10001"],
        seconds=20,
        output=100,
    )
    assert seen.stdout == b"1\n"
    assert not shell.left()


def test_output_of_a_background_process_ends_with_the_command(shell: Shell) -> None:
    done = shell("(while :; do echo more; sleep 0.05; done) & echo done")
    assert (done.end, done.exit_code) == (End.EXITED, 0)
    assert done.stdout.count(b"done\n") == 1
    assert not shell.left()


def test_a_cancelled_command_is_killed(shell: Shell) -> None:
    cancelled = threading.Event()
    done = shell(
        "echo begun; sleep 1000", cancelled=cancelled, on_chunk=lambda _chunk: cancelled.set()
    )
    assert (done.end, done.stdout) == (End.CANCELLED, b"begun\n")
    assert not shell.left()


def test_a_sandbox_that_is_killed_below_a_command(
    shell: Shell, docker_engine: DockerClient
) -> None:
    done = shell(
        "echo begun; sleep 1000",
        on_chunk=lambda _chunk: docker_engine.containers.get(shell.sandbox).kill(),
    )
    assert (done.end, done.exit_code, done.stdout) == (End.LOST_SANDBOX, None, b"begun\n")


def test_a_sandbox_that_is_removed_below_a_command(shell: Shell) -> None:
    done = shell(
        "echo begun; sleep 1000", on_chunk=lambda _chunk: shell.provider.remove(shell.sandbox)
    )
    assert (done.end, done.stdout) == (End.LOST_SANDBOX, b"begun\n")
    with pytest.raises(SandboxAbsent):
        shell("true")


def test_the_lifetime_of_a_sandbox_ends_it_and_what_runs(
    provider: DockerProvider, make: Make
) -> None:
    sandbox = make(SandboxSpec(resources=Resources(lifetime=4)))
    done = Shell(provider, sandbox)("sleep 1000")
    assert done.end is End.LOST_SANDBOX
    end = time.monotonic() + 10
    while provider.record(sandbox) is not None and time.monotonic() < end:
        time.sleep(0.05)
    assert provider.record(sandbox) is None


def test_the_deadline_holds_while_the_sandbox_is_paused(shell: Shell) -> None:
    provider, sandbox = shell.provider, shell.sandbox
    done = shell("echo begun; sleep 1000", seconds=1.5, on_chunk=lambda _: provider.pause(sandbox))
    assert done.end is End.TIMEOUT
    record = provider.record(sandbox)
    assert record is not None and record.status is Status.PAUSED
    with pytest.raises(WrongState):
        shell("true")
    provider.resume(sandbox)
    assert not shell.left()


def test_a_paused_sandbox_is_removed(shell: Shell) -> None:
    shell.provider.pause(shell.sandbox)
    shell.provider.remove(shell.sandbox)
    assert shell.provider.record(shell.sandbox) is None


def test_threads_use_one_sandbox_at_once(shell: Shell) -> None:
    done: dict[int, Execution] = {}

    def one(number: int) -> None:
        done[number] = shell(f"echo {number}", keep_background=True)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {n: one.stdout for n, one in done.items()} == {n: b"%d\n" % n for n in range(8)}


def test_where_the_kernel_does_not_show_what_it_counts(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counters, "of", lambda _container, _pid: None)
    done = shell("(setsid sleep 1000 &)\necho done")
    assert (done.end, done.stdout) == (End.EXITED, b"done\n")
    assert shell("sleep 1000", seconds=0.3).end is End.TIMEOUT
    assert not shell.left()


def test_where_the_engine_stops_telling_events(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(shell.provider, DockerProvider)
    events = shell.provider._events
    done = shell("echo begun; sleep 0.3; exit 6", on_chunk=lambda _chunk: events.close())
    assert (done.end, done.exit_code) == (End.EXITED, 6)
    assert shell("exit 7").exit_code == 7


def test_zombies_are_reaped(shell: Shell) -> None:
    shell("for i in $(seq 20); do (setsid true &); done")
    assert "Z" not in shell.says("ps -eo stat=")
