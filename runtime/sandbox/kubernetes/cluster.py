"""The way to the cluster, and what its errors mean."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.failures import (
    InvalidSpec,
    ProviderUnavailable,
    SandboxAbsent,
    SandboxError,
    SandboxLost,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE_VARIABLE: Final = "POLICYC_SANDBOX_NAMESPACE"
RUNTIME_CLASS_VARIABLE: Final = "POLICYC_SANDBOX_RUNTIME_CLASS"

TIMEOUT: Final = (5.0, 30.0)
"""Seconds to connect, and for an answer."""

_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"  # noqa: S105  # a file


class Cluster:
    """A namespace of a cluster.

    Raises:
        ProviderUnavailable: the extra is not installed, or there is no configuration.
    """

    def __init__(self, namespace: str | None = None) -> None:
        self.configuration, context_namespace = _configuration()
        self.namespace = (
            namespace or os.environ.get(NAMESPACE_VARIABLE) or context_namespace or "default"
        )
        self.core = self.new_core()

    @property
    def host(self) -> str:
        """The address of its API."""
        return str(self.configuration.host)

    def new_core(self) -> Any:
        """A client of its own, as the library changes a client while it opens a stream."""
        from kubernetes import client  # noqa: PLC0415  # slow to load

        return client.CoreV1Api(client.ApiClient(self.configuration))

    def network(self) -> Any:
        """What makes policies of the network."""
        from kubernetes import client  # noqa: PLC0415  # slow to load

        return client.NetworkingV1Api(self.core.api_client)

    def version(self) -> str:
        """That of the cluster."""
        from kubernetes import client  # noqa: PLC0415  # slow to load

        with told(self):
            found = client.VersionApi(self.core.api_client).get_code(_request_timeout=TIMEOUT)
        return str(found.git_version)

    def close(self) -> None:
        """Let go of connections."""
        self.core.api_client.close()


def _configuration() -> tuple[Any, str | None]:
    """How the cluster is reached, and the namespace that goes with it."""
    try:
        import kubernetes  # noqa: PLC0415  # slow to load
        from kubernetes.config.config_exception import ConfigException  # noqa: PLC0415
    except ImportError:
        raise ProviderUnavailable(
            "sandboxes as pods need the client of Kubernetes: pip install 'policyc[kubernetes]'"
        ) from None

    config: Any = kubernetes.config
    made = kubernetes.client.Configuration()
    namespace = None
    try:
        if "KUBECONFIG" not in os.environ and "KUBERNETES_SERVICE_HOST" in os.environ:
            config.load_incluster_config(client_configuration=made)
            namespace = _own_namespace()
        else:
            # The library looks at the variable when it is loaded, and never again.
            file = os.environ.get("KUBECONFIG") or None
            config.load_kube_config(file, client_configuration=made)
            _, active = config.list_kube_config_contexts(file)
            namespace = active["context"].get("namespace")
    except (ConfigException, OSError) as error:
        raise ProviderUnavailable(
            f"there is no configuration of a Kubernetes cluster: {error}; set KUBECONFIG"
        ) from None
    # What was asked may have been done: nothing is asked twice.
    made.retries = False
    return made, namespace


def _own_namespace() -> str | None:
    try:
        with open(_TOKEN, encoding="utf-8") as file:
            return file.read().strip() or None
    except OSError:
        return None


@contextmanager
def told(cluster: Cluster, sandbox: str = "") -> Iterator[None]:
    """Errors of the client are told as ours.

    Raises:
        SandboxAbsent: what was asked for is not there.
        InvalidSpec: the cluster does not take what was asked for.
        ProviderUnavailable: it does not let us.
        SandboxLost: it does not answer.
        SandboxError: anything else.
    """
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415  # slow to load
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    try:
        yield
    except ApiException as error:
        raise _of(error, cluster, sandbox) from None
    except (HTTPError, OSError) as error:
        raise SandboxLost(
            f"the cluster `{cluster.host}` does not answer: {type(error).__name__}: {error}"
        ) from None


def _of(error: Any, cluster: Cluster, sandbox: str) -> Exception:
    reason = _message(error)
    match error.status:
        case 404:
            return SandboxAbsent(f"there is no sandbox `{sandbox}` in `{cluster.namespace}`")
        case 400 | 422:
            return InvalidSpec(f"the cluster refuses the sandbox: {reason}")
        case 401 | 403:
            return ProviderUnavailable(
                f"the cluster `{cluster.host}` does not allow it in the namespace "
                f"`{cluster.namespace}`: {reason}; `examples/kubernetes/rbac.yaml` has the rights "
                "that are needed"
            )
        case _:
            return SandboxError(f"the cluster answered with {error.status}: {reason}")


def _message(error: Any) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)
