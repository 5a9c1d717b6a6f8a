"""What commands must not be able to do, tried from inside."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.checks.scene import Checks, expect
from policyc.runtime.sandbox.spec import USER

if TYPE_CHECKING:
    from policyc.runtime.sandbox.checks.scene import Scene

CHECKS: Final = Checks()

_SYSTEM_CALLS: Final = """
import ctypes, errno, json, os, platform
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() in ("aarch64", "arm64")
numbers = {
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "unshare": (272, 97), "setns": (308, 268), "ptrace": (101, 117), "bpf": (321, 280),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "keyctl": (250, 219),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104),
    "reboot": (169, 142), "swapon": (167, 224), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "sethostname": (170, 161), "open_by_handle_at": (304, 265),
    "fsopen": (430, 430), "open_tree": (428, 428), "move_mount": (429, 429), "acct": (163, 89),
}
page = ctypes.create_string_buffer(4096)
nothing = ctypes.byref(page)
arguments = {
    "mount": (b"none", b"/ws", b"tmpfs", 0, None), "umount2": (b"/proc", 2),
    "pivot_root": (b"/", b"/"), "chroot": (b"/ws",), "unshare": (0x10000000,),
    "setns": (os.open("/proc/self/ns/net", os.O_RDONLY), 0), "ptrace": (16, os.getppid(), 0, 0),
    "bpf": (0, nothing, 128), "process_vm_readv": (os.getppid(), nothing, 1, nothing, 1, 0),
    "process_vm_writev": (os.getppid(), nothing, 1, nothing, 1, 0), "keyctl": (0, -3, 1),
    "perf_event_open": (nothing, 0, -1, -1, 0), "userfaultfd": (1,),
    "io_uring_setup": (4, nothing), "init_module": (nothing, 0, b""),
    "finit_module": (0, b"", 0), "kexec_load": (0, 0, None, 0), "reboot": (0, 0, 0, None),
    "swapon": (b"/ws/none", 0), "settimeofday": (nothing, None), "clock_settime": (0, nothing),
    "sethostname": (b"x", 1), "open_by_handle_at": (-100, nothing, 0), "fsopen": (b"tmpfs", 0),
    "open_tree": (-100, b"/", 1), "move_mount": (-100, b"/", -100, b"/ws", 0), "acct": (None,),
}
seen = {}
for name, (intel, other) in numbers.items():
    ctypes.set_errno(0)
    values = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments[name]]
    result = libc.syscall(ctypes.c_long(other if arm else intel), *values)
    seen[name] = "" if result >= 0 else errno.errorcode.get(ctypes.get_errno(), "?")
