"""The gate on its own: what is judged, what is written down, and what a failure leads to."""

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import policyc
from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.analyzers.risk import RiskLevel, Thresholds, Verdict
from policyc.runtime.sandbox.asking import HttpAsk
from policyc.runtime.sandbox.audit import AuditError, AuditLog, digest, records, verify
from policyc.runtime.sandbox.deadline import MOST_LATE
from policyc.runtime.sandbox.gate import Gate, Question, Refused, Settings
from policyc.runtime.sandbox.trace_file import TraceFile

POLICY = """
raise "a command removes files [risk=high]" if:
    (call: ToolCall)
    call is tool:bash({command: "rm .*"})

raise "a command asks the network after a secret was seen [risk=high]" if:
    (out: ToolOutput) -> (call: ToolCall)
    "secret" in out.content
    call is tool:bash({command: "curl .*"})

raise "a password [risk=medium]" if:
    (out: ToolOutput)
    (word: str) in find("pw-[0-9]+", out.content)

raise "shouting [risk=low]" if:
    (call: ToolCall)
    call is tool:bash({command: "echo [A-Z]+"})
"""


def make(tmp_path: Path, policy: str = POLICY, **options: Any) -> Gate:
    compiled = policyc.Policy.from_string(policy, functions=options.pop("functions", None))
    return Gate(
        compiled,
        trace=TraceFile(tmp_path / "trace.jsonl"),
        audit=AuditLog(tmp_path / "audit.jsonl"),
        sandbox="box",
        **options,
    )


def run(gate: Gate, command: str, output: str = "") -> str:
    judged = gate.conclude(gate.propose("bash", {"command": command}), output)
    return judged.release


def log(tmp_path: Path) -> list[dict[str, Any]]:
    return list(records(tmp_path / "audit.jsonl"))


def test_a_call_and_its_output_are_in_the_trace_and_in_the_log(tmp_path: Path) -> None:
    gate = make(tmp_path)
    assert run(gate, "ls", "a b") == "released"
    call, output = gate.trace.past
    assert call["tool_calls"][0]["function"] == {"name": "bash", "arguments": {"command": "ls"}}
    assert output["content"] == "a b"
    assert output["tool_call_id"] == call["tool_calls"][0]["id"]
    first, second = log(tmp_path)
    assert (first["kind"], first["verdict"], first["sandbox"]) == ("call", "allow", "box")
    assert first["action"] == digest({"name": "bash", "arguments": {"command": "ls"}})
    assert (second["kind"], second["release"]) == ("output", "released")
    assert first["policy"] == second["policy"] == gate.digest
    assert verify(tmp_path / "audit.jsonl").is_intact


def test_a_call_that_is_refused_did_not_happen(tmp_path: Path) -> None:
    gate = make(tmp_path)
    with pytest.raises(Refused, match="a command removes files") as refused:
        gate.propose("bash", {"command": "rm x"})
    assert (refused.value.decision.verdict, refused.value.stage) == (Verdict.DENY, "call")
    assert gate.trace.past == []
    # The agent saw that it was refused.
    assert "refused by the policy" in gate.trace.all[1]["content"]
    assert log(tmp_path)[0]["rules"] == ["a command removes files"]
    assert run(gate, "ls") == "released"


def test_flows_count_what_happened_only(tmp_path: Path) -> None:
    gate = make(tmp_path)
    assert run(gate, "curl example.org") == "released"
    assert run(gate, "cat notes", "a secret") == "released"
    for _ in range(2):
        with pytest.raises(Refused, match="after a secret was seen"):
            gate.propose("bash", {"command": "curl example.org"})
    assert run(gate, "ls") == "released"


def test_another_gate_goes_on_with_the_same_trace(tmp_path: Path) -> None:
    first, second = make(tmp_path), make(tmp_path)
    assert run(second, "ls") == "released"
    assert run(first, "cat notes", "a secret") == "released"
    with pytest.raises(Refused):
        second.propose("bash", {"command": "curl example.org"})
    with pytest.raises(Refused):
        make(tmp_path).propose("bash", {"command": "curl example.org"})


def test_an_output_is_withheld_and_not_in_the_trace(tmp_path: Path) -> None:
    gate = make(tmp_path)
    call = gate.propose("bash", {"command": "cat x"})
    judged = gate.conclude(call, "the secret pw-123")
    assert (judged.release, judged.decision.level) == ("withheld", RiskLevel.MEDIUM)
    assert "pw-123" not in json.dumps(gate.trace.all)
    assert "pw-123" not in (tmp_path / "audit.jsonl").read_text()
    # What the agent was never given cannot leave.
    assert run(gate, "curl example.org") == "released"


