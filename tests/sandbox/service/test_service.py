"""The service: what there is, what is done, and that wrong questions change nothing."""

from __future__ import annotations

import asyncio
import stat
import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from policyc.runtime.sandbox.failures import (
    ImageAbsent,
    InvalidRequest,
    InvalidSpec,
    LimitReached,
    SandboxAbsent,
    SandboxError,
    WrongState,
)
from policyc.runtime.sandbox.ids import new_id
from policyc.runtime.sandbox.notes import ExposedUrl
from policyc.runtime.sandbox.provider import Record, Status
from policyc.runtime.sandbox.service import SESSION_KEY, SandboxService
from policyc.runtime.sandbox.spec import SandboxSpec

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.local_provider import LocalProvider

    from policyc.runtime.sandbox.provider import Provider

SPEC = SandboxSpec()


def output(provider: Provider, sandbox: str, text: str) -> bytes:
    with provider.start_process(sandbox, ["sh", "-c", text]) as process:
        process.close_input()
        found = b""
        while chunk := process.read(10):
            found += chunk.data
        return found


def statuses(service: SandboxService) -> list[Status]:
    """Of all, the oldest first."""
    return [one.status for one in reversed(service.search().items)]


class TestWhatThereIs:
    def test_a_started_sandbox_is_told_of(self, service: SandboxService) -> None:
        spec = SandboxSpec(environment={"A": "1"}, labels={"run": "7"})
        info = service.start(spec, policy="abc")
        assert info.status is Status.RUNNING
        assert info.spec == {**spec.to_dict(), "secrets": [SESSION_KEY]}
        assert info.policy == "abc" and not info.kept
        assert service.get(info.id) == info
        assert service.search().items == (info,)

    def test_pages_follow_one_another_though_others_come_and_go(
        self, provider: LocalProvider
    ) -> None:
        service = SandboxService(provider, limit=None)
        ids = [service.start(SPEC).id for _ in range(5)]
        page = service.search(limit=2)
        assert [one.id for one in page.items] == [ids[4], ids[3]]
        service.delete(ids[3])
        service.start(SPEC)
        second = service.search(page.next_page_id, 2)
        assert [one.id for one in second.items] == [ids[2], ids[1]]
        third = service.search(second.next_page_id, 2)
        assert [one.id for one in third.items] == [ids[0]] and third.next_page_id is None

    @pytest.mark.parametrize("page_id", ["", "x", "12", "-1.x", "1e9.x", "9" * 40 + ".x", "²."])
    def test_a_page_that_there_is_not(self, service: SandboxService, page_id: str) -> None:
        with pytest.raises(InvalidRequest, match="is no page"):
            service.search(page_id)

    @pytest.mark.parametrize("limit", [0, 101, -1])
    def test_the_size_of_a_page(self, service: SandboxService, limit: int) -> None:
        with pytest.raises(InvalidRequest, match="1 to 100"):
            service.search(limit=limit)

    def test_several_at_once(self, service: SandboxService) -> None:
        info = service.start(SPEC)
        assert service.batch_get([info.id, new_id(), "x", info.id]) == [info, None, None, info]
        assert service.batch_get([]) == []
        assert len(service.batch_get(["x"] * 100)) == 100
        with pytest.raises(InvalidRequest, match="101 sandboxes are too many"):
            service.batch_get(["x"] * 101)

    def test_a_failed_engine_is_no_empty_page(
        self, service: SandboxService, provider: LocalProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> Any:
            raise SandboxError("the engine is away")

        info = service.start(SPEC)
        monkeypatch.setattr(provider, "records", fail)
        monkeypatch.setattr(provider, "record", fail)
        for ask in (
            service.search,
            lambda: service.get(info.id),
            lambda: service.batch_get([info.id]),
            lambda: service.pause_old(0),
            lambda: service.start(SPEC),
            service.sweep,
        ):
            with pytest.raises(SandboxError, match="the engine is away"):
                ask()
        monkeypatch.undo()


class TestSessionKey:
    def test_it_is_a_file_that_only_the_user_of_commands_reads(
        self, service: SandboxService, provider: LocalProvider
    ) -> None:
        info = service.start(SPEC)
        assert info.session_key is not None and len(info.session_key) == 43
        assert output(provider, info.id, f"cat /run/secrets/{SESSION_KEY}").decode() == (
            info.session_key
        )
        mode = output(provider, info.id, f"stat -c %a /run/secrets/{SESSION_KEY}")
        assert mode == b"400\n"

    def test_it_is_nowhere_else(self, service: SandboxService, provider: LocalProvider) -> None:
        info = service.start(SPEC)
        assert info.session_key
        assert info.session_key not in repr(info)
        assert info.session_key not in str(info.to_dict())
        assert info.session_key not in str(provider.record(info.id))
        assert info.session_key.encode() not in output(provider, info.id, "env")

    def test_it_is_told_only_while_the_sandbox_runs(self, service: SandboxService) -> None:
        info = service.start(SPEC)
        assert service.pause(info.id).session_key is None
        assert service.resume(info.id).session_key == info.session_key

    def test_its_note_is_private_and_goes_with_the_sandbox(
        self, service: SandboxService, state: Path
    ) -> None:
        info = service.start(SPEC)
        note = state / "sandboxes" / info.id / "session-key"
        assert stat.S_IMODE(note.stat().st_mode) == 0o600
        service.delete(info.id)
        assert not note.parent.exists()

    def test_a_secret_of_its_name_is_refused(self, service: SandboxService) -> None:
        with pytest.raises(InvalidSpec, match="is made for each sandbox"):
            service.start(SandboxSpec(secrets={SESSION_KEY: "x"}))

    def test_where_it_cannot_be_written_nothing_is_left(
        self, service: SandboxService, provider: LocalProvider, state: Path
    ) -> None:
        with pytest.raises(SandboxError, match="`session-key` could not be written") as caught:
            service.start(SandboxSpec(environment={"PATH": "/nowhere"}))
        assert provider.leaks() == []
        assert list((state / "sandboxes").glob("*")) == []
        assert "rm: not found" in str(caught.value)


class TestLimit:
    def test_the_oldest_makes_room(self, service: SandboxService) -> None:
        for _ in range(4):
            service.start(SPEC)
        assert statuses(service) == [Status.PAUSED, *[Status.RUNNING] * 3]

    def test_to_resume_also_needs_room(self, service: SandboxService) -> None:
        ids = [service.start(SPEC).id for _ in range(4)]
        assert service.resume(ids[0]).status is Status.RUNNING
        assert statuses(service) == [Status.RUNNING, Status.PAUSED, Status.RUNNING, Status.RUNNING]

    def test_one_that_runs_is_resumed_without_making_room(self, service: SandboxService) -> None:
        ids = [service.start(SPEC).id for _ in range(3)]
        service.resume(ids[2])
        assert statuses(service) == [Status.RUNNING] * 3

    def test_a_limit_of_one(self, provider: LocalProvider) -> None:
        service = SandboxService(provider, limit=1)
        service.start(SPEC)
        service.start(SPEC)
        assert statuses(service) == [Status.PAUSED, Status.RUNNING]

    def test_a_limit_of_none_at_all(self, provider: LocalProvider) -> None:
        with pytest.raises(LimitReached, match="the limit of sandboxes is 0"):
            SandboxService(provider, limit=0).start(SPEC)
        with pytest.raises(InvalidRequest, match="0 or more, not -1"):
            SandboxService(provider, limit=-1)

    def test_no_limit(self, provider: LocalProvider) -> None:
        service = SandboxService(provider, limit=None)
        for _ in range(7):
            service.start(SPEC)
        assert statuses(service) == [Status.RUNNING] * 7

    def test_one_that_cannot_be_paused_is_replaced_by_the_next(
        self, service: SandboxService
    ) -> None:
        service.start(SandboxSpec(image="restless"))
        for _ in range(3):
            service.start(SPEC)
        assert statuses(service) == [Status.RUNNING, Status.PAUSED, Status.RUNNING, Status.RUNNING]

    def test_one_that_is_in_use_is_not_paused(self, service: SandboxService) -> None:
        ids = [service.start(SPEC).id for _ in range(3)]
        with service.use(ids[0]):
            service.start(SPEC)
            assert statuses(service)[:2] == [Status.RUNNING, Status.PAUSED]
            newest = service.search().items[0].id
            with (
                service.use(ids[2]),
                service.use(newest),
                pytest.raises(LimitReached, match="no other can be paused"),
            ):
                service.resume(ids[1])
        service.resume(ids[1])
        assert statuses(service)[:2] == [Status.PAUSED, Status.RUNNING]

    def test_those_that_start_or_failed_count(
        self, service: SandboxService, provider: LocalProvider
    ) -> None:
        any_limit = SandboxService(provider, limit=None)
        info = any_limit.start(SPEC)
        provider.start_process(info.id, ["true"]).close()
        made = provider.record(info.id)
        assert made
        for number in (1, 2):
            _make_starting(provider, made, number)
        with_room = service.start(SPEC)
        found = service.get(info.id)
        assert found and found.status is Status.PAUSED
        third = SandboxService(provider, limit=2)
        with pytest.raises(LimitReached, match=r"2 sandboxes hold resources where 1 may.*STARTING"):
            third.start(SPEC)
        left = service.get(with_room.id)
        assert left and left.status is Status.RUNNING, "what was paused in vain goes on"

    def test_what_was_paused_for_a_start_that_failed_goes_on(
        self, service: SandboxService, provider: LocalProvider
    ) -> None:
        for _ in range(3):
            service.start(SPEC)
        with pytest.raises(SandboxError, match="it cannot be made"):
            service.start(SandboxSpec(image="broken"))
        assert statuses(service) == [Status.RUNNING] * 3

    def test_without_making_room(self, service: SandboxService) -> None:
        for _ in range(3):
            service.start(SPEC, makes_room=False)
        with pytest.raises(LimitReached):
            service.start(SPEC, makes_room=False)
        assert statuses(service) == [Status.RUNNING] * 3


def _make_starting(provider: LocalProvider, like: Record, number: int) -> None:
    """A sandbox that is in the making, as by a process that is about to."""
    folder = provider._folder
    text = (folder / f"{like.id}.json").read_text().replace('"none"', '"starting"')
    begin, number_text = like.id[:-2], f"{number:02}"
    (folder / f"{begin}{number_text}.json").write_text(text)


class TestWrongQuestions:
    @pytest.mark.parametrize("wrong", ["", "x", "oh-agent-server-1", "../../etc", "absent"])
    def test_a_wrong_id_pauses_nothing(self, service: SandboxService, wrong: str) -> None:
        for _ in range(3):
            service.start(SPEC)
        sandbox = new_id() if wrong == "absent" else wrong
        with pytest.raises(SandboxAbsent, match="there is no sandbox"):
            service.resume(sandbox)
        with pytest.raises(SandboxAbsent):
            service.pause(sandbox)
        assert service.delete(sandbox) is False
        assert service.get(sandbox) is None
        assert statuses(service) == [Status.RUNNING] * 3

    def test_a_wrong_specification_pauses_nothing(self, service: SandboxService) -> None:
        for _ in range(3):
            service.start(SPEC)
        with pytest.raises(ImageAbsent):
            service.start(SandboxSpec(image="absent"))
        with pytest.raises(InvalidSpec, match="not by dict"):
            service.start({"image": None})  # type: ignore[arg-type]
        assert statuses(service) == [Status.RUNNING] * 3

    def test_a_failed_sandbox_is_neither_paused_nor_resumed(
        self, service: SandboxService, provider: LocalProvider
    ) -> None:
        made = provider.record(service.start(SPEC).id)
        assert made
        _make_starting(provider, made, 1)
        starting = f"{made.id[:-2]}01"
        with pytest.raises(WrongState, match="is STARTING and cannot become PAUSED: wait"):
            service.pause(starting)

    def test_a_failed_removal_loses_nothing(
        self, service: SandboxService, provider: LocalProvider
    ) -> None:
        info = service.start(SPEC)
        with provider.sticky(), pytest.raises(SandboxError, match="it cannot be removed"):
            service.delete(info.id)
        assert service.get(info.id) == info


class TestPauseOld:
    def test_none_may_be_left(self, service: SandboxService) -> None:
        ids = [service.start(SPEC).id for _ in range(3)]
        assert service.pause_old(0) == ids
        assert service.pause_old(0) == []

    def test_the_oldest_first(self, service: SandboxService) -> None:
        ids = [service.start(SPEC).id for _ in range(3)]
        assert service.pause_old(1) == ids[:2]

    def test_less_than_none(self, service: SandboxService) -> None:
        with pytest.raises(InvalidRequest, match="must be 0 or more, not -1"):
            service.pause_old(-1)

    def test_what_cannot_be_done_is_told(self, service: SandboxService) -> None:
        service.start(SandboxSpec(image="restless"))
        other = service.start(SPEC)
        with pytest.raises(LimitReached, match="it cannot be paused"):
            service.pause_old(0)
        found = service.get(other.id)
        assert found and found.status is Status.PAUSED


class TestHealth:
    def test_one_that_is_not_well_starts_until_its_time_is_up(
        self, provider: LocalProvider
    ) -> None:
        info = SandboxService(provider).start(SPEC)

        def status(start_seconds: float) -> Status:
            service = SandboxService(provider, health=lambda *_: False, start_seconds=start_seconds)
            found = service.get(info.id)
            assert found and found.session_key is None and found.exposed_urls is None
            return found.status

        assert status(3600) is Status.STARTING
        assert status(0) is Status.ERROR

    def test_checks_run_at_once_and_end(self, provider: LocalProvider) -> None:
        ids = [SandboxService(provider, limit=None).start(SPEC).id for _ in range(4)]
        all_ask = threading.Barrier(4)
        never = threading.Event()

        def check(sandbox: str, _urls: tuple[ExposedUrl, ...]) -> bool:
            all_ask.wait(10)
            if sandbox == ids[0]:
                never.wait(30)
            if sandbox == ids[1]:
                raise SandboxError("it does not answer")
            return True

        service = SandboxService(provider, health=check, health_seconds=1, start_seconds=0)
        assert statuses(service) == [*[Status.ERROR] * 2, *[Status.RUNNING] * 2]
        never.set()

    def test_urls_are_told_while_it_runs_and_is_served(self, service: SandboxService) -> None:
        info = service.start(SPEC)
        url = ExposedUrl("web", "http://127.0.0.1:30001", 8000)
        service.expose(info.id, [url])
        found = service.get(info.id)
        assert found and found.exposed_urls == (url,)
        assert service.pause(info.id).exposed_urls is None


class TestAsync:
    def test_the_same_without_waiting(self, service: SandboxService) -> None:
        async def use() -> None:
            info = await service.a_start(SPEC)
            assert await service.a_get(info.id) == info
            assert (await service.a_pause(info.id)).status is Status.PAUSED
            assert (await service.a_resume(info.id)).status is Status.RUNNING
            assert [one.id for one in (await service.a_search()).items] == [info.id]
            assert await service.a_delete(info.id)

        asyncio.run(use())

    def test_a_start_that_is_cancelled_leaves_nothing(
        self, service: SandboxService, provider: LocalProvider
    ) -> None:
        async def use() -> None:
            task = asyncio.create_task(service.a_start(SPEC))
            while not provider.records():
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(use())
        assert provider.leaks() == []


class TestEvents:
    def test_what_is_done_is_told_once(self, service: SandboxService) -> None:
        with service.subscribe() as events:
            info = service.start(SPEC)
            service.search()
            service.pause(info.id)
            service.search()
            service.resume(info.id)
            service.delete(info.id)
            service.search()
        assert [(one.sandbox, str(one.happening)) for one in events] == [
            (info.id, one) for one in ("started", "paused", "resumed", "removed")
        ]

    def test_what_others_do_is_told_when_it_is_seen(
        self, service: SandboxService, provider: LocalProvider
    ) -> None:
        other = SandboxService(provider)
        old = other.start(SPEC)
        service.search()
        with service.subscribe() as events:
            info = other.start(SPEC)
            service.search()
            provider.pause(info.id)
            service.search()
            provider.remove(info.id)
            service.search()
        found = list(events)
        assert [str(one.happening) for one in found] == ["started", "paused", "lost"]
        assert {one.sandbox for one in found} == {info.id} != {old.id}

    def test_who_does_not_read_loses_the_oldest_and_stops_nobody(
        self, service: SandboxService
    ) -> None:
        info = service.start(SPEC)
        events = service._events.subscribe(most=3)
        for _ in range(5):
            service.pause(info.id)
            service.resume(info.id)
        assert events.missed == 7
        events.close()
        assert [str(one.happening) for one in events] == ["resumed", "paused", "resumed"]

    def test_to_wait_for_one(self, service: SandboxService) -> None:
        with service.subscribe() as events:
            with pytest.raises(TimeoutError):
                events.next(0.01)
            threading.Thread(target=service.start, args=(SPEC,)).start()
            found = events.next(20)
            assert found and str(found.happening) == "started"


def test_keeping(service: SandboxService) -> None:
    info = service.start(SPEC, keep=True)
    assert info.kept
    service.keep(info.id, is_kept=False)
    found = service.get(info.id)
    assert found and not found.kept


def test_use_is_noted(service: SandboxService) -> None:
    info = service.start(SPEC)
    before = info.used
    assert before
    with service.use(info.id):
        time.sleep(0.01)
    found = service.get(info.id)
    assert found and found.used and found.used > before


def test_a_record_with_a_label_of_another_version(
    service: SandboxService, provider: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = provider.record(service.start(SPEC).id)
    assert made
    odd = replace(made, labels={"policyc.sandbox.spec": "{"}, deadline=made.deadline + timedelta(1))
    monkeypatch.setattr(provider, "record", lambda _: odd)
    found = service.get(made.id)
    assert found and found.spec == {}