print(json.dumps(seen))
"""
_REFUSALS: Final = ("EPERM", "EACCES", "ENOSYS")


@CHECKS("user")
def _user(scene: Scene) -> str:
    seen = scene.told("id -u; id -g; grep ^Groups: /proc/self/status")
    uid, gid, groups = [*seen.splitlines(), "", ""][:3]
    others = set(groups.split()[1:]) - {str(USER)}
    expect(uid == gid == str(USER) and not others, seen)
    return f"user {uid}, group {gid}, no other groups"


@CHECKS("no capabilities")
def _capabilities(scene: Scene) -> str:
    seen = scene.told("grep ^Cap /proc/self/status")
    values = {line.split()[1].strip("0") for line in seen.splitlines()}
    expect(values == {""}, seen)
    return "all five sets are empty"


@CHECKS("no new privileges")
def _no_new_privileges(scene: Scene) -> str:
    seen = scene.told("grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status").split()
    expect(seen == ["NoNewPrivs:", "1", "Seccomp:", "2"], seen)
    return " ".join(seen)


@CHECKS("system calls refused")
def _system_calls(scene: Scene) -> str:
    seen = scene.python(_SYSTEM_CALLS)
    allowed = {name: how for name, how in seen.items() if how not in _REFUSALS}
    expect(not allowed, f"not refused: {allowed}")
    return f"{len(seen)} calls refused: {', '.join(seen)}"


@CHECKS("new namespaces refused")
def _namespaces(scene: Scene) -> str:
    flags = {"user": 0x10000000, "mount": 0x20000, "net": 0x40000000, "pid": 0x20000000}
    seen = scene.python(
        "import ctypes, json, os, platform, sys\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "number = 220 if platform.machine() in ('aarch64', 'arm64') else 56\n"
        "made = {}\n"
        f"for name, flag in {flags!r}.items():\n"
        "    zero = ctypes.c_long(0)\n"
        "    child = libc.syscall(ctypes.c_long(number), ctypes.c_long(flag | 17), zero, zero,"
        " zero, zero)\n"
        "    if child == 0: os._exit(0)\n"
        "    made[name] = child > 0\n"
        "print(json.dumps(made))\n"
    )
    expect(not any(seen.values()), seen)
    return "clone makes none, of no kind"


@CHECKS("kinds of sockets")
def _sockets(scene: Scene) -> str:
    seen = scene.python(
        "import json, socket\n"
        "made = []\n"
        "kinds = {'packet': (17, 3), 'raw': (2, 3), 'raw6': (10, 3), 'vsock': (40, 1)}\n"
        "for name, (family, kind) in kinds.items():\n"
        "    try: socket.socket(family, kind, 1 if kind == 3 else 0).close(); made.append(name)\n"
        "    except OSError: pass\n"
        "print(json.dumps(made))\n"
    )
    expect(not seen, f"could be made: {seen}")
    return "no raw, packet or hypervisor socket"


@CHECKS("root folder is read-only")
def _root(scene: Scene) -> str:
    seen = scene.told(
        "for d in / /usr /bin /etc /lib /var /usr/bin /dev /opt /home /root; do"
        " touch $d/policyc-check 2>/dev/null && echo $d; done; true"
    )
    expect(not seen, f"written to: {seen.split()}")
    return "nothing but the workspace and the temporary folder can be written to"


@CHECKS("no files of the host")
def _host_files(scene: Scene) -> str:
    with tempfile.NamedTemporaryFile("w", prefix="policyc-canary-") as file:
        file.write("canary of the host")
        file.flush()
        home = Path.home()
        named = [file.name, f"/proc/1/root{file.name}", f"/proc/self/root{file.name}"]
        named += [f"/proc/1/cwd/../../..{file.name}", f"/../..{file.name}"]
        shown = scene.run("sh", "-c", 'for f; do cat "$f" 2>/dev/null; done; true', "sh", *named)
        expect(b"canary" not in shown.stdout, shown)
    entries = scene.told("ls -A /root /home /mnt /media /srv /boot 2>/dev/null | grep -v :; true")
    secret = scene.told("cat /etc/shadow /etc/gshadow /etc/ssh/ssh_host_*_key 2>/dev/null; true")
    expect(not secret, "secrets of a system can be read")
    own = [one for one in os.listdir(home) if one in entries.split()] if home.is_dir() else []
    expect(not own, f"of your home: {own}")
    return "a file planted on the host is not there, nor a home or password file"


@CHECKS("no socket of an engine")
def _engine_socket(scene: Scene) -> str:
    seen = scene.told(
        "for f in /run /var/run; do ls $f/docker.sock $f/containerd/containerd.sock"
        " $f/podman/podman.sock $f/crio/crio.sock $f/dbus/system_bus_socket"
        " $f/systemd/private 2>/dev/null; done; true"
    )
    expect(not seen, f"there: {seen.split()}")
    return "no socket of Docker, containerd, podman, CRI-O, D-Bus or systemd"


@CHECKS("no network")
def _network(scene: Scene) -> str:
    abstract = f"\0policyc-canary-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as local,
        socket.create_server(("0.0.0.0", 0)) as everywhere,  # noqa: S104  # a canary
        socket.socket(socket.AF_UNIX) as hidden,
    ):
        hidden.bind(abstract)
        hidden.listen()
        places = [["127.0.0.1", local.getsockname()[1]], ["169.254.169.254", 80]]
        port = everywhere.getsockname()[1]
        places += [["127.0.0.1", port], ["172.17.0.1", port], ["192.0.2.1", 80], ["::1", port]]
        places += [[address, port] for address in _own_addresses()]
        seen = scene.python(
            "import json, socket, sys\n"
            f"reached = []\nfor host, port in json.loads({json.dumps(places)!r}):\n"
            "    family = socket.AF_INET6 if ':' in host else socket.AF_INET\n"
            "    with socket.socket(family) as s:\n"
            "        s.settimeout(1)\n"
            "        if s.connect_ex((host, port)) == 0: reached.append(host)\n"
            "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:\n"
            "    try: s.sendto(b'x', ('192.0.2.1', 53)); reached.append('udp')\n"
            "    except OSError: pass\n"
            "with socket.socket(socket.AF_UNIX) as s:\n"
            f"    if s.connect_ex({abstract!r}) == 0: reached.append('abstract socket')\n"
            "links = [line.split(':')[0].strip() for line in open('/proc/net/dev')][2:]\n"
            "print(json.dumps([reached, links]))\n"
        )
    reached, links = seen
    expect(not reached and links == ["lo"], f"reached {reached}, interfaces {links}")
    return f"only lo; none of {len(places) + 2} places was reached"


def _own_addresses() -> list[str]:
    """Addresses of this machine that others may reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        try:
            own.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return []
        return [own.getsockname()[0]]