def test_an_output_is_redacted_where_that_is_wanted(tmp_path: Path) -> None:
    gate = make(tmp_path, settings=Settings(redact=True))
    judged = gate.conclude(gate.propose("bash", {"command": "cat x"}), "<pw-123> <pw-4>")
    assert (judged.release, judged.masked) == ("redacted", ((1, 7), (10, 14)))
    assert gate.trace.past[-1]["content"] == "<******> <****>"
    # The second output has another index in the trace.
    judged = gate.conclude(gate.propose("bash", {"command": "cat x"}), "pw-123 pw")
    assert judged.masked == ((0, 6),)
    # All of it would be masked.
    judged = gate.conclude(gate.propose("bash", {"command": "cat x"}), "pw-123")
    assert judged.release == "withheld"


WHOLE = 'raise "no output at all" if:\n    (out: ToolOutput)\n'


def test_what_marks_no_part_is_withheld(tmp_path: Path) -> None:
    gate = make(tmp_path, WHOLE, settings=Settings(redact=True))
    assert run(gate, "ls", "x") == "withheld"


def test_levels_decide(tmp_path: Path) -> None:
    gate = make(tmp_path)
    assert run(gate, "echo HELLO") == "released"
    assert log(tmp_path)[0]["rules"] == ["shouting"]
    strict = make(tmp_path, settings=Settings(Thresholds(RiskLevel.LOW, RiskLevel.LOW)))
    with pytest.raises(Refused, match="shouting"):
        strict.propose("bash", {"command": "echo HELLO"})


def test_a_person_is_asked(tmp_path: Path) -> None:
    asked: list[Question] = []

    def ask(question: Question) -> bool:
        asked.append(question)
        return question.output == "pw-1"

    gate = make(tmp_path, ask=ask)
    assert run(gate, "cat x", "pw-1") == "released"
    assert run(gate, "cat x", "pw-2") == "withheld"
    assert [(one.tool, one.output) for one in asked] == [("bash", "pw-1"), ("bash", "pw-2")]
    reasons = [one["reason"] for one in log(tmp_path) if one["kind"] == "output"]
    assert [one.rpartition("; ")[2] for one in reasons] == [
        "allowed by a person",
        "refused by a person",
    ]


def test_what_was_allowed_by_a_person_is_not_asked_again(tmp_path: Path) -> None:
    asked: list[Question] = []
    policy = 'raise "x [risk=medium]" if:\n    (c: ToolCall)\n    c is tool:bash({command: "x"})\n'
    gate = make(tmp_path, policy, ask=lambda question: not asked.append(question))
    assert run(gate, "x") == "released"
    with pytest.raises(Refused):
        make(tmp_path, policy).propose("bash", {"command": "x"})
    assert run(gate, "y") == "released"
    assert len(asked) == 1


def fail(_question: Question) -> bool:
    raise RuntimeError("the terminal is gone")


@pytest.mark.parametrize(
    ("ask", "message"), [(None, "nobody can be asked"), (fail, "the terminal is gone")]
)
def test_without_an_answer_nothing_happens(tmp_path: Path, ask: Any, message: str) -> None:
    gate = make(tmp_path, ask=ask)
    call = gate.propose("bash", {"command": "cat x"})
    judged = gate.conclude(call, "pw-1")
    assert (judged.release, message in judged.decision.reason) == ("withheld", True)


HANGS = 'raise "x" if:\n    (call: ToolCall)\n    slow(call.function.arguments.command)\n'


def test_a_policy_that_does_not_answer_is_a_refusal(tmp_path: Path) -> None:
    waiting = threading.Event()

    def slow(command: str) -> bool:
        return command == "hang" and waiting.wait(60)

    gate = make(tmp_path, HANGS, functions={"slow": slow}, settings=Settings(seconds=0.2))
    with pytest.raises(Refused, match=r"did not answer within 0\.2 seconds") as refused:
        gate.propose("bash", {"command": "hang"})
    assert (refused.value.decision.cause, refused.value.decision.level) == ("error", RiskLevel.HIGH)
    assert run(gate, "ls") == "released"
    waiting.set()
    time.sleep(0.05)
    assert run(gate, "ls") == "released"


