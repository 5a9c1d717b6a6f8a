"""A sandbox behind a gate: the class that programs use."""

from __future__ import annotations

import os
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any, Final, Self

from policyc.grammar.diagnostics import PolicycError
from policyc.grammar.source import Source
from policyc.runtime.loading import load_program
from policyc.runtime.sandbox.audit import AuditLog, default_path
from policyc.runtime.sandbox.failures import SandboxAbsent, SandboxError
from policyc.runtime.sandbox.gate import Gate, Settings, check_parameters, policy_digest
from policyc.runtime.sandbox.notes import ExposedUrl
from policyc.runtime.sandbox.operations import Operations
from policyc.runtime.sandbox.provider import Provider, Status
from policyc.runtime.sandbox.registry import choose, working
from policyc.runtime.sandbox.secret_files import fingerprint, read_secrets
from policyc.runtime.sandbox.service import SESSION_KEY, SandboxService, limit_of_user
from policyc.runtime.sandbox.spec import LOOSENINGS, SandboxSpec
from policyc.runtime.sandbox.state import sandbox_folder
from policyc.runtime.sandbox.stored import Stored
from policyc.runtime.sandbox.trace_file import TraceFile
from policyc.runtime.sandbox.way_out import WayOut, new_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyc.api import Policy
    from policyc.runtime.sandbox.gate import Question
    from policyc.runtime.sandbox.info import SandboxInfo
    from policyc.runtime.sandbox.provider import Usage

    PolicySource = Policy | str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

DEFAULT_POLICY: Final = "policy:coding-agent"

_LOCK: Final = "lock"
_TRACE: Final = "trace.jsonl"


