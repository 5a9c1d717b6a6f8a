"""The program as a process: pipes, terminals, signals, the time and the modules it takes."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import BANANA_TRACE, write_trace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROGRAM = (sys.executable, "-m", "policyc")


def run(
    *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        input=stdin,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        check=False,
        timeout=60,
    )


def on_terminal(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """The output of a run whose standard streams are a terminal."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", **(environment or {})}
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    output = b""
    with subprocess.Popen([*PROGRAM, *arguments], env=env, **streams):
        os.close(theirs)
        with contextlib.suppress(OSError):  # Linux says so when the other side is closed
            while chunk := os.read(ours, 65536):
                output += chunk
    os.close(ours)
    return output.decode()


def test_exit_codes_and_streams(policy: str, trace: str) -> None:
    assert run("check", policy).returncode == 0
    blocked = run("eval", policy, trace)
    assert (blocked.returncode, blocked.stderr) == (1, b"")
    missing = run("eval", policy, "none.json")
    assert (missing.returncode, missing.stdout) == (2, b"")


def test_a_trace_through_a_pipe(policy: str) -> None:
    result = run("eval", policy, "-", "--format", "json", stdin=json.dumps(BANANA_TRACE).encode())
    assert result.returncode == 1
    assert json.loads(result.stdout)["blocked"] is True


def test_colour_on_a_terminal_unless_no_color_is_set(policy: str, trace: str) -> None:
    assert "\x1b[1;7;31mbanana" in on_terminal("eval", policy, trace)
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b[" not in on_terminal("eval", policy, trace, environment=variables)
    assert "\x1b[" not in on_terminal("eval", policy, trace, "--no-color")
    assert "\x1b[" in on_terminal("eval", policy, trace, "--color", environment={"NO_COLOR": "1"})


def test_a_closed_pipe_is_no_error(policy: str, folder: Path) -> None:
    write_trace(folder / "long.json", [{"role": "user", "content": "banana"}] * 2000)
    command = " ".join([*PROGRAM, "eval", policy, "long.json", "--format", "json"])
    script = f"set -o pipefail; {command} | head -c 10"
    # Unbuffered output loses the error of a large write.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    result = subprocess.run(
        ["bash", "-c", script], capture_output=True, check=False, timeout=60, env=environment
    )
    assert (result.returncode, result.stderr) == (141, b"")


def test_ctrl_c_ends_with_130_and_no_traceback(policy: str) -> None:
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    # A suite in the background ignores the signal, and so would its children.
    start = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    command = [*PROGRAM, "eval", policy, "-"]
    with subprocess.Popen(command, **streams, preexec_fn=start) as process:  # noqa: PLW1509
        assert process.stdin is not None
        process.stdin.write(b"[" + b" " * 1_000_000)  # it reads once this is through the pipe
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.strip()) == (130, b"")


def test_any_text_can_be_printed_whatever_the_encoding(policy: str, folder: Path) -> None:
    write_trace(folder / "trace.json", [{"role": "user", "content": "banana 日本 \ud800"}])
    for encoding in ("ascii", "utf-8", "latin-1"):
        environment = {"PYTHONIOENCODING": encoding}
        assert run("eval", policy, "trace.json", environment=environment).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (
            ("--version",),
            {"lark", "rich", "httpx", "docker", "policyc.compiler", "policyc.runtime"},
        ),
        (("eval", "banana.inv", "trace.json"), {"lark", "rich", "httpx", "docker", "filelock"}),
        (("check", "banana.inv"), {"rich", "httpx", "docker"}),
        (("explain", "E0301"), {"lark", "rich", "httpx", "docker", "policyc.runtime"}),
    ],
)
def test_a_command_loads_only_what_it_uses(
    policy: str, trace: str, arguments: tuple[str, ...], unwanted: set[str]
) -> None:
    # The first run puts the policy into the cache; what counts is what a user pays every time.
    run(*arguments)
    code = (
        "import sys\n"
        f"sys.argv = ['policyc', *{arguments!r}]\n"
        "from policyc.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"loaded = sorted({unwanted!r} & set(sys.modules))\n"
        "print('loaded', loaded, file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert result.stderr.decode().splitlines()[-1] == "loaded []"


def test_a_long_run_shows_its_progress_on_a_terminal(policy: str, folder: Path) -> None:
    lines = (json.dumps([{"role": "user", "content": "x" * 2000}]) for _ in range(40_000))
    (folder / "corpus.jsonl").write_text("\n".join(lines), "utf-8")
    output = on_terminal("eval", policy, "corpus.jsonl", environment={"NO_COLOR": "1"})
    assert " of 40,000" in output
    assert "40,000 traces, 40,000 clean" in output
    assert b" of 40,000" not in run("eval", policy, "corpus.jsonl").stderr


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        ("policyc ex", ["plain,explain"]),
        ("policyc explain E030", [f"plain,E030{n}" for n in range(1, 8)]),
        ("policyc check b", ["file,b"]),
        ("policyc eval b", ["file,b"]),
        ("policyc check --str", ["plain,--strict"]),
    ],
)
def test_a_shell_is_told_how_a_line_can_go_on(line: str, answers: list[str]) -> None:
    environment = {
        "_POLICYC_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    assert run(environment=environment).stdout.decode().split() == answers
