"""What the guide says of deploying, run: the unit for systemd, nginx with TLS before a server."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.docs.pages import ROOT
from tests.runtime.server.policies import CROWD, ENDLESS, SAYS_A, says
from tests.runtime.server.processes import PATIENCE, running

import policyc
from policyc.runtime.backends.http import ServerRefused, ServerUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GUIDE = (ROOT / "docs/guides/serving.md").read_text("utf-8")
NAME = "policyc.acme.example"
TOKEN = "a-token-of-this-test"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def block(start: str) -> str:
    """The block of the guide that starts with a line."""
    (found,) = re.findall(rf"^```text\n({re.escape(start)}\n.*?)^```$", GUIDE, flags=re.M | re.S)
    return str(found)


def program(name: str) -> str:
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


# --- systemd --------------------------------------------------------------------------------------


def unit_command() -> str:
    return str(re.findall(r"^ExecStart=(.*)$", block("[Unit]"), flags=re.M)[0])


def test_systemd_has_nothing_against_the_unit(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    unit = tmp_path / "policyc.service"
    # It looks whether the program is there.
    text = block("[Unit]").replace("/opt/policyc/bin/policyc", shlex.quote(sys.executable))
    unit.write_text(text)
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if unit.name in line] == []
    wrong = unit.with_name("wrong.service")
    wrong.write_text(text.replace("ProtectSystem=strict", "ProtectSystem=perhaps"))
    told = subprocess.run(
        [analyze, "verify", "--man=no", str(wrong)], capture_output=True, text=True, check=False
    )
    assert "wrong.service" in told.stderr, "systemd-analyze sees no mistakes here"


def test_the_command_of_the_unit_serves_and_ends_as_systemd_expects(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "mail.inv").write_text(SAYS_A)
    name, serve, *arguments = shlex.split(
        unit_command()
        .replace("%d", str(tmp_path))
        .replace("/etc/policyc/policies", str(tmp_path / "policies"))
    )
    assert (name, serve) == ("/opt/policyc/bin/policyc", "serve")
    with running(*arguments) as server, server.client(TOKEN) as client:
        body = {"policy": "mail", "trace": [says("a")]}
        assert client.post("/v1/check", json=body).json()["blocked"] is True
        assert httpx.post(f"{server.url}/v1/check", json=body, trust_env=False).status_code == 401
        assert server.end(signal.SIGTERM) == 0


# --- nginx ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `NAME` and localhost, its own authority; the key lies beside it."""
    openssl = program("openssl")
    folder = tmp_path_factory.mktemp("certificate")
    made = folder / "policyc.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", str(made.with_suffix(".key")), "-out", str(made)]
    command += ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},DNS:localhost"]
    subprocess.run(command, check=True, capture_output=True)
    return made


@contextmanager
def proxied(folder: Path, certificate: Path, server: str) -> Iterator[str]:
    """nginx with what the guide shows, before a server; its address."""
    nginx = program("nginx")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shown = block("server {")
    for old, new in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/ssl/policyc.pem", str(certificate)),
        ("/etc/ssl/policyc.key", str(certificate.with_suffix(".key"))),
        ("http://127.0.0.1:8000", server),
    ):
        assert old in shown
        shown = shown.replace(old, new)
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = folder / "nginx.conf"
    whole.write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/log;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{places}{shown}}}\n"
    )
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(whole)])
    try:
        end = time.monotonic() + PATIENCE
        while _is_closed(port):
            assert process.poll() is None, (folder / "log").read_text("utf-8")
            assert time.monotonic() < end
            time.sleep(0.02)
        yield f"https://localhost:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _is_closed(port: int) -> bool:
    with socket.socket() as made:
        return made.connect_ex(("127.0.0.1", port)) != 0


def test_a_server_behind_nginx_with_tls(
    tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = httpx.create_ssl_context()
    trusted.load_verify_locations(certificate)
    with (
        running("--deadline", "2", token=TOKEN) as server,
        proxied(tmp_path, certificate, server.url) as address,
        httpx.Client(base_url=address, verify=trusted, trust_env=False, timeout=PATIENCE) as client,
    ):
        allowed = {"authorization": f"Bearer {TOKEN}"}
        body = {"sources": [{"text": SAYS_A}], "trace": [says("a")]}
        assert client.get("/health").json() == {"status": "ok"}
        assert client.post("/v1/check", json=body).status_code == 401
        found = client.post("/v1/check", json=body, headers=allowed)
        assert (found.status_code, found.json()["blocked"]) == (200, True)
        # The proxy lets through what the server takes, and refuses what it would refuse.
        large = {**body, "trace": [says("b" * 7_000_000)]}
        assert client.post("/v1/check", json=large, headers=allowed).json()["blocked"] is False
        larger = {**body, "trace": [says("b" * 9_000_000)]}
        assert client.post("/v1/check", json=larger, headers=allowed).status_code == 413
        late = {"sources": [{"text": ENDLESS}], "trace": CROWD}
        assert client.post("/v1/check", json=late, headers=allowed).status_code == 504

        # policyc itself as the client: only with the authority that it is told to trust.
        monkeypatch.setenv("POLICYC_TOKEN", TOKEN)
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        with pytest.raises(ServerUnreachable, match=r"(?i)certificate"):
            policyc.Policy.from_string(SAYS_A, backend=address).analyze([says("a")])
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        policy = policyc.Policy.from_string(SAYS_A, backend=address)
        assert [one.message for one in policy.analyze([says("a")])] == ["a [risk=low]"]
        monitor = policy.monitor()
        assert not monitor.append(says("b"))
        assert monitor.append(says("a"))

        # The server is gone and the proxy is there: no verdict.
        assert server.end(signal.SIGKILL) != 0
        with pytest.raises(ServerRefused) as refused:
            policy.analyze([says("a")])
        assert refused.value.status == 502


def test_certificates_that_cannot_be_read_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing.pem"))
    with pytest.raises(policyc.BackendError, match="SSL_CERT_FILE"):
        policyc.Policy.from_string(SAYS_A, backend="https://localhost:1").analyze([says("a")])


# --- Docker ---------------------------------------------------------------------------------------


def test_the_command_of_the_image_serves_with_a_token_and_not_without(tmp_path: Path) -> None:
    text = block("FROM python:3.13-slim")
    (command,) = re.findall(r"^CMD (\[.*\])$", text, flags=re.M)
    name, serve, *arguments = json.loads(command)
    assert (name, serve) == ("policyc", "serve")
    (number,) = re.findall(r"--uid (\d+)", text)
    assert re.findall(r"^USER (\d+)$", text, flags=re.M) == [number]
    assert "EXPOSE 8000" in text
    assert "--publish 127.0.0.1:8000:8000 --env POLICYC_TOKEN" in GUIDE
    (tmp_path / "mail.inv").write_text(SAYS_A)
    given = [str(tmp_path) if one == "/policies" else one for one in arguments]
    assert given != arguments
    with running(*given, token=TOKEN) as server, server.client(TOKEN) as client:
        body = {"policy": "mail", "trace": [says("a")]}
        assert client.post("/v1/check", json=body).json()["blocked"] is True
    without = {name: one for name, one in os.environ.items() if name != "POLICYC_TOKEN"}
    done = subprocess.run(
        [sys.executable, "-m", "policyc", "serve", "--port", "0", *given],
        env=without,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert "POLICYC_TOKEN" in done.stderr
