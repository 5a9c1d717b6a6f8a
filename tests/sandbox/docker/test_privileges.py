"""What a command tries in order to be more than it is, or to see more than it has."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.docker.conftest import Shell, new_tag

from policyc.runtime.sandbox.execution import End
from policyc.runtime.sandbox.spec import Mount, SandboxSpec, own_image

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient
    from tests.sandbox.docker.conftest import Make

    from policyc.runtime.sandbox.docker import DockerProvider

CALL = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
result = libc.syscall({number}, {arguments})
print(os.strerror(ctypes.get_errno()) if result < 0 else "done")
"""
BUFFER = "ctypes.create_string_buffer(4096)"
X86_64: dict[str, tuple[int, str]] = {
    "ptrace": (101, "16, 1, 0, 0"),
    "process_vm_readv": (310, f"1, {BUFFER}, 1, {BUFFER}, 1, 0"),
    "process_vm_writev": (311, f"1, {BUFFER}, 1, {BUFFER}, 1, 0"),
    "mount": (165, "b'none', b'/ws', b'tmpfs', 0, 0"),
    "umount2": (166, "b'/ws', 2"),
    "pivot_root": (155, "b'/ws', b'/ws'"),
    "chroot": (161, "b'/ws'"),
    "setns": (308, "os.open('/proc/self/ns/user', 0), 0"),
    "unshare user": (272, "0x10000000"),
    "unshare mount": (272, "0x20000"),
    "clone user": (56, "0x10000000 | 17, 0, 0, 0, 0"),
    "keyctl": (250, "0, -3, 0, 0, 0"),
    "add_key": (248, "b'user', b'a', b'b', 1, -3"),
    "request_key": (249, "b'user', b'a', 0, 0"),
    "bpf": (321, f"0, {BUFFER}, 72"),
    "perf_event_open": (298, f"{BUFFER}, 0, -1, -1, 0"),
    "userfaultfd": (323, "1"),
    "io_uring_setup": (425, f"8, {BUFFER}"),
    "io_setup": (206, f"1, {BUFFER}"),
    "kexec_load": (246, "0, 0, 0, 0"),
    "init_module": (175, "0, 0, b''"),
    "reboot": (169, "0xfee1dead, 672274793, 0, 0"),
    "swapon": (167, "b'/ws/x', 0"),
    "open_by_handle_at": (304, f"-100, {BUFFER}, 0"),
    "name_to_handle_at": (303, f"-100, b'/', {BUFFER}, {BUFFER}, 0"),
    "fanotify_init": (300, "0, 0"),
    "quotactl": (179, "0, 0, 0, 0"),
    "syslog": (103, "3, 0, 0"),
    "acct": (163, "0"),
    "iopl": (172, "3"),
    "clock_settime": (227, f"0, {BUFFER}"),
    "settimeofday": (164, f"{BUFFER}, 0"),
    "clock_adjtime": (305, f"0, {BUFFER}"),
    "sethostname": (170, "b'x', 1"),
    "move_mount": (429, "-1, b'', -1, b'', 0"),
    "open_tree": (428, "-100, b'/', 0"),
    "fsopen": (430, "b'tmpfs', 0"),
    "mount_setattr": (442, "-100, b'/', 0, 0, 0"),
    "pidfd_getfd": (438, "0, 0, 0"),
    "kcmp": (312, "1, 1, 0, 0, 0"),
    "memfd_secret": (447, "0"),
    "personality without random addresses": (135, "0x40000"),
    "socket AF_VSOCK": (41, "40, 1, 0"),
    "socket AF_ALG": (41, "38, 5, 0"),
    "socket AF_PACKET": (41, "17, 3, 0"),
    "socket NETLINK_NETFILTER": (41, "16, 3, 12"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="numbers of system calls")
@pytest.mark.parametrize("name", X86_64)
def test_system_calls_that_no_command_needs_are_refused(shared: Shell, name: str) -> None:
    if shared.says("uname -m") != "x86_64\n":
        pytest.skip("the numbers are those of x86_64")
    number, arguments = X86_64[name]
    done = shared.python(CALL.format(number=number, arguments=arguments))
    assert done.stdout == b"Operation not permitted\n", done


def test_the_new_way_to_clone_is_said_to_be_unknown_so_that_the_old_is_taken(shared: Shell) -> None:
    done = shared.python(CALL.format(number=435, arguments=f"{BUFFER}, 64"))
    assert done.stdout == b"Function not implemented\n"


OF_32_BITS = """
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=7)
code.write(bytes.fromhex("b814000000cd80c3"))  # getpid of another architecture
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))())
"""


def test_programs_of_another_architecture_end(
    shared: Shell, provider: DockerProvider, make: Make
) -> None:
    if shared.says("uname -m") != "x86_64\n":
        pytest.skip("the code is that of x86_64")
    assert shared.python(OF_32_BITS).signal == signal.SIGSYS
    other = Shell(provider, make(SandboxSpec(loosened=frozenset({"engine-seccomp"}))))
    assert int(other.python(OF_32_BITS).stdout) > 0


@pytest.mark.parametrize(
    "text",
    [
        "mknod x b 8 0",
        "mknod x c 1 1",
        "mount -t tmpfs none /ws",
        "unshare -r true",
        "nsenter -t 1 -n true",
        "chown 0:0 /ws",
        "su -c true",
        "date -s 2001-01-01",
        "kill -9 1",
        "kill -STOP 1",
        "pkill -9 -u 10000",
        "echo 1 > /proc/sys/kernel/core_pattern",
        "echo b > /proc/sysrq-trigger",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "echo 4 > /sys/fs/cgroup/pids/pids.max",
        "mkdir /sys/fs/cgroup/memory/x",
        "echo -1000 > /proc/self/oom_score_adj",
        "head -c 1 /proc/kcore",
        "cat /proc/1/environ",
        "ls /proc/1/root/",
        "head -c 1 /dev/mem",
        "head -c 1 /dev/sda",
        "ls /sys/firmware/* | grep .",
        "ls /sys/kernel/debug/* | grep .",
        "dmesg",
        "cat /etc/shadow",
        "touch /usr/bin/x",
        "touch /etc/passwd",
        "touch /run/policyc",
        "touch /x",
        "echo x > /dev/x",
        "cp /bin/true /tmp/t && /tmp/t",
        "cp /bin/true /dev/shm/t && /dev/shm/t",
    ],
)
def test_what_commands_may_not(shared: Shell, text: str) -> None:
    done = shared(f"PATH=$PATH:/usr/sbin:/sbin; {text}")
    assert done.end is End.EXITED and done.exit_code != 0, done
    assert shared.lives


def test_no_file_of_the_image_gives_rights(shared: Shell) -> None:
    assert shared.says("find / -xdev -perm /6000 -type f 2>/dev/null; true") == ""


def test_a_bit_that_gives_rights_gives_none_to_a_command_of_its_own(shared: Shell) -> None:
    told = shared.says("cp /usr/bin/id /ws/id; chmod 6755 /ws/id; /ws/id -u; rm /ws/id")
    assert told == "10001\n"


def test_nobody_else_runs_or_is_seen_in_it(shared: Shell) -> None:
    told = shared.says("ps -eo uid=,args=").split("\n")
    keeper = sorted(line.split(None, 1)[1] for line in told if line.split()[:1] == ["10000"])
    assert [one.split()[0].rpartition("/")[2] for one in keeper] == [
        "docker-init",
        "sleep",
        "timeout",
    ]
    assert {line.split()[0] for line in told if line} == {"10000", "10001"}


def test_no_engine_and_no_other_sandbox_is_seen(shared: Shell, make: Make) -> None:
    other = Shell(shared.provider, make())
    other.says("echo secret > /ws/secret; echo secret > /tmp/secret; echo secret > /dev/shm/secret")
    told = shared.says(
        "ls -A /ws /tmp /dev/shm /run; find / -xdev -type s 2>/dev/null; "
        "find /run /var/run -name '*.sock'"
    )
    assert "secret\n" not in told and ".sock" not in told
    assert shared.says("uname -n") == other.says("uname -n") == "sandbox\n"


def test_a_file_of_the_host_is_seen_only_if_it_is_mounted(
    provider: DockerProvider, make: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("mounted")
    (folder / "data").write_text("of the host")
    (folder / "inner").mkdir()
    folder.chmod(0o777)
    (folder / "inner").chmod(0o777)
    target = tmp_path_factory.mktemp("writable")
    target.chmod(0o777)
    subprocess.run(["mount", "-t", "tmpfs", "none", folder / "inner"], check=True)
    try:
        mounts = (Mount(str(folder), "/data"), Mount(str(target), "/ws/out", writable=True))
        shell = Shell(provider, make(SandboxSpec(mounts=mounts)))
        assert shell.says("cat /data/data; echo new > out/new") == "of the host"
        assert (target / "new").read_text() == "new\n"
        # What is mounted below a folder is not passed on: it would not be read-only.
        assert shell("touch /data/x").exit_code and shell("touch /data/inner/x").exit_code
        assert sorted(one.name for one in folder.iterdir()) == ["data", "inner"]
    finally:
        subprocess.run(["umount", folder / "inner"], check=True)


def test_a_folder_of_the_host_as_the_workspace(
    provider: DockerProvider, make: Make, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    mounts = (Mount(str(tmp_path), "/ws", writable=True),)
    shell = Shell(provider, make(SandboxSpec(mounts=mounts)))
    assert shell.says("pwd; echo new > x") == "/ws\n"
    assert (tmp_path / "x").read_text() == "new\n"


def test_the_values_of_secrets_are_not_where_the_engine_tells_them(
    provider: DockerProvider, make: Make, docker_engine: DockerClient
) -> None:
    sandbox = make(SandboxSpec(secrets={"token": "hunter2"}))
    assert "hunter2" not in str(docker_engine.api.inspect_container(sandbox))
    assert "hunter2" not in repr(provider.record(sandbox))


def test_what_an_image_declares_as_a_volume_is_no_way_to_the_disk(
    provider: DockerProvider, make: Make, docker_engine: DockerClient
) -> None:
    repository, name = new_tag()
    plain = docker_engine.containers.create(own_image())
    try:
        plain.commit(repository, name, changes="VOLUME /data\nHEALTHCHECK CMD id")
    finally:
        plain.remove()
    try:
        sandbox = make(SandboxSpec(image=f"{repository}:{name}"))
        assert Shell(provider, sandbox)("touch /data/x").exit_code
        attributes = docker_engine.api.inspect_container(sandbox)
        assert not [one for one in attributes["Mounts"] if one["Type"] == "volume"]
        assert "Health" not in attributes["State"]
    finally:
        provider.remove(sandbox)
        docker_engine.images.remove(f"{repository}:{name}", force=True)
