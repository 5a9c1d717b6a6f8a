"""`policyc replay` as processes: the same bytes whatever their number, bounded memory, sudden ends.

The corpus is that of `benchmarks.planted`: what flips is known from how it was made.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.planted import Flip, write_corpus, write_policies
from tests.cli.test_process import PROGRAM, on_terminal, run

from policyc.runtime.trace_streams import _zstandard

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACES = 5000
WORKERS = (1, 2, 4)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the policies and the sessions, a line each."""
    path = tmp_path_factory.mktemp("corpus")
    write_policies(path)
    (path / "planted.json").write_text(json.dumps(write_corpus(path, TRACES)), "utf-8")
    return path


@pytest.fixture(scope="module")
def planted(corpus: Path) -> dict[int, list[Flip]]:
    """What flips, by line."""
    flips = json.loads((corpus / "planted.json").read_text("utf-8"))
    return {int(line): [tuple(flip) for flip in found] for line, found in flips.items()}


@pytest.fixture
def sides(corpus: Path) -> tuple[str, ...]:
    return ("--old", str(corpus / "old.inv"), "--new", str(corpus / "new.inv"))


def replayed(source: str, sides: tuple[str, ...], *options: str, stdin: bytes = b"") -> bytes:
    result = run("replay", source, *sides, *options, stdin=stdin)
    assert (result.returncode, result.stderr) == (0, b"")
    return result.stdout


@pytest.fixture(scope="module")
def expected(corpus: Path) -> bytes:
    """The flips as JSON Lines, found by a single process."""
    sides = ("--old", str(corpus / "old.inv"), "--new", str(corpus / "new.inv"))
    return replayed(str(corpus / "sessions.jsonl"), sides, "--format", "json", "-n", "1")


def test_the_flips_are_exactly_the_planted_ones(
    expected: bytes, planted: dict[int, list[Flip]]
) -> None:
    *lines, last = map(json.loads, expected.splitlines())
    found = {
        int(line["trace"].rpartition(":")[2]): [(x["rule"], x["change"]) for x in line["flips"]]
        for line in lines
    }
    assert {line: sorted(flips) for line, flips in found.items()} == {
        line: sorted(flips) for line, flips in planted.items()
    }
    assert list(found) == sorted(found)
    assert (last["summary"]["traces"], last["summary"]["flipped"]) == (TRACES, len(planted))
    statuses = {(x["new"] or x["old"])["name"]: x["status"] for x in last["rules"]}
    assert statuses["the file of passwords is read"] == "renamed"
    assert statuses["tea is searched for"] == "added"
    assert statuses["tea is listed"] == "removed"
    sums = {
        change: sum(x["changes"][change] for x in last["rules"])
        for change in last["rules"][0]["changes"]
    }
    flips = [change for found in planted.values() for _, change in found]
    assert sums == {change: flips.count(change) for change in sums}
    assert len([change for change in sums if sums[change]]) == 5


def test_json_is_the_same_for_any_number_of_workers(
    corpus: Path, sides: tuple[str, ...], expected: bytes
) -> None:
    source = str(corpus / "sessions.jsonl")
    for workers in WORKERS[1:]:
        assert replayed(source, sides, "--format", "json", "-n", str(workers)) == expected


@pytest.mark.parametrize("option", ["--why", "--stream"])
def test_the_report_is_the_same_for_any_number_of_workers(
    corpus: Path, sides: tuple[str, ...], option: str
) -> None:
    source = str(corpus / "sessions.jsonl")
    assert len({replayed(source, sides, option, "-n", str(n)) for n in WORKERS}) == 1


