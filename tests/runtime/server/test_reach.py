"""Policies of clients use values only; those of the server's own may use everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.server.policies import says
from tests.runtime.server.processes import running

from policyc import policies
from policyc.compiler.signatures import FunctionKind
from policyc.runtime.builtins import registry as builtins
from policyc.runtime.detectors import registry as detectors
from policyc.runtime.loading import read_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from policyc.compiler.signatures import Signature

HEAD = "from invariant.detectors import *\n"


def rule(imported: str, condition: str) -> str:
    head = f"from invariant.{imported}\n" if imported else ""
    return f'{head}raise "x" if:\n    (m: Message)\n    {condition}\n'


REFUSED = {
    "a language model": rule("llm import llm", 'llm(m.content) == "yes"'),
    "an address": rule(
        "llm import llm_confirm", 'llm_confirm(m.content, url="http://169.254.169.254/")'
    ),
    "files": rule("files import get_files", 'len(get_files("/", "etc")) > 0'),
    "a file": rule(
        "files import get_file_content", 'get_file_content("/", "etc/passwd").content == "x"'
    ),
    "rules": rule("detectors import secrets", 'any(secrets(m, rules="/etc/passwd"))'),
    "rules that a parameter names": rule(
        "detectors import secrets", "any(secrets(m, rules=input.rules))"
    ),
    "rules by place": rule("detectors import secrets", 'any(secrets(m, "/etc/passwd"))'),
    "a model": rule("detectors import prompt_injection", 'prompt_injection(m, model="/etc/model")'),
    "a model at an address": rule(
        "detectors import prompt_injection", 'prompt_injection(m, model="http://10.0.0.1/")'
    ),
    "the configured service": rule("detectors import moderated", "moderated(m)"),
    "a model of similarity": rule(
        "detectors import is_similar", 'is_similar(m, "x", model="/etc/model")'
    ),
    "a model of names": rule("detectors import pii", 'any(pii(m, model="/etc/model"))'),
    "links of the file system": "from path import inside\n"
    + rule("", 'inside("/srv", m.content)').lstrip(),
    "a function as a value": rule(
        "files import get_files, is_sensitive_dir", 'is_sensitive_dir("/", [get_files])'
    ),
}

ALLOWED = {
    "secrets": rule("detectors import secrets", "any(secrets(m))"),
    "cues": rule("detectors import prompt_injection", 'prompt_injection(m, model="cues")'),
    "words": rule("detectors import is_similar", 'is_similar(m, "x", model="lexical")'),
    "paths as texts": "from path import inside\n"
    + rule("", 'inside("/srv", m.content, lexical=True)').lstrip(),
    "a shell": rule("detectors import shell", "any(shell(m).risks)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_reaches_further_is_refused(client: httpx.Client, session: str, name: str) -> None:
    source = REFUSED[name]
    answer = client.post("/v1/compile", json={"sources": [{"text": source}]}).json()
    assert answer["ok"] is False, answer
    # What is on this machine shows in no other message.
    assert {one["code"] for one in answer["diagnostics"]} == {"B0101"}
    assert "--policy" in answer["diagnostics"][0]["help"]
    asked: list[tuple[str, Any]] = [
        ("/v1/sessions", {"sources": [{"text": source}]}),
        (f"/monitor/new?session_id={session}", {"rule": source}),
        ("/api/policy/analyze", {"policy": source, "trace": [says("a")]}),
    ]
    for path, body in asked:
        assert client.post(path, json=body).status_code == 422


@pytest.mark.parametrize("name", ALLOWED)
def test_values_may_be_used(client: httpx.Client, name: str) -> None:
    answer = client.post("/v1/compile", json={"sources": [{"text": ALLOWED[name]}]}).json()
    assert answer["ok"] is True, answer


@pytest.mark.parametrize("name", policies.names())
def test_bundled_policies_that_clients_may_send(client: httpx.Client, name: str) -> None:
    source = read_source(f"policy:{name}").text
    answer = client.post("/v1/compile", json={"sources": [{"text": source}]}).json()
    assert answer["ok"], answer


def test_the_servers_own_policies_may_use_everything(tmp_path: Path) -> None:
    secret = tmp_path / "workspace" / "secret.txt"
    secret.parent.mkdir()
    secret.write_text("x", "utf-8")
    source = rule("files import get_files", f'len(get_files("{secret.parent}")) == 1')
    (tmp_path / "own.inv").write_text(source, "utf-8")
    own = ("--policy", str(tmp_path / "own.inv"), "--workers", "1")
    with running(*own) as server, server.client() as client:
        found = client.post("/v1/check", json={"policy": "own", "trace": [says("a")]}).json()
        assert len(found["violations"]) == 1
        body: dict[str, Any] = {"sources": [{"text": source}], "trace": [says("a")]}
        # Sent as a text it is the same policy.
        assert len(client.post("/v1/check", json=body).json()["violations"]) == 1
        body["sources"] = [{"text": f"{source}# another\n"}]
        assert client.post("/v1/check", json=body).status_code == 422
    with running("--trust-clients", "--workers", "1") as server, server.client() as client:
        assert len(client.post("/v1/check", json=body).json()["violations"]) == 1


def functions() -> Iterator[Signature]:
    yield from builtins.BUILTINS.values()
    for module in (*builtins.MODULES.values(), *detectors.MODULES.values()):
        yield from module.functions.values()


def test_what_reaches_further_by_itself() -> None:
    reaching = {one.name for one in functions() if one.reaches}
    files = {name for name in detectors.MODULES["invariant.files"].functions}
    assert reaching == {"llm", "llm_confirm", *files}


def test_every_option_that_names_a_place_has_harmless_values() -> None:
    """Whoever adds a parameter of such a name has to say what a client may give."""
    places = {"model", "url", "rules", "path", "workspace_path", "file_path", "root"}
    texts_only = {
        ("inside", "root"),
        ("inside", "path"),
        ("normalize", "path"),
        ("normalize", "root"),
    }
    open_ones = {
        (one.name, param.name)
        for one in functions()
        if not one.reaches and one.kind is not FunctionKind.SERVICE
        for param in one.parameters
        if param.name in places and param.harmless is None
    }
    assert open_ones == texts_only


def test_what_the_server_has_itself_may_be_sent(client: httpx.Client) -> None:
    text = policies.read("coding-agent")
    call = {"name": "bash", "arguments": {"command": "rm -rf /etc"}}
    event = {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": call}]}
    sent = {"sources": [{"text": text, "path": "p.inv"}], "trace": [event]}
    assert client.post("/v1/check", json=sent).status_code == 200
    sent["sources"] = [{"text": f"{text}\n# mine\n", "path": "p.inv"}]
    refused = client.post("/v1/check", json=sent)
    assert refused.status_code == 422
    assert {one["code"] for one in refused.json()["detail"]["diagnostics"]} == {"B0101"}
