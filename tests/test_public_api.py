"""What programs import: the names, how they are called, and what importing them costs.

Nothing here imports from inside the package.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import policyc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion

HEAVY = {"lark", "re2", "regex", "httpx", "docker", "click", "rich", "filelock", "asyncio"}
"""What is loaded only where it is used."""


def run(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def members(owner: Any) -> Iterator[tuple[str, Any]]:
    for name in sorted(vars(owner)):
        if not name.startswith("_"):
            yield name, inspect.getattr_static(owner, name)


def described(name: str, value: Any) -> list[str]:
    """A public name with its signature, and those of its members."""
    if not isinstance(value, type):
        return [f"{name}{inspect.signature(value)}"] if callable(value) else [name]
    bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
    lines = [f"class {name}({bases})" if bases else f"class {name}"]
    for member, found in members(value):
        if isinstance(found, property):
            lines.append(f"    {member}")
        elif isinstance(found, classmethod | staticmethod):
            lines.append(f"    {member}{inspect.signature(found.__func__)}")
        elif inspect.isfunction(found):
            word = "async " if inspect.iscoroutinefunction(found) else ""
            lines.append(f"    {word}{member}{inspect.signature(found)}")
        else:
            lines.append(f"    {member}")
    return lines


def test_the_public_names_and_their_signatures(text_snapshot: SnapshotAssertion) -> None:
    """Stable from the first release: a difference here is a change for users."""
    lines = [
        line for name in sorted(policyc.__all__) for line in described(name, getattr(policyc, name))
    ]

    assert "\n".join(lines) + "\n" == text_snapshot


@pytest.mark.parametrize("name", policyc.__all__)
def test_every_public_name_says_what_it_is(name: str) -> None:
    value = getattr(policyc, name)
    if name == "__version__":
        assert value.count(".") == 2
        return

    assert inspect.getdoc(value)
    for member, found in members(value) if isinstance(value, type) else ():
        if inspect.isfunction(found) or isinstance(found, classmethod):
            assert inspect.getdoc(found), f"{name}.{member}"


def test_all_errors_have_one_base() -> None:
    errors = [
        getattr(policyc, name)
        for name in policyc.__all__
        if name.endswith(("Error", "Exceeded", "Violations")) and name != "RuleError"
    ]

    assert len(errors) == 6
    assert all(issubclass(error, policyc.PolicycError) for error in errors)
    assert issubclass(policyc.PolicycError, Exception)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute `Polcy`"):
        policyc.Polcy  # noqa: B018  # the access is the test


def test_names_can_be_listed_and_imported() -> None:
    assert set(policyc.__all__) <= set(dir(policyc))
    namespace: dict[str, Any] = {}
    exec("from policyc import *", namespace)
    assert set(policyc.__all__) - {"__version__"} <= namespace.keys()


def test_importing_costs_next_to_nothing() -> None:
    loaded = run("import policyc, sys; print(*sorted(sys.modules))").split()

    assert not HEAVY & set(loaded)
    assert [name for name in loaded if name.startswith("policyc.")] == []


def test_evaluating_loads_only_what_it_needs() -> None:
    code = """
import sys, policyc
policy = policyc.Policy.from_string('raise "x" if:\\n    (m: Message)\\n    m.content == "a"\\n')
assert policy.analyze([{"role": "user", "content": "a"}]).violations
print(*sorted(sys.modules))
"""
    loaded = set(run(code).split())

    assert HEAVY & loaded <= {"lark", "regex"}


def test_from_a_policy_to_a_verdict(tmp_path: Path) -> None:
    """The way through everything that an embedding program uses."""
    path = tmp_path / "mail.inv"
    path.write_text(
        'raise Violation("mail to a stranger", call) if:\n'
        "    (call: ToolCall)\n"
        "    call is tool:send_email\n"
        "    not call.function.arguments.to in input.known\n"
    )
    event = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "1",
                "type": "function",
                "function": {"name": "send_email", "arguments": {"to": "eve@x.com"}},
            }
        ],
    }

    policy = policyc.Policy.from_file(path, limits=policyc.Limits(seconds=10))
    assert policy.parameters == {"known": None}
    result = policy.analyze(policyc.read_trace(json.dumps([event])), known=["bob@x.com"])
    assert isinstance(result, policyc.AnalysisResult)
    assert result and result.blocked
    (violation,) = result
    assert isinstance(violation, policyc.Violation)
    assert (violation.message, violation.ranges) == ("mail to a stranger", ["0.tool_calls.0"])
    assert asyncio.run(policy.a_analyze([event], known=["eve@x.com"])).violations == []

    monitor = policy.monitor(known=[])
    assert isinstance(monitor, policyc.Monitor)
    assert monitor.append(event)

    (failed,) = policy.analyze([event]).errors
    assert isinstance(failed, policyc.RuleError)
    assert failed.line == 4
    assert str(policy.why([event], known=["eve@x.com"]))


def test_from_a_bad_policy_to_its_diagnostics() -> None:
    with pytest.raises(policyc.PolicyError) as caught:
        policyc.Policy.from_string('raise "x" if:\n    (m: Mesage)\n', "mail.inv")

    (found,) = caught.value.diagnostics
    assert isinstance(found, policyc.Diagnostic)
    assert found.severity == policyc.Severity.ERROR == "error"
    assert (found.path, found.line, found.column) == ("mail.inv", 2, 6)
    assert (found.end_line, found.end_column) == (2, 15)
    assert found.message and found.help
    assert "Message" in found.help