@CHECKS("loopback works")
def _loopback(scene: Scene) -> str:
    seen = scene.python(
        "import json, socket\n"
        "with socket.create_server(('127.0.0.1', 0)) as s:\n"
        "    c = socket.create_connection(s.getsockname(), 5)\n"
        "    print(json.dumps(c.getpeername()[0]))\n"
    )
    expect(seen == "127.0.0.1", seen)
    return "programs of the sandbox can talk to each other"


@CHECKS("/proc is closed")
def _proc(scene: Scene) -> str:
    seen = scene.told(
        "for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sysrq-trigger"
        " /proc/sys/vm/drop_caches /proc/sys/net/ipv4/ip_forward /proc/1/oom_score_adj; do"
        ' (: >> $f) 2>/dev/null && echo "written $f"; done;'
        " for f in /proc/kcore /proc/1/environ /proc/1/mem /proc/1/maps /proc/kmsg"
        " /proc/timer_list /proc/keys; do"
        ' [ -n "$(head -c 1 $f 2>/dev/null | tr -d "\\0")" ] && echo "read $f"; done; true'
    )
    expect(not seen, seen.replace("\n", ", "))
    return "nothing of the kernel or the keeper could be read or changed"


@CHECKS("/sys is closed")
def _sys(scene: Scene) -> str:
    seen = scene.told(
        "find /sys -maxdepth 4 -writable -not -type l 2>/dev/null | head -200 | while read -r f; do"
        ' if [ -d "$f" ]; then mkdir "$f/policyc-check" 2>/dev/null && echo "$f";'
        ' else (: >> "$f") 2>/dev/null && echo "$f"; fi; done; true'
    )
    expect(not seen, f"written to: {seen.split()[:10]}")
    return "nothing there can be changed"


@CHECKS("devices")
def _devices(scene: Scene) -> str:
    seen = scene.told(
        "for f in /dev/* /dev/*/*; do [ -b $f -o -c $f ] && echo ${f#/dev/}; done;"
        " mknod /ws/disk b 8 0 2>/dev/null && echo made; mknod /ws/mem c 1 1 2>/dev/null &&"
        " echo made; true"
    ).split()
    harmless = {"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "pts/ptmx"}
    expect(set(seen) <= harmless, f"there: {sorted(set(seen) - harmless)}")
    return f"only {', '.join(seen)}; none can be made"


@CHECKS("setuid programs")
def _setuid(scene: Scene) -> str:
    seen = scene.told(
        "for p in su sudo mount newgrp passwd pkexec; do command -v $p; done 2>/dev/null |"
        " while read -r p; do [ -u $p ] && echo $p; done; true"
    ).split()
    rows = scene.told("su -c id 2>/dev/null; sudo -n id 2>/dev/null; id -u")
    expect(rows == str(USER), rows)
    return f"{len(seen)} in sight, none makes a root user"


@CHECKS("keeper is out of reach")
def _keeper(scene: Scene) -> str:
    scene.sh("kill -9 1; kill -STOP 1; kill -9 -1; true", seconds=10)
    scene.answers()
    return "the sandbox outlived kill -9 1 and kill -9 -1"


@CHECKS("clock")
def _clock(scene: Scene) -> str:
    done = scene.sh("date -s 2001-01-01 >/dev/null 2>&1")
    year = scene.told("date +%Y")
    expect(done.exit_code != 0 and int(year) > 2001, f"{done.exit_code}, {year}")
    return "it cannot be set"


@CHECKS("terminal input")
def _terminal(scene: Scene) -> str:
    seen = scene.python(
        "import fcntl, json, os\n"
        "try: leader, other = os.openpty()\n"
        "except OSError: print(json.dumps('no terminals')); raise SystemExit\n"
        "try: fcntl.ioctl(other, 0x5412, b'x'); print(json.dumps('typed'))\n"
        "except OSError as error: print(json.dumps('refused'))\n"
    )
    expect(seen != "typed", "input was put into a terminal")
    return str(seen)
