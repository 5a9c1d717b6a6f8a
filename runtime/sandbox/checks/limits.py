"""That limits hold, and that a sandbox whose limit was reached still works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.checks.scene import RESOURCES, Checks, expect, told
from policyc.runtime.sandbox.execution import End
from policyc.runtime.sandbox.spec import MIB, TEMPORARY, WORKSPACE

if TYPE_CHECKING:
    from policyc.runtime.sandbox.checks.scene import Scene

CHECKS: Final = Checks()
_SPARE: Final = 16
"""A provider may let in a few more processes than it should, to be able to kill the others."""


def _declared(scene: Scene, limit: str) -> str:
    """What the provider says where it does not hold a limit as a whole; empty where it does."""
    if limit in scene.capabilities.enforced:
        return ""
    said = [one for one in scene.capabilities.degraded if f"`{limit}`" in one]
    expect(bool(said), f"`{limit}` is not enforced, and the provider does not say why")
    return f"not enforced here, as the provider says: {said[0]}"


@CHECKS("limit of processes")
def _processes(scene: Scene) -> str:
    with scene.another() as sandbox:
        seen = _forks(scene, sandbox)
        expect(0 < seen <= RESOURCES.processes + _SPARE, f"{seen} processes were made")
        scene.answers(sandbox)
    return f"{seen} of 300 processes were made; the sandbox answers"


def _forks(scene: Scene, sandbox: str) -> int:
    """How many processes a program could make."""
    done = scene.run(
        "python3",
        "-c",
        "import os, time\n"
        "made = 0\n"
        "try:\n"
        "    while made < 300:\n"
        "        if os.fork() == 0: time.sleep(60); os._exit(0)\n"
        "        made += 1\n"
        "except OSError: pass\n"
        "print(made, flush=True)\n",
        sandbox=sandbox,
    )
    expect(done.end in (End.EXITED, End.PROCESSES), done)
    return int(done.stdout or b"0")


@CHECKS("fork bomb")
def _bomb(scene: Scene) -> str:
    with scene.another() as sandbox:
        done = scene.sh("b() { b | b & }; b; sleep 30", seconds=2, sandbox=sandbox)
        expect(done.end in (End.TIMEOUT, End.PROCESSES, End.EXITED), done)
        expect(done.seconds < 20, done)
        if scene.provider.record(sandbox) is None:
            return f"{done.end}; the sandbox had to be ended"
        scene.answers(sandbox)
    return f"{told(done)[:80]}; the sandbox answers"


@CHECKS("limit of memory")
def _memory(scene: Scene) -> str:
    with scene.another() as sandbox:
        code = f"x = bytearray({RESOURCES.memory * 2}); print(len(x))"
        done = scene.run("python3", "-c", code, sandbox=sandbox)
        expect(done.exit_code != 0 and not done.stdout, done)
        scene.answers(sandbox)
    return f"{told(done)[:120]}; the sandbox answers"


@CHECKS("limit of memory of all together")
def _memory_together(scene: Scene) -> str:
    declared = _declared(scene, "memory")
    if declared:
        return declared
    with scene.another() as sandbox:
        code = (
            "import os, time\n"
            "for _ in range(4):\n"
            "    if os.fork() == 0:\n"
            f"        x = bytearray({RESOURCES.memory // 2}); time.sleep(5); break\n"
            "else:\n"
            "    ends = [os.wait()[1] for _ in range(4)]; print(sum(e != 0 for e in ends))\n"
        )
        done = scene.run("python3", "-c", code, sandbox=sandbox)
        killed = done.end is End.MEMORY or done.stdout.strip() not in (b"", b"0")
        expect(killed, done)
        scene.answers(sandbox)
    return f"{told(done)[:120]}; the sandbox answers"


def _fill(scene: Scene, folder: str, size: int) -> str:
    with scene.another() as sandbox:
        files = " ".join(f"{folder}/{i}" for i in range(8))
        done = scene.sh(
            f"for f in {files}; do head -c {size // 4} /dev/zero > $f; done; du -sk {folder}",
            sandbox=sandbox,
        )
        held = int(done.stdout.split()[0]) * 1024 if done.stdout.strip() else -1
        expect(0 < held <= size, f"{held} bytes of {size} are held; {told(done)}")
        expect(b"No space" in done.stderr, done)
        scene.answers(sandbox)
    return f"no more than {held // MIB} MiB went in; the sandbox answers"


@CHECKS("limit of the disk")
def _disk(scene: Scene) -> str:
    return _fill(scene, WORKSPACE, RESOURCES.disk)


@CHECKS("limit of the temporary folder")
def _temporary(scene: Scene) -> str:
    return _fill(scene, TEMPORARY, RESOURCES.temporary)


@CHECKS("many small files")
def _small_files(scene: Scene) -> str:
    with scene.another() as sandbox:
        seen = scene.python(
            "import json, os\n"
            "made = 0\n"
            "try:\n"
            "    for made in range(400_000): os.close(os.open(f'f{made}', os.O_CREAT))\n"
            "except OSError: pass\n"
            "print(json.dumps(made))\n",
            sandbox=sandbox,
            seconds=60,
        )
        expect(seen < 399_999, f"{seen} files were made")
        scene.answers(sandbox)
    return f"{seen} empty files were made, then no more"


@CHECKS("limit of open files")
def _open_files(scene: Scene) -> str:
    seen = scene.python(
        "import json, os\n"
        "held = []\n"
        "try:\n"
        "    while len(held) < 5000: held.append(os.open('/dev/null', os.O_RDONLY))\n"
        "except OSError: pass\n"
        "print(json.dumps(len(held)))\n"
    )
    expect(0 < seen <= RESOURCES.open_files, f"{seen} files were open")
    return f"{seen} of 5000 files could be open"


@CHECKS("limit of a file")
def _file_size(scene: Scene) -> str:
    done = scene.sh(f"truncate -s {RESOURCES.disk * 4} big && stat -c %s big; rm -f big")
    expect(str(RESOURCES.disk * 4).encode() not in done.stdout, done)
    return "a file larger than the disk cannot even be claimed"


@CHECKS("limits cannot be raised")
def _raised(scene: Scene) -> str:
    seen = scene.python(
        "import json, resource\n"
        "raised = []\n"
        "for name in ('NPROC', 'NOFILE', 'FSIZE', 'CORE'):\n"
        "    kind = getattr(resource, 'RLIMIT_' + name)\n"
        "    soft, hard = resource.getrlimit(kind)\n"
        "    if hard == resource.RLIM_INFINITY: continue\n"
        "    try: resource.setrlimit(kind, (hard + 1, hard + 1)); raised.append(name)\n"
        "    except (OSError, ValueError): pass\n"
        "print(json.dumps(raised))\n"
    )
    expect(not seen, f"raised: {seen}")
    return "no limit of a process went up"


@CHECKS("no core files")
def _core(scene: Scene) -> str:
    seen = scene.told("sh -c 'ulimit -c unlimited; kill -ABRT $$' 2>/dev/null; ulimit -c; ls")
    expect(seen.splitlines()[0] == "0" and "core" not in seen, seen)
    return "a program that crashes leaves nothing"


@CHECKS("limit of processors")
def _cpus(scene: Scene) -> str:
    declared = _declared(scene, "cpus")
    if declared:
        return declared
    with scene.another(cpus=0.5) as sandbox:
        used, passed = scene.python(
            "import json, os, time\n"
            "began = time.monotonic()\n"
            "child = os.fork()\n"
            "while time.monotonic() - began < 2: pass\n"
            "if child == 0: os._exit(0)\n"
            "os.wait()\n"
            "t = os.times()\n"
            "used = t.user + t.system + t.children_user + t.children_system\n"
            "print(json.dumps([used, time.monotonic() - began]))\n",
            sandbox=sandbox,
        )
        share = used / passed
        expect(share < 0.8, f"two programs used {share:.2f} processors of the 0.5 they have")
    return f"two programs used {share:.2f} processors of 0.5"
