"""The container of a sandbox: made, found, looked at."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from policyc.runtime.containers.engine import remove_container
from policyc.runtime.sandbox.docker.labels import ENDED, USER, is_ours, is_over
from policyc.runtime.sandbox.failures import (
    ImageAbsent,
    SandboxAbsent,
    SandboxError,
    SandboxLost,
    WrongState,
)
from policyc.runtime.sandbox.provider import Usage
from policyc.runtime.sandbox.spec import TEMPORARY, WORKSPACE, own_image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker import DockerClient
    from docker.models.containers import Container


def declared_volumes(client: DockerClient, image: str) -> list[str]:
    """The folders that an image declares as volumes, besides those that are the sandbox's own.

    Raises:
        ImageAbsent: it is not on this machine.
    """
    from docker.errors import ImageNotFound  # noqa: PLC0415  # slow to load

    try:
        found = client.images.get(image)
    except ImageNotFound:
        way = "policyc sandbox build-image" if image == own_image() else f"docker pull {image}"
        raise ImageAbsent(f"there is no image `{image}` on this machine: run `{way}`") from None
    declared = (found.attrs.get("Config") or {}).get("Volumes") or {}
    return sorted(set(declared) - {WORKSPACE, TEMPORARY})


def made(client: DockerClient, image: str, options: Mapping[str, Any]) -> Container:
    """A container that does not run yet.

    Raises:
        SandboxError: there is one of that name.
    """
    from docker.errors import APIError  # noqa: PLC0415  # slow to load

    try:
        container: Container = client.containers.create(image, **options)
    except APIError as error:
        if error.status_code != 409:
            raise
        name = options["name"]
        raise SandboxError(f"there is a container `{name}` already: ids are used once") from None
    return container


def useless(image: str) -> SandboxError:
    """That the container of an image does not stay, or cannot be looked at from inside."""
    return SandboxError(
        f"the image `{image}` makes no sandbox: it needs `timeout`, `sleep`, `sh` and `cat`, so "
        "take one with coreutils or busybox, or none for our own"
    )


def found(client: DockerClient, sandbox: str, *, ended: bool = False) -> Container:
    """The container of a sandbox of this user. One that has ended counts only if it is asked for.

    Raises:
        SandboxAbsent: there is none.
    """
    from docker.errors import NotFound  # noqa: PLC0415  # slow to load

    try:
        container: Container = client.containers.get(sandbox)
    except NotFound:
        raise absent(sandbox) from None
    has_ended = container.status in (ENDED, "removing", "dead") and not ended
    if container.name != sandbox or not is_ours(container.labels) or has_ended:
        raise absent(sandbox)
    return container


def absent(sandbox: str) -> SandboxAbsent:
    """That there is no such sandbox."""
    return SandboxAbsent(
        f"there is no sandbox `{sandbox}`: it ended, or was removed (`policyc sandbox ls` shows "
        "those that are there)"
    )


def sweep(client: DockerClient) -> None:
    """Remove what is left of this user's sandboxes that ended by themselves, and those whose time
    was up while they were paused, when their clock stands still. The engine could do so on its own,
    but then it would end those that run as well when it is started again."""
    from docker.errors import APIError  # noqa: PLC0415  # slow to load

    filters: dict[str, str | list[str] | bool] = {
        "label": f"{USER}={os.getuid()}",
        "status": [ENDED, "paused"],
    }
    for container in client.containers.list(all=True, filters=filters, ignore_removed=True):
        # The engine lists, and is then asked about each: one that was paused may run by now.
        over = container.status == "paused" and is_over(container.labels)
        if over or container.status == ENDED:
            with suppress(APIError):  # somebody else does
                remove_container(container)


def check_runs(container: Container) -> None:
    """Refuse one that does not run.

    Raises:
        WrongState: it is paused.
        SandboxLost: it ended.
    """
    if container.status == "paused":
        raise WrongState(
            f"the sandbox `{container.name}` is paused: resume it (`policyc sandbox resume "
            f"{container.name}`)"
        )
    if container.status != "running":
        raise SandboxLost(f"the sandbox `{container.name}` does not run ({container.status})")


def usage_of(stats: Mapping[str, Any]) -> Usage:
    """What a container uses, of the engine's statistics."""
    memory = stats.get("memory_stats") or {}
    details = memory.get("stats") or {}
    used = memory.get("usage")
    if used is not None:
        # What can be had back at any time: files of the image that were read.
        used -= details.get("total_inactive_file", details.get("inactive_file", 0))
    spent = ((stats.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage")
    return Usage(
        memory=used,
        processes=(stats.get("pids_stats") or {}).get("current"),
        cpu_seconds=None if spent is None else spent / 1e9,
    )
