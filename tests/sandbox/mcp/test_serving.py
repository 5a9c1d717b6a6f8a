"""The server as coding agents use it: a process, driven by the official client over its streams."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("mcp", reason="needs the package mcp")

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from policyc.runtime.sandbox.failures import ProviderUnavailable, SandboxError
from policyc.runtime.sandbox.mcp import serving
from policyc.runtime.sandbox.registry import choose

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

ROOT = Path(__file__).parents[3]

POLICY = """
raise "files are removed [risk=high]" if:
    (call: ToolCall)
    call is tool:bash({command: "(?s).*rm .*"})

raise "something is sent after a secret was seen [risk=high]" if:
    (out: ToolOutput) -> (call: ToolCall)
    "TOP-SECRET" in out.content
    call is tool:bash({command: "(?s).*send.*"})

raise "a private key [risk=high]" if:
    (out: ToolOutput)
    "PRIVATE KEY" in out.content
"""


class World:
    """A folder with a policy, in which servers are started."""

    def __init__(self, folder: Path, provider: str) -> None:
        self.folder = folder
        self.provider = provider
        self.policy = folder / "policy.inv"
        self.policy.write_text(POLICY)

    @property
    def argv(self) -> list[str]:
        trace = str(self.folder / "trace.json")
        if self.provider == "local":
            return ["-m", "tests.sandbox.mcp.server", str(self.policy), str(self.folder)]
        return ["-m", "policyc", "sandbox", "mcp", "--policy", str(self.policy),
                "--provider", self.provider, "--trace-out", trace]  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "POLICYC_STATE_DIR": str(self.folder / "state"),
        }

    @asynccontextmanager
    async def client(self, mode: str = "auto") -> AsyncIterator[Client]:
        server = StdioServerParameters(
            command=sys.executable, args=self.argv, env=self.environment, cwd=str(ROOT)
        )
        with (self.folder / "errors").open("w") as errors:
            async with Client(stdio_client(server, errlog=errors), mode=mode) as client:
                yield client


@pytest.fixture(params=["local", "embedded"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "embedded":
        try:
            choose("embedded").probe()
        except ProviderUnavailable as error:
            pytest.skip(f"the embedded provider does not work here: {error}")
    return World(tmp_path, request.param)


@pytest.fixture
def local(tmp_path: Path) -> World:
    return World(tmp_path, "local")


def text_of(result: Any) -> str:
    (content,) = result.content
    return str(content.text)


CALLS: Sequence[tuple[str, dict[str, Any], bool, str]] = [
    ("bash", {"command": "echo hello; echo more >&2"}, False, "hello\nmore\n"),
    ("write_file", {"path": "a/b.txt", "content": "one\ntwo ä\n"}, False,
     "wrote 11 bytes to `a/b.txt`"),
    ("read_file", {"path": "a/b.txt"}, False, "one\ntwo ä\n"),
    ("edit_file", {"path": "a/b.txt", "old_string": "two", "new_string": "TOP-SECRET"}, False,
     "edited `a/b.txt`"),
    ("bash", {"command": "rm -r a"}, True, "refused by the policy: files are removed"),
    ("list_files", {"path": "a"}, False, "b.txt"),
    ("read_file", {"path": "a/b.txt", "offset": 2, "limit": 1}, False, "TOP-SECRET ä\n"),
    ("bash", {"command": "send it"}, True, "refused by the policy: something is sent after"),
    ("bash", {"command": "grep -c x a/b.txt"}, False, "0\n[exit code 1]"),
    ("list_files", {}, False, "a/"),
]  # fmt: skip


def test_a_session_and_its_trace(world: World) -> None:
    async def session() -> None:
        async with world.client() as client:
            for name, arguments, is_error, told in CALLS:
                result = await client.call_tool(name, arguments)
                assert result.is_error == is_error
                text = text_of(result)
                assert text.startswith(told) if is_error else text == told
                if is_error:
                    assert "The call was not made. Do it in a way that the policy allows" in text

    asyncio.run(session())
    trace = json.loads((world.folder / "trace.json").read_text())
    calls = [one for one in trace if one["role"] == "assistant"]
    assert [one["tool_calls"][0]["function"]["name"] for one in calls] == [one[0] for one in CALLS]
    # The trace, judged as a whole, has the violations that the gate saw as they came, and no other.
    done = subprocess.run(
        [sys.executable, "-m", "policyc", "eval", "--format", "json", str(world.policy),
         str(world.folder / "trace.json")],
        capture_output=True, text=True, check=False, cwd=world.folder,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    found = [one["message"] for one in json.loads(done.stdout)["violations"]]
    assert len(found) == 2
    assert "files are removed" in found[0] and "something is sent after" in found[1]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_what_a_model_is_told(local: World, mode: str) -> None:
    async def session() -> None:
        async with local.client(mode) as client:
            assert "There is no network" in str(client.instructions)
            assert client.server_info.name == "policyc-sandbox"
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert list(tools) == ["bash", "read_file", "write_file", "edit_file", "list_files"]
            bash = tools["bash"]
            assert "There is no network" in str(bash.description)
            assert "20 seconds" in str(bash.description)
            assert bash.input_schema["required"] == ["command"]
            assert tools["read_file"].annotations.read_only_hint is True

    asyncio.run(session())


def test_what_goes_wrong_is_an_answer(local: World) -> None:
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("read_file", {"path": "absent"}, "there is no such file"),
        ("edit_file", {"path": "absent", "old_string": "a", "new_string": "b"}, "no such file"),
        ("read_file", {}, "`path` is missing"),
        ("read_file", {"path": 3}, "`path` must be of the type string"),
        ("read_file", {"path": "a", "line": 3}, "there is no `line`, only path, offset, limit"),
        ("read_file", {"path": "a", "offset": 0}, "`offset` must be above 0"),
        ("bash", {"command": "true", "timeout": True}, "`timeout` must be of the type number"),
        ("bash", {"command": ""}, "there is no command"),
        ("python", {"code": "1"}, "there is no tool `python`: use bash, read_file"),
        ("bash", {"command": "sleep 30", "timeout": 0.5}, "killed after"),
    ]

    async def session() -> None:
        async with local.client() as client:
            for name, arguments, told in wrong:
                result = await client.call_tool(name, arguments)
                assert result.is_error and told in text_of(result)
            await client.call_tool("bash", {"command": "printf 'a\\0b' > x; : > empty"})
            assert "no text" in text_of(await client.call_tool("read_file", {"path": "x"}))
            empty = await client.call_tool("read_file", {"path": "empty"})
            assert text_of(empty) == "[the file is empty]"
            assert text_of(await client.call_tool("bash", {"command": "true"})) == "[no output]"

    asyncio.run(session())


def test_an_output_that_is_refused_is_withheld(local: World) -> None:
    async def session() -> None:
        async with local.client() as client:
            command = "echo 'PRIVATE'' KEY 1234'"
            result = await client.call_tool("bash", {"command": command})
            assert result.is_error and "a private key" in text_of(result)
            assert "what it gave is withheld" in text_of(result) and "1234" not in text_of(result)

    asyncio.run(session())


def test_a_long_output_loses_its_middle(local: World) -> None:
    async def session() -> None:
        async with local.client() as client:
            text = text_of(await client.call_tool("bash", {"command": "seq 20000"}))
            assert text.startswith("1\n2\n") and text.endswith("19999\n20000\n")
            assert "characters are left out here" in text and len(text) < 31_000
            text = text_of(await client.call_tool("bash", {"command": "yes"}))
            assert "it wrote too much" in text and len(text) < 31_000

    asyncio.run(session())


def test_a_call_that_is_cancelled_ends_its_command(local: World) -> None:
    mark = local.folder / "mark"

    async def session() -> None:
        async with local.client() as client:
            running = asyncio.create_task(
                client.call_tool("bash", {"command": f"touch {mark}; exec sleep 1000"})
            )
            while not mark.exists():
                await asyncio.sleep(0.05)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            # Calls happen one after the other: this answers only when the other has ended.
            result = await client.call_tool("bash", {"command": "echo on"})
            assert text_of(result) == "on\n"

    asyncio.run(session())
    trace = json.loads((local.folder / "trace.json").read_text())
    assert len([one for one in trace if one["role"] == "tool"]) == 2


def test_a_long_call_tells_that_it_lives(local: World) -> None:
    beats: list[tuple[float, str | None]] = []

    async def told(progress: float, _total: float | None, message: str | None) -> None:
        beats.append((progress, message))

    async def session() -> None:
        async with local.client() as client:
            await client.call_tool("bash", {"command": "sleep 5"}, progress_callback=told)

    asyncio.run(session())
    assert beats[0] == (2.0, "`bash` has run for 2 seconds")


def test_a_client_that_goes_away_ends_the_server_and_its_sandbox(local: World) -> None:
    """Also in the middle of a command, and with nothing but the protocol on the standard output."""
    process = subprocess.Popen(
        [sys.executable, *local.argv],
        cwd=ROOT,
        env=local.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    mark = local.folder / "mark"
    hello = {"protocolVersion": "2025-06-18", "capabilities": {},
             "clientInfo": {"name": "t", "version": "1"}}  # fmt: skip
    call = {"name": "bash", "arguments": {"command": f"touch {mark}; sleep 1000"}}
    for message in (
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list"},
        {"id": 3, "method": "tools/call", "params": call},
    ):
        process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        process.stdin.flush()
    pause = threading.Event()
    while not mark.exists():
        assert process.poll() is None
        pause.wait(0.05)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "this is no protocol" in errors
    assert {json.loads(line)["id"] for line in output.splitlines()} >= {1, 2}
    assert (local.folder / "trace.json").exists()


@pytest.mark.parametrize("found", ["1.30.0", "20.1", "3.0.0"])
def test_another_version_of_the_package_is_told(
    found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "version", lambda _name: found)
    with pytest.raises(SandboxError, match=rf"package `mcp` 2.x: .*there is mcp {found}"):
        serving.serve(None)  # type: ignore[arg-type]


def test_without_the_package_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.stdio", None)
    with pytest.raises(SandboxError, match=r"pip install 'policyc\[mcp\]'"):
        serving.serve(None)  # type: ignore[arg-type]
