"""The embedded provider: what it makes, what is left, and who sees what."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.embedded.conftest import new_id, sandboxes_of, sh, told, wait_until
from tests.sandbox.embedded.ordinary import run_as_ordinary_user

from policyc.runtime.sandbox.embedded import (
    EmbeddedProvider,
    attestation,
    cgroups,
    planning,
    processes,
)
from policyc.runtime.sandbox.execution import End
from policyc.runtime.sandbox.failures import InvalidSpec, SandboxError
from policyc.runtime.sandbox.provider import Creation, Status
from policyc.runtime.sandbox.spec import MIB, Mount, Resources, SandboxSpec

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.embedded.conftest import Make


def _record(folder: Path, sandbox: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / sandbox / "record.json").read_text())
    return found


def _pid(folder: Path, sandbox: str, role: str) -> int:
    return int(str(_record(folder, sandbox)[role]))


# --- what it says -------------------------------------------------------------------------------


def test_it_tells_what_it_enforces(provider: EmbeddedProvider) -> None:
    told_ = provider.probe()
    assert told_.provider == "embedded" and told_.can_pause
    assert {"processes", "disk", "open_files", "lifetime"} <= told_.enforced
    for limit in {"memory", "cpus"} - told_.enforced:
        assert any(f"`{limit}`" in one for one in told_.degraded)
    assert provider.records() == []


def test_a_record_has_what_it_was_made_with(provider: EmbeddedProvider, make: Make) -> None:
    before = datetime.now(UTC)
    spec = SandboxSpec(
        resources=Resources(lifetime=60), labels={"who": "me"}, secrets={"KEY": "s3"}
    )
    sandbox = make(spec)
    record = provider.record(sandbox)
    assert record is not None
    assert (record.owner, record.policy, record.status) == ("tests", "none", Status.RUNNING)
    assert before <= record.created and (record.deadline - record.created).total_seconds() == 60
    assert record.labels["who"] == "me"
    assert "s3" not in str(record)


def test_complaints_are_not_taken_for_what_is_seen(
    provider: EmbeddedProvider, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = provider.attestation(sandbox)
    noisy = attestation.SCRIPT.replace('echo "# $f"; ', 'echo "# $f"; echo noise >&2; ')
    assert noisy != attestation.SCRIPT
    monkeypatch.setattr(attestation, "SCRIPT", noisy)
    assert provider.attestation(sandbox) == usual
    monkeypatch.setattr(attestation, "SCRIPT", "echo seen; echo why >&2; exit 3")
    with pytest.raises(SandboxError, match=r"cannot be looked at: b'why"):
        provider.attestation(sandbox)


def test_an_attestation_says_what_is_seen(provider: EmbeddedProvider, sandbox: str) -> None:
    seen = provider.attestation(sandbox)
    assert seen["capabilities"] == "0" * 16
    assert (seen["user"], seen["no_new_privileges"], seen["seccomp"]) == ("10001", "1", "2")
    assert seen["network"] == "lo"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (SandboxSpec(image="python:3.12"), "has no images such as `python:3.12`"),
        (SandboxSpec(loosened=frozenset({"writable-root"})), "never writable"),
    ],
)
def test_what_it_does_not_have_is_refused(
    provider: EmbeddedProvider, folder: Path, spec: SandboxSpec, words: str
) -> None:
    with pytest.raises(InvalidSpec, match=words):
        provider.create(Creation(new_id(), spec, "tests", "none"))
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", "a b"])
def test_an_id_is_no_path(provider: EmbeddedProvider, name: str) -> None:
    with pytest.raises(SandboxError, match="no id of a sandbox"):
        provider.record(name)


def test_an_id_is_used_once(provider: EmbeddedProvider, sandbox: str) -> None:
    with pytest.raises(SandboxError, match="already"):
        provider.create(Creation(sandbox, SandboxSpec(), "tests", "none"))
    assert told(provider, sandbox, "echo here") == "here"


def test_one_that_is_not_protected_is_removed(
    provider: EmbeddedProvider, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attestation, "seen", lambda *_: {"seccomp": "0"})
    with pytest.raises(SandboxError, match="`seccomp` is `0` instead of `2`"):
        provider.create(Creation(new_id(), SandboxSpec(), "tests", "none"))
    assert list(folder.iterdir()) == []


# --- mounts and folders -------------------------------------------------------------------------


def test_mounts(provider: EmbeddedProvider, make: Make, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("of the host")
    mounts = (
        Mount(str(source), "/ws/in/it"),
        Mount(str(source / "file"), "/data/one.txt"),
        Mount(str(source), "/out", writable=True),
    )
    source.chmod(0o777)
    sandbox = make(SandboxSpec(mounts=mounts))
    assert told(provider, sandbox, "cat in/it/file /data/one.txt") == "of the hostof the host"
    assert "Read-only" in told(provider, sandbox, "touch in/it/x")
    assert "Read-only" in told(provider, sandbox, "echo x > /data/one.txt")
    assert told(provider, sandbox, "echo new > /out/made; mkdir own; mv in/x own 2>/dev/null") == ""
    assert (source / "made").read_text() == "new\n"


def test_a_mount_through_a_link_of_another_is_refused(
    provider: EmbeddedProvider, make: Make, tmp_path: Path
) -> None:
    source, victim = tmp_path / "source", tmp_path / "victim"
    source.mkdir()
    victim.mkdir()
    (source / "link").symlink_to(victim)
    outer = Mount(str(source), "/data")
    with pytest.raises(SandboxError, match="a link stands in the way"):
        make(SandboxSpec(mounts=(outer, Mount(str(victim), "/data/link/x"))))
    with pytest.raises(SandboxError, match="a link stands in the way"):
        make(SandboxSpec(mounts=(outer, Mount(str(victim), "/data/link"))))
    with pytest.raises(SandboxError, match="does not have that place"):
        make(SandboxSpec(mounts=(outer, Mount(str(victim), "/data/new"))))
    assert [one.name for one in source.iterdir()] == ["link"] and list(victim.iterdir()) == []


def test_secrets_have_a_folder(provider: EmbeddedProvider, sandbox: str) -> None:
    assert told(provider, sandbox, "echo s > /run/secrets/KEY; stat -c '%a %u' /run/secrets") == (
        "700 10001"
    )
    assert told(provider, sandbox, "cat /run/secrets/KEY") == "s"


def test_the_way_to_the_proxy(provider: EmbeddedProvider, make: Make, tmp_path: Path) -> None:
    """A script of the folder runs beside the commands, and comes back when it is killed."""
    egress = tmp_path / "egress"
    egress.mkdir()
    (egress / "forward.py").write_text(
        textwrap.dedent("""
        import socket
        with socket.socket(fileno=0) as server:
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.sendall(b"forwarded\\n")
        """)
    )
    sandbox = make(SandboxSpec(allow_hosts=("example.org",)), egress)
    ask = (
        'python3 -c \'import os, socket; h, p = os.environ["https_proxy"][7:].split(":");'
        " print(socket.create_connection((h, int(p)), 5).recv(99))'"
    )
    for _ in range(2):
        # At once, also after it was killed: connections wait until it is back.
        assert "forwarded" in told(provider, sandbox, ask)
        provider.kill_processes(sandbox)
    assert "Read-only" in told(provider, sandbox, "touch /run/policyc/x")


# --- loosened -----------------------------------------------------------------------------------


def test_as_user_0(provider: EmbeddedProvider, make: Make) -> None:
    sandbox = make(SandboxSpec(loosened=frozenset({"root-user"})))
    assert told(provider, sandbox, "id -u; touch x && stat -c %u x") == "0\n0"
    assert "CapEff:\t0000000000000000" in told(provider, sandbox, "cat /proc/self/status")
    assert "Read-only" in told(provider, sandbox, "touch /x /etc/x")
    assert sh(provider, sandbox, "mount -t tmpfs none /tmp").exit_code != 0
    assert sh(provider, sandbox, "kill -9 1; chown 10000 x").exit_code != 0
    assert told(provider, sandbox, "echo here") == "here"


# --- who sees what ------------------------------------------------------------------------------


def test_another_process_of_the_user_sees_the_same(
    provider: EmbeddedProvider, folder: Path, sandbox: str
) -> None:
    code = (
        "import sys; from pathlib import Path; from policyc.runtime.sandbox.embedded import"
        " EmbeddedProvider\n"
        "from tests.sandbox.embedded.conftest import told\n"
        "provider = EmbeddedProvider(Path(sys.argv[1]))\n"
        "(record,) = provider.records()\n"
        "print(record.id, record.status, told(provider, record.id, 'cat file'))\n"
    )
    sh(provider, sandbox, "echo mine > file")
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [sandbox, "RUNNING", "mine"]


def test_records_are_newest_first(provider: EmbeddedProvider, folder: Path, make: Make) -> None:
    ids = [make() for _ in range(3)]
    (folder / ".other").touch()
    (folder / "empty").mkdir()
    assert [one.id for one in provider.records()] == ids[::-1]


def test_a_sandbox_outlives_its_runner(provider: EmbeddedProvider, folder: Path) -> None:
    """A runner that is killed in the middle leaves a sandbox that others use and that ends by
    itself."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from policyc.runtime.sandbox.embedded import EmbeddedProvider\n"
        "from policyc.runtime.sandbox.provider import Creation\n"
        "from policyc.runtime.sandbox.spec import Resources, SandboxSpec\n"
        "spec = SandboxSpec(resources=Resources(lifetime=6))\n"
        "provider = EmbeddedProvider(Path(sys.argv[1]))\n"
        "provider.create(Creation(sys.argv[2], spec, 'tests', 'none'))\n"
        "text = 'sleep 1; echo went on > file; sleep 60'\n"
        "p = provider.start_process(sys.argv[2], ['sh', '-c', text])\n"
        "print('ready', flush=True); time.sleep(60)\n"
    )
    sandbox = new_id()
    runner = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), sandbox], stdout=subprocess.PIPE
    )
    assert runner.stdout is not None
    assert runner.stdout.readline() == b"ready\n"
    runner.kill()
    runner.wait()
    runner.stdout.close()
    wait_until(lambda: told(provider, sandbox, "cat file", keep_background=True) == "went on")
    wait_until(lambda: not folder.joinpath(sandbox).exists())
    assert provider.record(sandbox) is None


