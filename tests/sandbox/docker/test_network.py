"""A sandbox reaches nothing: no host, no name, no socket of this machine."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.docker.conftest import Shell, new_id

from policyc.runtime.sandbox.docker.hardening import PROXY_VARIABLES
from policyc.runtime.sandbox.provider import Creation
from policyc.runtime.sandbox.spec import SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient
    from tests.sandbox.docker.conftest import Make

    from policyc.runtime.sandbox.docker import DockerProvider


@pytest.fixture(scope="module")
def listener() -> Iterator[int]:
    """The port of something that listens on every address of this machine."""
    with socket.create_server(("0.0.0.0", 0)) as made:
        yield made.getsockname()[1]


@pytest.fixture(scope="module")
def gateway(docker_engine: DockerClient) -> str:
    """The address of this machine in the engine's own network."""
    settings = docker_engine.networks.get("bridge").attrs["IPAM"]["Config"][0]
    return str(settings.get("Gateway") or settings["Subnet"].replace(".0/16", ".1"))


def reaches(shell: Shell, code: str) -> bytes:
    lines = ["import socket", "try:", f"    {code}", "except OSError as error:"]
    lines += ["    print(type(error).__name__)", "else:", "    print('reached')"]
    done = shell.python("\n".join(lines))
    assert done.exit_code == 0, done
    return done.stdout.strip()


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "GATEWAY", "169.254.169.254", "192.0.2.1", "::1", "fe80::1%lo"]
)
def test_no_address_is_reached(shared: Shell, listener: int, gateway: str, address: str) -> None:
    place = (address.replace("GATEWAY", gateway), listener)
    assert reaches(shared, f"socket.create_connection({place!r}, 2)") != b"reached"


def test_no_packet_leaves(shared: Shell, gateway: str) -> None:
    send = "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ({!r}, 53))"
    assert reaches(shared, send.format(gateway)) == b"OSError"
    assert reaches(shared, send.format("192.0.2.1")) == b"OSError"
    raw = "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)"
    assert reaches(shared, raw) == b"PermissionError"


def test_no_name_is_looked_up(shared: Shell) -> None:
    assert reaches(shared, "socket.getaddrinfo('example.org', 80)") == b"gaierror"


def test_no_abstract_socket_of_this_machine_is_reached(shared: Shell) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("\0policyc-test-abstract")
        made.listen()
        connect = "socket.socket(socket.AF_UNIX).connect('\\0policyc-test-abstract')"
        assert reaches(shared, connect) == b"ConnectionRefusedError"


def test_there_is_no_device_besides_the_loopback(shared: Shell) -> None:
    assert shared.says("ls /sys/class/net") == "lo\n"
    assert "http_proxy" not in shared.says("env")


def test_a_network_that_was_asked_for_by_name_is_there(
    provider: DockerProvider, make: Make, listener: int, gateway: str
) -> None:
    shell = Shell(provider, make(SandboxSpec(loosened=frozenset({"open-network"}))))
    assert reaches(shell, f"socket.create_connection(({gateway!r}, {listener}), 5)") == b"reached"


FORWARDER = """
import socket, threading
listener = socket.create_server(("127.0.0.1", 3128))
while True:
    taken, _ = listener.accept()
    way = socket.socket(socket.AF_UNIX)
    way.connect("/run/policyc/proxy.sock")
    way.sendall(taken.recv(4096))
    taken.sendall(way.recv(4096))
    taken.close()
"""


def test_the_way_to_the_proxy(provider: DockerProvider, tmp_path: Path) -> None:
    folder = tmp_path / "egress"
    folder.mkdir()
    (folder / "forward.py").write_text(FORWARDER)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "proxy.sock"))
        made.listen()
        (folder / "proxy.sock").chmod(0o666)
        creation = Creation(
            new_id(), SandboxSpec(allow_hosts=("example.org",)), "tests", "none", egress=folder
        )
        provider.create(creation)
        try:
            shell = Shell(provider, creation.id)
            environment = shell.says("env")
            assert all(f"{name}=http://127.0.0.1:3128\n" in environment for name in PROXY_VARIABLES)
            assert shell.says("ls /sys/class/net") == "lo\n"

            def serve() -> None:
                taken, _ = made.accept()
                taken.sendall(b"heard " + taken.recv(4096))
                taken.close()

            serving = threading.Thread(target=serve)
            serving.start()
            code = """
import socket, time
for attempt in range(100):
    try:
        made = socket.create_connection(("127.0.0.1", 3128))
        break
    except OSError:
        time.sleep(0.05)
made.sendall(b"hello")
print(made.recv(4096))
"""
            assert shell.python(code).stdout == b"b'heard hello'\n"
            serving.join(10)
            # It is the keeper's, so no command can end it, or put another in its place.
            assert shell("pkill -9 -f forward.py").exit_code == 1
            for change in ("rm /run/policyc/proxy.sock", "echo x > /run/policyc/forward.py"):
                assert shell(change).exit_code
            assert "forward.py" in shell.says("ps -u 10000 -o args=")
        finally:
            provider.remove(creation.id)
