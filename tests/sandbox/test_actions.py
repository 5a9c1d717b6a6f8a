"""The calls of a recorded trace, done in a sandbox."""

from pathlib import Path

import pytest
from tests.sandbox.local_provider import LocalProvider

from policyc.runtime.sandbox.actions import replay
from policyc.sandbox import Sandbox


@pytest.mark.parametrize(
    ("name", "arguments", "verdict"),
    [
        ("write_file", {"path": "f", "content": "\ud800"}, "done"),
        ("write_file", '{"path": "f", "content": "x"}', "done"),
        ("write_file", {"path": "f"}, "failed"),
        ("absent", {}, "failed"),
        (["bash"], {"command": "ls"}, "failed"),
        ("bash", ["ls"], "failed"),
        ("bash", "ls", "failed"),
    ],
)
def test_a_call_that_makes_no_sense_does_not_end_the_rest(
    state: Path, tmp_path: Path, name: object, arguments: object, verdict: str
) -> None:
    policy = tmp_path / "policy.inv"
    policy.write_text('raise "x" if:\n    (c: ToolCall)\n    c is tool:never\n')
    calls = [
        {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}},
        {"id": "2", "type": "function", "function": {"name": "list_files", "arguments": {}}},
    ]
    with Sandbox(policy, provider=LocalProvider(tmp_path / "local")) as box:
        done = list(replay(box, [{"role": "assistant", "content": "", "tool_calls": calls}]))
    assert [one.verdict for one in done] == [verdict, "done"]
