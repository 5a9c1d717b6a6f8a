"""Checks of what runs sandboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.doctor.examination import FaultFound

if TYPE_CHECKING:
    from policyc.runtime.doctor.examination import Subject


def check_sandboxes(_subject: Subject) -> str:
    from policyc.runtime.sandbox.failures import ImageAbsent, SandboxError  # noqa: PLC0415  # by need
    from policyc.runtime.sandbox.registry import choose, working  # noqa: PLC0415
    from policyc.runtime.sandbox.spec import SandboxSpec  # noqa: PLC0415

    providers = working()
    if not providers:
        try:
            choose()
        except SandboxError as error:
            raise FaultFound("sandboxes-none", str(error)) from None
    told = []
    for provider in providers:
        given = provider.probe()
        try:
            provider.check(SandboxSpec())
        except ImageAbsent as error:
            raise FaultFound("sandbox-image", str(error)) from None
        finally:
            provider.close()
        told.append(f"{provider.name} ({given.isolation})")
    return ", ".join(told)


def check_state(_subject: Subject) -> str:
    from policyc.runtime.sandbox.audit import AuditError, default_path, verify  # noqa: PLC0415
    from policyc.runtime.sandbox.failures import SandboxError  # noqa: PLC0415

    try:
        path = default_path()
        if not path.exists():
            return f"{path.parent}, without a log so far"
        found = verify(path)
    except AuditError as error:
        raise FaultFound("audit-damaged", str(error)) from None
    except SandboxError as error:
        raise FaultFound("state-unusable", str(error)) from None
    if not found.is_intact:
        first = found.problems[0]
        raise FaultFound("audit-damaged", f"line {first.line} of `{path}` {first.message}")
    return f"{path}, intact"
