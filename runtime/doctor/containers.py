"""Checks of the container engine, the image and the container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.containers.engine import (
    EngineAbsent,
    EngineElsewhere,
    EngineError,
    EngineForbidden,
    EngineSilent,
    address,
    engine,
)
from policyc.runtime.containers.spec import Spec
from policyc.runtime.doctor.examination import FaultFound, NotChecked
from policyc.runtime.failures import BackendError
from policyc.runtime.ports import PortFolderError, PortsExhausted, private_folder, reserve_port

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

    from policyc.runtime.doctor.examination import Subject

_FAULTS: dict[type[EngineError], str] = {
    EngineAbsent: "engine-absent",
    EngineForbidden: "engine-forbidden",
    EngineSilent: "engine-silent",
    EngineElsewhere: "engine-elsewhere",
}


def check_engine(subject: Subject) -> str:
    try:
        with engine(seconds=subject.seconds) as client:
            told = client.version()
    except EngineError as error:
        raise FaultFound(_FAULTS.get(type(error), "engine-refuses"), str(error)) from None
    return f"version {told.get('Version')} at {address()}"


def check_image(subject: Subject) -> str:
    spec = Spec.of(subject.image)
    try:
        with engine(seconds=subject.seconds) as client:
            image = _image(client, spec)
    except EngineError:
        raise NotChecked("it needs the container engine") from None
    if spec.is_own:
        _check_recipe(image, spec)
    return f"{spec.image}, {image.attrs['Size'] / 1024**2:.0f} MiB"


def _image(client: DockerClient, spec: Spec) -> Image:
    from docker.errors import ImageNotFound  # noqa: PLC0415  # slow to load

    from policyc.runtime.containers.lifecycle import absent_image  # noqa: PLC0415  # by need

    try:
        return client.images.get(spec.image)
    except ImageNotFound:
        raise FaultFound("image-missing", absent_image(spec)) from None


def _check_recipe(image: Image, spec: Spec) -> None:
    """Whether our image is made of what is installed; one that was made otherwise does not say."""
    from policyc.runtime.containers.image import recipe  # noqa: PLC0415  # by need
    from policyc.runtime.containers.image_import import RECIPE_LABEL  # noqa: PLC0415

    made = image.labels.get(RECIPE_LABEL)
    try:
        wanted = recipe()
    except BackendError:
        return
    if made is not None and made != wanted:
        raise FaultFound("image-outdated", f"`{spec.image}` is made of other files or packages")


def check_container(subject: Subject) -> str:
    from policyc.runtime.containers.lifecycle import (  # noqa: PLC0415  # by need
        ForeignContainer,
        found,
    )
    from policyc.runtime.containers.readiness import (  # noqa: PLC0415
        ContainerDied,
        NotReady,
        OtherVersion,
        url_of,
        wait_until_ready,
    )

    spec = Spec.of(subject.image)
    try:
        with engine(seconds=subject.seconds) as client:
            container = found(client, spec)
            if container is None or container.status != "running":
                return f"`{spec.name}` does not run; it is started when it is needed"
            wait_until_ready(container, spec, subject.seconds)
            return f"`{spec.name}` answers at {url_of(container)}"
    except ForeignContainer as error:
        raise FaultFound("container-foreign", str(error)) from None
    except (NotReady, ContainerDied) as error:
        raise FaultFound("container-silent", str(error)) from None
    except OtherVersion as error:
        raise FaultFound("container-version", str(error)) from None
    except EngineError:
        raise NotChecked("it needs the container engine") from None


def check_locks(_subject: Subject) -> str:
    try:
        return str(private_folder())
    except PortFolderError as error:
        raise FaultFound("locks-unusable", str(error)) from None


def check_ports(subject: Subject) -> str:
    try:
        with reserve_port(subject.ports, seconds=subject.seconds) as port:
            return f"{port.number} is free, of {subject.ports[0]} to {subject.ports[-1]}"
    except PortsExhausted as error:
        raise FaultFound("ports-taken", str(error)) from None
    except PortFolderError:
        raise NotChecked("it needs the folder of the locks") from None
