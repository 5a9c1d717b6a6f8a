"""Embedding: functions and types of the host, several files, threads, monitors, async."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import args, errors, keys, messages
from tests.traces import assistant, call, calls, output, user

from policyc import Policy, PolicyError, UnhandledViolations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.runtime.conftest import Make
    from tests.traces import Event

    from policyc import AnalysisResult


# --- functions and types of the host --------------------------------------------------------------


def test_a_function_of_the_host_gets_plain_values_and_objects(make: Make) -> None:
    got: list[Any] = []

    def note(*values: Any, **options: Any) -> bool:
        got.append((values, options))
        return True

    policy = make(
        """
        raise "x" if:
            (c: ToolCall)
            note(c.function.name, c.function.arguments, c.function.arguments.missing, n=1)
        """,
        functions={"note": note},
    )

    assert policy.analyze([calls("f", x=[1])])
    assert got == [(("f", {"x": [1]}, None), {"n": 1})]


def test_answers_of_any_kind_are_values_of_the_policy(make: Make) -> None:
    policy = make(
        """
        raise Violation("x", v, entry) if:
            (m: Message)
            v := look_up(m.content)
            (entry: str) in v
        """,
        functions={"look_up": lambda text: {"found": [text, 1], "n": None}},
    )

    assert args(policy.analyze([user("a")])) == [[{"found": ["a", 1], "n": None}, "a"]]


@dataclass(frozen=True)
class Finding:
    """A record as a function of a host may return it."""

    kind: str
    size: int


def test_a_type_of_the_host_is_a_type_of_the_policy(make: Make) -> None:
    policy = make(
        """
        raise Violation("x", f.kind, f.size) if:
            (m: Message)
            (f: Finding) in scan(m.content)
            f.size > 1
        """,
        functions={
            "Finding": Finding,
            "scan": lambda text: [Finding(word, len(word)) for word in text.split()],
        },
    )

    assert args(policy.analyze([user("a bb ccc")])) == [["bb", 2], ["ccc", 3]]


def test_a_function_of_the_host_can_be_passed_on(make: Make) -> None:
    def apply(function: Any, value: Any) -> Any:
        return function(value)

    policy = make(
        """
        raise "x" if:
            (m: Message)
            apply(is_bad, m.content)
        """,
        functions={"apply": apply, "is_bad": lambda text: text == "bad"},
    )

    assert keys(policy.analyze([user("good"), user("bad")])) == [(1,)]


def test_the_arguments_of_a_function_are_checked_where_they_are_known() -> None:
    def two(first: str, second: str) -> bool:
        return first == second

    for line in ("two(m.content)", "two(1, 2, 3)", "two(m.content, third=1)"):
        with pytest.raises(PolicyError):
            Policy.from_string(
                f'raise "x" if:\n    (m: Message)\n    {line}\n', functions={"two": two}
            )


def test_nothing_of_the_host_is_reached_without_being_passed() -> None:
    for line in ("import os", "from os import system", "from builtins import open"):
        with pytest.raises(PolicyError) as caught:
            Policy.from_string(f'{line}\nraise "x" if:\n    (m: Message)\n')
        assert all(found.code.startswith("E03") for found in caught.value.diagnostics)


def test_a_policy_with_functions_is_pickled_where_they_can_be() -> None:
    policy = Policy.from_string(
        'raise "x" if:\n    (m: Message)\n    size(m.content) > 2\n', functions={"size": len}
    )

    again = pickle.loads(pickle.dumps(policy))

    assert keys(again.analyze([user("ab"), user("abc")])) == [(1,)]


def test_a_function_is_asked_once_about_a_candidate() -> None:
    """Also where the violation is written out later, and in monitors."""
    asked: list[str] = []

    def check(text: str) -> bool:
        asked.append(text)
        return True

    policy = Policy.from_string(
        """
        raise Violation("x", m) if:
            (m: Message)
            "a" in m.content
            check(m.content)
        """,
        functions={"check": check},
    )

    assert len(policy.analyze([user("a1"), user("b"), user("a2")]).violations) == 2
    monitor = policy.monitor()
    assert len([monitor.append(user(text)).violations for text in ("a3", "b", "a4")]) == 3
    assert asked == ["a1", "a2", "a3", "a4"]


# --- several files --------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Sequence[Path]:
    sources = {
        "one.inv": """
            WORD := "bad"
            hit(m: Message) := WORD in m.content

            raise "first [risk=high]" if:
                (m: Message)
                hit(m)

            raise "same" if:
                (m: Message)
                m.content == input.a
        """,
        "two.inv": """
            from invariant import count
            WORD := "worse"
            hit(m: Message) := m.content.startswith(WORD)
            BIG := len(WORD) + 1

            raise "same" if:
                (m: Message)
                hit(m)

            raise "many" if:
                count(min=2):
                    (m: Message)
                    len(m.content) < BIG

            raise "fails" if:
                (c: ToolCall)
                c.function.arguments.n > BIG
        """,
        "three.inv": "# nothing\n",
    }
    paths = []
    for name, text in sources.items():
        path = tmp_path / name
        path.write_text(text)
        paths.append(path)
    return paths


@pytest.mark.parametrize("optimize", [True, False])
def test_files_are_one_set_of_rules_and_their_names_stay_apart(
    files: Sequence[Path], optimize: bool
) -> None:
    policy = Policy.from_files(files, optimize=optimize)
    trace = [user("bad"), user("worse"), calls("f", n="x"), user("me")]

    result = policy.analyze(trace, a="me")

    one, two, _ = map(str, files)
    assert [(v.message, v.rule.path, v.key) for v in result] == [
        ("first [risk=high]", one, "(0, (0,))"),
        ("same", one, "(1, (3,))"),
        ("same", two, "(2, (1,))"),
        ("many", two, "(3, ())"),
    ]
    (error,) = result.errors
    assert (error.rule.name, error.rule.path, error.line) == ("fails", two, 18)
    assert str(error).startswith(f"rule `fails` failed at {two}:18:")
    assert policy.parameters == {"a": None}


def test_errors_of_all_files_are_told(tmp_path: Path) -> None:
    paths = []
    for number in range(3):
        path = tmp_path / f"p{number}.inv"
        path.write_text('raise "x" if:\n    (m: Mesage)\n' if number else "")
        paths.append(path)

    with pytest.raises(PolicyError) as caught:
        Policy.from_files(paths)

    assert [d.path for d in caught.value.diagnostics] == [str(path) for path in paths[1:]]


def test_no_files_are_a_policy_without_rules() -> None:
    assert not Policy.from_files([]).analyze([user()])
    assert not Policy.from_string("").analyze([user(), 5][:1])


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Policy.from_file(tmp_path / "none.inv")


def test_a_file_that_is_no_text_is_a_bad_policy(tmp_path: Path) -> None:
    path = tmp_path / "p.inv"
    path.write_bytes(b'raise "\xff" if:\n    (m: Message)\n')

    with pytest.raises(PolicyError) as caught:
        Policy.from_file(path)

    (found,) = caught.value.diagnostics
    assert (found.path, found.line, found.column) == (str(path), 1, 8)


def test_the_ends_of_lines_and_byte_order_marks_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "p.inv"
    path.write_bytes(b'\xef\xbb\xbfraise "x" if:\r\n    (m: Message)\r\n    "a" in m.content\r\n')

    (violation,) = Policy.from_file(path).analyze([user("a")])

    assert violation.rule.line == 1


# --- threads --------------------------------------------------------------------------------------

SHARED = """
    from invariant import count
    from invariant.detectors import secrets

    LIMIT := 1 + 1
    NAMES := [n.upper() for n in ["f", "g"]]

    known(c: ToolCall) := c.function.name.upper() in NAMES

    raise Violation("flow", a) if:
        (a: ToolOutput) -> (b: ToolCall)
        "secret" in a.content
        known(b)

    raise "secrets" if:
        (m: Message)
        any(secrets(m))

    raise "many" if:
        count(min=3):
            (c: ToolCall)
            len(c.function.arguments) < LIMIT

    raise "equal" if:
        (a: Message) -> (b: Message)
        a.content == b.content

    raise "fails" if:
        (c: ToolCall)
        c.function.arguments.n > 5