@pytest.mark.parametrize("role", ["keeper", "guardian"])
def test_nothing_is_left_when_one_of_its_own_is_killed(
    provider: EmbeddedProvider, folder: Path, make: Make, role: str
) -> None:
    sandbox = make()
    groups = list(map(str, _record(folder, sandbox)["cgroups"]))  # type: ignore[call-overload]
    with provider.start_process(sandbox, ["sleep", "600"]) as process:
        process.close_input()
        os.kill(_pid(folder, sandbox, role), signal.SIGKILL)
        assert process.read(10) is None
        assert process.finish(10).lost == "sandbox"
    wait_until(lambda: provider.record(sandbox) is None)
    wait_until(lambda: not provider.records() and list(folder.iterdir()) == [])
    assert not any(os.path.exists(one) for one in groups)


@pytest.mark.parametrize("other", [{"boot": "0"}, {"boot": processes.boot()}])
def test_another_process_with_the_number_of_a_keeper_is_none(
    provider: EmbeddedProvider, folder: Path, make: Make, other: dict[str, str]
) -> None:
    """The record of a sandbox of before a restart, or that ended, whose numbers others have now."""
    sandbox = make()
    provider.remove(sandbox)
    left = folder / sandbox
    left.mkdir()
    own = os.getpid()
    known = {"keeper": own, "keeper_start": "0", "guardian": own, "guardian_start": "0"}
    known |= {"cgroups": [], "numbering": processes.numbering()} | other
    (left / "record.json").write_text(json.dumps(known))
    provider.remove(sandbox)
    assert provider.records() == [] and not left.exists()


