"""Any sequence of operations against a model of what should be there."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.sandbox.local_provider import LocalProvider

from policyc.runtime.sandbox.failures import InvalidRequest, SandboxAbsent, SandboxError, WrongState
from policyc.runtime.sandbox.ids import new_id
from policyc.runtime.sandbox.provider import Status
from policyc.runtime.sandbox.service import SandboxService
from policyc.runtime.sandbox.spec import SandboxSpec
from policyc.runtime.sandbox.state import FOLDER_VARIABLE

LIMIT = 3
NUMBERS = st.integers(0, 99)


class Operations(RuleBasedStateMachine):
    """The model: the ids in the order in which they were started, and whether each runs."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.patch = pytest.MonkeyPatch()
        self.patch.setenv(FOLDER_VARIABLE, str(self.folder / "state"))
        self.provider = LocalProvider(self.folder / "sandboxes")
        # Two, as of two processes: none may know what the other does not.
        self.services = [SandboxService(self.provider, limit=LIMIT) for _ in range(2)]
        self.events = self.services[0].subscribe()
        self.services[0].search()
        self.runs: dict[str, bool] = {}
        self.turn = 0

    @property
    def service(self) -> SandboxService:
        self.turn += 1
        return self.services[self.turn % 2]

    def pick(self, number: int) -> str:
        return list(self.runs)[number % len(self.runs)]

    def make_room(self, most: int) -> list[str]:
        running = [one for one, runs in self.runs.items() if runs]
        paused = running[: max(0, len(running) - most)]
        self.runs.update(dict.fromkeys(paused, False))
        return paused

    @rule()
    def start(self) -> None:
        self.make_room(LIMIT - 1)
        self.runs[self.service.start(SandboxSpec()).id] = True

    @rule()
    def fail_to_start(self) -> None:
        with pytest.raises(SandboxError):
            self.service.start(SandboxSpec(image="broken"))

    @precondition(lambda self: self.runs)
    @rule(number=NUMBERS)
    def pause(self, number: int) -> None:
        one = self.pick(number)
        assert self.service.pause(one).status is Status.PAUSED
        self.runs[one] = False

    @precondition(lambda self: self.runs)
    @rule(number=NUMBERS)
    def resume(self, number: int) -> None:
        one = self.pick(number)
        if not self.runs[one]:
            self.make_room(LIMIT - 1)
        assert self.service.resume(one).status is Status.RUNNING
        self.runs[one] = True

    @precondition(lambda self: self.runs)
    @rule(number=NUMBERS)
    def delete(self, number: int) -> None:
        one = self.pick(number)
        assert self.service.delete(one)
        assert not self.service.delete(one)
        del self.runs[one]

    @precondition(lambda self: self.runs)
    @rule(number=NUMBERS)
    def vanish(self, number: int) -> None:
        one = self.pick(number)
        self.provider.remove(one)
        del self.runs[one]

    @precondition(lambda self: self.runs)
    @rule(number=NUMBERS)
    def run(self, number: int) -> None:
        one = self.pick(number)
        if not self.runs[one]:
            with pytest.raises(WrongState):
                self.provider.start_process(one, ["true"])
            return
        self.provider.start_process(one, ["sleep", "60"]).close()

    @rule(most=st.integers(-1, 4))
    def pause_old(self, most: int) -> None:
        if most < 0:
            with pytest.raises(InvalidRequest):
                self.service.pause_old(most)
            return
        expected = self.make_room(most)
        assert self.service.pause_old(most) == expected

    @rule()
    def ask_for_what_is_not_there(self) -> None:
        for ask in (self.service.resume, self.service.pause):
            with pytest.raises(SandboxAbsent):
                ask(new_id())

    @rule()
    def sweep(self) -> None:
        assert self.service.sweep() == []

    @invariant()
    def states_agree(self) -> None:
        found = {one.id: one.status is Status.RUNNING for one in self.service.search().items}
        assert list(reversed(found.items())) == list(self.runs.items())
        assert sum(found.values()) <= LIMIT

    def teardown(self) -> None:
        for one in self.runs:
            self.service.delete(one)
        self.services[0].search()
        self.events.close()
        told: dict[str, str] = {}
        for event in self.events:
            told[event.sandbox] = event.happening
        assert set(told.values()) <= {"removed", "lost"}, "all are gone, and each was told"
        assert self.provider.leaks() == []
        self.services[0].sweep()
        assert list((self.folder / "state/sandboxes").glob("*")) == []
        self.patch.undo()
        shutil.rmtree(self.folder)


TestOperations = Operations.TestCase
TestOperations.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
