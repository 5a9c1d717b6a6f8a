"""One policy, several backends: the results are the same to the byte, as JSON.

The corpus are the cases of the bundled policies.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import policyc
from policyc import policies
from policyc.runtime.loading import read_source
from policyc.runtime.testing.case_reading import read_case_file
from tests.containers import image, name, prefix
from tests.runtime.server.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.testing.cases import Case

__all__ = ["image", "name", "prefix"]

pytestmark = pytest.mark.xdist_group("backends")

STEP = 3
"""Every so many cases are judged by all backends."""


@pytest.fixture(scope="module", params=["v1"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """A backend beside the embedded one, as `backend=` takes it."""
    with running() as server:
        yield f"{request.param}+{server.url}"


def cases_of(policy: str) -> list[Case]:
    loaded = read_case_file(f"policy:{policy}")
    assert loaded.file is not None
    return list(loaded.file.cases)


def verdict(policy: policyc.Policy, case: Case) -> str:
    parameters: dict[str, Any] = dict(case.parameters)
    if case.past is not None:
        result = policy.analyze_pending(case.past, case.events, **parameters)
    elif case.is_stream:
        monitor = policy.monitor(**parameters)
        return json.dumps([monitor.append(event).to_dict() for event in case.events])
    else:
        result = policy.analyze(case.events, **parameters)
    return json.dumps(result.to_dict())


@pytest.mark.parametrize("policy", policies.names())
def test_a_server_says_the_same(policy: str, backend: str) -> None:
    compare(policy, backend)


@pytest.mark.usefixtures("name")
def test_a_container_says_the_same() -> None:
    for policy in policies.names():
        compare(policy, "container")


def compare(policy: str, backend: str) -> None:
    """Whether the backend and the embedded engine have the same verdicts, some of which block."""
    embedded = policyc.Policy.from_file(f"policy:{policy}")
    remote = policyc.Policy.from_file(f"policy:{policy}", backend=backend)
    blocked = 0
    for case in cases_of(policy)[::STEP]:
        expected = verdict(embedded, case)
        assert verdict(remote, case) == expected, case.name
        blocked += '"blocked": true' in expected
    assert blocked
    remote.close()


@pytest.mark.parametrize("policy", ["loops-and-budgets", "secrets"])
def test_monitors_say_the_same_event_by_event(policy: str, backend: str) -> None:
    case = max(cases_of(policy), key=lambda one: len(one.trace))
    ours = policyc.Policy.from_file(f"policy:{policy}").monitor(**case.parameters)
    remote = policyc.Policy.from_file(f"policy:{policy}", backend=backend)
    theirs = remote.monitor(**case.parameters)
    for event in case.trace:
        assert theirs.append(event).to_dict() == ours.append(event).to_dict()
    remote.close()


@pytest.mark.parametrize("interface", ["session", "stateless"])
def test_the_apis_of_invariant_find_as_much(interface: str, backend: str) -> None:
    address = backend.removeprefix("v1+")
    text = read_source("policy:openhands").text
    embedded = policyc.Policy.from_string(text)
    remote = policyc.Policy.from_string(text, backend=f"{interface}+{address}")
    for case in cases_of("openhands")[::STEP]:
        if case.parameters:
            continue
        ours = embedded.analyze_pending(case.past or [], case.events)
        theirs = remote.analyze_pending(case.past or [], case.events)
        assert [one.risk for one in theirs] == [one.risk for one in ours], case.name
        assert len(theirs.errors) == len(ours.errors)
    remote.close()
