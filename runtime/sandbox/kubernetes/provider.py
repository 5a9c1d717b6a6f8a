"""The provider whose sandboxes are pods: one for each, in a namespace of their own."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from policyc.runtime.sandbox.failures import (
    ImageAbsent,
    InvalidSpec,
    ProviderUnavailable,
    SandboxAbsent,
    SandboxError,
    SandboxLost,
    WrongState,
)
from policyc.runtime.sandbox.info import SPEC_LABEL
from policyc.runtime.sandbox.kubernetes import looks, manifests
from policyc.runtime.sandbox.kubernetes.cluster import (
    RUNTIME_CLASS_VARIABLE,
    TIMEOUT,
    Cluster,
    told,
)
from policyc.runtime.sandbox.kubernetes.process import start
from policyc.runtime.sandbox.provider import Capabilities, Provider, Record, Status
from policyc.runtime.sandbox.spec import SandboxSpec, own_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyc.runtime.sandbox.kubernetes.process import PodProcess
    from policyc.runtime.sandbox.provider import Creation, Usage

CREATE_SECONDS: Final = 120.0
"""A pod may take until it runs."""
NETWORK_SECONDS: Final = 10.0
"""A new pod may take until the policy of the network holds for it."""
KILL_SECONDS: Final = 10.0
REMOVE_SECONDS: Final = 30.0

_LOOK_SECONDS: Final = 0.2
_SELECTOR: Final = f"{manifests.APP_LABEL}={manifests.APP}"
_NO_IMAGE: Final = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_CANNOT_PAUSE: Final = (
    "a pod cannot be paused: delete the sandbox, or let it run until its deadline"
)
_ENFORCED: Final = frozenset(
    {"memory", "cpus", "disk", "temporary", "open_files", "seconds", "output", "lifetime"}
)
_DEGRADED: Final = (
    "processes: only the limit of the node holds for a pod (podPidsLimit of the kubelet)",
    "network: kept away by a NetworkPolicy, which is looked at from inside each sandbox",
    "memory: a command that was killed for it ends with code 137, as others that are killed",
)


class KubernetesProvider(Provider):
    """Sandboxes that are pods. All of a namespace are of one user: give each a namespace.

    Args:
        namespace: by default `POLICYC_SANDBOX_NAMESPACE`, else that of the configuration.
        runtime_class: what runs the pods, such as `gvisor`; by default
            `POLICYC_SANDBOX_RUNTIME_CLASS`, else that of the cluster.
        create_seconds: that a pod may take until it runs.

    Raises:
        ProviderUnavailable: there is no client, or no configuration of a cluster.
    """

    name: ClassVar[str] = "kubernetes"

    def __init__(
        self,
        namespace: str | None = None,
        *,
        runtime_class: str | None = None,
        create_seconds: float = CREATE_SECONDS,
    ) -> None:
        self._cluster = Cluster(namespace)
        self._runtime_class = runtime_class or os.environ.get(RUNTIME_CLASS_VARIABLE) or None
        self._create_seconds = create_seconds

    @property
    def scope(self) -> str:
        return f"{self.name} {self._cluster.host} {self._cluster.namespace}"

    def check(self, spec: SandboxSpec) -> None:
        if spec.mounts:
            raise InvalidSpec(
                "folders of this machine cannot be mounted in a pod: upload files instead"
            )
        if spec.allow_hosts:
            raise InvalidSpec("a pod reaches no hosts: the proxy that decides runs here")

    def probe(self) -> Capabilities:
        try:
            version = self._cluster.version()
            self._list(limit=1)
        except ProviderUnavailable:
            raise
        except SandboxError as error:
            raise ProviderUnavailable(str(error)) from None
        return Capabilities(
            provider=self.name,
            version=version,
            isolation=f"a pod of the runtime `{self._runtime_class or 'default'}`",
            enforced=_ENFORCED,
            can_pause=False,
            degraded=_DEGRADED,
        )

    def create(self, creation: Creation) -> Record:
        self.check(creation.spec)
        self._ensure_policy()
        body = manifests.pod(creation, datetime.now(UTC), self._runtime_class)
        with told(self._cluster, creation.id):
            self._cluster.core.create_namespaced_pod(
                self._cluster.namespace, body, _request_timeout=TIMEOUT
            )
        try:
            record = self._wait(creation)
            self._look(creation)
        except BaseException:
            with suppress(SandboxError):
                self._delete(creation.id)
            raise
        return record

    def records(self) -> list[Record]:
        found = [_record_of(one) for one in self._list()]
        return sorted(found, key=lambda one: one.created, reverse=True)

    def record(self, sandbox: str) -> Record | None:
        pod = self._pod(sandbox)
        return None if pod is None else _record_of(pod)

    def start_process(
        self, sandbox: str, argv: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> PodProcess:
        record = self._present(sandbox)
        if record.status is not Status.RUNNING:
            raise SandboxLost(f"the sandbox `{sandbox}` does not run ({record.status})")
        files = json.loads(record.labels[SPEC_LABEL])["resources"]["open_files"]
        command = looks.limited(argv, environment or {}, files)
        return start(self._cluster, sandbox, command, lambda: self._runs(sandbox))

    def kill_processes(self, sandbox: str) -> None:
        self._present(sandbox)
        try:
            looks.output(self.start_process(sandbox, looks.KILL), KILL_SECONDS)
        except (SandboxError, TimeoutError):
            self.remove(sandbox)

    def pause(self, sandbox: str) -> None:
        self._present(sandbox)
        raise WrongState(_CANNOT_PAUSE)

    def resume(self, sandbox: str) -> None:
        if self._present(sandbox).status is not Status.RUNNING:
            raise WrongState(_CANNOT_PAUSE)

    def remove(self, sandbox: str) -> None:
        self._delete(sandbox)
        end = time.monotonic() + REMOVE_SECONDS
        while self._pod(sandbox) is not None:
            if time.monotonic() > end:
                raise SandboxError(
                    f"the pod `{manifests.pod_name(sandbox)}` was not gone after "
                    f"{REMOVE_SECONDS:g} seconds: look at its node"
                )
            time.sleep(_LOOK_SECONDS)

    def usage(self, sandbox: str) -> Usage:
        return looks.usage_of(looks.output(self.start_process(sandbox, looks.USAGE), TIMEOUT[1]))

    def attestation(self, sandbox: str) -> Mapping[str, str]:
        return looks.seen(looks.output(self.start_process(sandbox, looks.PROTECTIONS), TIMEOUT[1]))

    def close(self) -> None:
        self._cluster.close()

    # --- parts

    def _ensure_policy(self) -> None:
        """The policy of the network is there, and is ours."""
        network, namespace = self._cluster.network(), self._cluster.namespace
        wanted = manifests.network_policy()
        with told(self._cluster, manifests.POLICY_NAME):
            try:
                found = network.read_namespaced_network_policy(
                    manifests.POLICY_NAME, namespace, _request_timeout=TIMEOUT
                )
            except Exception as error:
                if getattr(error, "status", None) != 404:
                    raise
                found = _created(network, namespace, wanted)
        there = self._cluster.core.api_client.sanitize_for_serialization(found.spec)
        if there != wanted["spec"]:
            raise SandboxError(
                f"the NetworkPolicy `{manifests.POLICY_NAME}` in `{namespace}` was changed, and "
                "would not keep sandboxes from the network: delete it, and it is made again"
            )

    def _wait(self, creation: Creation) -> Record:
        """Wait until the pod runs."""
        end = time.monotonic() + self._create_seconds
        while True:
            pod = self._pod(creation.id)
            if pod is None:
                raise SandboxLost(f"the pod of `{creation.id}` was deleted by somebody else")
            record = _record_of(pod)
            if record.status is Status.RUNNING:
                return record
            reason, message = _trouble(pod)
            if reason in _NO_IMAGE:
                raise ImageAbsent(
                    f"the cluster has no image `{creation.spec.image or own_image()}` "
                    f"({reason}): push it to a registry that the cluster reaches"
                )
            if record.status in (Status.ERROR, Status.MISSING):
                raise SandboxError(f"the pod of `{creation.id}` failed: {reason} {message}".strip())
            if time.monotonic() > end:
                raise SandboxError(
                    f"the pod of `{creation.id}` did not run within {self._create_seconds:g} "
                    f"seconds: {reason or 'it is not placed on a node'} {message}".strip()
                )
            time.sleep(_LOOK_SECONDS)

    def _look(self, creation: Creation) -> None:
        """Look at the protections from inside.

        Raises:
            SandboxError: one is not there.
        """
        end = time.monotonic() + NETWORK_SECONDS
        while True:
            lacking = looks.wanting(self.attestation(creation.id), creation.spec)
            if not lacking:
                return
            # The policy of the network holds for a new pod only after a while.
            if lacking != ["network"] or time.monotonic() > end:
                raise SandboxError(
                    "the cluster does not give a pod the protections that it was told: "
                    f"{', '.join(lacking)}; nothing is run there"
                    + (looks.NETWORK_HELP if "network" in lacking else "")
                )
            time.sleep(_LOOK_SECONDS)

    def _list(self, **options: Any) -> list[Any]:
        with told(self._cluster):
            found = self._cluster.core.list_namespaced_pod(
                self._cluster.namespace,
                label_selector=_SELECTOR,
                _request_timeout=TIMEOUT,
                **options,
            )
        return list(found.items)

    def _pod(self, sandbox: str) -> Any | None:
        """The pod of a sandbox, if it is one."""
        try:
            with told(self._cluster, sandbox):
                pod = self._cluster.core.read_namespaced_pod(
                    manifests.pod_name(sandbox), self._cluster.namespace, _request_timeout=TIMEOUT
                )
        except SandboxAbsent:
            return None
        labels = pod.metadata.labels or {}
        ours = labels.get(manifests.APP_LABEL) == manifests.APP
        return pod if ours and labels.get(manifests.ID) == sandbox else None

    def _present(self, sandbox: str) -> Record:
        record = self.record(sandbox)
        if record is None:
            raise SandboxAbsent(
                f"there is no sandbox `{sandbox}` in the namespace `{self._cluster.namespace}`"
            )
        return record

    def _runs(self, sandbox: str) -> bool:
        with suppress(SandboxError):
            record = self.record(sandbox)
            return record is not None and record.status is Status.RUNNING
        return True

    def _delete(self, sandbox: str) -> None:
        if self._pod(sandbox) is None:
            return
        with suppress(SandboxAbsent), told(self._cluster, sandbox):
            self._cluster.core.delete_namespaced_pod(
                manifests.pod_name(sandbox),
                self._cluster.namespace,
                grace_period_seconds=0,
                _request_timeout=TIMEOUT,
            )


def _created(network: Any, namespace: str, wanted: dict[str, Any]) -> Any:
    """The policy, made by us or, at the same time, by somebody else."""
    try:
        return network.create_namespaced_network_policy(namespace, wanted, _request_timeout=TIMEOUT)
    except Exception as error:
        if getattr(error, "status", None) != 409:
            raise
        return network.read_namespaced_network_policy(
            manifests.POLICY_NAME, namespace, _request_timeout=TIMEOUT
        )


def _record_of(pod: Any) -> Record:
    labels = pod.metadata.labels
    notes = pod.metadata.annotations or {}
    made = pod.metadata.creation_timestamp
    created = _time(notes.get(manifests.CREATED), made)
    return Record(
        id=labels.get(manifests.ID, pod.metadata.name),
        status=_status(pod),
        created=created,
        deadline=_time(notes.get(manifests.DEADLINE), created),
        owner=notes.get(manifests.OWNER, ""),
        policy=notes.get(manifests.POLICY, ""),
        image=pod.spec.containers[0].image,
        labels={**json.loads(notes.get(manifests.LABELS, "{}")), **notes},
    )


def _status(pod: Any) -> Status:
    if pod.metadata.deletion_timestamp is not None:
        return Status.MISSING
    match pod.status.phase:
        case "Pending":
            return Status.ERROR if _trouble(pod)[0] in _NO_IMAGE else Status.STARTING
        case "Running":
            started = any(one.state.running for one in pod.status.container_statuses or ())
            return Status.RUNNING if started else Status.STARTING
        case "Succeeded" | "Failed":  # it holds nothing any more
            return Status.MISSING
        case _:
            return Status.ERROR


def _trouble(pod: Any) -> tuple[str, str]:
    """Why a pod does not run, as a word and as a sentence."""
    for one in pod.status.container_statuses or ():
        if one.state.waiting is not None and one.state.waiting.reason != "ContainerCreating":
            return one.state.waiting.reason or "", one.state.waiting.message or ""
    for one in pod.status.conditions or ():
        if one.status == "False" and one.reason:
            return one.reason, one.message or ""
    return pod.status.reason or "", pod.status.message or ""


def _time(text: str | None, otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(text or "")
    except ValueError:
        return otherwise
