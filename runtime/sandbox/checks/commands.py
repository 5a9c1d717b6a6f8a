"""What a command is given, and what comes back."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.checks.scene import VALUE, VARIABLE, Checks, expect, told
from policyc.runtime.sandbox.execution import End
from policyc.runtime.sandbox.spec import MIB, WORKSPACE

if TYPE_CHECKING:
    from policyc.runtime.sandbox.checks.scene import Scene
    from policyc.runtime.sandbox.provider import Chunk

CHECKS: Final = Checks()
_BYTES: Final = bytes(range(256)) * 4096
_HARMLESS: Final = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TERM",
    "HOME",
    "PWD",
    "SHLVL",
    "_",
    "TMPDIR",
)


@CHECKS("exit code")
def _exit_code(scene: Scene) -> str:
    codes = [scene.sh(f"exit {code}").exit_code for code in (0, 3, 255)]
    expect(codes == [0, 3, 255], codes)
    return f"codes {codes}"


@CHECKS("signal")
def _signal(scene: Scene) -> str:
    done = scene.sh("kill -9 $$")
    expect(done.signal == 9 or done.exit_code == 137, done)
    return told(done)


@CHECKS("program absent")
def _program_absent(scene: Scene) -> str:
    done = scene.run("no-such-program")
    expect(done.exit_code in (126, 127), done)
    scene.answers()
    return told(done)


@CHECKS("output and errors apart")
def _streams(scene: Scene) -> str:
    done = scene.sh("echo out; echo err >&2")
    expect((done.stdout, done.stderr) == (b"out\n", b"err\n"), done)
    return told(done)


@CHECKS("output exact")
def _output_exact(scene: Scene) -> str:
    done = scene.run("cat", stdin=_BYTES)
    same = done.stdout == _BYTES
    expect(same and done.exit_code == 0, f"{len(done.stdout)} bytes, same: {same}")
    return f"{len(done.stdout)} bytes of all values came back unchanged"


@CHECKS("input large")
def _input_large(scene: Scene) -> str:
    data = _BYTES * 5
    done = scene.run("sha256sum", stdin=data)
    expect(done.stdout.split()[:1] == [hashlib.sha256(data).hexdigest().encode()], done)
    return f"{len(data)} bytes arrived"


@CHECKS("input not read")
def _input_not_read(scene: Scene) -> str:
    done = scene.run("true", stdin=_BYTES * 5)
    expect(done.end is End.EXITED and done.exit_code == 0, done)
    return told(done)


@CHECKS("input empty")
def _input_empty(scene: Scene) -> str:
    done = scene.run("cat", seconds=10)
    expect(done.end is End.EXITED and done.stdout == b"", done)
    return "a program that reads to the end ends"


@CHECKS("arguments exact")
def _arguments(scene: Scene) -> str:
    arguments = ["", "a b", "$HOME", "*", "'\"", "line\nline", "grün ☂", "--", "-n", "`id`"]
    done = scene.run("sh", "-c", 'for a; do printf "%s\\0" "$a"; done', "sh", *arguments)
    expect(done.stdout.decode().split("\0")[:-1] == arguments, done)
    return f"{len(arguments)} arguments arrived as they are"


@CHECKS("environment")
def _environment(scene: Scene) -> str:
    seen = scene.told(f"echo ${VARIABLE} $POLICYC_OTHER", environment={"POLICYC_OTHER": "x=y z"})
    expect(seen == f"{VALUE} x=y z", seen)
    return seen


@CHECKS("environment of the host")
def _environment_host(scene: Scene) -> str:
    lines = scene.told("env -0 | tr '\\n\\0' ' \\n'").splitlines()
    inside = dict(line.split("=", 1) for line in lines if "=" in line)
    common = {
        name
        for name, value in os.environ.items()
        if name not in _HARMLESS and inside.get(name) == value
    }
    expect(not common, f"also seen inside: {sorted(common)}")
    return f"inside are {', '.join(sorted(inside))}"


@CHECKS("working directory")
def _working_directory(scene: Scene) -> str:
    seen = scene.told("pwd; echo kept > kept.txt")
    kept = scene.told(f"cat {WORKSPACE}/kept.txt; rm kept.txt")
    expect(seen == WORKSPACE and kept == "kept", f"{seen}, {kept}")
    return f"{seen}; a file was there for the next command"


@CHECKS("programs in the workspace")
def _programs(scene: Scene) -> str:
    seen = scene.told("printf '#!/bin/sh\\necho ran\\n' > p; chmod +x p; ./p; rm p")
    expect(seen == "ran", seen)
    return "a script that was written was run"


@CHECKS("output as it comes")
def _streaming(scene: Scene) -> str:
    times: list[float] = []

    def note(_chunk: Chunk) -> None:
        times.append(time.monotonic())

    done = scene.sh("echo a; sleep 1; echo b", on_chunk=note)
    spread = times[-1] - times[0] if times else 0.0
    expect(done.stdout == b"a\nb\n" and spread > 0.5, f"{told(done)}; spread {spread:.2f} s")
    return f"{len(times)} pieces, {spread:.2f} s apart"


@CHECKS("output over the limit")
def _output_cap(scene: Scene) -> str:
    done = scene.sh("yes", output=MIB)
    length = len(done.stdout) + len(done.stderr)
    expect(
        done.end is End.OUTPUT and done.truncated and length <= MIB, f"{done.end}, {length} bytes"
    )
    expect(not scene.left(), f"running after it: {scene.left()}")
    return f"{done.end} after {done.seconds:.2f} s, {length} bytes kept"


@CHECKS("commands side by side")
def _side_by_side(scene: Scene) -> str:
    sandbox = scene.sandbox
    with ThreadPoolExecutor(8) as pool:
        runs = [
            pool.submit(scene.told, f"echo {i}", sandbox=sandbox, keep_background=True)
            for i in range(16)
        ]
        seen = [one.result() for one in runs]
    expect(seen == [str(i) for i in range(16)], seen)
    return "16 commands of 8 threads"
