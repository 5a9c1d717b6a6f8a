"""The audit log: what it notices, and what a crash may leave."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from policyc.runtime.sandbox.audit import (
    START,
    AuditError,
    AuditLog,
    canonical,
    digest,
    records,
    verify,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_records_follow_one_another(path: Path) -> None:
    log = AuditLog(path)
    hashes = [log.append("call", verdict="allow", number=number) for number in range(5)]
    found = list(records(path))
    assert [one["seq"] for one in found] == [1, 2, 3, 4, 5]
    assert [one["prev"] for one in found] == [START, *hashes[:-1]]
    told = verify(path)
    assert (told.records, told.head, told.is_intact) == (5, hashes[-1], True)


def test_the_log_is_of_its_user_alone(path: Path) -> None:
    AuditLog(path).append("call")
    assert path.stat().st_mode & 0o777 == 0o600


def changed(line: bytes) -> bytes:
    return line.replace(b'"verdict":"deny"', b'"verdict":"allow"')


def forged(line: bytes) -> bytes:
    """A line whose own hash fits what was changed."""
    record = json.loads(changed(line))
    del record["hash"]
    return canonical({**record, "hash": digest(record)}) + b"\n"


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (lambda old: [*old[:2], changed(old[2]), *old[3:]], 3, "was changed"),
        (lambda old: [*old[:2], forged(old[2]), *old[3:]], 4, "does not follow"),
        (lambda old: [*old[:2], *old[3:]], 3, "does not follow"),
        (lambda old: [old[1], old[0], *old[2:]], 1, "does not follow"),
        (lambda old: [*old[:3], old[2], *old[3:]], 4, "does not follow"),
        (lambda old: [*old[:3], b"nonsense\n", *old[3:]], 4, "is no record"),
        (lambda old: [*old[:3], b"[1]\n", *old[3:]], 4, "is no record"),
        (lambda old: [old[0].replace(b",", b", ", 1), *old[1:]], 1, "not written as records are"),
        (
            lambda old: [old[0].replace(b"{", b'{"verdict":"allow",', 1), *old[1:]],
            1,
            "not written as records are",
        ),
    ],
)
def test_a_changed_log_is_noticed(path: Path, change, line: int, message: str) -> None:  # type: ignore[no-untyped-def]
    log = AuditLog(path)
    for number in range(5):
        log.append("call", verdict="deny", number=number)
    path.write_bytes(b"".join(change(lines(path))))
    told = verify(path)
    assert not told.is_intact
    assert (told.problems[0].line, message in told.problems[0].message) == (line, True)


def test_missing_lines_at_the_end_are_noticed_by_who_kept_a_hash(path: Path) -> None:
    log = AuditLog(path)
    kept = [log.append("call", number=number) for number in range(5)][-1]
    path.write_bytes(b"".join(lines(path)[:3]))
    assert verify(path).is_intact
    assert "is not in the log" in verify(path, kept).problems[0].message
    assert verify(path, json.loads(lines(path)[1])["hash"]).is_intact


def test_what_a_crash_left_of_a_line_is_kept_as_it_was(path: Path) -> None:
    AuditLog(path).append("call", number=1)
    with path.open("ab") as file:
        file.write(b'{"kind":"call","num')
    told = verify(path)
    assert (told.records, told.is_intact, told.unfinished) == (1, True, True)
    AuditLog(path).append("call", number=2)
    kinds = [(one["kind"], one.get("unfinished")) for one in records(path)]
    assert kinds == [("call", None), ("recovered", '{"kind":"call","num'), ("call", None)]
    assert verify(path).is_intact


def test_a_damaged_end_is_not_written_over(path: Path) -> None:
    path.write_text("nonsense\n")
    with pytest.raises(AuditError, match="is no record"):
        AuditLog(path).append("call")
    assert path.read_text() == "nonsense\n"


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    with pytest.raises(AuditError, match="cannot be written"):
        AuditLog(tmp_path / "elsewhere" / "audit.jsonl").append("call")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AuditError, match="cannot be written"):
        AuditLog(tmp_path / "link").append("call")


def test_after_a_failure_the_chain_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AuditLog(path)
    log.append("call", number=1)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(AuditError, match="No space left"):
            log.append("call", number=2)
    log.append("call", number=3)
    assert verify(path).is_intact


def write_some(path: Path, number: int) -> None:
    log = AuditLog(path)
    for count in range(25):
        log.append("call", process=number, count=count)


def test_several_processes_write_one_chain(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write_some, args=(path, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    told = verify(path)
    assert (told.records, told.is_intact) == (100, True)


WRITER = """
import sys
from pathlib import Path
from policyc.runtime.sandbox.audit import AuditLog
log = AuditLog(Path(sys.argv[1]))
while True:
    log.append("call", text="x" * 5000)
    print(".", end="", flush=True)
"""


def test_a_killed_writer_loses_nothing_that_was_decided(path: Path) -> None:
    decided = 0
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        seen = len(writer.stdout.read(20))
        time.sleep(0.01)
        writer.send_signal(signal.SIGKILL)
        decided += seen + len(writer.stdout.read())
        writer.wait()
        writer.stdout.close()
    AuditLog(path).append("end")
    told = verify(path)
    calls = sum(one["kind"] == "call" for one in records(path))
    assert told.is_intact
    # A record may be on the disk before anybody was told so, never the other way round.
    assert decided <= calls <= decided + 5


def test_a_log_that_others_can_write_or_that_keeps_nothing_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared.jsonl"
    shared.touch()
    shared.chmod(0o666)
    with pytest.raises(AuditError, match="only you can write to"):
        AuditLog(shared).append("call")
    assert shared.read_bytes() == b""
    nowhere = tmp_path / "nowhere.jsonl"
    os.mkfifo(nowhere)
    with pytest.raises(AuditError, match="is no file"):
        AuditLog(nowhere).append("call")
