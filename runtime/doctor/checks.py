"""The table of checks: what `policyc doctor` runs, in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policyc.runtime.doctor.containers import (
    check_container,
    check_engine,
    check_image,
    check_locks,
    check_ports,
)
from policyc.runtime.doctor.examination import Check
from policyc.runtime.doctor.installation import check_cache, check_extras
from policyc.runtime.doctor.sandboxes import check_sandboxes, check_state
from policyc.runtime.doctor.services import (
    check_clock,
    check_server,
    check_services,
    check_settings,
)

if TYPE_CHECKING:
    from policyc.runtime.doctor.examination import Subject


def _always(_subject: Subject) -> bool:
    return True


def _never(_subject: Subject) -> bool:
    return False


def _for_containers(subject: Subject) -> bool:
    return subject.wants_container


CHECKS: Final = (
    Check(
        "extras",
        "Are the optional parts of policyc installed?",
        check_extras,
        ("extra-absent",),
        _never,
    ),
    Check(
        "cache",
        "Can compiled policies be kept?",
        check_cache,
        ("cache-unusable",),
        _never,
    ),
    Check(
        "settings",
        "Can the environment variables of backends be used?",
        check_settings,
        ("setting-wrong",),
        _always,
    ),
    Check(
        "clock",
        "Is the clock right, as far as it can be told?",
        check_clock,
        ("clock-behind", "clock-apart"),
        _always,
    ),
    Check(
        "services",
        "Do the services answer that are configured for detectors?",
        check_services,
        ("service-address", "service-key", "service-unreachable"),
        _always,
    ),
    Check(
        "server",
        "Does the server answer that is named as the backend?",
        check_server,
        ("server-unreachable", "server-slow", "server-token", "server-version", "server-unknown"),
        _always,
    ),
    Check(
        "engine",
        "Is there a container engine that this user may use?",
        check_engine,
        (
            "engine-absent",
            "engine-forbidden",
            "engine-silent",
            "engine-elsewhere",
            "engine-refuses",
        ),
        _for_containers,
    ),
    Check(
        "image",
        "Is the image of the container there, and current?",
        check_image,
        ("image-missing", "image-outdated"),
        _for_containers,
    ),
    Check(
        "container",
        "Does the container answer, if it runs?",
        check_container,
        ("container-foreign", "container-silent", "container-version"),
        _for_containers,
    ),
    Check(
        "locks",
        "Can ports and containers be locked against other processes?",
        check_locks,
        ("locks-unusable",),
        _for_containers,
    ),
    Check(
        "ports",
        "Is there a free port for a sandbox?",
        check_ports,
        ("ports-taken",),
        _never,
    ),
    Check(
        "sandboxes",
        "Can sandboxes be made on this machine?",
        check_sandboxes,
        ("sandboxes-none", "sandbox-image"),
        _never,
    ),
    Check(
        "state",
        "Can sandboxes be remembered, and is the audit log intact?",
        check_state,
        ("state-unusable", "audit-damaged"),
        _never,
    ),
)
