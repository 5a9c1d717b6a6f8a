"""What people run in a sandbox runs, under our own list of system calls as under the engine's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.docker.conftest import Shell

from policyc.runtime.sandbox.docker.hardening import seccomp_profile
from policyc.runtime.sandbox.spec import SandboxSpec

if TYPE_CHECKING:
    from tests.sandbox.docker.conftest import Make

    from policyc.runtime.sandbox.docker import DockerProvider
    from policyc.runtime.sandbox.spec import Loosening

GIT = """
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
git init -q -b main one && cd one
for n in 1 2 3; do seq $n$n$n > file$n; git add .; git commit -q -m "step $n"; done
git checkout -q -b side HEAD~1; echo more >> file1; git commit -q -a -m side
git checkout -q main; git merge -q side; git rebase -q HEAD~1; git stash list
git clone -q . ../two; cd ../two; git gc -q; git fsck >fsck 2>&1; git log --oneline | wc -l
git grep -c 111 HEAD -- file3; git worktree add -q ../three; ls ../three | wc -l
"""
BASH = r"""
set -euo pipefail
declare -A table=([a]=1 [b]=2)
diff <(printf '1\n2\n') <(printf '%s\n' "${table[@]}" | sort)
coproc cat; echo through >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
trap 'echo trapped' USR1; kill -USR1 $$
mkfifo pipe; echo pipe > pipe & cat pipe; timeout 5 true; nice -n 5 true
seq 1000 | xargs -P 4 -n 100 echo | wc -l
tar czf - /etc/passwd 2>/dev/null | tar tzf -; find / -xdev -name passwd -path '/etc/*'
awk 'BEGIN { print length("abc") }'; sed 's/a/b/' <<< a; grep -o b <<< abc; flock lock echo locked
"""
PYTHON = """
import asyncio, ctypes, hashlib, json, mmap, multiprocessing, os, resource, select, selectors
import shutil, signal, socket, sqlite3, ssl, subprocess, sys, tempfile, threading, time, zipfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

def square(n):
    return n * n

if __name__ == "__main__":
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(square, range(50))) == 40425
    for way in ("fork", "spawn"):
        with ProcessPoolExecutor(2, multiprocessing.get_context(way)) as pool:
            assert list(pool.map(square, [3])) == [9]

    async def server():
        async def echo(reader, writer):
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()
        made = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*made.sockets[0].getsockname())
        writer.write(b"hello\\n")
        assert await reader.readline() == b"hello\\n"
        process = await asyncio.create_subprocess_exec("echo", "out", stdout=subprocess.PIPE)
        assert (await process.communicate())[0] == b"out\\n"
        await asyncio.to_thread(time.sleep, 0.01)
    asyncio.run(server())

    with sqlite3.connect("db.sqlite") as db:
        db.execute("pragma journal_mode=wal")
        db.execute("create table t (x)")
        db.executemany("insert into t values (?)", [(n,) for n in range(100)])
    ssl.create_default_context()
    trusted = ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt")
    assert len(trusted.get_ca_certs()) > 50
    with tempfile.TemporaryFile() as file:
        os.posix_fallocate(file.fileno(), 0, 4096)
        os.copy_file_range(file.fileno(), file.fileno(), 10, 0, 2048)
        mmap.mmap(file.fileno(), 4096).close()
    left, right = socket.socketpair()
    socket.send_fds(left, [b"x"], [0])
    memory = os.memfd_create("x")
    os.sendfile(memory, os.open("/etc/passwd", 0), 0, 10)
    signal.setitimer(signal.ITIMER_REAL, 100)
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    os.getrandom(8), os.pidfd_open(os.getpid()), os.getxattr
    shutil.copytree("/etc/ssl", "ssl", symlinks=True)
    shutil.make_archive("a", "zip", "ssl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "env"], check=True)
    assert subprocess.check_output(["env/bin/python", "-c", "print(1)"]) == b"1\\n"
    print("all of it")
"""


@pytest.fixture(scope="module", params=["own", "engine"])
def either(request: pytest.FixtureRequest, provider: DockerProvider, make_shared: Make) -> Shell:
    loosened: frozenset[Loosening] = frozenset()
    if request.param == "engine":
        loosened = frozenset({"engine-seccomp"})
    return Shell(provider, make_shared(SandboxSpec(loosened=loosened)))


def test_git(either: Shell) -> None:
    if either("command -v git").exit_code:
        pytest.skip("the image has no git, as this machine has none")
    assert either.says(f"set -e; {GIT}").split() == ["4", "HEAD:file3:1", "3"]


def test_bash(either: Shell) -> None:
    told = either.says(BASH).split()
    assert told == [
        *("through", "trapped", "pipe", "10", "etc/passwd", "/etc/passwd", "3", "b", "b", "locked")
    ]


def test_python(either: Shell) -> None:
    done = either("cat > program.py; python3 program.py", stdin=PYTHON.encode())
    assert (done.stdout, done.exit_code) == (b"all of it\n", 0), done.stderr.decode()


def test_what_is_allowed_is_allowed_once_and_by_name() -> None:
    profile = json.loads(seccomp_profile())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    names = [name for row in profile["syscalls"] if "args" not in row for name in row["names"]]
    assert len(names) == len(set(names))
    assert not set(names) & {"ptrace", "mount", "unshare", "setns", "bpf", "keyctl", "userfaultfd"}
    assert not [name for name in names if name.startswith(("io_uring", "process_vm", "perf"))]
