"""Sandboxes as pods, against a server that simulates the wire of a cluster."""

from __future__ import annotations

import builtins
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.sandbox.kubernetes.simulation import V4
from tests.sandbox.remote.test_remote import run

from policyc.runtime.sandbox.failures import (
    ImageAbsent,
    InvalidSpec,
    LimitReached,
    ProviderUnavailable,
    SandboxAbsent,
    SandboxError,
    SandboxLost,
    WrongState,
)
from policyc.runtime.sandbox.ids import new_id
from policyc.runtime.sandbox.kubernetes import KubernetesProvider, looks
from policyc.runtime.sandbox.kubernetes import provider as provider_module
from policyc.runtime.sandbox.kubernetes.cluster import NAMESPACE_VARIABLE, RUNTIME_CLASS_VARIABLE
from policyc.runtime.sandbox.kubernetes.manifests import POLICY_NAME, pod_name
from policyc.runtime.sandbox.owners import Owner
from policyc.runtime.sandbox.provider import Creation, Finish, Status, Usage
from policyc.runtime.sandbox.service import SandboxService
from policyc.runtime.sandbox.spec import Mount, Resources, SandboxSpec

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.kubernetes.simulation import Simulation


def creation(spec: SandboxSpec | None = None) -> Creation:
    return Creation(new_id(), spec or SandboxSpec(), str(Owner.current()), "digest")


@pytest.fixture
def sandbox(provider: KubernetesProvider) -> str:
    return provider.create(creation()).id


