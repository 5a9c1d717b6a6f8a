"""Giving the engine an image that was made here, in the place of the one before."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final

from policyc.runtime.containers.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from docker import DockerClient
    from docker.models.images import Image

RECIPE_LABEL: Final = "policyc.recipe"
"""Has a digest of all that went into an image, so that one that is there is not made again."""


def made_before(client: DockerClient, tag: str) -> Image | None:
    """The image of that name; None: there is none."""
    from docker.errors import ImageNotFound  # noqa: PLC0415  # slow to load

    try:
        return client.images.get(tag)
    except ImageNotFound:
        return None


def changes(
    lines: Sequence[str], environment: Mapping[str, str], labels: Mapping[str, str]
) -> list[str]:
    """What an image has besides its files, as lines of a Dockerfile."""
    return [
        *lines,
        *(f"ENV {name}={value}" for name, value in environment.items()),
        *(f"LABEL {name}={value}" for name, value in labels.items()),
    ]


def imported(client: DockerClient, archive: IO[bytes], tag: str, lines: list[str]) -> Image:
    """The image of an archive, under a name that the one before loses. That one is removed, unless
    a container is made from it.

    Raises:
        EngineError: the engine cannot import it.
    """
    from docker.errors import APIError  # noqa: PLC0415  # slow to load

    before = made_before(client, tag)
    repository, _, name = tag.rpartition(":")
    archive.seek(0)
    answer = client.api.import_image_from_data(
        archive, repository=repository, tag=name, changes=lines
    )
    # A failure is told within an answer that is none.
    for line in filter(None, answer.splitlines()):
        told: dict[str, Any] = json.loads(line)
        if "error" in told:
            raise EngineError(f"the container engine cannot import the image: {told['error']}")
    image = client.images.get(tag)
    if before is not None and before.id != image.id:
        with suppress(APIError):
            client.images.remove(str(before.id))
    return image
