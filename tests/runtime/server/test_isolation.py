"""What goes wrong in one check, one worker or the server itself, and who notices."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.runtime.server.policies import CROWD, ENDLESS, SAYS_A, says
from tests.runtime.server.processes import PATIENCE, is_there, running

import policyc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runtime.server.processes import Server


def names(word: str) -> str:
    return f'raise PolicyViolation("{word}", m.content) if:\n    (m: Message)\n    m.content\n'


def check(client: httpx.Client, session: str, monitor: int, *pending: Any) -> httpx.Response:
    path = f"/monitor/{monitor}/check"
    body = {"past_events": [], "pending_events": pending}
    return client.post(path, params={"session_id": session}, json=body)


def session_with(client: httpx.Client, *rules: str) -> str:
    session = str(client.get("/session/new").json()["id"])
    for rule in rules:
        made = client.post("/monitor/new", params={"session_id": session}, json={"rule": rule})
        assert made.status_code == 200, made.text
    return session


def kill(workers: set[int]) -> None:
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    await_end(workers)


def await_end(workers: set[int]) -> None:
    end = time.monotonic() + PATIENCE
    while any(map(is_there, workers)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(is_there, workers))


def test_no_answer_is_swapped(server: Server) -> None:
    """64 clients over 8 sessions: each answer has the word of its monitor and the question's own
    text."""
    with server.client() as client:
        sessions = [session_with(client, names(f"w{n}a"), names(f"w{n}b")) for n in range(8)]
        streams = []
        for n in range(8):
            body = {"sources": [{"text": names(f"v{n}")}]}
            streams.append(client.post("/v1/sessions", json=body).json()["id"])

    def one_client(number: int) -> list[tuple[Any, Any]]:
        chosen = random.Random(number)
        found = []
        with server.client() as client:
            for turn in range(6):
                n, monitor = chosen.randrange(8), chosen.choice((1, 2))
                text = f"client {number} turn {turn}"
                if turn % 3 == 2:
                    path = f"/v1/sessions/{streams[n]}/events"
                    answer = client.post(path, json={"events": [says(text)]}).json()
                    found.append(([x["args"] for x in answer["violations"]], [[f"v{n}", text]]))
                else:
                    word = f"w{n}{'ab'[monitor - 1]}"
                    wanted = [f"PolicyViolation([risk=high] {word} {text})"]
                    found.append((check(client, sessions[n], monitor, says(text)).json(), wanted))
        return found

    with ThreadPoolExecutor(64) as threads:
        answers = [pair for pairs in threads.map(one_client, range(64)) for pair in pairs]
    assert len(answers) == 64 * 6
    assert [found for found, _ in answers] == [wanted for _, wanted in answers]


@pytest.fixture(scope="module")
def hasty() -> Iterator[Server]:
    """A server with a short deadline."""
    with running("--workers", "3", "--deadline", "2") as found:
        yield found


def test_an_endless_check_is_a_finding_and_hinders_no_other(hasty: Server) -> None:
    with hasty.client() as client:
        bad, good = session_with(client, ENDLESS), session_with(client, SAYS_A)
        before = hasty.workers
        with ThreadPoolExecutor(2) as threads:
            bombs = [threads.submit(check, client, bad, 1, *CROWD) for _ in range(2)]
            done = 0
            while not all(one.done() for one in bombs):
                assert check(client, good, 1, says("a")).json() == ["PolicyViolation(a [risk=low])"]
                done += 1
            found = [one.result() for one in bombs]
    # Each of the two would have been in the way for seconds.
    assert done > 4
    for answer in found:
        (text,) = answer.json()
        told = "policyc: no verdict within 2 seconds"
        assert text == f"PolicyEvaluationError({told} [risk=high])"
    assert before - hasty.workers


def test_an_endless_check_has_no_verdict_in_v1(hasty: Server) -> None:
    with hasty.client() as client:
        body = {"sources": [{"text": ENDLESS}]}
        path = f"/v1/sessions/{client.post('/v1/sessions', json=body).json()['id']}"
        answer = client.post(f"{path}/events", json={"events": CROWD})
        assert (answer.status_code, answer.json()["detail"]["kind"]) == (504, "deadline")
        assert client.get(path).json()["events"] == 0


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}$", "(a?){30}a{30}"])
def test_a_hostile_regular_expression(hasty: Server, pattern: str) -> None:
    rule = f'raise "x" if:\n    (m: Message)\n    match("{pattern}", m.content)\n'
    with hasty.client() as client:
        session = session_with(client, rule)
        assert check(client, session, 1, says("a" * 20_000 + "!")).status_code == 200


def test_workers_that_are_killed_are_replaced(hasty: Server) -> None:
    with hasty.client() as client:
        session = session_with(client, SAYS_A)
        body = {"sources": [{"text": SAYS_A}]}
        path = f"/v1/sessions/{client.post('/v1/sessions', json=body).json()['id']}/events"
        assert client.post(path, json={"events": [says("b")] * 10}).json()["events"] == 10
        files = Path(f"/proc/{hasty.process.pid}/fd")
        before = len(list(files.iterdir()))
        for _ in range(3):
            killed = hasty.workers
            assert killed
            kill(killed)
            assert check(client, session, 1, says("a")).json() == ["PolicyViolation(a [risk=low])"]
            # The session is made again from its events.
            assert len(client.post(path, json={"events": [says("a")]}).json()["violations"]) == 1
            assert not killed & hasty.workers
        assert client.post(path, json={"events": [], "after": 13}).status_code == 200
        assert len(list(files.iterdir())) <= before


def test_a_worker_that_is_killed_at_work_costs_its_check(hasty: Server) -> None:
    with hasty.client() as client, ThreadPoolExecutor(1) as threads:
        session = session_with(client, ENDLESS, SAYS_A)
        asked = threads.submit(check, client, session, 1, *CROWD)
        time.sleep(0.5)
        kill(hasty.workers)
        (text,) = asked.result().json()
        assert text.startswith("PolicyEvaluationError(policyc: ")
        assert text.endswith("[risk=high])")
        assert check(client, session, 2, says("a")).json() == ["PolicyViolation(a [risk=low])"]


def test_too_much_memory_costs_its_check() -> None:
    greedy = 'raise "x" if:\n    (m: Message)\n    len(m.content * 1000000000) > 1\n'
    joined = 'raise "x" if:\n    (m: Message)\n    len([n for n in range(100000000)]) > 1\n'
    with running("--workers", "1", "--max-memory", "256") as server, server.client() as client:
        session = session_with(client, SAYS_A)
        for rule in (greedy, joined):
            answer = client.post(
                "/api/monitor/check",
                json={"policy": rule, "past_events": [], "pending_events": [says("aa")]},
            )
            assert answer.status_code in (200, 422)
            assert check(client, session, 1, says("a")).json() == ["PolicyViolation(a [risk=low])"]


def test_a_server_that_is_killed_leaves_nothing_and_no_verdict() -> None:
    with running("--workers", "2", "--deadline", "1") as server, server.client() as client:
        session = session_with(client, ENDLESS)
        monitor = policyc.Policy.from_string(SAYS_A, backend=server.url).monitor()
        assert len(monitor.append(says("a"))) == 1
        with ThreadPoolExecutor(1) as threads:
            asked = threads.submit(check, client, session, 1, *CROWD)
            time.sleep(0.3)
            workers = server.workers
            server.end(signal.SIGKILL)
            with pytest.raises(httpx.TransportError):
                asked.result()
        with pytest.raises(httpx.TransportError):
            client.get("/health")
        with pytest.raises(policyc.BackendError):
            monitor.append(says("a"))
        # One that works when its server goes ends itself some time after its deadline.
        await_end(workers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_ends_after_what_runs_is_answered(number: int) -> None:
    with running("--workers", "2", "--deadline", "2") as server, server.client() as client:
        session = session_with(client, ENDLESS)
        found: list[Any] = []
        asked = threading.Thread(
            target=lambda: found.append(check(client, session, 1, *CROWD).json())
        )
        asked.start()
        time.sleep(0.5)
        workers = server.workers
        # As systemd does it: all processes of the group get the signal.
        for pid in workers:
            os.kill(pid, number)
        assert server.end(number) == 0
        asked.join()
        assert "no verdict within 2 seconds" in found[0][0]
        assert not any(map(is_there, workers))
        for line in server.log.read_text("utf-8").splitlines()[1:]:
            assert json.loads(line)["level"] == "info"
