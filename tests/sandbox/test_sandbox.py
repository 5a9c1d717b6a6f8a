"""A sandbox behind its gate, on each provider: the same results, and the same refusals."""

import asyncio
import io
import json
import math
import os
import pickle
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import policyc
from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.sandbox import files
from policyc.runtime.sandbox.audit import default_path, digest, records, verify
from policyc.runtime.sandbox.notes import Notes
from policyc.runtime.sandbox.provider import Provider
from policyc.runtime.sandbox.sandbox import remove, trace_of
from policyc.sandbox import (
    AsyncSandbox,
    Decision,
    End,
    FileFailed,
    Refused,
    Resources,
    RiskLevel,
    Sandbox,
    SandboxAbsent,
    SandboxError,
    SandboxService,
    SandboxSpec,
    Settings,
    Status,
    Verdict,
)

POLICY = """
raise "files are removed [risk=high]" if:
    (call: ToolCall)
    call is tool:bash({command: "(?s).*rm .*"})

raise "a file of keys is read [risk=high]" if:
    (call: ToolCall)
    call is tool:read_file({path: ".*keys.*"})

raise "something is sent after a secret was seen [risk=high]" if:
    (out: ToolOutput) -> (call: ToolCall)
    "TOP-SECRET" in out.content
    call is tool:bash({command: "(?s).*send.*"})

raise "a password [risk=medium]" if:
    (out: ToolOutput)
    (word: str) in find("pw-[0-9]+", out.content)
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.inv"
    path.write_text(POLICY)
    return path


@pytest.fixture
def box(gated_provider: Provider, state: Path, policy: Path) -> Iterator[Sandbox]:
    with Sandbox(policy, provider=gated_provider) as made:
        yield made


def log(kind: str | None = None) -> list[dict[str, Any]]:
    return [one for one in records(default_path()) if kind in (None, one["kind"])]


# --- commands


def test_a_command(box: Sandbox) -> None:
    result = box.exec("echo out; echo err >&2; exit 3")
    assert (result.stdout, result.stderr, result.exit_code) == (b"out\n", b"err\n", 3)
    assert (result.end, result.truncated, result.redacted) == (End.EXITED, False, False)


def test_standard_input_folder_and_variables(box: Sandbox) -> None:
    data = bytes(range(256)) * 1000
    assert box.exec("cat", stdin=data).stdout == data
    result = box.exec('pwd; echo "$A"', cwd="/tmp", env={"A": "it's"})
    assert result.text == "/tmp\nit's\n"


def test_a_command_is_refused_before_it_runs(box: Sandbox) -> None:
    box.exec("touch kept")
    with pytest.raises(Refused, match="files are removed") as refused:
        box.exec("rm kept")
    assert refused.value.stage == "call"
    assert box.list_files() == ["kept"]


def test_an_output_is_withheld_after_it_ran(box: Sandbox) -> None:
    with pytest.raises(Refused, match="a password") as refused:
        box.exec("touch ran; echo pw-1 | tee p")
    assert refused.value.stage == "output"
    assert box.list_files() == ["p", "ran"]
    for kept in (box.trace, refused.value.events, log()):
        assert "pw-1" not in json.dumps(kept).replace("echo pw-1", "")


def test_what_came_before_counts(box: Sandbox) -> None:
    box.exec("echo send")
    box.exec("echo TOP-'SECRET'")
    with pytest.raises(Refused, match="after a secret was seen"):
        box.exec("echo send")


def test_the_trace_judges_the_same_again(box: Sandbox) -> None:
    box.exec("ls")
    with pytest.raises(Refused):
        box.exec("rm x")
    box.exec("echo done")
    compiled = policyc.Policy.from_string(POLICY)
    assert [one.rule.name for one in compiled.analyze(box.trace)] == ["files are removed"]
    assert not compiled.analyze(box.past)


def test_a_command_that_takes_too_long(box: Sandbox) -> None:
    began = time.monotonic()
    result = box.exec("echo begun; sleep 60 & sleep 60", seconds=1)
    assert (result.end, result.exit_code, result.stdout) == (End.TIMEOUT, None, b"begun\n")
    assert time.monotonic() - began < 30
    assert "sleep 60" not in box.exec("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").text


def test_a_command_that_writes_too_much(
    gated_provider: Provider, state: Path, policy: Path
) -> None:
    spec = SandboxSpec(resources=Resources(output=1000))
    with Sandbox(policy, provider=gated_provider, spec=spec) as box:
        result = box.exec("yes")
        assert (result.end, result.truncated) == (End.OUTPUT, True)
        assert len(result.stdout) <= 1100
        # The end of what it wrote is judged, too.
        with pytest.raises(Refused, match="a password"):
            box.exec("printf '%01500d pw-1' 0")


def test_a_time_that_is_no_number_is_no_way_around_the_limit(
    gated_provider: Provider, state: Path, policy: Path
) -> None:
    spec = SandboxSpec(resources=Resources(seconds=1))
    with Sandbox(policy, provider=gated_provider, spec=spec) as box:
        cancelled = threading.Event()
        timer = threading.Timer(20, cancelled.set)
        timer.start()
        assert box.exec("sleep 60", seconds=math.nan, cancelled=cancelled).end is End.TIMEOUT
        timer.cancel()


def test_a_command_is_cancelled(box: Sandbox) -> None:
    cancelled = threading.Event()
    threading.Timer(0.5, cancelled.set).start()
    assert box.exec("sleep 60", cancelled=cancelled).end is End.CANCELLED


def test_output_while_a_command_runs(box: Sandbox) -> None:
    seen: list[tuple[float, str, bytes]] = []
    result = box.exec(
        "echo one; sleep 1; echo two; printf three",
        on_output=lambda name, data: seen.append((time.monotonic(), name, data)),
    )
    assert b"".join(data for _, _, data in seen) == result.stdout == b"one\ntwo\nthree"
    assert seen[-1][0] - seen[0][0] > 0.5


def test_output_that_is_refused_is_not_handed_out(box: Sandbox) -> None:
    seen: list[bytes] = []
    with pytest.raises(Refused):
        box.exec(
            "echo one; sleep 0.5; echo pw-1; sleep 0.5; echo more",
            on_output=lambda _, data: seen.append(data),
        )
    assert b"".join(seen) in (b"", b"one\n")


# --- sessions


def test_a_shell_keeps_its_state(box: Sandbox) -> None:
    box.shell("cd /tmp; A=5; f() { echo f$A; }")
    assert box.shell("pwd; f").text == "/tmp\nf5\n"
    assert box.shell("(exit 4)").exit_code == 4
    assert box.shell("echo err >&2").stderr == b"err\n"
    assert box.shell("cat").stdout == b""
    assert box.shell("exit 3").exit_code == 3
    assert box.shell("echo $A").stdout == b"\n"


def test_a_shell_is_gated(box: Sandbox) -> None:
    box.shell("touch kept")
    with pytest.raises(Refused):
        box.shell("rm kept")
    with pytest.raises(Refused, match="a password"):
        box.shell("echo pw-1")
    assert box.shell("ls").text == "kept\n"


def test_a_shell_that_hangs_is_replaced(box: Sandbox) -> None:
    box.shell("A=1")
    assert box.shell("sleep 60", seconds=1).end is End.TIMEOUT
    assert box.shell("echo -$A-").text == "--\n"


def test_a_shell_that_does_not_read_ends_in_time(box: Sandbox) -> None:
    box.shell("(sleep 0.5; kill -STOP $$) & sleep 1 &")
    box.shell("true")
    time.sleep(1)
    results: list[End] = []
    long = f"true {'x' * 1_000_000}"
    asking = threading.Thread(
        target=lambda: results.append(box.shell(long, seconds=1).end), daemon=True
    )
    asking.start()
    asking.join(30)
    assert results == [End.TIMEOUT]
    assert box.shell("echo on").text == "on\n"


def test_a_shell_that_writes_an_exit_code_of_its_own(box: Sandbox) -> None:
    box.shell('N=$(printf "%05000d" 0 | tr 0 9)')
    result = box.shell('printf "\\n%s %s\\n" "$__mark" $N; printf "\\n%s\\n" "$__mark" >&2')
    assert (result.end, result.exit_code) == (End.EXITED, None)


def test_a_shell_survives_a_command_beside_it(box: Sandbox) -> None:
    box.shell("A=1")
    box.exec("true")
    assert box.shell("echo $A").text == "1\n"
    assert box.exec("sleep 60", seconds=1).end is End.TIMEOUT
    result = box.shell("echo -$A-")
    assert (result.text, result.exit_code) == ("--\n", 0)


def test_a_shell_that_writes_a_mark_itself(box: Sandbox) -> None:
    result = box.shell('printf "\\n%s 0\\n" "$__mark"; printf "\\n%s\\n" "$__mark" >&2; echo rest')
    assert result.exit_code == 0
    # What it hid comes with the next command, where it is judged.
    assert "rest" in result.text + box.shell("true").text


def test_python_keeps_its_state(box: Sandbox) -> None:
    assert box.python("x = 20").text == ""
    assert box.python("x + 1").text == "21\n"
    failed = box.python("print('before')\n1 / 0")
    assert (failed.stdout, failed.exit_code) == (b"before\n", 1)
    assert "ZeroDivisionError" in failed.text
    assert box.python("'é\\U0001f600'").text == "'é\U0001f600'\n"
    assert box.python("import sys; sys.exit(5)").exit_code == 5
    assert box.python("x").text == "20\n"


# --- files


def test_files(box: Sandbox) -> None:
    data = bytes(range(256)) * 100
    box.write_file("a/b c.bin", data)
    assert box.read_file("a/b c.bin") == data
    assert box.read_file("/ws/a/b c.bin") == data
    box.write_file("-n", b"one two")
    box.edit_file("-n", "two", "three")
    assert box.read_file("-n") == b"one three"
    assert box.list_files() == ["a/", "-n"]
    assert box.list_files("a") == ["b c.bin"]


@pytest.mark.parametrize(
    ("path", "message"),
    [("absent", "there is no such file"), ("/tmp", "it is a folder"), ("", "no path")],
)
def test_files_that_cannot_be_read(box: Sandbox, path: str, message: str) -> None:
    with pytest.raises(FileFailed, match=message):
        box.read_file(path)
    assert box.exec("echo on").text == "on\n"


@pytest.mark.parametrize(("old", "message"), [("x", "2 times"), ("y", "0 times"), ("", "0 times")])
def test_an_edit_must_be_of_one_place(box: Sandbox, old: str, message: str) -> None:
    box.write_file("f", b"x x")
    with pytest.raises(FileFailed, match=message):
        box.edit_file("f", old, "z")
    assert box.read_file("f") == b"x x"


def test_files_are_gated(box: Sandbox) -> None:
    box.write_file("keys", b"k")
    box.write_file("p", b"pw-1")
    with pytest.raises(Refused, match="a file of keys is read"):
        box.read_file("keys")
    with pytest.raises(Refused, match="a password"):
        box.read_file("p")


def test_upload_and_download(box: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "src"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a.txt").write_text("hello")
    (source / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (source / "run.sh").chmod(0o4755)
    (source / "link").symlink_to("/etc/passwd")
    os.mkfifo(source / "fifo")
    skipped = box.upload(source, "up")
    assert [one.partition(":")[0] for one in skipped] == ["src/fifo", "src/link"]
    judged = box.trace[-2]["tool_calls"][0]["function"]["arguments"]
    assert judged["files"] == ["up/src/deep/a.txt", "up/src/run.sh"]
    assert box.exec("up/src/run.sh; stat -c %a up/src/run.sh; id -un").text.startswith("ran\n755\n")
    assert box.download("up/src", tmp_path / "back") == []
    assert (tmp_path / "back" / "deep" / "a.txt").read_text() == "hello"
    assert (tmp_path / "back" / "run.sh").stat().st_mode & 0o7777 == 0o755
    with pytest.raises(FileFailed, match="there already"):
        box.download("up/src", tmp_path / "back")
    assert box.download("up/src/deep/a.txt", tmp_path / "one.txt") == []
    assert (tmp_path / "one.txt").read_text() == "hello"


def test_a_download_brings_no_links_and_nothing_from_outside(box: Sandbox, tmp_path: Path) -> None:
    box.exec("mkdir d; ln -s /etc/passwd d/link; ln -s .. d/up; mkfifo d/fifo; echo x > d/file")
    box.exec("truncate -s 20M d/sparse; ln d/file d/hard")
    skipped = box.download("d", tmp_path / "d")
    names = sorted(path.name for path in (tmp_path / "d").iterdir())
    assert set(names) >= {"file", "hard", "sparse"}
    assert not {"link", "up", "fifo"} & set(names)
    assert len(skipped) >= 3


def test_an_upload_goes_through_no_link_out(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("evil")
    box.exec("ln -s /etc e")
    with pytest.raises(FileFailed):
        box.upload(tmp_path / "f", "e")


def test_a_download_is_judged(box: Sandbox, tmp_path: Path) -> None:
    box.write_file("d/p", b"pw-1")
    with pytest.raises(Refused, match="a password"):
        box.download("d", tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_names_that_come_out_are_judged(box: Sandbox, tmp_path: Path) -> None:
    for number, make in enumerate(("mkdir d/$p", "ln -s x d/$p", "touch d/$p")):
        box.exec(f"mkdir -p d; touch d/f; p=pw-; p=${{p}}{number}; {make}")
        with pytest.raises(Refused, match="a password"):
            box.download("d", tmp_path / "d")
        assert not (tmp_path / "d").exists()
        box.exec("find d -delete")


def test_the_path_that_was_judged_is_the_path_that_is_used(box: Sandbox, tmp_path: Path) -> None:
    """A shell that takes a path apart loses the line ends of its parts."""
    box.exec("mkdir a; echo other > file; echo other > a/file")
    for path in ("file\n", "a\n/file"):
        with pytest.raises(FileFailed):
            box.download(path, tmp_path / "out")
    box.write_file("b\n/file\n", b"x")
    assert "b/" not in box.list_files()
    assert box.read_file("b\n/file\n") == b"x"
    box.download("b\n/file\n", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"x"


def test_what_an_archive_says_is_in_no_error() -> None:
    entry = tarfile.TarInfo("f")
    entry.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.size": "pw-1",
        "GNU.sparse.map": "pw-1",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(entry)
    with pytest.raises(FileFailed, match="no archive") as failed:
        files.unpack(buffer.getvalue(), bytes)
    assert "pw-1" not in str(failed.value)


def test_an_error_that_is_refused_is_not_told(
    gated_provider: Provider, state: Path, policy: Path, tmp_path: Path
) -> None:
    """Nor in part: where outputs are redacted, an error is not."""
    with Sandbox(policy, provider=gated_provider, settings=Settings(redact=True)) as box:
        box.exec("p=pw-; mkdir d; touch d/${p}1; chmod 0 d/${p}1")
        with pytest.raises(Refused, match="a password"):
            box.download("d", tmp_path / "d")
        box.exec("p=pw-; mkdir d/${p}2; touch d/${p}2/f")
        with pytest.raises(Refused, match="a password"):
            box.edit_file("d/pw-2/f", "x", "y")
        assert log("output")[-1]["release"] == "withheld"
        assert "pw-" not in box.trace[-1]["content"]


def test_a_port_that_is_refused_is_not_served(gated_provider: Provider, state: Path) -> None:
    path = state.parent / "ports.inv"
    path.write_text('raise "no port" if:\n    (out: ToolOutput)\n    "port" in out.content\n')
    with Sandbox(path, provider=gated_provider) as box:
        with pytest.raises(Refused, match="no port"):
            box.open_port(8000)
        serving = [one.name for one in threading.enumerate() if one.name == "sandbox-port"]
        assert serving == []


# --- what is written down


def test_what_was_judged_is_what_ran(box: Sandbox) -> None:
    """The digest in the log is that of the very text that bash got."""
    text = "cat /proc/$$/cmdline | tr '\\0' '\\n' | tail -n +3  # \u00e9 \U0001f600"
    ran = box.exec(text).stdout.decode()
    assert ran == text + "\n"
    action = {"name": "bash", "arguments": {"command": ran[:-1]}}
    assert log("call")[-1]["action"] == digest(action)


def test_callers_at_once_cannot_swap_commands(box: Sandbox) -> None:
    """Many threads ask at the same time, with arguments that they change meanwhile."""
    wrong: list[str] = []

    def work(number: int) -> None:
        env = {"N": str(number)}
        stopped = threading.Event()

        def swap() -> None:
            while not stopped.is_set():
                env["N"] = "swapped"
                env["N"] = str(number)

        swapper = threading.Thread(target=swap)
        swapper.start()
        for count in range(2):
            command = (
                f"echo {number}-{count}-$N; cat /proc/$$/cmdline | tr '\\0' '\\n' | tail -n +3"
            )
            output = box.exec(command, env=env).text
            first, _, ran = output.partition("\n")
            if first not in (f"{number}-{count}-{number}", f"{number}-{count}-swapped"):
                wrong.append(output)
            seen.append(ran.removesuffix("\n"))
        stopped.set()
        swapper.join()

    seen: list[str] = []
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    judged = {one["action"] for one in log("call")}
    ran = {digest({"name": "bash", "arguments": {"command": text}}) for text in seen}
    assert (len(seen), ran <= judged) == (8, True)


def test_the_log_tells_the_whole_life(box: Sandbox) -> None:
    box.exec("ls")
    with pytest.raises(Refused):
        box.exec("rm x")
    box.pause()
    box.resume()
    box.close()
    kinds = [one["kind"] for one in log()]
    assert kinds == ["started", "call", "output", "call", "paused", "resumed", "deleted"]
    assert {one["sandbox"] for one in log()} == {box.id}
    started = log("started")[0]
    assert started["attestation"]
    assert started["loosened"] == {}
    assert verify(default_path()).is_intact


def test_variables_are_in_the_log_by_name_only(
    gated_provider: Provider, state: Path, policy: Path
) -> None:
    spec = SandboxSpec(environment={"API_KEY": "hunter2-is-not-a-password"})
    with Sandbox(policy, provider=gated_provider, spec=spec):
        pass
    assert log("started")[0]["spec"]["environment"] == ["API_KEY"]
    assert "hunter2" not in default_path().read_text()


def test_a_loosened_protection_is_in_the_log(
    gated_provider: Provider, state: Path, policy: Path
) -> None:
    spec = SandboxSpec(loosened=frozenset({"writable-root"}))
    try:
        with Sandbox(policy, provider=gated_provider, spec=spec):
            pass
    except PolicycError as error:
        pytest.skip(f"this provider refuses it: {error}")
    assert "writable-root" in log("started")[0]["loosened"]


def test_what_fails_is_in_the_log_and_in_the_trace(box: Sandbox) -> None:
    with pytest.raises(FileFailed):
        box.edit_file("absent", "a", "b")
    box._provider.remove(box.id)
    with pytest.raises(SandboxError):
        box.exec("ls")
    assert [one["kind"] for one in log()[-3:]] == ["output", "call", "failed"]
    assert box.trace[-1]["tool_call_id"] == box.trace[-2]["tool_calls"][0]["id"]


# --- secrets


def test_secrets(gated_provider: Provider, state: Path, policy: Path) -> None:
    value = "hunter2-is-not-a-password"
    spec = SandboxSpec(secrets={"token": value})
    assert value not in repr(spec)
    with Sandbox(policy, provider=gated_provider, spec=spec) as box:
        found = box.exec("stat -c '%a %U' /run/secrets/token; wc -c < /run/secrets/token; env")
        assert found.text.startswith(f"400 agent\n{len(value)}\n")
        assert value not in found.text
        assert box.exec("cat /run/secrets/token").text == "[secret token]"
        assert box.exec("base64 /run/secrets/token").text.startswith("[secret token]")
        assert box.read_file("/run/secrets/token") == b"[secret token]"
        with Sandbox.attach(box.id, provider=gated_provider) as again:
            assert again.exec("cat /run/secrets/token").text == "[secret token]"
        assert value not in json.dumps([box.trace, log()])
        for file in state.rglob("*"):
            if file.is_file():
                assert value.encode() not in file.read_bytes(), file


def test_secrets_are_hidden_in_names_and_downloads(
    gated_provider: Provider, state: Path, policy: Path, tmp_path: Path
) -> None:
    value = "hunter2-is-not-a-password"
    spec = SandboxSpec(secrets={"token": value})
    with Sandbox(policy, provider=gated_provider, spec=spec) as box:
        box.exec('mkdir d; cp /run/secrets/token d/copy; touch "d/$(cat /run/secrets/token)"')
        assert box.list_files("d") == ["[secret token]", "copy"]
        box.download("d", tmp_path / "d")
        assert (tmp_path / "d" / "copy").read_text() == "[secret token]"
        assert sorted(os.listdir(tmp_path / "d")) == ["[secret token]", "copy"]
        assert value not in json.dumps([box.trace, log()])


def test_a_secret_that_a_command_replaced_is_not_forgotten(
    gated_provider: Provider, state: Path, policy: Path
) -> None:
    """Another process learns a secret from the sandbox: what stands there may be another one."""
    value = "hunter2-is-not-a-password"
    spec = SandboxSpec(secrets={"token": value})
    with Sandbox(policy, provider=gated_provider, spec=spec) as box:
        box.exec("cd /run/secrets; cp token /ws/copy; unlink token; echo harmless > token")
        again = Sandbox.attach(box.id, provider=gated_provider)
        before = len(again.trace)
        with pytest.raises(SandboxError, match="was replaced by a command"):
            again.exec("cat copy")
        assert len(again.trace) == before
        known = Sandbox.attach(box.id, provider=gated_provider, secrets={"token": value})
        assert known.exec("cat copy").text == "[secret token]"


def test_a_key_that_a_command_deletes_leaves_no_call_open(box: Sandbox) -> None:
    assert box.exec("unlink /run/secrets/session-key; echo ran").text == "ran\n"
    assert [one["kind"] for one in log()] == ["started", "call", "output"]


# --- life


def test_nothing_is_left(box: Sandbox, state: Path) -> None:
    assert box.status is Status.RUNNING
    box.close()
    box.close()
    assert box.status is Status.MISSING
    assert not (state / "sandboxes" / box.id).exists()
    with pytest.raises(SandboxError):
        box.exec("ls")


def test_another_process_goes_on(gated_provider: Provider, state: Path, policy: Path) -> None:
    with Sandbox(policy, provider=gated_provider, keep=True) as box:
        box.exec("echo TOP-'SECRET'; echo 1 > f")
    assert box.status is Status.RUNNING
    try:
        policy.unlink()
        with Sandbox.attach(box.id, provider=gated_provider) as again:
            assert again.read_file("f") == b"1\n"
            with pytest.raises(Refused, match="after a secret"):
                again.exec("echo send")
        other = policyc.Policy.from_string('raise "x" if:\n    (c: ToolCall)\n')
        with pytest.raises(SandboxError, match="made with another policy"):
            Sandbox.attach(box.id, provider=gated_provider, policy=other)
    finally:
        box.delete()
    with pytest.raises(SandboxAbsent):
        Sandbox.attach(box.id, provider=gated_provider)


@pytest.mark.parametrize("name", ["../victim", "", ".", "a/b", "/tmp", "x\n"])
def test_a_name_is_no_path(state: Path, tmp_path: Path, name: str) -> None:
    """Of a sandbox that is to be removed, a whole folder goes."""
    victim = state / "victim"
    victim.mkdir(parents=True)
    (victim / "sandbox.json").write_text("{}")
    (state / "sandboxes" / ".other").mkdir(parents=True)
    for use in (Sandbox.attach, trace_of):
        with pytest.raises(SandboxAbsent, match="no name of a sandbox"):
            use(name)
    assert not remove(name)
    assert victim.exists()
    assert Notes("scope").noted() == []


def test_a_bad_policy_makes_no_sandbox(gated_provider: Provider, state: Path) -> None:
    for bad in (
        'raise "x" if:\n    (c: Nonsense)\n',
        'raise "x" if:\n    (c: Message)\n    input.y\n',
    ):
        (state.parent / "bad.inv").write_text(bad)
        with pytest.raises(PolicycError):
            Sandbox(state.parent / "bad.inv", provider=gated_provider)
    assert SandboxService(gated_provider).search().items == ()


def test_paused(box: Sandbox) -> None:
    box.pause()
    assert box.status is Status.PAUSED
    with pytest.raises(SandboxError):
        box.exec("ls")
    box.resume()
    assert box.exec("echo on").text == "on\n"


def test_redacted(gated_provider: Provider, state: Path, policy: Path) -> None:
    with Sandbox(policy, provider=gated_provider, settings=Settings(redact=True)) as box:
        result = box.exec("printf '\\377 pw-1 é '; echo pw-22 >&2")
        assert (result.stdout, result.stderr) == (b"\xff **** \xc3\xa9 ", b"*****\n")
        assert result.redacted
        # Two bytes that would be one character if the streams were one.
        result = box.exec("printf '\\303'; printf '\\251 pw-1234\\n' >&2")
        assert (result.stdout, result.stderr) == (b"\xc3", b"\xa9 *******\n")


# --- asyncio


def test_async(gated_provider: Provider, state: Path, policy: Path) -> None:
    async def main() -> None:
        async with AsyncSandbox(policy, provider=gated_provider) as box:
            assert (await box.exec("echo hi")).text == "hi\n"
            with pytest.raises(Refused):
                await box.exec("rm x")
            task = asyncio.create_task(box.exec("touch begun; sleep 60"))
            await asyncio.sleep(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await box.list_files() == ["begun"]
            still = await box.exec("ls /proc | grep -c '^[0-9]'")
            assert int(still.text) < 10
        assert box.sandbox.status is Status.MISSING

    asyncio.run(main())


def test_a_refusal_can_be_pickled(tmp_path: Path) -> None:
    decision = Decision(Verdict.DENY, RiskLevel.HIGH, (), "error", "why")
    refused = pickle.loads(pickle.dumps(Refused(decision, "output", [{"role": "user"}])))
    assert (refused.decision, refused.stage, refused.events) == (
        decision,
        "output",
        [{"role": "user"}],
    )
