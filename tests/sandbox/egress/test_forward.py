"""The script in the sandbox, as a real process, and programs that go through it."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.egress.hosts import Host, answer, read_request
from tests.sandbox.egress.world import World, read_all, rule_of

from policyc.runtime.sandbox.egress import forward
from policyc.runtime.sandbox.egress.proxy import ENVIRONMENT, URL, EgressProxy
from policyc.runtime.sandbox.egress.records import EgressVerdict
from policyc.runtime.sandbox.failures import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def port() -> int:
    """A port of the test's own: other than sandboxes, tests share a network."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def world(folder: Path, port: int) -> Iterator[World]:
    with World(folder, Host()) as world:
        give_port(world, port)
        yield world


def give_port(world: World, port: int) -> None:
    script = world.proxy.folder / "forward.py"
    text = script.read_text().replace("3128", str(port))
    script.chmod(0o644)
    script.write_text(text)
    script.chmod(0o444)


def run(world: World, *argv: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a program beside a relay, as in a sandbox."""
    return subprocess.run(
        [sys.executable, "-I", str(world.proxy.folder / "forward.py"), "--", *argv],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"]},
        **options,  # type: ignore[call-overload]
    )


FETCH = """
import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1]).read().decode())
except Exception as error:
    print(error)
"""


def test_the_folder_can_be_used_and_not_be_changed_by_others(world: World) -> None:
    folder = world.proxy.folder
    assert sorted(one.name for one in folder.iterdir()) == ["forward.py", "proxy.sock"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert stat.S_IMODE((folder / "forward.py").stat().st_mode) == 0o444
    assert stat.S_IMODE((folder / "proxy.sock").stat().st_mode) == 0o666


def test_it_needs_nothing_but_an_old_python(world: World) -> None:
    text = (world.proxy.folder / "forward.py").read_text()
    tree = ast.parse(text, feature_version=(3, 9))
    names = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else
                     [one.name for one in node.names])
    }  # fmt: skip
    assert names <= sys.stdlib_module_names and "from __future__ import annotations" in text


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_it_runs_with_other_versions(world: World, version: str) -> None:
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-c", ""], check=False).returncode:
        pytest.skip(f"there is no Python {version}")
    done = subprocess.run(
        [python, "-I", str(world.proxy.folder / "forward.py"), "--", python, "-c", FETCH,
         f"http://{world.authority}/"],
        capture_output=True, text=True, timeout=60, check=False, env={},
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("hello\n", "", 0)


def test_a_program_beside_it_goes_through_the_proxy(world: World) -> None:
    done = run(world, sys.executable, "-c", FETCH, f"http://{world.authority}/")
    assert (done.stdout, done.stderr, done.returncode) == ("hello\n", "", 0)
    done = run(world, sys.executable, "-c", FETCH, "http://evil.org/")
    assert done.stdout == "HTTP Error 403: Refused by rule allow-list\n"
    done = run(world, sys.executable, "-c", FETCH, "https://evil.org/")
    assert "Tunnel connection failed: 403 Refused by rule allow-list" in done.stdout


def test_the_program_keeps_its_arguments_input_output_and_exit_code(world: World) -> None:
    done = run(world, "sh", "-c", 'cat; echo "$1" >&2; exit 7', "sh", "a  b", input="in")
    assert (done.stdout, done.stderr, done.returncode) == ("in", "a  b\n", 7)


def test_the_program_is_the_process_that_was_started(world: World) -> None:
    """So that a signal to it is a signal to the program; and the relay holds up nobody's end."""
    process = subprocess.Popen(
        [
            sys.executable,
            str(world.proxy.folder / "forward.py"),
            "--",
            "sh",
            "-c",
            "echo $$; exec cat",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stdin is not None
    assert int(process.stdout.readline()) == process.pid
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == b""  # at its end although the relay still runs
    assert process.wait(20) == -signal.SIGTERM
    process.stdin.close()
    process.stdout.close()


def test_a_program_that_is_not_there_is_told(world: World) -> None:
    done = run(world, "no-such-program")
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == "no-such-program: No such file or directory\n"
    assert run(world, "/").returncode == 126


@pytest.mark.parametrize("arguments", [["--"], ["x"], ["-h", "x"]])
def test_other_arguments_are_an_error(world: World, arguments: list[str]) -> None:
    script = str(world.proxy.folder / "forward.py")
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, check=False)
    assert done.returncode == 1 and b"usage: forward.py [-- COMMAND" in done.stderr


@pytest.fixture
def relay(world: World) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, str(world.proxy.folder / "forward.py")])
    yield
    process.kill()
    process.wait()


