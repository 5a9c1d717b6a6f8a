"""The whole way: a program in a real sandbox, the relay, the proxy, the gate and the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.sandbox.audit import default_path, records
from policyc.runtime.sandbox.state import sandbox_folder
from policyc.runtime.sandbox.way_out import new_folder
from policyc.sandbox import Sandbox, SandboxSpec

if TYPE_CHECKING:
    from pathlib import Path

    from policyc.runtime.sandbox.provider import Provider

POLICY = """
raise "no secrets on the way out [risk=high]" if:
    (call: ToolCall)
    call is tool:http_request
    "secret" in call.function.arguments.url
"""

FETCH = """
import os, sys, urllib.request
os.environ["no_proxy"] = os.environ["NO_PROXY"] = ""
for url in sys.stdin.read().split():
    try:
        print(urllib.request.urlopen(url).status)
    except Exception as error:
        print(error)
"""


def test_only_what_is_allowed_gets_out(
    gated_provider: Provider, state: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.inv"
    policy.write_text(POLICY)
    spec = SandboxSpec(allow_hosts=("localhost", "example.org"))
    with Sandbox(policy, provider=gated_provider, spec=spec) as box:
        box.write_file("fetch.py", FETCH.encode())
        urls = "http://evil.org/ http://example.org/?q=secret http://localhost/ https://evil.org/"
        lines = box.exec("python3 fetch.py", stdin=urls.encode()).text.splitlines()
        assert lines == [
            "HTTP Error 403: Refused by rule allow-list",
            "HTTP Error 403: Refused by rule policy",
            "HTTP Error 403: Refused by rule address",
            "<urlopen error Tunnel connection failed: 403 Refused by rule allow-list>",
        ]
        asked = [
            call["function"]["arguments"]["url"]
            for event in box.trace
            for call in event.get("tool_calls") or []
            if call["function"]["name"] == "http_request"
        ]
        assert asked == ["http://example.org/?q=secret", "http://localhost/"]
    told = [one["request"] for one in records(default_path()) if one["kind"] == "egress"]
    assert [(one["host"], one["rule"]) for one in told] == [
        ("evil.org", "allow-list"),
        ("example.org", "policy"),
        ("localhost", "address"),
        ("evil.org", "allow-list"),
    ]
    # What was let through has no output of its own, and did not fail.
    mine = [one for one in records(default_path()) if one.get("tool") == "http_request"]
    assert [(one["kind"], one.get("verdict")) for one in mine] == [
        ("call", "deny"),
        ("call", "allow"),
        ("sent", None),
    ]
    assert "secret" not in str([one["path"] for one in told])


def test_no_other_user_can_connect_to_the_proxy(state: Path) -> None:
    """Whoever could would make requests in the name of the sandbox."""
    state.mkdir()
    state.chmod(0o755)
    folder = new_folder(["example.org"])
    assert folder is not None
    sandbox_folder("box", make=True)
    assert (folder.parent.stat().st_mode & 0o077, folder.parent.parent) == (0, state)
    assert (state / "sandboxes").stat().st_mode & 0o077 == 0
