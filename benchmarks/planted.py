"""Recorded-like sessions for two versions of a policy that differ on planted traces only.

    python -m benchmarks.planted FOLDER --traces 5000

writes `old.inv`, `new.inv`, `sessions.jsonl` and `planted.json`, which says what flips on which
line. The sessions are those of `trace_maker`. Some have a further call that makes a rule of one
version answer otherwise, some a call that looks like it and makes no difference (a decoy). What
flips is known from how they were made; no policy is asked.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from benchmarks.trace_maker import SEED, Event, Maker, Trace

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD = """\
raise "mail after reading a secret [risk=high]" if:
    (output: ToolOutput) -> (call: ToolCall)
    "confidential" in output.content
    call is tool:send_email

raise "large transfer" if:
    (call: ToolCall)
    call is tool:transfer_money
    call.function.arguments.amount > 1000

raise "a page of a bad host" if:
    (call: ToolCall)
    call is tool:get_page
    call.function.arguments.url.startswith("https://evil.example/")

raise Violation("a file of the system is written", path=call.function.arguments.path) if:
    (call: ToolCall)
    call is tool:write_file
    call.function.arguments.path.startswith("/etc/")

raise "a flight from nowhere" if:
    (call: ToolCall)
    call is tool:search_flights
    call.function.arguments.start == "nowhere"

raise "a test account with a limit" if:
    (call: ToolCall)
    call is tool:get_balance
    call.function.arguments.account == "test"
    call.function.arguments.limit > 9

raise "an event on pay day [risk=low]" if:
    (call: ToolCall)
    call is tool:create_event
    call.function.arguments.title == "pay day"

raise "the shadow file is read" if:
    (call: ToolCall)
    call is tool:read_file
    call.function.arguments.path == "/etc/shadow"

raise "tea is listed" if:
    (call: ToolCall)
    call is tool:list_folder
    call.function.arguments.path == "/tea"
"""
"""The old policy."""

NEW = """\
raise "tea is searched for" if:
    (call: ToolCall)
    call is tool:search_web
    call.function.arguments.query == "tea"

raise "mail after reading a secret [risk=high]" if:
    (output: ToolOutput)
    (call: ToolCall)
    output -> call
    call is tool:send_email
    "confidential" in output.content

raise "large transfer" if:
    (call: ToolCall)
    call is tool:transfer_money
    call.function.arguments.amount > 500

raise "a page of a bad host" if:
    (call: ToolCall)
    call is tool:get_page
    call.function.arguments.url.startswith("https://evil.example/admin")

raise Violation("a file of the system is written", path=call.function.arguments.path) if:
    (call: ToolCall)
    call is tool:write_file
    call.function.arguments.path.startswith("/etc/")
    call.function.arguments.path != "/etc/hosts"

raise "a flight from nowhere" if:
    (call: ToolCall)
    call is tool:search_flights
    call.function.arguments.start == "nowhere"
    call.function.arguments.seats > 9

raise "a test account with a limit" if:
    (call: ToolCall)
    call is tool:get_balance
    call.function.arguments.account == "test"

raise "an event on pay day [risk=high]" if:
    (call: ToolCall)
    call is tool:create_event
    call.function.arguments.title == "pay day"

raise "the file of passwords is read" if:
    (call: ToolCall)
    call is tool:read_file
    call.function.arguments.path == "/etc/shadow"
