"""What is kept of a sandbox so that another process can go on with it: its policy, how the gate
decides, and its specification. Of the secrets only their names and fingerprints are kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from policyc.runtime.analyzers.risk import RiskLevel, Thresholds, Verdict
from policyc.runtime.sandbox.failures import SandboxAbsent, SandboxError
from policyc.runtime.sandbox.gate import Settings
from policyc.runtime.sandbox.spec import SandboxSpec
from policyc.runtime.sandbox.state import sandbox_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = "sandbox.json"


@dataclass(frozen=True, slots=True)
class Stored:
    """`sources` are the texts of the policy, by their names and in their order, `digest` is what
    they had when the sandbox was made. `secrets` are the fingerprints of its secrets by name,
    `egress` is the folder with the socket of its proxy."""

    provider: str
    spec: SandboxSpec
    sources: Mapping[str, str]
    parameters: Mapping[str, Any]
    digest: str
    settings: Settings
    secrets: Mapping[str, str]
    egress: str | None = None

    def save(self, sandbox: str) -> None:
        """Keep it.

        Raises:
            SandboxError: it cannot be written, or a parameter is no JSON value.
        """
        settings = self.settings
        told = {
            "provider": self.provider,
            "spec": self.spec.to_dict(),
            "sources": dict(self.sources),
            "parameters": dict(self.parameters),
            "digest": self.digest,
            "secrets": dict(self.secrets),
            "egress": self.egress,
            "settings": {
                "ask": _level_name(settings.thresholds.ask),
                "deny": _level_name(settings.thresholds.deny),
                "unknown": settings.thresholds.unknown.value,
                "on_error": settings.on_error.value,
                "default_level": settings.default_level.name,
                "seconds": settings.seconds,
                "redact": settings.redact,
            },
        }
        path = sandbox_folder(sandbox, make=True) / _FILE
        try:
            path.touch(mode=0o600)
            path.write_text(json.dumps(told, indent=1), "utf-8")
        except (OSError, TypeError, ValueError) as error:
            raise SandboxError(f"`{path}` cannot be written: {error}") from None

    @classmethod
    def load(cls, sandbox: str) -> Stored:
        """What was kept.

        Raises:
            SandboxAbsent: nothing.
            SandboxError: it cannot be read.
        """
        path = sandbox_folder(sandbox) / _FILE
        try:
            told = json.loads(path.read_text("utf-8"))
            given = told["settings"]
            thresholds = Thresholds(
                _level(given["ask"]), _level(given["deny"]), Verdict(given["unknown"])
            )
            settings = Settings(
                thresholds,
                Verdict(given["on_error"]),
                RiskLevel[given["default_level"]],
                given["seconds"],
                given["redact"],
            )
            spec = SandboxSpec.from_dict(told["spec"])
            kept = told["provider"], spec, told["sources"], told["parameters"], told["digest"]
            more = dict(told["secrets"]), told["egress"]
        except FileNotFoundError:
            raise SandboxAbsent(
                f"nothing is known of a sandbox `{sandbox}`: `policyc sandbox ls` lists yours"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SandboxError(f"`{path}` cannot be read: {error}") from None
        return cls(*kept, settings, *more)


def _level_name(level: RiskLevel | None) -> str | None:
    return None if level is None else level.name


def _level(name: str | None) -> RiskLevel | None:
    return None if name is None else RiskLevel[name]
