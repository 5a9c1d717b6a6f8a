"""Container engines of a test's own, which may be ended: others may use that of the machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient


class Engine:
    """A Docker engine in a folder. It leaves the firewall alone, and has a bridge of its own: one
    that is told to have none removes that of the machine's engine."""

    def __init__(self, folder: Path, *, live_restore: bool) -> None:
        self.folder = folder
        # Thousands of files are written there and removed again.
        subprocess.run(["mount", "-t", "tmpfs", "policyc-test", folder], check=True)
        self.address = f"unix://{folder}/socket"
        number = uuid.uuid4().int
        self.bridge = f"pc{number % 16**10:010x}"
        (folder / "config.json").write_text(json.dumps({"live-restore": live_restore}))
        subprocess.run(["ip", "link", "add", self.bridge, "type", "bridge"], check=True)
        place = f"10.213.{number % 256}.1/24"
        subprocess.run(["ip", "address", "add", place, "dev", self.bridge], check=True)

    def start(self) -> None:
        folder = self.folder
        command = ["dockerd", "--host", self.address, "--config-file", f"{folder}/config.json"]
        command += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
        command += ["--pidfile", f"{folder}/pid", f"--bridge={self.bridge}", "--iptables=false"]
        with open(folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def client(self) -> DockerClient:
        end = time.monotonic() + 60
        while not self._listens():
            if time.monotonic() > end:
                pytest.fail((self.folder / "log").read_text("utf-8")[-2000:])
            time.sleep(0.2)
        return docker.DockerClient(self.address)

    def load(self, engine: DockerClient, image: str) -> None:
        """Give it an image that another engine has."""
        client = self.client()
        client.images.load(b"".join(engine.images.get(image).save(named=True)))
        client.close()

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as made:
            return made.connect_ex(self.address.removeprefix("unix://")) == 0

    def end(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(60)
        if number == signal.SIGKILL:
            self._forget_helper()

    def _forget_helper(self) -> None:
        """Wait for the helper of a killed engine to end. Until somebody has asked how it ended its
        number is taken for that of one that runs, and the next engine waits for it in vain."""
        path = self.folder / "exec" / "containerd" / "containerd.pid"
        with suppress(OSError, ValueError):
            status = Path(f"/proc/{int(path.read_text())}/status")
            end = time.monotonic() + 10
            while "\nState:\tZ" not in status.read_text() and time.monotonic() < end:
                time.sleep(0.05)
        for name in (path, self.folder / "pid"):
            name.unlink(missing_ok=True)

    def remove(self) -> None:
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
        for place in reversed(
            [one for one in mounts if one == str(self.folder) or one.startswith(f"{self.folder}/")]
        ):
            subprocess.run(["umount", "-l", place], check=False)
        subprocess.run(["ip", "link", "delete", self.bridge], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def own_engine(*, live_restore: bool = False) -> Iterator[Engine]:
    """An engine that runs, and is ended afterwards."""
    if os.getuid() != 0:
        pytest.skip("an engine of its own needs root")
    with pytest.MonkeyPatch.context() as patched:
        # Not everybody has the folder of these programs in the path.
        patched.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin:/sbin")
        missing = [name for name in ("dockerd", "ip") if not shutil.which(name)]
        if missing:
            reason = f"an engine of its own needs {' and '.join(missing)}"
            if os.environ.get("POLICYC_REQUIRE_DOCKER"):
                pytest.fail(f"POLICYC_REQUIRE_DOCKER is set, and {reason}")
            pytest.skip(reason)
        engine = Engine(Path(tempfile.mkdtemp(prefix="policyc-engine-")), live_restore=live_restore)
        engine.start()
        try:
            yield engine
        finally:
            engine.end()
            engine.remove()