"""
"""The new policy: wider, narrower, failing, mended, of another risk, renamed, removed, added; and a
rule that is written otherwise and means the same."""

Flip = tuple[str, str]
"""The name of a rule and its change, as `policyc replay --format json` has them."""


@dataclass(frozen=True, slots=True)
class Plant:
    """Calls to put into a session, one after the other, and what flips because of them."""

    calls: tuple[tuple[str, dict[str, Any]], ...]
    flips: tuple[Flip, ...] = ()


def _call(tool: str, **arguments: Any) -> tuple[tuple[str, dict[str, Any]], ...]:
    return ((tool, arguments),)


_WRITTEN = "a file of the system is written"
_HOSTS = _call("write_file", path="/etc/hosts", text="x")
_PASSWD = _call("write_file", path="/etc/passwd", text="x")

PLANTS = (
    Plant(_call("transfer_money", amount=501), (("large transfer", "newly_fires"),)),
    Plant(_call("transfer_money", amount=1000), (("large transfer", "newly_fires"),)),
    Plant(
        _call("get_page", url="https://evil.example/start"),
        (("a page of a bad host", "no_longer_fires"),),
    ),
    Plant(_HOSTS, ((_WRITTEN, "no_longer_fires"),)),
    Plant(_HOSTS + _PASSWD, ((_WRITTEN, "changed"),)),
    Plant(
        _call("search_flights", start="nowhere", seats="ten"),
        (("a flight from nowhere", "no_longer_fires"), ("a flight from nowhere", "newly_fails")),
    ),
    Plant(
        _call("get_balance", account="test", limit="high"),
        (
            ("a test account with a limit", "newly_fires"),
            ("a test account with a limit", "no_longer_fails"),
        ),
    ),
    Plant(_call("create_event", title="pay day"), (("an event on pay day", "changed"),)),
    Plant(_call("list_folder", path="/tea"), (("tea is listed", "no_longer_fires"),)),
    Plant(_call("search_web", query="tea"), (("tea is searched for", "newly_fires"),)),
)

DECOYS = (
    Plant(_call("transfer_money", amount=500)),
    Plant(_call("transfer_money", amount=1001)),
    Plant(_call("get_page", url="https://evil.example/admin")),
    Plant(_call("get_page", url="https://good.example/start")),
    Plant(_PASSWD),
    Plant(_call("search_flights", start="nowhere", seats=10)),
    Plant(_call("get_balance", account="test", limit=10)),
    Plant(_call("create_event", title="a pay day")),
    Plant(_call("read_file", path="/etc/shadow")),
    Plant(_call("search_web", query="coffee")),
)


@dataclass(frozen=True, slots=True)
class Session:
    """A trace, and what flips on it."""

    trace: Trace
    flips: tuple[Flip, ...]


def make_sessions(
    count: int, seed: int = SEED, planted: float = 0.02, decoys: float = 0.1
) -> Iterator[Session]:
    """So many sessions, one by one; `planted` and `decoys` are their shares."""
    random = Random(seed)
    maker = Maker(Random(seed))
    for _ in range(count):
        trace = maker.session()
        plant = None
        if random.random() < planted:
            plant = random.choice(PLANTS)
        elif random.random() < decoys:
            plant = random.choice(DECOYS)
        if plant is None:
            yield Session(trace, ())
        else:
            yield Session(_with_calls(trace, plant, random), plant.flips)


def _with_calls(trace: Trace, plant: Plant, random: Random) -> Trace:
    """The session with the calls and their outputs before one of its answers."""
    places = [at for at, event in enumerate(trace) if _is_answer(event)]
    at = random.choice(places)
    events: Trace = []
    for number, (tool, arguments) in enumerate(plant.calls):
        given: Any = json.dumps(arguments) if random.random() < 0.25 else arguments
        function = {"name": tool, "arguments": given}
        call = {"id": f"planted_{number}", "type": "function", "function": function}
        events.append({"role": "assistant", "content": None, "tool_calls": [call]})
        events.append({"role": "tool", "tool_call_id": call["id"], "content": "done"})
    return [*trace[:at], *events, *trace[at:]]


def _is_answer(event: Event) -> bool:
    return event["role"] == "assistant" and "tool_calls" not in event


def write_policies(folder: Path) -> tuple[Path, Path]:
    """The two policies as files."""
    old, new = folder / "old.inv", folder / "new.inv"
    old.write_text(OLD, encoding="utf-8")
    new.write_text(NEW, encoding="utf-8")
    return old, new


def write_corpus(folder: Path, count: int, seed: int = SEED) -> dict[int, list[Flip]]:
    """The sessions as `sessions.jsonl`; what flips, by line."""
    flips: dict[int, list[Flip]] = {}
    with (folder / "sessions.jsonl").open("w", encoding="utf-8") as file:
        for line, session in enumerate(make_sessions(count, seed), 1):
            file.write(json.dumps(session.trace) + "\n")
            if session.flips:
                flips[line] = list(session.flips)
    return flips


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planted", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--traces", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args(given)
    options.folder.mkdir(parents=True, exist_ok=True)
    write_policies(options.folder)
    flips = write_corpus(options.folder, options.traces, options.seed)
    path = options.folder / "planted.json"
    path.write_text(json.dumps(flips, indent=1) + "\n", encoding="utf-8")
    print(f"{options.traces} sessions in {options.folder}, {len(flips)} with planted flips")


if __name__ == "__main__":
    main()
