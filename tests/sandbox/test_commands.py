"""The texts that are judged and run."""

import subprocess

import pytest

from policyc.runtime.sandbox.commands import InvalidCommand, command_arguments, command_text


def test_folder_and_variables_are_part_of_the_text(tmp_path) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    text = command_text('pwd\nprintf %s "$A"', str(folder), {"A": "x'y $(id)\nz"})
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == f"{folder}\nx'y $(id)\nz"


def test_a_folder_that_is_not_there_ends_the_command() -> None:
    text = command_text("echo ran", "/absent")
    done = subprocess.run(["bash", "-c", text], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")


@pytest.mark.parametrize(
    ("command", "env"),
    [("", {}), (" \n", {}), ("echo \0", {}), ("ls", {"A B": "x"}), ("ls", {"A": "\0"})],
)
def test_what_cannot_be_run(command: str, env: dict[str, str]) -> None:
    with pytest.raises(InvalidCommand):
        command_text(command, None, env)


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("sort", "stdin"),
        ("bash", "input"),
        ("sudo sh -s", "input"),
        ("/bin/dash -e", "input"),
        ("bash script.sh", "stdin"),
        ("bash -c 'cat'", "stdin"),
        ("python3", "code"),
        ("python3 -u -", "code"),
        ("python3 -c 'print(1)'", "stdin"),
        ("python3 -m json.tool", "stdin"),
        ("true && env A=1 bash", "input"),
        ("bash -O extglob", "input"),
        ("bash -euo pipefail", "input"),
        ("bash -eo pipefail -c cat", "stdin"),
        ("bash +x --rcfile x", "input"),
        ("bash /dev/stdin", "input"),
        ("bash -- /dev/fd/0", "input"),
        ("sh //dev/../proc/self/fd/0", "input"),
        ("bash -x -- script.sh", "stdin"),
        ("rbash", "input"),
        ("python3 -W ignore", "code"),
        ("python3 - x.py", "code"),
        ("python3 -Wonce -X dev", "code"),
        ("python3 /dev/stdin", "code"),
        ("python3 -W once script.py", "stdin"),
        ("python3 -Ic 'print(1)'", "stdin"),
    ],
)
def test_a_script_on_standard_input_is_judged_as_one(command: str, key: str) -> None:
    assert command_arguments(command, b"rm -rf ~") == {"command": command, key: "rm -rf ~"}
    assert command_arguments(command, b"") == {"command": command}


def test_what_two_interpreters_may_read_is_judged_as_either() -> None:
    arguments = command_arguments("python3 || bash", b"x")
    assert arguments == {"command": "python3 || bash", "code": "x", "input": "x"}