@pytest.mark.usefixtures("relay")
def test_it_runs_until_it_is_killed(world: World, port: int) -> None:
    with connected(port) as client:
        client.sendall(
            f"GET http://{world.authority}/ HTTP/1.1\r\nHost: {world.authority}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        assert read_all(client).startswith(b"HTTP/1.1 200")
    with connected(port) as client:
        client.sendall(b"GET http://evil.org/ HTTP/1.1\r\nHost: evil.org\r\n\r\n")
        assert rule_of(read_all(client)) == "allow-list"
    world.proxy.close()
    with connected(port) as client, suppress(ConnectionError):
        assert read_all(client) == b""
    assert run(world, "true").returncode == 0  # others may run beside it


def test_a_connection_outlives_the_command_of_its_relay(folder: Path, port: int) -> None:
    ended = threading.Event()
    arrived = folder.parent / "arrived"

    def serve(_host: Host, peer: socket.socket) -> None:
        read_request(peer)
        arrived.touch()
        ended.wait(100)
        peer.sendall(answer(b"late"))

    with World(folder, Host(serve)) as world:
        give_port(world, port)
        result = folder.parent / "result"
        fetch = f'"$0" -c "$1" http://{world.authority}/ >{result}.part'
        script = f"{{ {fetch} && mv {result}.part {result}; }} &\n"
        script += f"while [ ! -e {arrived} ]; do sleep 0.1; done"
        command = ["--", "sh", "-c", script, sys.executable, FETCH]
        run_by = [sys.executable, "-I", str(folder / "forward.py"), *command]
        subprocess.run(run_by, check=True, timeout=60)
        ended.wait(1.5)  # longer than a relay takes to see the end of its command
        ended.set()
        wait_until(result.exists)
        assert result.read_text() == "late\n"


def wait_until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("it did not happen")


def connected(port: int) -> socket.socket:
    """A connection to the relay, once it is there."""
    pause = threading.Event()
    for _ in range(200):
        with suppress(OSError):
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        pause.wait(0.1)
    raise AssertionError("there is no relay")


def test_a_listener_that_is_the_standard_input_is_used(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = subprocess.Popen(
            [sys.executable, str(world.proxy.folder / "forward.py")], stdin=listener
        )
        with connected(listener.getsockname()[1]) as client:
            client.sendall(b"GET http://evil.org/ HTTP/1.1\r\nHost: evil.org\r\n\r\n")
            assert rule_of(read_all(client)) == "allow-list"
        relay.kill()
        relay.wait()


def test_a_relay_of_another_user_serves_as_well(world: World, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        done = run(world, "sh", "-c", "echo $http_proxy")
    assert (done.stdout, done.returncode) == (f"http://127.0.0.1:{port}\n", 0)


def test_the_script_tells_the_program_what_the_package_tells(world: World, port: int) -> None:
    assert forward.URL == URL
    done = run(world, "env")
    told = dict(line.split("=", 1) for line in done.stdout.splitlines() if "PROXY" in line.upper())
    assert told == {name: value.replace("3128", str(port)) for name, value in ENVIRONMENT.items()}


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_goes_through_it(world: World) -> None:
    url = f"http://{world.authority}/"
    assert run(world, "curl", "-sS", url).stdout == "hello"
    assert run(world, "curl", "-sS", "-p", url).stdout == "hello"
    assert "allow-list" in run(world, "curl", "-sS", "http://evil.org/").stdout
    refused = run(world, "curl", "-sSv", "https://evil.org/")
    assert refused.returncode == 56 and "403 Refused by rule allow-list" in refused.stderr
    sent = run(world, "curl", "-sS", "--data-binary", "@-", url, input="x" * 500_000)
    assert sent.stdout == "hello" and world.host.received[-1].endswith(b"x" * 500_000)


def test_a_folder_with_a_long_name_can_be_used(folder: Path) -> None:
    long = folder / ("x" * 60) / ("y" * 60)
    with World(long, Host()) as world:
        assert run(world, "curl" if shutil.which("curl") else "true").returncode != 1
        assert (long / "proxy.sock").is_socket()
    assert not (long / "proxy.sock").exists()


def test_what_was_left_by_a_proxy_that_died_is_no_hindrance(folder: Path) -> None:
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "proxy.sock"))
    (folder / "forward.py").write_text("old")
    with World(folder, Host()) as world:
        assert world.get().startswith(b"HTTP/1.1 200")
        assert (folder / "forward.py").read_text() != "old"


def test_a_folder_that_cannot_be_is_an_error(folder: Path) -> None:
    folder.write_text("a file")
    proxy = EgressProxy(folder, [], lambda _: EgressVerdict(False), log=lambda _: None)
    with pytest.raises(SandboxError, match="cannot be used"):
        proxy.__enter__()
