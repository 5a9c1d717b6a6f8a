"""Reserved ports: real processes, real sockets, real locks."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from policyc.runtime.ports import (
    FOLDER_VARIABLE,
    Port,
    PortFolderError,
    PortsExhausted,
    is_free,
    private_folder,
    reserve_port,
)

if TYPE_CHECKING:
    from pathlib import Path

# Below those that connections of other tests take.
PORTS = range(21000, 21011)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "locks"
    made.mkdir(mode=0o700)
    return made


def test_a_port_is_had_once_until_it_is_released(folder: Path) -> None:
    single = range(21020, 21021)
    with reserve_port(single, folder=folder) as port:
        assert port.number == 21020
        assert port.is_held
        with pytest.raises(PortsExhausted, match="all ports of 21020 to 21020 are in use"):
            reserve_port(single, folder=folder)
    assert not port.is_held
    port.release()
    assert reserve_port(single, folder=folder).number == 21020


def test_threads_never_share_one(folder: Path) -> None:
    found: list[Port] = []
    missed: list[PortsExhausted] = []

    def take() -> None:
        try:
            found.append(reserve_port(PORTS, folder=folder))
        except PortsExhausted as error:
            missed.append(error)

    threads = [threading.Thread(target=take) for _ in range(15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(PORTS)
    assert len({port.number for port in found}) == len(found)
    assert len(missed) == 4


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")],
)
def test_a_port_that_somebody_listens_on_is_not_free(
    folder: Path, family: socket.AddressFamily, address: str
) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listening.bind((address, 0))
        except OSError:
            pytest.skip(f"this machine has no address {address}")
        listening.listen()
        number = listening.getsockname()[1]
        assert not is_free(number)
        with pytest.raises(PortsExhausted):
            reserve_port(range(number, number + 1), folder=folder)
    # The lock of a port that turned out to be in use is not kept.
    assert reserve_port(range(number, number + 1), folder=folder).number == number


def test_ports_that_an_engine_has_are_left_out(folder: Path) -> None:
    port = reserve_port(range(21030, 21033), folder=folder, taken=lambda: {21030, 21032})
    assert port.number == 21031


def test_a_search_ends_in_time(folder: Path) -> None:
    with pytest.raises(PortsExhausted, match="in 0 seconds: 0 of 11 were tried"):
        reserve_port(PORTS, folder=folder, seconds=0)


def test_an_empty_range_is_said(folder: Path) -> None:
    with pytest.raises(PortsExhausted, match="an empty range"):
        reserve_port(range(0), folder=folder)


def test_a_planted_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious", "utf-8")
    (folder / "port_21040.lock").symlink_to(target)
    with pytest.raises(PortFolderError, match="cannot be used"):
        reserve_port(range(21040, 21041), folder=folder)
    assert target.read_text("utf-8") == "precious"


def test_files_of_locks_stay(folder: Path) -> None:
    path = folder / "port_21050.lock"
    for _ in range(2):
        with reserve_port(range(21050, 21051), folder=folder):
            number = path.stat().st_ino
        assert path.stat().st_ino == number
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_folder_is_the_own_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    folder = private_folder()
    assert folder == tmp_path / "policyc-ports"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert private_folder() == folder
    folder.chmod(0o777)
    with pytest.raises(PortFolderError, match="only you can write to"):
        private_folder()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(PortFolderError):
        private_folder()
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert private_folder() == tmp_path / f"policyc-ports-{os.getuid()}"
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "a" / "b"))
    assert private_folder() == tmp_path / "a" / "b"


TAKE = """\
import json, pathlib, sys
from policyc.runtime.ports import reserve_port
ports = range(22000, 23100)
had = [reserve_port(ports, folder=pathlib.Path(sys.argv[1]), seconds=60) for _ in range(20)]
print(json.dumps([port.number for port in had]), flush=True)
sys.stdin.read()
"""


def take_in_processes(folder: Path, count: int) -> list[tuple[subprocess.Popen[str], set[int]]]:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    found = []
    for process in running:
        assert process.stdout is not None
        found.append((process, set(json.loads(process.stdout.readline()))))
    return found


def test_fifty_processes_share_no_port_and_leak_none_when_killed(folder: Path) -> None:
    running = take_in_processes(folder, 50)
    numbers = [number for _, had in running for number in had]
    assert len(numbers) == len(set(numbers)) == 1000
    killed, alive = running[:25], running[25:]
    for process, _ in killed:
        process.send_signal(signal.SIGKILL)
        process.wait()
    again = take_in_processes(folder, 25)
    held = {number for _, had in alive for number in had}
    new = [number for _, had in again for number in had]
    assert len(new) == len(set(new)) == 500
    assert not held & set(new)
    for process, _ in running + again:
        process.communicate()
