"""The provider whose sandboxes run on another machine, behind its runtime API."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

import httpx

from policyc.runtime.sandbox.failures import (
    InvalidSpec,
    ProviderUnavailable,
    SandboxAbsent,
    SandboxError,
    SandboxLost,
)
from policyc.runtime.sandbox.provider import Provider
from policyc.runtime.sandbox.remote.process import start
from policyc.runtime.sandbox.remote.wire import (
    KEY_HEADER,
    capabilities_of,
    error_of,
    record_of,
    usage_of,
)
from policyc.runtime.sandbox.spec import USER, WORKSPACE, own_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyc.runtime.sandbox.provider import Capabilities, Creation, Process, Record, Usage
    from policyc.runtime.sandbox.spec import SandboxSpec

URL_VARIABLE: Final = "POLICYC_SANDBOX_URL"
KEY_VARIABLE: Final = "POLICYC_SANDBOX_KEY"
KEY_FILE_VARIABLE: Final = "POLICYC_SANDBOX_KEY_FILE"
PLAIN_VARIABLE: Final = "POLICYC_SANDBOX_PLAIN_HTTP"

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")

CONNECT_SECONDS: Final = 5.0
SECONDS: Final = 30.0
"""A request may take."""
CREATE_SECONDS: Final = 120.0
"""A sandbox may take to be made."""


class RemoteProvider(Provider):
    """Sandboxes of another machine.

    Args:
        url: of its runtime API; by default `POLICYC_SANDBOX_URL`.
        key: sent with each request; by default `POLICYC_SANDBOX_KEY`, or the content of the file
            that `POLICYC_SANDBOX_KEY_FILE` names.
        seconds: that a request may take.
        create_seconds: that making a sandbox may take.

    Raises:
        ProviderUnavailable: the settings are missing, or would send the key unencrypted through a
            network (`POLICYC_SANDBOX_PLAIN_HTTP=1` allows that).
    """

    name: ClassVar[str] = "remote"

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        seconds: float = SECONDS,
        create_seconds: float = CREATE_SECONDS,
    ) -> None:
        self._url = _checked(os.environ.get(URL_VARIABLE, "") if url is None else url)
        self._key = _key() if key is None else key
        self._seconds = seconds
        self._create_seconds = create_seconds
        self._client = httpx.Client(
            base_url=self._url, headers={KEY_HEADER: self._key}, trust_env=False
        )

    @property
    def scope(self) -> str:
        return f"{self.name} {self._url}"

    def check(self, spec: SandboxSpec) -> None:
        if spec.mounts:
            raise InvalidSpec(
                "folders of this machine cannot be mounted on another one: upload files instead"
            )
        if spec.allow_hosts:
            raise InvalidSpec(
                "a sandbox on another machine reaches no hosts: the proxy that decides runs here"
            )

    def probe(self) -> Capabilities:
        try:
            return capabilities_of(self._ask("GET", "/probe"))
        except SandboxError as error:
            raise ProviderUnavailable(f"`{self._url}`: {error}") from None

    def create(self, creation: Creation) -> Record:
        self.check(creation.spec)
        told = creation.spec.to_dict()
        request = {
            "image": creation.spec.image or own_image(),
            "command": None,
            "working_dir": WORKSPACE,
            "environment": told["environment"],
            "session_id": creation.id,
            "resource_factor": 1,
            "run_as_user": USER,
            "run_as_group": USER,
            "fs_group": USER,
            "policyc": {"spec": told, "owner": creation.owner, "policy": creation.policy},
        }
        try:
            return record_of(self._ask("POST", "/start", request, self._create_seconds))
        except (SandboxLost, TimeoutError):
            # It may have been made nevertheless.
            self._remove_quietly(creation.id)
            raise

    def records(self) -> list[Record]:
        answer = self._ask("GET", "/list")
        runtimes = answer.get("runtimes") if isinstance(answer, dict) else None
        if not isinstance(runtimes, list):
            raise SandboxError(f"`{self._url}` is no runtime API: it lists no runtimes")
        return [record_of(one) for one in runtimes]

    def record(self, sandbox: str) -> Record | None:
        try:
            return record_of(self._ask("GET", _path(sandbox)))
        except SandboxAbsent:
            return None

    def start_process(
        self, sandbox: str, argv: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> Process:
        return start(
            f"ws{self._url.removeprefix('http')}{_path(sandbox)}/process",
            self._key,
            argv,
            environment or {},
            connect_seconds=CONNECT_SECONDS,
            start_seconds=self._seconds,
        )

    def kill_processes(self, sandbox: str) -> None:
        self._ask("POST", "/kill", {"runtime_id": sandbox})

    def pause(self, sandbox: str) -> None:
        self._ask("POST", "/pause", {"runtime_id": sandbox})

    def resume(self, sandbox: str) -> None:
        self._ask("POST", "/resume", {"runtime_id": sandbox})

    def remove(self, sandbox: str) -> None:
        try:
            self._ask("POST", "/stop", {"runtime_id": sandbox})
        except SandboxAbsent:
            return

    def usage(self, sandbox: str) -> Usage:
        return usage_of(self._ask("GET", f"{_path(sandbox)}/usage"))

    def attestation(self, sandbox: str) -> Mapping[str, str]:
        answer = self._ask("GET", f"{_path(sandbox)}/attestation")
        return {str(name): str(value) for name, value in answer.items()}

    def close(self) -> None:
        self._client.close()

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, seconds: float = 0
    ) -> Any:
        """What the API answers. Nothing is asked twice: what was asked may have been done.

        Raises:
            SandboxLost: it does not answer.
            SandboxError: it refuses.
        """
        timeout = httpx.Timeout(seconds or self._seconds, connect=CONNECT_SECONDS)
        try:
            answer = self._client.request(method, path, json=body, timeout=timeout)
        except httpx.TimeoutException as error:
            raise SandboxLost(
                f"the runtime API `{self._url}` did not answer in time ({type(error).__name__})"
            ) from None
        except httpx.HTTPError as error:
            raise SandboxLost(f"the runtime API `{self._url}` cannot be reached: {error}") from None
        try:
            data = answer.json()
        except ValueError:
            data = None
        if answer.status_code in (401, 403):
            raise ProviderUnavailable(
                f"the runtime API `{self._url}` does not know the key: set {KEY_VARIABLE}"
            )
        if not answer.is_success:
            raise error_of(data, answer.status_code)
        if data is None:
            raise SandboxError(f"`{self._url}` is no runtime API: it does not answer in JSON")
        return data

    def _remove_quietly(self, sandbox: str) -> None:
        try:
            self.remove(sandbox)
        except SandboxError:
            return


def _path(sandbox: str) -> str:
    """The address of a sandbox. What could be no id is not there.

    Raises:
        SandboxAbsent: it is none.
    """
    if not _ID.fullmatch(sandbox):
        raise SandboxAbsent(f"there is no sandbox `{sandbox}`")
    return f"/sessions/{sandbox}"


def _checked(url: str) -> str:
    """The address without a slash at its end."""
    if not url:
        raise ProviderUnavailable(
            f"sandboxes on another machine need the address of its runtime API: set {URL_VARIABLE} "
            "to that of `policyc sandbox serve`"
        )
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ProviderUnavailable(
            f"{URL_VARIABLE} must be like `https://sandboxes.example.org`, not `{parts.scheme}:...`"
        )
    if parts.scheme == "http" and not _is_here(parts.hostname) and not _allows_plain():
        raise ProviderUnavailable(
            f"the key would go to `{parts.hostname}` unencrypted: take https, or set "
            f"{PLAIN_VARIABLE}=1 where nobody else is on the network"
        )
    return url.rstrip("/")


def _key() -> str:
    file = os.environ.get(KEY_FILE_VARIABLE)
    try:
        key = Path(file).read_text().strip() if file else os.environ.get(KEY_VARIABLE, "")
    except OSError as error:
        raise ProviderUnavailable(
            f"the key cannot be read from `{file}` ({KEY_FILE_VARIABLE}): {error.strerror}"
        ) from None
    if not key:
        raise ProviderUnavailable(
            f"sandboxes on another machine need its key: set {KEY_VARIABLE} or {KEY_FILE_VARIABLE}"
        )
    return key


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _allows_plain() -> bool:
    return os.environ.get(PLAIN_VARIABLE, "") not in ("", "0")