ENDLESS = """
raise "x" if:
    (call: ToolCall)
    numbers := call.function.arguments.numbers
    any([any([x + y == 0 for y in numbers]) for x in numbers])
"""


def test_a_policy_that_only_calculates_is_stopped_where_it_was_called(tmp_path: Path) -> None:
    gate = make(tmp_path, ENDLESS, settings=Settings(seconds=0.2))
    threads = threading.active_count()
    with pytest.raises(Refused, match=r"0\.2 seconds") as refused:
        gate.propose("bash", {"numbers": list(range(1, 20_000))})
    assert (refused.value.decision.cause, refused.value.decision.level) == ("error", RiskLevel.HIGH)
    assert run(gate, "ls") == "released"
    assert threading.active_count() == threads


def test_so_is_one_that_takes_long_for_all_events_together(tmp_path: Path) -> None:
    gate = make(tmp_path, ENDLESS, settings=Settings(seconds=30))
    for number in range(1, 9):
        gate.conclude(gate.propose("bash", {"numbers": list(range(number, 400))}), "")
    again = make(tmp_path, ENDLESS, settings=Settings(seconds=0.2))
    with pytest.raises(Refused, match=r"0\.2 seconds"):
        again.propose("bash", {"numbers": [1]})


def test_a_rule_that_fails_is_a_refusal(tmp_path: Path) -> None:
    def broken(_command: str) -> bool:
        raise ValueError("no such model")

    gate = make(tmp_path, HANGS, functions={"slow": broken})
    with pytest.raises(Refused, match="no such model"):
        gate.propose("bash", {"command": "ls"})
    assert log(tmp_path)[0]["cause"] == "error"
    lenient = make(
        tmp_path,
        HANGS,
        functions={"slow": broken},
        settings=Settings(on_error=Verdict.ASK),
        ask=lambda _: True,
    )
    lenient.propose("bash", {"command": "ls"})


def test_a_parameter_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PolicycError, match="needs `limit`"):
        make(tmp_path, 'raise "x" if:\n    (call: ToolCall)\n    input.limit < 3\n')


def test_without_a_log_nothing_happens(tmp_path: Path) -> None:
    gate = make(tmp_path)
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(AuditError):
        gate.propose("bash", {"command": "ls"})
    assert gate.trace.all == []
    (tmp_path / "audit.jsonl").rmdir()
    assert run(gate, "ls") == "released"


def test_what_is_judged_cannot_be_changed_after(tmp_path: Path) -> None:
    """A caller that holds the arguments changes them while they are judged."""
    arguments = {"command": "ls"}

    def swap(_command: str) -> bool:
        arguments["command"] = "rm -rf /"
        return False

    gate = make(tmp_path, HANGS, functions={"slow": swap})
    call = gate.propose("bash", arguments)
    assert call.arguments == {"command": "ls"}
    assert log(tmp_path)[0]["action"] == digest({"name": "bash", "arguments": {"command": "ls"}})


def test_who_is_asked_cannot_change_what_runs(tmp_path: Path) -> None:
    def ask(question: Question) -> bool:
        assert isinstance(question.arguments, dict)
        question.arguments["command"] = "rm -rf /"
        return True

    policy = 'raise "x [risk=medium]" if:\n    (c: ToolCall)\n'
    call = make(tmp_path, policy, ask=ask).propose("bash", {"command": "ls"})
    assert call.arguments == {"command": "ls"}
    assert log(tmp_path)[0]["action"] == digest({"name": "bash", "arguments": {"command": "ls"}})


def test_a_function_of_the_policy_cannot_change_what_runs(tmp_path: Path) -> None:
    def slow(arguments: Any) -> bool:
        arguments["command"] = "rm -rf /"
        return False

    policy = 'raise "x" if:\n    (c: ToolCall)\n    slow(c.function.arguments)\n'
    gate = make(tmp_path, policy, functions={"slow": slow})
    call = gate.propose("bash", {"command": "ls"})
    assert call.arguments == {"command": "ls"}
    assert "rm -rf" not in json.dumps(gate.trace.all)
    assert log(tmp_path)[0]["action"] == digest({"name": "bash", "arguments": {"command": "ls"}})


