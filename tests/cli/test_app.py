"""The program as a whole: its commands, its help, and how it ends."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest

import policyc
from policyc.cli import exits
from policyc.cli.app import COMMANDS
from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    import click
    from syrupy.assertion import SnapshotAssertion
    from tests.cli.conftest import Run


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(run: Run, command: str, text_snapshot: SnapshotAssertion) -> None:
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    assert result.stdout == text_snapshot(name=command or "policyc")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_command_says_itself(name: str) -> None:
    module, summary = COMMANDS[name]
    command: click.Command = import_module(module).command
    assert (command.help or "").startswith(summary.rstrip("."))


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"policyc {policyc.__version__}\n"


def test_a_misspelt_command_is_recognised(run: Run) -> None:
    result = run("chekc")
    assert result.exit_code == 2
    assert "there is no command `chekc`; did you mean `check`?" in result.stderr


def test_an_unknown_command_is_refused(run: Run) -> None:
    result = run("frobnicate")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no command `frobnicate`\n" in result.stderr


def test_an_unknown_option_is_refused(run: Run) -> None:
    result = run("check", "--fix", "x.inv")
    assert result.exit_code == 2
    assert "--fix" in result.stderr


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ZeroDivisionError("division by zero"), 3, "policyc itself failed: ZeroDivisionError"),
        (BackendError("the server is down"), 3, "error: the server is down"),
        (PermissionError(13, "Permission denied", "a.inv"), 2, "cannot read `a.inv`: permission"),
        (exits.Refusal("this is no policy", "write one"), 2, "= help: write one"),
    ],
)
def test_every_exception_is_a_message_and_a_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, message: str
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("policyc.policies.names", fail)
    result = run("policies")
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_fault_shows_its_place_when_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICYC_DEBUG", "1")
    monkeypatch.setattr("policyc.policies.names", lambda: 1 // 0)
    result = run("policies")
    assert result.exit_code == 3
    assert "Traceback" in result.stderr


def test_ctrl_c_ends_quietly(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("policyc.policies.names", interrupt)
    result = run("policies")
    assert (result.exit_code, result.stdout, result.stderr.strip()) == (130, "", "")
