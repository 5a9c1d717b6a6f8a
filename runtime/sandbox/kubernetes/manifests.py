"""What is made in the cluster, as data: the pod of a sandbox and the policy of its network.

`docs/guides/sandbox-kubernetes.md` and `examples/kubernetes/` show the same; a test compares them.
"""

from __future__ import annotations

import hashlib
import json
import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.info import SPEC_LABEL
from policyc.runtime.sandbox.spec import MIB, SECRETS, TEMPORARY, USER, WORKSPACE, own_image

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from policyc.runtime.sandbox.provider import Creation
    from policyc.runtime.sandbox.spec import SandboxSpec

CONTAINER: Final = "sandbox"
POLICY_NAME: Final = "policyc-sandbox-deny-all"

APP_LABEL: Final = "app.kubernetes.io/name"
APP: Final = "policyc-sandbox"
ID: Final = "policyc.sandbox.id"
NETWORK: Final = "policyc.sandbox.network"
OWNER: Final = "policyc.sandbox.owner"
POLICY: Final = "policyc.sandbox.policy"
CREATED: Final = "policyc.sandbox.created"
DEADLINE: Final = "policyc.sandbox.deadline"
LABELS: Final = "policyc.sandbox.labels"
"""An annotation with the labels of the host, which may be of any form."""

KEEPER: Final = (
    "sh",
    "-c",
    "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done",
)
"""The first process of the container: nothing in it can kill it, as it is the first, and it
collects the processes that others leave behind."""


def pod_name(sandbox: str) -> str:
    """The name of a pod has no capital letters, so it is not the id itself."""
    return f"policyc-sbx-{hashlib.sha256(sandbox.encode()).hexdigest()[:32]}"


def pod(creation: Creation, now: datetime, runtime_class: str | None = None) -> dict[str, Any]:
    """The pod of a sandbox."""
    spec = creation.spec
    limits = spec.resources
    user = user_of(spec)
    quantities = {"cpu": f"{math.ceil(limits.cpus * 1000)}m", "memory": str(limits.memory)}
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(creation.id),
            "labels": {
                APP_LABEL: APP,
                ID: creation.id,
                NETWORK: "open" if "open-network" in spec.loosened else "none",
            },
            "annotations": {
                OWNER: creation.owner,
                POLICY: creation.policy,
                CREATED: now.isoformat(),
                DEADLINE: (now + timedelta(seconds=limits.lifetime)).isoformat(),
                SPEC_LABEL: json.dumps(spec.to_dict(), sort_keys=True),
                LABELS: json.dumps(dict(spec.labels), sort_keys=True),
            },
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": math.ceil(limits.lifetime),
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "hostname": CONTAINER,
            "securityContext": {
                "runAsNonRoot": user != 0,
                "runAsUser": user,
                "runAsGroup": user,
                "fsGroup": user,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": CONTAINER,
                    "image": spec.image or own_image(),
                    "imagePullPolicy": "IfNotPresent",
                    "command": list(KEEPER),
                    "workingDir": WORKSPACE,
                    "env": [
                        {"name": name, "value": value} for name, value in spec.environment.items()
                    ],
                    "resources": {"limits": quantities, "requests": dict(quantities)},
                    "securityContext": {
                        "privileged": False,
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": "writable-root" not in spec.loosened,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [
                        {"name": "workspace", "mountPath": WORKSPACE},
                        {"name": "temporary", "mountPath": TEMPORARY},
                        {"name": "secrets", "mountPath": SECRETS},
                    ],
                }
            ],
            "volumes": [
                _memory("workspace", limits.disk),
                _memory("temporary", limits.temporary),
                _memory("secrets", MIB),
            ],
        },
    }
    if runtime_class is not None:
        made["spec"]["runtimeClassName"] = runtime_class
    return made


def network_policy() -> dict[str, Any]:
    """Nothing goes into a sandbox or out of it."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": POLICY_NAME, "labels": {APP_LABEL: APP}},
        "spec": {
            "podSelector": {"matchLabels": {APP_LABEL: APP, NETWORK: "none"}},
            "policyTypes": ["Ingress", "Egress"],
        },
    }


def user_of(spec: SandboxSpec) -> int:
    """The user that commands run as."""
    return 0 if "root-user" in spec.loosened else USER


def _memory(name: str, size: int) -> Mapping[str, Any]:
    return {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": str(size)}}