@pytest.mark.parametrize("form", ["folder", "gzip", "zstd", "stdin", "stdin gzip"])
def test_the_flips_are_the_same_for_every_form_of_the_corpus(
    corpus: Path, sides: tuple[str, ...], folder: Path, expected: bytes, form: str
) -> None:
    data = (corpus / "sessions.jsonl").read_bytes()
    name, stdin = "-", b""
    match form:
        case "folder":
            name = "sessions"
            (folder / name).mkdir()
            for number, line in enumerate(data.splitlines(), 1):
                (folder / name / f"{number:05}.json").write_bytes(line)
        case "gzip":
            name = "sessions.jsonl.gz"
            (folder / name).write_bytes(gzip.compress(data, 1))
        case "zstd":
            name = "sessions.jsonl.zst"
            (folder / name).write_bytes(_zstandard().compress(data))
        case "stdin":
            stdin = data
        case _:
            stdin = gzip.compress(data, 1)
    found = replayed(name, sides, "--format", "json", "-n", "2", stdin=stdin)
    assert by_number(found) == by_number(expected)


def by_number(output: bytes) -> list[Any]:
    """The lines with the number of each trace in the place of its name."""

    def number(name: str) -> int:
        return int(Path(name).name.removesuffix(".json").rpartition(":")[2])

    *lines, last = map(json.loads, output.splitlines())
    for line in (*lines, *(x for rule in last["rules"] for x in rule["examples"])):
        line["trace"] = number(line["trace"])
    return [*lines, last]


# --- memory -------------------------------------------------------------------------------------

PEAK = (
    "import resource, subprocess, sys\n"
    "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n"
    "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
)
"""Runs a command and prints its exit code and its peak memory in KiB, or that of its largest
child. A process of its own: what this one takes would count otherwise."""