class TestPods:
    def test_a_pod_is_told_of_as_a_sandbox(self, provider: KubernetesProvider) -> None:
        asked = creation(SandboxSpec(environment={"A": "1"}, labels={"any thing": "with /"}))
        made = provider.create(asked)
        assert (made.id, made.status, made.owner) == (asked.id, Status.RUNNING, asked.owner)
        assert made.labels["any thing"] == "with /"
        assert round((made.deadline - made.created).total_seconds()) == 3600
        assert provider.record(made.id) == made and provider.records() == [made]
        assert run(provider, made.id, "echo $A; pwd")[0] == b"1\n/ws\n"

    def test_it_is_removed(self, provider: KubernetesProvider, simulation: Simulation) -> None:
        made = provider.create(creation())
        provider.remove(made.id)
        provider.remove(made.id)
        assert provider.record(made.id) is None and simulation.pods == {}
        for ask in (provider.pause, provider.resume, provider.kill_processes, provider.usage):
            with pytest.raises(SandboxAbsent, match="in the namespace `sandboxes`"):
                ask(made.id)

    def test_it_cannot_be_paused(self, provider: KubernetesProvider, sandbox: str) -> None:
        assert not provider.probe().can_pause
        with pytest.raises(WrongState, match="a pod cannot be paused"):
            provider.pause(sandbox)
        provider.resume(sandbox)
        service = SandboxService(provider, limit=1)
        with pytest.raises(LimitReached, match="a pod cannot be paused"):
            service.start(SandboxSpec())

    def test_one_that_is_stuck(
        self, provider: KubernetesProvider, simulation: Simulation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = provider.create(creation())
        simulation.stuck = True
        monkeypatch.setattr(provider_module, "REMOVE_SECONDS", 0.1)
        with pytest.raises(SandboxError, match=r"was not gone after 0\.1 seconds"):
            provider.remove(made.id)
        found = provider.record(made.id)
        assert found and found.status is Status.MISSING
        simulation.stuck = False

    def test_one_whose_time_is_up(self, provider: KubernetesProvider) -> None:
        made = provider.create(creation(SandboxSpec(resources=Resources(lifetime=2))))
        end = time.monotonic() + 20
        while (found := provider.record(made.id)) and found.status is Status.RUNNING:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert found and found.status is Status.MISSING
        with pytest.raises(SandboxLost, match="does not run"):
            provider.start_process(made.id, ["true"])
        SandboxService(provider).sweep()
        assert provider.records() == []

    @pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
    def test_an_image_that_is_not_there(
        self, provider: KubernetesProvider, simulation: Simulation, reason: str
    ) -> None:
        simulation.waiting = reason
        with pytest.raises(ImageAbsent, match=rf"no image `a:b` \({reason}\): push it"):
            provider.create(creation(SandboxSpec(image="a:b")))
        assert simulation.pods == {}

    def test_one_that_never_runs(
        self, provider: KubernetesProvider, simulation: Simulation
    ) -> None:
        simulation.waiting = "ContainerCreating"
        impatient = KubernetesProvider(create_seconds=0.3)
        with pytest.raises(SandboxError, match=r"did not run within 0.3 seconds"):
            impatient.create(creation())
        assert simulation.pods == {}
        impatient.close()

    def test_what_the_cluster_refuses(self, provider: KubernetesProvider, tmp_path: Path) -> None:
        with pytest.raises(InvalidSpec, match="Invalid value"):
            provider.create(creation(SandboxSpec(image="not an image")))
        for spec in (
            SandboxSpec(mounts=(Mount(str(tmp_path), "/ws/x"),)),
            SandboxSpec(allow_hosts=("example.org",)),
        ):
            with pytest.raises(InvalidSpec):
                provider.create(creation(spec))

    def test_a_service_over_it(self, provider: KubernetesProvider, simulation: Simulation) -> None:
        service = SandboxService(provider)
        info = service.start(SandboxSpec())
        script = "cat /run/secrets/session-key; stat -c :%a /run/secrets/session-key"
        assert run(provider, info.id, script)[0].decode() == f"{info.session_key}:400\n"
        assert info.session_key not in str(simulation.pods)
        assert service.delete(info.id)


class TestProcesses:
    def test_output_errors_and_exit_code(self, provider: KubernetesProvider, sandbox: str) -> None:
        out, err, finish = run(provider, sandbox, "echo out; echo err >&2; exit 7")
        assert (out, err, finish) == (b"out\n", b"err\n", Finish(exit_code=7))
        assert run(provider, sandbox, "kill -9 $$")[2] == Finish(exit_code=137)

    def test_large_input_and_output_arrive_whole(
        self, provider: KubernetesProvider, sandbox: str
    ) -> None:
        data = os.urandom(3_000_000)
        out, _, finish = run(provider, sandbox, "cat", data)
        assert out == data and finish.exit_code == 0

    def test_the_environment_and_limit_of_one(
        self, provider: KubernetesProvider, sandbox: str
    ) -> None:
        command = ["sh", "-c", "echo $A $B; ulimit -n"]
        with provider.start_process(sandbox, command, {"A": "a b", "B": "'$x\n"}) as process:
            found = b""
            while chunk := process.read(20):
                found += chunk.data
        assert found == b"a b '$x\n1024\n"

    def test_nothing_in_time(self, provider: KubernetesProvider, sandbox: str) -> None:
        with provider.start_process(sandbox, ["sleep", "60"]) as process:
            with pytest.raises(TimeoutError):
                process.read(0.05)
            with pytest.raises(TimeoutError):
                process.finish(0.05)
            provider.kill_processes(sandbox)
            assert process.read(20) is None
            assert process.finish(20) == Finish(exit_code=137)
        assert run(provider, sandbox, "echo it lives")[0] == b"it lives\n"

    def test_one_that_never_stops_writing_fills_no_memory(
        self, provider: KubernetesProvider, sandbox: str
    ) -> None:
        with provider.start_process(sandbox, ["yes"]) as process:
            process.read(20)
            with pytest.raises(TimeoutError, match="still writes"):
                process.finish(20)
            assert len(process._chunks) <= 64
        provider.kill_processes(sandbox)

    def test_many_at_once(self, provider: KubernetesProvider, sandbox: str) -> None:
        answers: dict[int, bytes] = {}

        def ask(number: int) -> None:
            answers[number] = run(provider, sandbox, f"echo {number}")[0]

        threads = [threading.Thread(target=ask, args=(one,)) for one in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert answers == {one: f"{one}\n".encode() for one in range(8)}

    def test_a_sandbox_that_goes(self, provider: KubernetesProvider, sandbox: str) -> None:
        with provider.start_process(sandbox, ["sleep", "60"]) as process:
            provider.remove(sandbox)
            assert process.read(20) is None
            assert process.finish(20) in (Finish(lost="sandbox"), Finish(exit_code=137))
            with pytest.raises(BrokenPipeError):
                process.write(b"x")

    def test_an_old_cluster_is_refused(
        self, provider: KubernetesProvider, simulation: Simulation
    ) -> None:
        simulation.protocols = (V4,)
        with pytest.raises(ProviderUnavailable, match=r"1\.30 or newer"):
            provider.create(creation())
        assert simulation.pods == {}

    def test_usage(self, provider: KubernetesProvider, sandbox: str) -> None:
        assert isinstance(provider.usage(sandbox), Usage)


class TestProtections:
    def test_they_are_looked_at(self, provider: KubernetesProvider, sandbox: str) -> None:
        assert dict(provider.attestation(sandbox)) == {
            "user": "10001",
            "capabilities": "none",
            "no_new_privileges": "1",
            "seccomp": "2",
            "root": "read-only",
            "token": "none",
            "network": "none",
        }

    def test_a_network_that_is_not_kept_away(
        self,
        provider: KubernetesProvider,
        simulation: Simulation,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        simulation.enforces = False
        monkeypatch.setattr(provider_module, "NETWORK_SECONDS", 0.3)
        with pytest.raises(SandboxError, match=r"network; nothing is run there .*Calico"):
            provider.create(creation())
        assert simulation.pods == {}

    def test_a_policy_of_the_network_that_was_changed(
        self, provider: KubernetesProvider, simulation: Simulation
    ) -> None:
        provider.create(creation())
        simulation.policies[POLICY_NAME]["spec"]["policyTypes"] = ["Ingress"]
        with pytest.raises(SandboxError, match="was changed"):
            provider.create(creation())

    @pytest.mark.parametrize(
        ("text", "lacking"),
        [
            ("", {"user", "capabilities", "seccomp", "root", "token", "network"}),
            ("CapPrm:=0\nCapEff:=0\nCapBnd:=00001", {"capabilities"}),
            ("CapPrm:=0\nCapEff:=0", {"capabilities"}),
            ("user=0\nroot=writable\nnetwork=open\ntoken=there", {"user", "root", "network"}),
        ],
    )
    def test_what_is_not_seen_is_not_there(self, text: str, lacking: set[str]) -> None:
        assert lacking <= set(looks.wanting(looks.seen(text), SandboxSpec()))

    def test_what_is_loosened(self) -> None:
        facts = looks.seen("user=0\nCapPrm:=0\nCapEff:=0\nCapBnd:=0\nno_new_privileges=1")
        facts |= {"seccomp": "2", "token": "none", "root": "writable", "network": "open"}
        loose = frozenset({"root-user", "writable-root", "open-network"})
        assert looks.wanting(facts, SandboxSpec(loosened=loose)) == []  # type: ignore[arg-type]


class TestCluster:
    def test_what_it_gives(self, provider: KubernetesProvider) -> None:
        found = provider.probe()
        assert found.version == "v1.31.0-simulated" and "processes" not in found.enforced
        assert found.isolation == "a pod of the runtime `default`"

    @pytest.mark.parametrize("verb", ["POST pods", "GET", "POST networkpolicies"])
    def test_rights_that_are_missing(
        self, provider: KubernetesProvider, simulation: Simulation, verb: str
    ) -> None:
        simulation.forbids = frozenset({verb})
        with pytest.raises(ProviderUnavailable, match=r"examples/kubernetes/rbac.yaml"):
            provider.create(creation())
        assert simulation.pods == {}

    def test_a_wrong_token(self, provider: KubernetesProvider, kubeconfig: Path) -> None:
        kubeconfig.write_text(kubeconfig.read_text().replace("a token", "another token"))
        other = KubernetesProvider()
        with pytest.raises(ProviderUnavailable, match="does not allow it"):
            other.probe()
        other.close()

    def test_one_that_is_not_there(self, kubeconfig: Path, address: str) -> None:
        kubeconfig.write_text(kubeconfig.read_text().replace(address, "http://127.0.0.1:1"))
        gone = KubernetesProvider()
        with pytest.raises(ProviderUnavailable, match="does not answer"):
            gone.probe()
        with pytest.raises(SandboxLost):
            gone.records()
        gone.close()

    def test_no_configuration(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KUBECONFIG", "/nowhere")
        with pytest.raises(ProviderUnavailable, match="set KUBECONFIG"):
            KubernetesProvider()

    def test_no_client(self, monkeypatch: pytest.MonkeyPatch) -> None:
        load = builtins.__import__

        def refuse(name: str, *arguments: Any) -> Any:
            if name.split(".", maxsplit=1)[0] == "kubernetes":
                raise ImportError(name)
            return load(name, *arguments)

        monkeypatch.setattr(builtins, "__import__", refuse)
        with pytest.raises(ProviderUnavailable, match=r"pip install 'policyc\[kubernetes\]'"):
            KubernetesProvider()

    def test_settings(
        self, kubeconfig: Path, simulation: Simulation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(RUNTIME_CLASS_VARIABLE, "gvisor")
        with_class = KubernetesProvider()
        made = with_class.create(creation())
        assert simulation.pods[pod_name(made.id)]["spec"]["runtimeClassName"] == "gvisor"
        with_class.close()
        monkeypatch.setenv(NAMESPACE_VARIABLE, "elsewhere")
        other = KubernetesProvider()
        assert other.scope.endswith(" elsewhere") and other.scope != with_class.scope
        other.close()
