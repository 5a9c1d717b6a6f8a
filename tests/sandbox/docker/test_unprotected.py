"""Each protection taken away on its own: what it stops then works. So the tests that see it stopped
do not pass for another reason. And a sandbox that lacks one is refused as soon as it is made."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.sandbox.docker.conftest import Shell, new_id, new_tag

from policyc.runtime.sandbox.docker import provider as providers
from policyc.runtime.sandbox.docker.hardening import options
from policyc.runtime.sandbox.execution import End, run
from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.provider import Creation
from policyc.runtime.sandbox.spec import MIB, Mount, Resources, SandboxSpec, own_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from docker import DockerClient
    from tests.sandbox.docker.conftest import Make

    from policyc.runtime.sandbox.docker import DockerProvider

SMALL = Resources(memory=64 * MIB, disk=8 * MIB, temporary=4 * MIB, processes=16, lifetime=300)


def without(**changed: Any) -> Callable[[Creation, Iterable[str]], dict[str, Any]]:
    """The options of a sandbox with some of them changed; None takes one away."""

    def changed_options(creation: Creation, volumes: Iterable[str] = ()) -> dict[str, Any]:
        found = options(creation, volumes) | changed
        return {name: value for name, value in found.items() if value is not None}

    return changed_options


def tmpfs_without(part: str) -> Callable[[Creation, Iterable[str]], dict[str, Any]]:
    def changed_options(creation: Creation, volumes: Iterable[str] = ()) -> dict[str, Any]:
        found = options(creation, volumes)
        found["tmpfs"] = {
            place: ",".join(one for one in told.split(",") if not one.startswith(part))
            for place, told in found["tmpfs"].items()
        }
        return found

    return changed_options


@pytest.fixture
def unprotected(
    provider: DockerProvider, make: Make, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Shell]:
    """Makes a sandbox with other options, which nobody looks at from inside."""

    def make_one(
        other: Callable[[Creation, Iterable[str]], dict[str, Any]], spec: SandboxSpec | None = None
    ) -> Shell:
        with monkeypatch.context() as patched:
            patched.setattr(providers, "options", other)
            patched.setattr(providers, "wanting", lambda _facts, _spec: [])
            return Shell(provider, make(spec or SandboxSpec(resources=SMALL)))

    return make_one


def test_a_keeper_of_the_same_user_is_killed_by_a_command(
    unprotected: Callable[..., Shell], make: Make, provider: DockerProvider
) -> None:
    attack = "kill -9 -1; sleep 1"
    # Of the engine's own program at the top too: it is of the user that the keeper is.
    assert unprotected(without(user="10001:10001"))(attack).end is End.LOST_SANDBOX
    protected = Shell(provider, make())
    assert protected(attack).end is not End.LOST_SANDBOX
    assert protected.lives


def test_processes_without_a_bound(
    unprotected: Callable[..., Shell], make: Make, provider: DockerProvider
) -> None:
    attack = "for i in $(seq 60); do sleep 60 & done 2>/dev/null; jobs -p | wc -l"
    assert int(unprotected(without(pids_limit=None)).says(attack)) == 60
    done = Shell(provider, make(SandboxSpec(resources=SMALL)))(attack, seconds=1)
    assert done.end in (End.PROCESSES, End.TIMEOUT) and done.stdout != b"60\n"


def test_memory_without_a_bound(
    unprotected: Callable[..., Shell], make: Make, provider: DockerProvider
) -> None:
    attack = "print(len(bytearray(150 * 2**20)))"
    loose = unprotected(without(mem_limit=None, memswap_limit=None))
    assert loose.python(attack).stdout == b"157286400\n"
    assert Shell(provider, make(SandboxSpec(resources=SMALL))).python(attack).end is End.MEMORY


def test_folders_without_a_size(unprotected: Callable[..., Shell]) -> None:
    attack = "head -c 9000000 /dev/zero > /ws/a; stat -c %s /ws/a"
    loose = without(tmpfs={"/ws": "uid=10001,mode=0700"}, ulimits=[])
    assert unprotected(loose).says(attack) == "9000000\n"
    assert b"No space left" in unprotected(without())(attack).stderr


def test_folders_without_a_bound_of_files(unprotected: Callable[..., Shell]) -> None:
    attack = "mkdir $(seq 4000); ls | wc -l"
    assert unprotected(tmpfs_without("nr_inodes")).says(attack) == "4000\n"
    assert b"No space left" in unprotected(without())(attack).stderr


def test_a_temporary_folder_that_programs_run_from(unprotected: Callable[..., Shell]) -> None:
    attack = "cp /bin/true /tmp/t; /tmp/t"
    everything = {"/tmp": "exec,size=4m,mode=1777", "/ws": "exec,size=8m,uid=10001"}
    assert unprotected(without(tmpfs=everything))(attack).exit_code == 0
    assert unprotected(without())(attack).exit_code == 126


def test_files_without_a_bound(unprotected: Callable[..., Shell]) -> None:
    attack = "truncate -s 20M /ws/sparse && stat -c %s /ws/sparse"
    assert unprotected(without(ulimits=[])).says(attack) == "20971520\n"
    assert unprotected(without())(attack).end is End.DISK


def test_the_network_of_the_engine(unprotected: Callable[..., Shell]) -> None:
    attack = "ls /sys/class/net | grep -v ^lo"
    assert unprotected(without(network_mode="bridge"))(attack).exit_code == 0
    assert unprotected(without())(attack).exit_code == 1


ROOT = SandboxSpec(resources=SMALL, loosened=frozenset({"root-user"}))


def test_an_image_that_can_be_written_to(unprotected: Callable[..., Shell]) -> None:
    attack = "touch /usr/bin/planted"
    assert unprotected(without(read_only=False), ROOT)(attack).exit_code == 0
    done = unprotected(without(), ROOT)(attack)
    assert b"Read-only file system" in done.stderr


@pytest.fixture
def with_rights(docker_engine: DockerClient) -> Iterator[str]:
    """An image with programs that run as root whoever starts them."""
    repository, name = new_tag()
    planted = "cd /usr/bin; for name in id chown; do cp $name r$name; chmod 4755 r$name; done"
    made = docker_engine.containers.create(own_image(), ["sh", "-c", planted], user="0")
    try:
        made.start()
        made.wait()
        made.commit(repository, name)
    finally:
        made.remove(force=True)
    yield f"{repository}:{name}"
    docker_engine.images.remove(f"{repository}:{name}", force=True)


def test_a_file_that_gives_rights(
    unprotected: Callable[..., Shell], with_rights: str, provider: DockerProvider
) -> None:
    spec = SandboxSpec(image=with_rights, resources=SMALL)
    attack = "rid -u"
    loose = unprotected(without(security_opt=None), spec)
    protected = unprotected(without(), spec)
    assert (loose.says(attack), protected.says(attack)) == ("0\n", "10001\n")
    for one in (loose, protected):
        provider.remove(one.sandbox)


def test_capabilities(
    unprotected: Callable[..., Shell], with_rights: str, provider: DockerProvider
) -> None:
    """Where a program got to be root all the same."""
    spec = SandboxSpec(image=with_rights, resources=SMALL)
    attack = "touch /ws/x && rchown 1:1 /ws/x"
    loose = unprotected(without(security_opt=None, cap_drop=None), spec)
    protected = unprotected(without(security_opt=None), spec)
    assert (loose(attack).exit_code, protected(attack).exit_code) == (0, 1)
    for one in (loose, protected):
        provider.remove(one.sandbox)


@pytest.mark.parametrize(
    "attack", ["unshare -r true", "python3 -c 'import socket; socket.socket(40, 1, 0)'"]
)
def test_system_calls_without_a_list(unprotected: Callable[..., Shell], attack: str) -> None:
    loose = unprotected(without(security_opt=["no-new-privileges", "seccomp=unconfined"]))
    assert loose(attack).exit_code == 0
    assert b"Operation not permitted" in unprotected(without())(attack).stderr


def test_a_mount_with_what_is_mounted_below(
    unprotected: Callable[..., Shell], tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    inner = tmp_path / "inner"
    inner.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=777", "none", inner], check=True)
    try:
        spec = SandboxSpec(resources=SMALL, mounts=(Mount(str(tmp_path), "/data"),))
        plain = {"Type": "bind", "Source": str(tmp_path), "Target": "/data", "ReadOnly": True}
        loose = unprotected(without(mounts=[plain]), spec)
        protected = unprotected(without(), spec)
        attack = "touch /data/inner/planted"
        assert (loose(attack).exit_code, protected(attack).exit_code) == (0, 1)
        for one in (loose, protected):
            one.provider.remove(one.sandbox)
    finally:
        subprocess.run(["umount", inner], check=True)


def test_nobody_who_reaps(unprotected: Callable[..., Shell]) -> None:
    attack = "for i in 1 2 3; do (setsid true &); done; sleep 1; "
    count = "ps -eo stat= | grep -c Z"
    # On a busy machine some end later.
    wait = f"for i in $(seq 20); do [ $({count}) = 3 ] && break; sleep 0.5; done; "
    assert int(unprotected(without(init=False))(attack + wait + count).stdout) == 3
    assert unprotected(without())(attack + count).stdout == b"0\n"


def test_a_keeper_without_an_end(unprotected: Callable[..., Shell], make: Make) -> None:
    short = SandboxSpec(resources=Resources(lifetime=3))
    endless = without(entrypoint=["sleep", "infinity"])
    assert unprotected(endless, short)("sleep 4").end is End.EXITED
    assert unprotected(without(), short)("sleep 60").end is End.LOST_SANDBOX


def test_what_is_left_behind_lives_on_if_it_is_not_killed(shell: Shell) -> None:
    start = "(setsid sleep 1000 >/dev/null 2>&1 <&- &)"
    count = ["pgrep", "-c", "-u", "10001", "sleep"]
    for kept, seen in ((True, b"1\n"), (False, b"0\n")):
        shell(start, keep_background=kept)
        told = run(shell.provider, shell.sandbox, count, seconds=20, output=100)
        assert told.stdout == seen


# --- what is lacking is seen


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"cap_drop": None}, "capabilities"),
        ({"security_opt": ["seccomp=unconfined", "no-new-privileges"]}, "seccomp"),
        ({"security_opt": None}, "no_new_privileges"),
        ({"read_only": False}, "root"),
        ({"network_mode": "bridge"}, "network"),
        ({"mem_limit": None, "memswap_limit": None}, "memory"),
        ({"mem_limit": "512m", "memswap_limit": "512m"}, "memory"),
        ({"pids_limit": None}, "processes"),
        ({"nano_cpus": None}, "cpus"),
        ({"ulimits": None}, "open_files"),
        ({"user": "10001:10001"}, "keeper"),
        (
            {
                "mounts": [
                    {"Type": "bind", "Source": "/dev/null", "Target": "/run/podman/podman.sock"}
                ]
            },
            "engine_sockets",
        ),
    ],
)
def test_a_sandbox_that_lacks_a_protection_is_refused_and_removed(
    provider: DockerProvider,
    docker_engine: DockerClient,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, Any],
    name: str,
) -> None:
    monkeypatch.setattr(providers, "options", without(**changed))
    creation = Creation(new_id(), SandboxSpec(), owner="tests", policy="none")
    with pytest.raises(SandboxError, match=f"`{name}` is .* instead of"):
        provider.create(creation)
    assert not docker_engine.containers.list(all=True, filters={"name": creation.id})


def test_what_is_seen_is_told_for_the_audit_log(provider: DockerProvider, sandbox: str) -> None:
    assert provider.attestation(sandbox) == {
        "user": "10001",
        "keeper": "10000",
        "capabilities": "none",
        "no_new_privileges": "1",
        "seccomp": "2",
        "root": "read-only",
        "proc_sys": "read-only",
        "network": "lo",
        "memory": str(1024 * MIB),
        "processes": "144",
        "cpus": "1",
        "open_files": "1024",
        "engine_sockets": "none",
    }


@pytest.mark.parametrize(
    ("loosened", "attack", "expected"),
    [
        ("writable-root", "ls /usr > /dev/null; cat /proc/mounts | grep -c ' / .*[ ,]rw,'", "1\n"),
        ("root-user", "id -u; touch /ws/x && echo made", "0\nmade\n"),
        ("open-network", "ls /sys/class/net | grep -vc ^lo", "1\n"),
        ("engine-seccomp", "grep Seccomp: /proc/self/status", "Seccomp:\t2\n"),
    ],
)
def test_what_was_loosened_is_loose_and_nothing_else(
    provider: DockerProvider, make: Make, loosened: Any, attack: str, expected: str
) -> None:
    sandbox = make(SandboxSpec(loosened=frozenset({loosened})))
    assert Shell(provider, sandbox).says(attack) == expected
    usual = provider.attestation(make())
    seen = provider.attestation(sandbox)
    differ = {name for name, value in usual.items() if seen[name] != value}
    assert (
        differ
        == {
            "writable-root": {"root"},
            "root-user": {"user"},
            "open-network": {"network"},
            "engine-seccomp": set(),
        }[loosened]
    )