def peak_of(arguments: tuple[str, ...], chunks: Iterator[bytes]) -> int:
    """The peak memory in MiB of a command that reads these chunks."""
    command = [sys.executable, "-c", PEAK, *PROGRAM, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        for chunk in chunks:
            process.stdin.write(chunk)
        process.stdin.close()
        code, peak = process.stdout.read().split()
    assert code == b"0"
    return int(peak) // 1024


@pytest.mark.parametrize("workers", WORKERS[:2])
def test_a_stream_that_is_larger_than_the_memory_it_takes(
    corpus: Path, sides: tuple[str, ...], workers: int
) -> None:
    lines = (corpus / "sessions.jsonl").read_bytes().splitlines(keepends=True)
    block = b"".join(lines[:800])
    arguments = ("replay", "-", *sides, "-n", str(workers))
    short = peak_of(arguments, iter([block]))
    times = 24
    assert len(block) * times > 80 * 2**20
    long = peak_of(arguments, iter([block] * times))
    assert long - short < 20


# --- sudden ends --------------------------------------------------------------------------------


@contextlib.contextmanager
def running(arguments: tuple[str, ...], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A replay of standard input, which is left open."""
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([*PROGRAM, *arguments], **streams, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Write until the other side has had enough, without waiting for it."""

    def write() -> None:
        assert process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            while True:
                process.stdin.write(data)

    threading.Thread(target=write, daemon=True).start()


def workers_of(process: subprocess.Popen[bytes], count: int) -> list[int]:
    """The processes that judge, once there are that many."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = [pid for pid in children_of(process.pid) if b"spawn_main" in command_of(pid)]
        if len(found) == count:
            return found
        time.sleep(0.02)
    raise AssertionError("the workers were not started")


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8")
    return [int(child) for child in text.split()]


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def are_gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not any(b"spawn_main" in command_of(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def test_a_worker_that_dies_is_an_error_and_no_silent_loss(
    corpus: Path, sides: tuple[str, ...]
) -> None:
    data = (corpus / "sessions.jsonl").read_bytes()
    with running(("replay", "-", *sides, "-n", "2")) as process:
        feed(process, data)
        victim, other = workers_of(process, 2)
        os.kill(victim, signal.SIGKILL)
        assert process.wait(60) == 3
        assert process.stdout is not None and process.stderr is not None
        error = process.stderr.read().decode()
        assert process.stdout.read() == b""
    assert "a worker process was ended by SIGKILL, perhaps for want of memory," in error
    assert "while it worked on the traces from `<stdin>:" in error
    assert "Traceback" not in error
    assert are_gone([other])


def test_workers_end_when_the_program_is_killed(corpus: Path, sides: tuple[str, ...]) -> None:
    with running(("replay", "-", *sides, "-n", "2")) as process:
        feed(process, (corpus / "sessions.jsonl").read_bytes())
        workers = workers_of(process, 2)
        process.kill()
        process.wait(60)
        assert are_gone(workers)


def test_ctrl_c_ends_everything_quietly(corpus: Path, sides: tuple[str, ...]) -> None:
    # A suite in the background ignores the signal, and so would its children.
    start = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    arguments = ("replay", "-", *sides, "-n", "2")
    with running(arguments, preexec_fn=start, start_new_session=True) as process:
        feed(process, (corpus / "sessions.jsonl").read_bytes())
        workers = workers_of(process, 2)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert process.stderr.read().strip() == b""
    assert are_gone(workers)


def test_a_reader_that_goes_away_ends_it(corpus: Path, sides: tuple[str, ...]) -> None:
    source = str(corpus / "sessions.jsonl")
    command = [*PROGRAM, "replay", source, *sides, "--format", "json", "-n", "2"]
    script = f"set -o pipefail; {' '.join(command)} | head -c 10"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    result = subprocess.run(
        ["bash", "-c", script], capture_output=True, check=False, timeout=60, env=environment
    )
    assert (result.returncode, result.stderr) == (141, b"")


def test_a_long_run_shows_its_progress_on_a_terminal(
    corpus: Path, sides: tuple[str, ...], folder: Path
) -> None:
    data = (corpus / "sessions.jsonl").read_bytes()
    (folder / "long.jsonl").write_bytes(data * 4)
    output = on_terminal("replay", "long.jsonl", *sides, environment={"NO_COLOR": "1"})
    assert f" of {4 * TRACES:,}" in output
    assert f"{4 * TRACES:,} traces: " in output


def test_of_standard_input_the_traces_are_counted(
    corpus: Path, sides: tuple[str, ...], folder: Path
) -> None:
    (folder / "long.jsonl").write_bytes((corpus / "sessions.jsonl").read_bytes() * 4)
    ours, theirs = pty.openpty()
    told = b""
    with (
        (folder / "long.jsonl").open("rb") as stdin,
        subprocess.Popen(
            [*PROGRAM, "replay", "-", *sides],
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm"},
        ),
    ):
        os.close(theirs)
        with contextlib.suppress(OSError):  # Linux says so when the other side is closed
            while chunk := os.read(ours, 65536):
                told += chunk
    os.close(ours)
    counts = [int(count.replace(b",", b"")) for count in re.findall(rb"\r([\d,]+) traces", told)]
    assert counts and counts == sorted(counts) and counts[-1] <= 4 * TRACES
    assert told.endswith(b"\r\x1b[2K")


def test_detectors_work_in_other_processes(folder: Path) -> None:
    (folder / "none.inv").write_text("", "utf-8")
    call = {"name": "send", "arguments": {"body": "AKIAQ3EXAMPLE7XKEY42"}}
    leak = [
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": call}]}
    ]
    clean = [{"role": "user", "content": "x" * 9000}]
    lines = [json.dumps(leak if number % 10 == 3 else clean) for number in range(100)]
    (folder / "all.jsonl").write_text("\n".join(lines), "utf-8")
    output = replayed(
        "all.jsonl", ("--old", "none.inv", "--new", "policy:secrets"), "--format", "json", "-n", "2"
    )
    *flips, last = map(json.loads, output.splitlines())
    assert [line["trace"] for line in flips] == [f"all.jsonl:{n}" for n in range(4, 100, 10)]
    assert last["summary"]["newly_blocked"] == 10


def test_a_command_that_judges_one_chunk_starts_no_process(
    sides: tuple[str, ...], folder: Path
) -> None:
    (folder / "one.json").write_text('[{"role": "user", "content": "hello"}]', "utf-8")
    code = (
        "import sys\n"
        f"sys.argv = ['policyc', 'replay', 'one.json', *{sides!r}]\n"
        "from policyc.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('multiprocessing.popen_spawn_posix' in sys.modules, file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert result.stderr == b"False\n"
