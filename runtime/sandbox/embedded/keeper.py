"""The first process of a sandbox: it starts what runs there, and everything ends with it.

Nothing in a sandbox can signal it (the kernel keeps signals from the first process of a process
namespace), look into its memory or reach its socket, and it runs behind the same filter itself.
"""

from __future__ import annotations

import os
import resource
import selectors
import signal
import socket
import time
from typing import TYPE_CHECKING, Any, Final, Never

from policyc.runtime.sandbox.embedded import control, linux

if TYPE_CHECKING:
    from policyc.runtime.sandbox.embedded.plan import Plan

KEEPER_NICE: Final = -5
COMMANDS_NICE: Final = 5
"""However busy commands are, the keeper gets to work. Only root may have the first."""
FORWARDER: Final = "forward.py"
_PROXY: Final = ("127.0.0.1", 3128)
"""Where the environment of commands says that the proxy is."""
_FORWARDER_REST: Final = 1.0
_LONGEST_REST: Final = 3600.0
_KILL_SECONDS: Final = 5.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = resource.getpagesize()


class Keeper:
    """Serves the requests of runners until its deadline.

    Args:
        plan: of the sandbox.
        listener: where runners connect.
        guardian: a socket whose other end closes when the process that watches over this one ends.
        seconds: until the sandbox ends by itself.
    """

    def __init__(
        self, plan: Plan, listener: socket.socket, guardian: socket.socket, seconds: float
    ) -> None:
        self._plan = plan
        self._listener = listener
        self._guardian = guardian
        self._end = time.monotonic() + seconds
        self._paused = False
        self._running: dict[int, socket.socket] = {}
        self._way: socket.socket | None = None
        self._forwarder = 0
        self._forwarder_rest = 0.0
        self._selector = selectors.DefaultSelector()

    def serve(self) -> Never:
        """Work until the end; it does not return."""
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # A signal that this process has a handler for would reach it, also from inside.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for source in (self._listener, self._guardian, woken):
            self._selector.register(source, selectors.EVENT_READ)
        while (rest := self._end - time.monotonic()) > 0:
            self._keep_forwarder()
            pause = _FORWARDER_REST if self._plan.egress else _LONGEST_REST
            for key, _events in self._selector.select(min(rest, pause)):
                if key.fileobj is self._guardian:
                    os._exit(0)
                elif key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj == woken:
                    os.read(woken, 4096)
                else:
                    self._serve(key.fileobj)  # type: ignore[arg-type]  # only sockets are left
            self._reap()
        os._exit(0)

    def _accept(self) -> None:
        try:
            connection, _address = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ)

    def _serve(self, connection: socket.socket) -> None:
        """Do what a connection asks for; one that starts a process stays open for its end."""
        self._selector.unregister(connection)
        streams: list[int] = []
        try:
            request, streams = control.receive(connection)
            answer = self._carry_out(request, streams, connection)
        except (OSError, ValueError, KeyError, TypeError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        finally:
            for one in streams:
                os.close(one)
        control.answer(connection, answer)
        if connection not in self._running.values():
            connection.close()

    def _carry_out(
        self, request: dict[str, Any], streams: list[int], connection: socket.socket
    ) -> dict[str, Any]:
        match request["do"]:
            case "start" if self._paused:
                return {"paused": True}
            case "start":
                environment = self._plan.environment | request["environment"]
                try:
                    process = self._start(request["argv"], environment, streams)
                except BlockingIOError:
                    return {"full": True}
                self._running[process] = connection
                return {"process": process}
            case "pause":
                self._signal_all(signal.SIGSTOP)
                self._paused = True
            case "resume":
                self._paused = False
                self._signal_all(signal.SIGCONT)
            case "kill":
                return {"left": self._kill_all()}
            case "usage":
                return self._usage()
            case "status":
                pass
            case other:
                raise ValueError(f"nobody knows how to {other}")
        return {"paused": self._paused}

    def _start(self, argv: list[str], environment: dict[str, str], streams: list[int]) -> int:
        if not argv or len(streams) != 3:
            raise ValueError("a process needs a program and three streams")
        process = os.fork()
        if process == 0:
            try:
                _become(self._plan, argv, environment, streams)
            except BaseException as error:  # nothing may go on as the keeper
                os.write(2, f"policyc: {argv[0]}: {error}\n".encode())
            finally:
                os._exit(126)
        return process

    def _keep_forwarder(self) -> None:
        """Have the way to the proxy, where there is one, whatever was done to it."""
        now = time.monotonic()
        if not self._plan.egress or self._paused or self._forwarder or now < self._forwarder_rest:
            return
        self._forwarder_rest = now + _FORWARDER_REST
        if self._way is None:
            # It outlives what relays its connections: they wait while that is started again.
            self._way = socket.create_server(_PROXY)
        nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        program = f"{self._plan.egress_folder}/{FORWARDER}"
        try:
            argv, streams = ["python3", "-I", program], [self._way.fileno(), nothing, nothing]
            self._forwarder = self._start(argv, self._plan.environment, streams)
        except BlockingIOError:
            return
        finally:
            os.close(nothing)

    def _reap(self) -> bool:
        """Take note of the processes that ended; whether there are others."""
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if process == 0:
                return True
            if process == self._forwarder:
                self._forwarder = 0
            connection = self._running.pop(process, None)
            if connection is None:
                continue
            code = os.waitstatus_to_exitcode(status)
            control.answer(connection, {"exit": code} if code >= 0 else {"signal": -code})
            connection.close()

    def _signal_all(self, number: int) -> None:
        """Signal everything else in the sandbox at once: nothing can fork away from it."""
        try:
            os.kill(-1, number)
        except ProcessLookupError:
            return

    def _kill_all(self) -> bool:
        """Kill everything else; whether something is left that does not die."""
        self._signal_all(signal.SIGKILL)
        self._paused = False
        self._forwarder_rest = 0.0
        end = time.monotonic() + _KILL_SECONDS
        while self._reap():
            if time.monotonic() > end:
                return True
            time.sleep(0.0005)
        return False

    def _usage(self) -> dict[str, Any]:
        memory = processes = ticks = 0
        for name in os.listdir("/proc"):
            if not name.isdigit() or name == "1":
                continue
            try:
                with open(f"/proc/{name}/statm", encoding="ascii") as file:
                    memory += int(file.read().split()[1]) * _PAGE
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    fields = file.read().rpartition(")")[2].split()
            except (OSError, IndexError):
                continue  # it ended
            if fields[0] in "ZX":
                continue
            processes += 1
            ticks += sum(int(one) for one in fields[11:15])
        for folder in (self._plan.workspace, self._plan.temporary_folder):
            room = os.statvfs(folder)
            memory += (room.f_blocks - room.f_bfree) * room.f_frsize
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = ticks / _TICKS + ended.ru_utime + ended.ru_stime
        return {"memory": memory, "processes": processes, "cpu_seconds": seconds}


def _become(plan: Plan, argv: list[str], environment: dict[str, str], streams: list[int]) -> Never:
    """Turn this process, a copy of the keeper, into a program of the sandbox."""
    signal.set_wakeup_fd(-1)
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for number in signal.valid_signals():  # Python ignores some, the runner may others
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    for name, value in plan.limits.items():
        kind = getattr(resource, name)
        most = resource.getrlimit(kind)[1]
        own = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (own, own))
    os.umask(0o022)
    os.nice(COMMANDS_NICE)
    if plan.as_root:
        os.setresgid(plan.user, plan.user, plan.user)
        os.setresuid(plan.user, plan.user, plan.user)
    if "capabilities" not in plan.without:
        linux.keep_capabilities()
    os.chdir(plan.workspace)
    _execute(argv, environment)


def _execute(argv: list[str], environment: dict[str, str]) -> Never:
    """As `os.execvpe`, which imports modules, and says what failed by an exit code."""
    program = argv[0]
    places = [""] if "/" in program else environment.get("PATH", "").split(":")
    failure: OSError = FileNotFoundError(f"there is no program `{program}` in the sandbox")
    for place in places:
        try:
            os.execve(os.path.join(place, program), argv, environment)  # noqa: S606  # this is what it is for
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            failure = error
            break
    os.write(2, f"policyc: {program}: {failure}\n".encode())
    os._exit(127 if isinstance(failure, FileNotFoundError) else 126)