def test_a_sandbox_of_another_container_is_left_alone(
    provider: EmbeddedProvider, folder: Path, make: Make
) -> None:
    """Its processes have other numbers there, so it is not known whether it lives."""
    sandbox = make()
    record = folder / sandbox / "record.json"
    known = record.read_text()
    record.write_text(json.dumps(json.loads(known) | {"numbering": "pid:[1]"}))
    assert provider.records() == []
    record.write_text(known)
    assert [one.id for one in provider.records()] == [sandbox]


def test_what_the_runner_ignores_and_blocks_is_not_passed_on(
    folder: Path, works_here: None
) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from policyc.runtime.sandbox.embedded import EmbeddedProvider\n"
        "from tests.sandbox.embedded.conftest import sandboxes_of, told\n"
        "os.umask(0o077)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])\n"
        "provider = EmbeddedProvider(Path(sys.argv[1]))\n"
        "with sandboxes_of(provider) as make:\n"
        "    print(told(provider, make(), 'umask; grep -E ^Sig[BI] /proc/self/status'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    mask, _, blocked, _, ignored = done.stdout.split()
    assert (mask, int(blocked, 16)) == ("0022", 0)
    # Signals 32 and 33 are the C library's own.
    assert int(ignored, 16) & ~(0b11 << 31) == 0


def test_two_removals_at_once(provider: EmbeddedProvider, make: Make) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    sandbox = make()
    with ThreadPoolExecutor(4) as pool:
        for one in [pool.submit(provider.remove, sandbox) for _ in range(4)]:
            one.result()
    assert provider.record(sandbox) is None


def test_many_at_once_leave_nothing(provider: EmbeddedProvider, folder: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    def use(number: int) -> str:
        with sandboxes_of(provider) as make:
            return told(provider, make(), f"echo {number}")

    before = len(os.listdir("/proc/self/fd"))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(use, range(40))) == [str(i) for i in range(40)]
    assert len(os.listdir("/proc/self/fd")) == before
    assert list(folder.iterdir()) == []


# --- limits and ends ----------------------------------------------------------------------------


