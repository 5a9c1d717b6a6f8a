"""What a person sees who is asked at the terminal."""

from policyc.cli.asking import _text
from policyc.runtime.analyzers.risk import Decision, RiskLevel, Verdict
from policyc.runtime.sandbox.gate import Question

DECISION = Decision(Verdict.ASK, RiskLevel.MEDIUM, (), "level", "a command is forbidden here")


def test_a_command_is_shown() -> None:
    text = _text(Question("bash", {"command": "ls\x1b[2J\nrm x"}, DECISION))
    assert text.splitlines() == [
        "policy: a command is forbidden here",
        "  command: ls\\x1b[2J",
        "rm x",
        "may `bash` run? [y/N] ",
    ]


def test_the_end_of_a_padded_command_is_shown() -> None:
    text = _text(Question("bash", {"command": "ls" + " " * 5000 + "; rm x"}, DECISION))
    assert "; rm x\n" in text
    assert "characters are NOT shown" in text
    assert len(text) < 3000
