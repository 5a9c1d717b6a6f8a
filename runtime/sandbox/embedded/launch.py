"""Makes a sandbox, and watches over it: run as a program, it reads a `Plan` and stays until the
sandbox ended.

Two processes make up a sandbox besides what runs in it. The guardian stays outside: it ends the
sandbox at its deadline and tidies up. Its child is the first process inside, the `Keeper`. Should
the guardian be killed, the kernel kills the keeper and, with it, everything in its namespaces.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Final, Never

from policyc.runtime.sandbox.embedded import cgroups, control, landlock, linux, seccomp, tree
from policyc.runtime.sandbox.embedded.keeper import Keeper
from policyc.runtime.sandbox.embedded.plan import Plan
from policyc.runtime.sandbox.embedded.processes import start_time

RECORD: Final = "record.json"
_OUTER: Final = linux.CLONE_NEWPID | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | linux.CLONE_NEWCGROUP
_GRACE: Final = 2.0
_OOM_SCORE: Final = "500"


def main() -> None:
    plan = Plan.from_json(sys.stdin.buffer.read())
    if os.fork():
        os._exit(0)
    ready = os.dup(1)
    nothing = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.chdir("/")
    try:
        keeper = _make(plan)
    except Exception as error:
        _tidy(plan)
        os.write(ready, json.dumps({"error": _words(error)}).encode())
        os._exit(1)
    os.write(ready, b"{}")
    os.close(ready)
    _watch(keeper, plan)
    _tidy(plan)


def _make(plan: Plan) -> int:
    """Start the keeper and wait until it serves; its process id."""
    listener = control.listen(plan.folder)
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD, signal.SIGTERM))
    if not plan.as_root:
        group = os.getegid()
        linux.unshare(linux.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny", "ascii")
        _map_users("self", [(plan.user, plan.outer_user)], [(plan.user, group)])
    linux.unshare(_OUTER | (0 if plan.open_network else linux.CLONE_NEWNET))
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    keeper = os.fork()
    if keeper == 0:
        ours.close()
        _be_first(plan, listener, its)
    its.close()
    listener.close()
    for group_folder in plan.cgroups:
        Path(group_folder, "cgroup.procs").write_text(str(keeper), "ascii")
    ours.send(b"go")
    if plan.as_root:
        _expect(ours, b"users")
        users = [(plan.user, plan.outer_user), (plan.keeper, plan.keeper)]
        _map_users(str(keeper), users, users)
        ours.send(b"mapped")
    _expect(ours, b"ready")
    record = plan.record | {
        "keeper": keeper,
        "keeper_start": start_time(keeper),
        "guardian": os.getpid(),
        "guardian_start": start_time(os.getpid()),
    }
    draft = Path(plan.folder, "record.new")
    draft.write_text(json.dumps(record), "utf-8")
    draft.rename(Path(plan.folder, RECORD))
    ours.detach()  # open as long as this process lives
    return keeper


def _expect(sender: socket.socket, message: bytes) -> None:
    answer = sender.recv(65536)
    if answer != message:
        raise OSError(answer.decode("utf-8", "replace") or "the first process of it ended")


def _words(error: BaseException) -> str:
    """What failed, without the number of the error."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def _map_users(process: str, users: list[tuple[int, int]], groups: list[tuple[int, int]]) -> None:
    for kind, pairs in (("uid_map", users), ("gid_map", groups)):
        lines = "".join(f"{inner} {outer} 1\n" for inner, outer in pairs)
        Path(f"/proc/{process}/{kind}").write_text(lines, "ascii")


def _be_first(plan: Plan, listener: socket.socket, guardian: socket.socket) -> Never:
    """Be the first process of the sandbox."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGCHLD, signal.SIGTERM))
        guardian.recv(16)
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, "ascii")
        linux.unshare(linux.CLONE_NEWNS)
        tree.build(plan)
        socket.sethostname("sandbox")
        if not plan.open_network:
            linux.bring_up_loopback()
        _take_identity(plan, guardian)
        _give_up_rights(plan)
        sys.path.clear()  # whatever is imported from now on would be a file of the sandbox
        guardian.send(b"ready")
        Keeper(plan, listener, guardian, plan.deadline - time.time()).serve()
    except BaseException as error:
        guardian.send(_words(error).encode())
    finally:
        os._exit(1)


def _take_identity(plan: Plan, guardian: socket.socket) -> None:
    """Be nobody else but the keeper, also for the host."""
    if not plan.as_root:
        return
    os.setgroups([])
    linux.unshare(linux.CLONE_NEWUSER)
    guardian.send(b"users")
    guardian.recv(16)
    os.setresgid(plan.keeper, plan.keeper, plan.keeper)
    os.setresuid(plan.keeper, plan.keeper, plan.keeper)


def _give_up_rights(plan: Plan) -> None:
    """Everything that holds for all processes of the sandbox, including this one."""
    if "capabilities" not in plan.without:
        linux.drop_bounding_set()
        kept = (linux.CAP_SETUID, linux.CAP_SETGID) if plan.as_root else ()
        linux.keep_capabilities(linux.CAP_KILL, *kept)
    linux.prctl(linux.PR_SET_DUMPABLE, 0, "closing of the keeper's memory")
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL, "binding to the guardian")
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1, "no_new_privs")
    if "landlock" not in plan.without and landlock.abi() >= landlock.NEEDED:
        landlock.restrict(tree.writable_folders(plan), tree.writable_devices())
    if "seccomp" not in plan.without:
        refused = frozenset(one.removeprefix("seccomp:") for one in plan.without)
        linux.install_filter(seccomp.filter_program(linux.architecture(), refused))


def _watch(keeper: int, plan: Plan) -> None:
    """Wait for the end of the sandbox, and see to it that there is one."""
    end = time.monotonic() + plan.deadline - time.time() + _GRACE
    while os.waitpid(keeper, os.WNOHANG)[0] == 0:
        rest = max(end - time.monotonic(), 0)
        woken = signal.sigtimedwait((signal.SIGCHLD, signal.SIGTERM), rest)
        if woken is None or woken.si_signo == signal.SIGTERM:
            os.kill(keeper, signal.SIGKILL)
            os.waitpid(keeper, 0)
            return


def _tidy(plan: Plan) -> None:
    Path(plan.folder, RECORD).unlink(missing_ok=True)
    cgroups.remove(plan.cgroups)
    shutil.rmtree(plan.folder, ignore_errors=True)
