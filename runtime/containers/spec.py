"""What a container is: its name, its labels, and what it may do."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from policyc.runtime.server.settings import default_workers

PREFIX_VARIABLE: Final = "POLICYC_CONTAINER_PREFIX"

PORT: Final = 8000
"""That the server in the container listens on."""

HOST: Final = "127.0.0.1"
"""Where that is published: to this machine only."""

USER: Final = "10001:10001"
"""Whom our own image runs as: a user and a group that own nothing in it."""

OWNER_LABEL: Final = "policyc.owner"
SPEC_LABEL: Final = "policyc.spec"
VERSION_LABEL: Final = "policyc.version"

_FORM: Final = 2
"""Goes up when containers are made in another way, beside their options. 2: with a key."""
_MEMORY: Final = 2 * 1024**3
_WORKERS: Final = 16
"""Of the server, at most: more would not fit into that memory."""
_PROCESSES: Final = 512


def own_image() -> str:
    """The tag of the image with this version of policyc, as `policyc container build` makes it."""
    return f"policyc/server:{version('policyc')}"


@dataclass(frozen=True, slots=True)
class Spec:
    """A container. `image`: its tag. Two users of a machine never share one, nor do two images,
    so that two versions of policyc are not in each other's way."""

    image: str

    @classmethod
    def of(cls, image: str | None = None) -> Spec:
        """That of an image; without one, of our own."""
        return cls(image or own_image())

    @property
    def is_own(self) -> bool:
        """Whether the image is the one that this version of policyc builds."""
        return self.image == own_image()

    @property
    def name(self) -> str:
        """The name of the container, and of its network."""
        digest = hashlib.sha256(self.image.encode()).hexdigest()[:8]
        last = re.sub(r"[^A-Za-z0-9.]+", "-", self.image.rpartition("/")[2].partition("@")[0])
        return f"{prefix()}-{os.getuid()}-{last[:40].strip('-')}-{digest}"

    def labels(self, image_id: str) -> dict[str, str]:
        """The labels of a container that is made from an image with that id."""
        told = json.dumps([image_id, self.options, _FORM], sort_keys=True)
        digest = hashlib.sha256(told.encode()).hexdigest()[:16]
        return {
            OWNER_LABEL: owner(),
            SPEC_LABEL: digest,
            VERSION_LABEL: version("policyc"),
        }

    @property
    def options(self) -> dict[str, Any]:
        """How it is created: without rights, with bounds, and published to this machine only."""
        options: dict[str, Any] = {
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "pids_limit": _PROCESSES,
            "mem_limit": _MEMORY,
            "memswap_limit": _MEMORY,
            "init": True,
            "log_config": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}},
            # The engine chooses a free port, at each start: nobody else can have it.
            "ports": {f"{PORT}/tcp": (HOST, None)},
        }
        if self.is_own:
            # Other images may have to write beside their program, or as the user that they name.
            options |= {
                "command": ["--workers", str(min(default_workers(), _WORKERS))],
                "user": USER,
                "read_only": True,
                "tmpfs": {"/tmp": "size=64m,mode=1777,noexec,nosuid,nodev"},  # noqa: S108
            }
        return options


def prefix() -> str:
    """What the names of this user's containers begin with."""
    return os.environ.get(PREFIX_VARIABLE) or "policyc"


def owner() -> str:
    """Whose containers are ours, as their label says it."""
    return f"{prefix()}-{os.getuid()}"