"""


def trace_for(number: int) -> list[Event]:
    return [
        user(f"hello {number}"),
        assistant(call("f", {"n": number % 7}), call("h", {"n": "x" if number % 3 else 9})),
        output("a secret" if number % 2 else "nothing"),
        calls("g", n=number),
        user(f"hello {number % 5}"),
        user("ghp_" + "a" * 36 if number % 4 == 0 else "ok"),
    ]


def said(result: AnalysisResult) -> Any:
    return result.to_dict()


def test_one_policy_serves_many_threads_and_monitors() -> None:
    policy = Policy.from_string(SHARED)
    single = Policy.from_string(SHARED)
    expected = [said(single.analyze(trace_for(number))) for number in range(60)]
    expected_fed = [
        [said(single_monitor.append(event)) for event in trace_for(number)]
        for number in range(60)
        for single_monitor in [single.monitor()]
    ]
    start = threading.Barrier(8)

    def work(thread: int) -> list[str]:
        start.wait()
        wrong = []
        for number in range(thread, 60, 8):
            if said(policy.analyze(trace_for(number))) != expected[number]:
                wrong.append(f"analyze {number}")
            monitor = policy.monitor()
            if [said(monitor.append(e)) for e in trace_for(number)] != expected_fed[number]:
                wrong.append(f"monitor {number}")
            trace = trace_for(number)
            policy.analyze_pending(trace[:3], trace[3:])
        return wrong

    with ThreadPoolExecutor(8) as pool:
        assert [wrong for found in pool.map(work, range(8)) for wrong in found] == []


def test_several_threads_look_at_one_result() -> None:
    policy = Policy.from_string(SHARED)
    trace = [event for number in range(40) for event in trace_for(number)]
    expected = said(policy.analyze(trace))

    for _ in range(5):
        result = policy.analyze(trace)
        start = threading.Barrier(4)

        def look(_: int, result: AnalysisResult = result, start: Any = start) -> Any:
            start.wait()
            return said(result)

        with ThreadPoolExecutor(4) as pool:
            assert all(found == expected for found in pool.map(look, range(4)))


def test_monitors_of_one_policy_know_nothing_of_each_other() -> None:
    policy = Policy.from_string('raise "x" if:\n    (a: Message) -> (b: Message)\n')
    one, other = policy.monitor(), policy.monitor()

    assert not one.append(user()) and not other.append(user())
    assert keys(one.append(user())) == [(0, 1)]
    assert keys(one.append(user())) == [(0, 2), (1, 2)]
    assert keys(other.append(user())) == [(0, 1)]


# --- async ----------------------------------------------------------------------------------------


def test_analysis_in_an_event_loop_does_not_hold_it_up() -> None:
    policy = Policy.from_string(
        'raise "x" if:\n    (m: Message)\n    slow(m.content)\n    m.content == input.word\n',
        functions={"slow": lambda _: time.sleep(0.05) or True},
    )

    async def run() -> tuple[AnalysisResult, AnalysisResult, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        ticking = asyncio.create_task(tick())
        trace = [user("a"), user("b")]
        whole, pending = await asyncio.gather(
            policy.a_analyze(trace, word="a"),
            policy.a_analyze_pending(trace, [user("a")], word="a"),
        )
        ticking.cancel()
        return whole, pending, ticks

    whole, pending, ticks = asyncio.run(run())

    assert (keys(whole), keys(pending)) == ([(0,)], [(2,)])
    assert ticks > 3


def test_async_analysis_raises_on_demand() -> None:
    policy = Policy.from_string('raise "x" if:\n    (m: Message)\n')

    with pytest.raises(UnhandledViolations):
        asyncio.run(policy.a_analyze([user()], raise_on_violation=True))
    with pytest.raises(UnhandledViolations):
        asyncio.run(policy.a_analyze_pending([], [user()], raise_on_violation=True))


def test_warnings_are_kept_with_a_policy_that_compiled() -> None:
    policy = Policy.from_string('raise "x" if:\n    (a: Message)\n    a.role == "usr"\n')

    assert [(d.code, d.severity, d.line) for d in policy.diagnostics] == [("W0713", "warning", 3)]
    assert not errors(policy.analyze([user()]))
    assert messages(policy.analyze([user()])) == []
