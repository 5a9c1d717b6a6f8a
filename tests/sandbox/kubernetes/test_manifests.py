"""The manifests that people read are those that the program makes, and are what the API knows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes import client
from tests.sandbox.kubernetes.test_kubernetes import creation
from tests.sandbox.remote.test_remote import run

from policyc.runtime.sandbox.kubernetes import manifests
from policyc.runtime.sandbox.provider import Creation
from policyc.runtime.sandbox.spec import LOOSENINGS, Resources, SandboxSpec

if TYPE_CHECKING:
    from tests.sandbox.kubernetes.simulation import Simulation

    from policyc.runtime.sandbox.kubernetes import KubernetesProvider

EXAMPLES = Path(__file__).parents[3] / "examples/kubernetes"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHOWN = Creation(
    "policyc-sbx-0000000000000000000000",
    SandboxSpec(image="registry.example.org/policyc/sandbox:0.1.0"),
    "1234@11111111-2222-3333-4444-555555555555/6789/0123456789ab",
    "sha256-of-the-policy",
)


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((EXAMPLES / name).read_text("utf-8")))


def rights() -> set[tuple[str, str]]:
    """Verbs and resources that the role has."""
    [role] = [one for one in documents("rbac.yaml") if one["kind"] == "Role"]
    return {(v, r) for rule in role["rules"] for v in rule["verbs"] for r in rule["resources"]}


def test_the_pod_that_is_shown_is_the_one_that_is_made() -> None:
    assert documents("pod.yaml") == [manifests.pod(SHOWN, NOW)]


def test_the_policy_that_is_shown_is_the_one_that_is_made() -> None:
    assert documents("network-policy.yaml") == [manifests.network_policy()]


@pytest.mark.parametrize("name", sorted(one.name for one in EXAMPLES.glob("*.yaml")))
def test_the_api_knows_every_field(name: str) -> None:
    known = client.ApiClient()
    for one in documents(name):
        made = getattr(client, f"V1{one['kind']}").from_dict(one)
        assert known.sanitize_for_serialization(made) == one


def test_the_role_has_the_rights_that_are_used_and_no_others(
    provider: KubernetesProvider, simulation: Simulation
) -> None:
    provider.probe()
    made = provider.create(creation())
    run(provider, made.id, "true")
    provider.usage(made.id)
    provider.kill_processes(made.id)
    provider.records()
    provider.remove(made.id)
    used = simulation.asked
    assert used <= rights()
    assert rights() - used == {("create", "pods/exec")}, "which newer clusters ask for"


def test_everything_is_in_one_namespace() -> None:
    [namespace, *_] = documents("namespace.yaml")
    name = namespace["metadata"]["name"]
    for one in [*documents("namespace.yaml")[1:], *documents("rbac.yaml")]:
        assert one["metadata"]["namespace"] == name


class TestPod:
    def test_nothing_is_left_open(self) -> None:
        spec = manifests.pod(creation(), NOW)["spec"]
        [container] = spec["containers"]
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(spec)
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "privileged": False,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert all("emptyDir" in one for one in spec["volumes"])

    def test_limits(self) -> None:
        limits = Resources(memory=700_000_000, cpus=0.25, lifetime=10.5)
        spec = manifests.pod(creation(SandboxSpec(resources=limits)), NOW)["spec"]
        found = spec["containers"][0]["resources"]
        assert found["limits"] == found["requests"] == {"cpu": "250m", "memory": "700000000"}
        assert spec["activeDeadlineSeconds"] == 11
        sizes = [one["emptyDir"]["sizeLimit"] for one in spec["volumes"]]
        assert sizes == [str(limits.disk), str(limits.temporary), "1048576"]

    def test_secrets_are_not_in_it(self) -> None:
        asked = creation(SandboxSpec(secrets={"token": "very secret"}))
        assert "very secret" not in str(manifests.pod(asked, NOW))

    def test_what_is_loosened(self) -> None:
        loose = frozenset(LOOSENINGS)
        pod = manifests.pod(creation(SandboxSpec(loosened=loose)), NOW)  # type: ignore[arg-type]
        assert pod["metadata"]["labels"][manifests.NETWORK] == "open"
        assert pod["spec"]["securityContext"]["runAsUser"] == 0
        context = pod["spec"]["containers"][0]["securityContext"]
        assert context["readOnlyRootFilesystem"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}

    def test_names_are_those_of_a_host(self) -> None:
        names = {manifests.pod_name(creation().id) for _ in range(100)}
        assert len(names) == 100
        assert all(one.islower() and len(one) < 63 for one in names)