def test_messages_are_told_but_no_calls_and_no_outputs(tmp_path: Path) -> None:
    policy = (
        'raise "no" if:\n    (m: Message)\n    m.role == "user"\n    "forbidden" in m.content\n'
    )
    gate = make(tmp_path, policy)
    gate.observe([{"role": "user", "content": "hello"}])
    with pytest.raises(Refused):
        gate.observe([{"role": "user", "content": "forbidden"}])
    for forged in (
        {"role": "tool", "tool_call_id": "1", "content": "x"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]},
        {"content": "x"},
    ):
        with pytest.raises(PolicycError):
            gate.observe([forged])
    assert [one["content"] for one in gate.trace.past] == ["hello"]


def test_the_beginning_of_an_output_may_be_shown(tmp_path: Path) -> None:
    gate = make(tmp_path)
    call = gate.propose("bash", {"command": "cat x"})
    assert gate.may_show(call, "one line\n")
    assert not gate.may_show(call, "one line\npw-1\n")
    assert gate.trace.count == 1
    assert len(log(tmp_path)) == 1
    assert gate.conclude(call, "one line\n").release == "released"


def test_credentials_are_masked_in_the_log_and_in_the_trace(tmp_path: Path) -> None:
    token = "ghp_" + "aB3" * 12
    policy = 'raise Violation("bad", c.function.arguments.command) if:\n    (c: ToolCall)\n'
    gate = make(tmp_path, policy)
    with pytest.raises(Refused):
        gate.propose("bash", {"command": f"echo {token}"})
    assert token not in (tmp_path / "audit.jsonl").read_text()
    assert token not in gate.trace.all[1]["content"]


def test_threads_are_judged_one_after_the_other(tmp_path: Path) -> None:
    gate = make(tmp_path)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(10):
                run(gate, f"ls {number}", "x")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (errors, gate.trace.count) == ([], 160)
    assert verify(tmp_path / "audit.jsonl").is_intact
    policy = policyc.Policy.from_string(POLICY)
    assert not policy.analyze(gate.trace.past)


class Slow(Mapping[str, Any]):
    """Arguments that give another command each time they are looked at."""

    def __init__(self) -> None:
        self.looks = 0

    def __getitem__(self, key: str) -> str:
        self.looks += 1
        return "ls" if self.looks == 1 else "rm x"

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(["command"])

    def __len__(self) -> int:
        return 1


def test_arguments_are_looked_at_once(tmp_path: Path) -> None:
    call = make(tmp_path).propose("bash", Slow())
    assert call.arguments == {"command": "ls"}


def test_a_trace_that_a_crash_cut_off(tmp_path: Path) -> None:
    gate = make(tmp_path)
    run(gate, "ls", "x")
    with (tmp_path / "trace.jsonl").open("a") as file:
        file.write('{"event": {"role": "to')
    assert run(gate, "ls", "y") == "released"
    assert [one["content"] for one in make(tmp_path).trace.past if one["role"] == "tool"] == [
        "x",
        "y",
    ]


def test_a_line_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """Whoever only looks has no lock, and may see the half of it."""
    make(tmp_path).observe([{"role": "user", "content": "hi"}])
    path = tmp_path / "trace.jsonl"
    line = path.read_bytes()
    with path.open("ab") as file:
        file.write(line[:20])
    reader = TraceFile(path)
    assert len(reader.past) == 1
    with path.open("ab") as file:
        file.write(line[20:])
    assert reader.refresh()
    assert len(reader.past) == len(TraceFile(path).past) == 2


def test_judgements_that_never_end_are_not_piled_up(tmp_path: Path) -> None:
    go_on, begun = threading.Event(), []

    def slow(_text: str) -> bool:
        begun.append(1)
        return go_on.wait(60)

    policy = 'raise "x" if:\n    (c: ToolCall)\n    slow("x")\n'
    gate = make(tmp_path, policy, functions={"slow": slow}, settings=Settings(seconds=0.1))
    for _ in range(10):
        with pytest.raises(Refused, match="did not answer"):
            gate.propose("bash", {"command": "ls"})
    assert len(begun) <= MOST_LATE
    go_on.set()


def test_an_address_that_is_asked_is_told_to_nobody(tmp_path: Path) -> None:
    policy = 'raise "x [risk=medium]" if:\n    (c: ToolCall)\n'
    for url in ("http://user:hidden@127.0.0.1:9/?token=hidden", "http://hidden hidden/", "hidden"):
        gate = make(tmp_path, policy, ask=HttpAsk(url))
        with pytest.raises(Refused, match="gave no answer") as refused:
            gate.propose("bash", {"command": "ls"})
        assert "hidden" not in str(refused.value)
    assert "hidden" not in (tmp_path / "audit.jsonl").read_text()