def test_memory_of_all_together(provider: EmbeddedProvider, make: Make) -> None:
    if "memory" not in provider.probe().enforced:
        pytest.skip("no control groups can be made here")
    sandbox = make(SandboxSpec(resources=Resources(memory=64 * MIB, disk=8 * MIB, temporary=MIB)))
    code = "import os; os.fork(); os.fork(); x = bytearray(40_000_000); import time; time.sleep(2)"
    done = sh(provider, sandbox, f"python3 -c '{code}'")
    assert done.end is End.MEMORY
    assert told(provider, sandbox, "echo here") == "here"


def test_too_many_processes_are_told(provider: EmbeddedProvider, make: Make) -> None:
    sandbox = make(SandboxSpec(resources=Resources(processes=8)))
    code = (
        "import os, time\n"
        "try:\n"
        "    while os.fork(): pass\n"
        "except OSError: print('full', flush=True)\n"
        "time.sleep(60)\n"
    )
    with provider.start_process(sandbox, ["python3", "-c", code]) as process:
        assert process.read(10) is not None
        done = sh(provider, sandbox, "true")
    if planning.has_root():  # the keeper of an ordinary user is not bound by the limit
        assert done.end is End.PROCESSES
    assert told(provider, sandbox, "echo here") == "here"


def test_usage_counts(provider: EmbeddedProvider, sandbox: str) -> None:
    assert provider.usage(sandbox).processes == 0
    code = "x = bytearray(30_000_000); print('r', flush=True)\nwhile True: pass"
    with provider.start_process(sandbox, ["python3", "-c", code]) as process:
        process.read(10)
        wait_until(lambda: (provider.usage(sandbox).cpu_seconds or 0) > 0.1)
        used = provider.usage(sandbox)
    assert used.processes == 1 and used.memory is not None and used.memory > 30_000_000


# --- as an ordinary user ------------------------------------------------------------------------


def test_an_ordinary_user_has_sandboxes_of_their_own(works_here: None) -> None:
    """Files that commands write to a mount belong to that user, and another user sees nothing."""
    seen = run_as_ordinary_user(
        """
import os
from policyc.runtime.sandbox.execution import run
from policyc.runtime.sandbox.provider import Creation
from policyc.runtime.sandbox.spec import Mount, SandboxSpec
out = folder / "out"; out.mkdir()
provider = EmbeddedProvider(folder / "boxes")
capabilities = provider.probe()
mounts = (Mount(str(out), "/out", writable=True),)
provider.create(Creation("x", SandboxSpec(mounts=mounts), "tests", "none"))
text = "id -u; echo x > /out/file; cat /proc/self/uid_map"
done = run(provider, "x", ["sh", "-c", text], seconds=10, output=999)
owner = (out / "file").stat().st_uid
provider.remove("x")
print(json.dumps([done.stdout.decode().split(), owner == os.geteuid(), capabilities.degraded]))
"""
    )
    (uid, *mapped), same, degraded = seen
    assert uid == "10001" and mapped[0] == "10001" and mapped[2] == "1"
    assert same
    assert any("`memory`" in one for one in degraded)


def test_a_runtime_that_reserves_much_memory_works_for_an_ordinary_user(works_here: None) -> None:
    """As Node does for WebAssembly; what it writes to is what counts."""
    seen = run_as_ordinary_user(
        """
from policyc.runtime.sandbox.execution import run
from policyc.runtime.sandbox.provider import Creation
from policyc.runtime.sandbox.spec import MIB, Resources, SandboxSpec
provider = EmbeddedProvider(folder)
resources = Resources(memory=256 * MIB, disk=8 * MIB, temporary=MIB)
provider.create(Creation("x", SandboxSpec(resources=resources), "tests", "none"))
reserve = "import mmap; held = mmap.mmap(-1, 10 * 2**30, flags=mmap.MAP_PRIVATE, prot=0)"
write = "held = bytearray(300 * 2**20)"
runs = [run(provider, "x", ["python3", "-c", code], seconds=20, output=9999)
        for code in (reserve, write)]
provider.remove("x")
print(json.dumps([[one.exit_code, "MemoryError" in one.stderr.decode()] for one in runs]))
"""
    )
    assert seen == [[0, False], [1, True]]


def test_groups_of_a_sandbox(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes control groups")
    groups, refused = cgroups.make(new_id(), Resources(memory=128 * MIB, disk=MIB, temporary=MIB))
    try:
        assert set(refused) <= {"memory", "processes", "cpus"}
        assert all(os.path.isdir(one) for one in groups)
        assert cgroups.reached(groups).limit_since(cgroups.reached(groups)) == ""
    finally:
        cgroups.remove(groups)
    assert not any(os.path.exists(one) for one in groups)
