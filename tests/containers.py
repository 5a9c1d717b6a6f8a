"""A container engine with our image, and names of containers that no other test has."""

from __future__ import annotations

import gc
import json
import os
import uuid
from typing import TYPE_CHECKING

import pytest

from policyc.runtime.containers import users
from policyc.runtime.containers.image import build
from policyc.runtime.containers.lifecycle import stop_unused
from policyc.runtime.containers.spec import OWNER_LABEL, PREFIX_VARIABLE, Spec, own_image, owner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

WRITES = """
open("state.sqlite", "w").close()
"""
STAND_IN = (
    """
import os
import uvicorn
from policyc.runtime.server.app import make_app
from policyc.runtime.server.settings import Settings

app = make_app(Settings(workers=2, key=os.environ.get("POLICYC_SERVER_KEY")))
"""
    + WRITES
    + """
async def older(scope, receive, send):
    # The session API alone, as the analysis server has it: no word of who it is.
    if scope["type"] == "http" and scope["path"] in ("/version", "/v1/check"):
        scope = dict(scope, path="/nothing-here")
    await app(scope, receive, send)

uvicorn.run(older, host="0.0.0.0", port=8000, log_level="warning")
"""
)


@pytest.fixture(scope="session")
def image(docker_engine: DockerClient) -> str:
    """The tag of our image, built."""
    build(lambda _done, _all: None)
    return own_image()


@pytest.fixture
def prefix(docker_engine: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What the names of this test's containers begin with; all are removed after it."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv(PREFIX_VARIABLE, name)
    yield name
    gc.collect()
    users.end_all()
    for container in docker_engine.containers.list(
        all=True, filters={"label": f"{OWNER_LABEL}={name}-{os.getuid()}"}
    ):
        container.remove(force=True)
    for network in docker_engine.networks.list(
        filters={"label": f"{OWNER_LABEL}={name}-{os.getuid()}"}
    ):
        network.remove()


@pytest.fixture
def name(image: str, prefix: str) -> Iterator[str]:
    """The name of the container of our image."""
    assert owner().startswith(prefix)
    found = Spec.of().name
    yield found
    stop_unused(found)


def make_image(engine: DockerClient, tag: str, script: str) -> str:
    """An image of a server that is another than ours: as root, which runs a script."""
    container = engine.containers.create(own_image())
    try:
        entry = json.dumps(["python3", "-c", script])
        made = container.commit(changes=f"USER 0\nENTRYPOINT {entry}")
        made.tag(tag)
    finally:
        container.remove()
    return tag