class Sandbox(Operations):
    """A sandbox, every use of which is judged.

        with Sandbox(policy="policy:coding-agent") as box:
            print(box.exec("ls -la").text)

    It is made at once, and deleted when the context is left or `close` is called.

    Args:
        policy: a compiled policy, the path of one or several, `policy:NAME` for a bundled one.
        spec: what the sandbox is made of, by default without network, files and secrets.
        provider: that runs it, or its name; by default Docker where an engine answers, else the
            embedded one.
        parameters: the values of the policy's `input.*`.
        settings: how the gate decides.
        ask: asks a person where the gate has to; without it nobody can be asked.
        audit: the file of the audit log, by default the one of this user.
        keep: `close` does not delete the sandbox; another process can `attach` to it.
        service: that starts it, with a limit and pools of its own.

    Raises:
        PolicyError: the policy has errors.
        PolicycError: a parameter that it needs is missing.
        Refused: it does not let a port of the specification be opened.
        SandboxError: the sandbox cannot be made. Nothing is left of it.
    """

    id: str
    """Its name."""

    def __init__(
        self,
        policy: PolicySource = DEFAULT_POLICY,
        *,
        spec: SandboxSpec | None = None,
        provider: Provider | str | None = None,
        parameters: Mapping[str, Any] | None = None,
        settings: Settings | None = None,
        ask: Callable[[Question], bool] | None = None,
        audit: str | os.PathLike[str] | None = None,
        keep: bool = False,
        service: SandboxService | None = None,
    ) -> None:
        compiled = _compiled(policy)
        parameters = dict(parameters or {})
        settings = settings or Settings()
        check_parameters(compiled, parameters)
        spec = spec or SandboxSpec()
        if not isinstance(provider, Provider):
            provider = choose(provider, spec)
        service = service or SandboxService(provider, limit=limit_of_user())
        service.sweep()
        digest = policy_digest(compiled, parameters)
        log = _audit_log(audit)
        egress = new_folder(spec.allow_hosts)
        try:
            info = service.start(spec, policy=digest, keep=keep, egress=egress)
        except BaseException:
            _remove(egress)
            raise
        secrets = {**spec.secrets, SESSION_KEY: info.session_key or ""}
        try:
            stored = Stored(
                provider.name,
                spec,
                compiled.sources,
                parameters,
                digest,
                settings,
                {name: fingerprint(value) for name, value in secrets.items()},
                None if egress is None else str(egress),
            )
            stored.save(info.id)
            self._bind(
                service, provider, info.id, compiled, stored, ask, log, keep=keep, secrets=secrets
            )
            self._gate.note(
                "started",
                # The log is kept for long, and variables may be credentials.
                spec={**spec.to_dict(), "environment": sorted(spec.environment)},
                provider=provider.name,
                loosened={name: LOOSENINGS[name] for name in sorted(spec.loosened)},
                attestation=dict(provider.attestation(info.id)),
            )
            self._serve_ports()
        except BaseException:
            service.delete(info.id)
            _remove(sandbox_folder(info.id), egress)
            raise

    @classmethod
    def attach(
        cls,
        sandbox: str,
        *,
        policy: PolicySource | None = None,
        provider: Provider | str | None = None,
        ask: Callable[[Question], bool] | None = None,
        audit: str | os.PathLike[str] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> Self:
        """Go on with a sandbox that is there, with the policy that it was made with.

        Args:
            sandbox: its id.
            policy: needed only where it uses functions of the host; it must be the same.
            provider: needed only where it is none of those that have a name.
            ask, audit: as for a new one.
            secrets: the values of its secrets, which are hidden in what it prints; they are read in
                the sandbox where they are not given, which fails if a command replaced them.

        Raises:
            SandboxAbsent: there is no such sandbox.
            SandboxError: it was made with another policy.
        """
        stored = Stored.load(sandbox)
        if not isinstance(provider, Provider):
            provider = choose(provider or stored.provider)
        service = SandboxService(provider)
        info = service.get(sandbox)
        if info is None:
            raise SandboxAbsent(
                f"the sandbox `{sandbox}` is gone: its time was up, or it was deleted"
            )
        key = {SESSION_KEY: info.session_key} if info.session_key else {}
        compiled = _compiled_again(stored) if policy is None else _compiled(policy)
        if policy_digest(compiled, stored.parameters) != stored.digest:
            raise SandboxError(
                f"the sandbox `{sandbox}` was made with another policy, and keeps it as long as "
                "it lives"
            )
        box = cls.__new__(cls)
        box._bind(
            service,
            provider,
            sandbox,
            compiled,
            stored,
            ask,
            _audit_log(audit),
            keep=True,
            secrets={**key, **(secrets or {})},
        )
        return box

    def _bind(
        self,
        service: SandboxService,
        provider: Provider,
        sandbox: str,
        policy: Policy,
        stored: Stored,
        ask: Callable[[Question], bool] | None,
        log: AuditLog,
        *,
        keep: bool,
        secrets: Mapping[str, str],
    ) -> None:
        folder = sandbox_folder(sandbox, make=True)
        gate = Gate(
            policy,
            trace=TraceFile(folder / _TRACE),
            audit=log,
            sandbox=sandbox,
            parameters=stored.parameters,
            settings=stored.settings,
            ask=ask,
        )
        spec = stored.spec
        self._egress = None if stored.egress is None else Path(stored.egress)
        super().__init__(
            provider,
            sandbox,
            spec,
            gate,
            folder / _LOCK,
            secrets=self._values,
            in_use=lambda: service.use(sandbox),
            way_out=WayOut(self._egress, spec.allow_hosts, gate),
        )
        self.id = sandbox
        self._service = service
        self._stored = stored
        self._known_secrets = dict(secrets)
        self._keep = keep
        self._is_closed = False

    def _values(self) -> dict[str, str]:
        """The values of all secrets; those that are not known here are read in the sandbox."""
        kept, known = self._stored.secrets, self._known_secrets
        missing = {name: value for name, value in kept.items() if name not in known}
        return {**known, **read_secrets(self._provider, self.id, missing)}

    def _serve_ports(self) -> None:
        """Serve the ports of the specification, as long as this is open."""
        urls = []
        for name, number in self._spec.ports.items():
            port = self.open_port(number)
            urls.append(ExposedUrl(name, f"http://127.0.0.1:{port.number}", number))
        self._service.expose(self.id, urls)

    # --- life

    @property
    def info(self) -> SandboxInfo:
        """How it is.

        Raises:
            SandboxAbsent: it is gone.
        """
        found = self._service.get(self.id)
        if found is None:
            raise SandboxAbsent(f"the sandbox `{self.id}` is gone")
        return found

    @property
    def status(self) -> Status:
        """Its state; MISSING where it is gone."""
        found = self._service.get(self.id)
        return Status.MISSING if found is None else found.status

    def pause(self) -> None:
        """Stop everything in it, in place."""
        self._gate.note("paused")
        self._service.pause(self.id)

    def resume(self) -> None:
        """Let it go on."""
        self._gate.note("resumed")
        self._service.resume(self.id)

    def usage(self) -> Usage:
        """What it uses now."""
        return self._provider.usage(self.id)

    def keep(self) -> None:
        """Let it live on when this is closed; another process can `attach` to it."""
        self._service.keep(self.id)
        self._keep = True

    def close(self) -> None:
        """Delete the sandbox, with its trace, unless it is kept. May be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        self._end_ports()
        self._end_sessions()
        self._gate.close()
        if not self._keep:
            self.delete()

    def stop(self) -> None:
        """End the sandbox with everything in it; its trace is kept until `delete`."""
        self._gate.note("stopped")
        self._service.delete(self.id)

    def delete(self) -> None:
        """End the sandbox and delete its trace; the audit log stays."""
        self._is_closed = True
        self._gate.note("deleted")
        self._service.delete(self.id)
        _remove(sandbox_folder(self.id), self._egress)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def remove(sandbox: str, audit: str | os.PathLike[str] | None = None) -> bool:
    """End a sandbox, if it is still there, and delete its trace; whether anything was known of it.

    Raises:
        SandboxError: it could not be ended; its trace is still there.
    """
    try:
        stored = Stored.load(sandbox)
    except SandboxAbsent:
        # Made by a service, without a gate.
        return any(SandboxService(provider).delete(sandbox) for provider in working())
    SandboxService(choose(stored.provider)).delete(sandbox)
    _audit_log(audit).append("deleted", sandbox=sandbox, policy=stored.digest)
    _remove(sandbox_folder(sandbox), None if stored.egress is None else Path(stored.egress))
    return True


def trace_of(sandbox: str) -> TraceFile:
    """The trace of a sandbox, also of one that was stopped.

    Raises:
        SandboxAbsent: nothing is known of such a sandbox.
    """
    Stored.load(sandbox)
    return TraceFile(sandbox_folder(sandbox) / _TRACE)


def _compiled_again(stored: Stored) -> Policy:
    from policyc.api import Options  # noqa: PLC0415  # the facade is above this layer
    from policyc.api import Policy as Compiled  # noqa: PLC0415

    sources = [Source(text, name) for name, text in stored.sources.items()]
    return Compiled(*load_program(sources, None), Options.of(None, None, None, optimize=True))


def _compiled(policy: PolicySource) -> Policy:
    from policyc.api import Policy as Compiled  # noqa: PLC0415  # the facade is above this layer

    if isinstance(policy, Compiled):
        return policy
    paths = [policy] if isinstance(policy, str | os.PathLike) else list(policy)
    if not paths:
        raise PolicycError("a sandbox needs a policy")
    return Compiled.from_files([os.fspath(path) for path in paths])


def _remove(*folders: Path | None) -> None:
    for folder in folders:
        if folder is not None:
            rmtree(folder, ignore_errors=True)


def _audit_log(audit: str | os.PathLike[str] | None) -> AuditLog:
    return AuditLog(default_path() if audit is None else Path(audit).absolute())
