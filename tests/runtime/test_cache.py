"""The cache of compiled policies: used where it is sound, and never a reason to fail."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from tests.traces import calls, user

from policyc import Policy, PolicyError
from policyc.runtime import cache, loading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SOURCE = """
from invariant import count

LIMIT := 1 + 1

long(m: Message) := len(m.content) > LIMIT

raise Violation("long", m, input.note) if:
    (m: Message)
    long(m)

raise "call" if:
    (c: ToolCall)
    c is tool:f({x: "a+"})

raise "unused" if:
    (a: Message)
    (b: Message)
    count(min=2):
        (m: Message)
        m.content == a.content
"""
TRACE = [user("hello"), calls("f", x="aa"), user("hello"), user("")]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache, for this test alone."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("POLICYC_CACHE_DIR", str(folder))
    monkeypatch.delenv("POLICYC_NO_CACHE", raising=False)
    return folder


@pytest.fixture
def policy_file(tmp_path: Path) -> Path:
    path = tmp_path / "p.inv"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The first file of each policy that was compiled, in order."""
    files: list[str | None] = []
    original = loading.compile_program

    def compile_program(sources: Any, functions: Any) -> Any:
        files.append(sources[0].path)
        return original(sources, functions)

    monkeypatch.setattr(loading, "compile_program", compile_program)
    return files


def entries(home: Path) -> list[Path]:
    return sorted(home.glob("*.bin"))


def answers(policy: Policy) -> dict[str, Any]:
    return policy.analyze(TRACE, note={"n": 1}).to_dict()


def test_a_policy_is_compiled_once(home: Path, policy_file: Path, compiled: list[Any]) -> None:
    first, second = Policy.from_file(policy_file), Policy.from_file(policy_file)

    assert compiled == [str(policy_file)]
    assert len(entries(home)) == 1
    assert answers(second) == answers(first)
    assert answers(first)["violations"]


def test_a_kept_policy_says_all_that_a_fresh_one_says(home: Path, policy_file: Path) -> None:
    fresh, kept = Policy.from_file(policy_file), Policy.from_file(policy_file)

    assert [d.to_dict() for d in kept.diagnostics] == [d.to_dict() for d in fresh.diagnostics]
    assert {d.code for d in kept.diagnostics} == {"W0703"}
    assert kept.parameters == fresh.parameters == {"note": None}
    # Errors find their place in the policy, monitors and limits work.
    assert kept.analyze(TRACE).errors[0].line == fresh.analyze(TRACE).errors[0].line == 8
    monitor = kept.monitor(note=1)
    assert [len(monitor.append(event)) for event in TRACE] == [1, 1, 1 + 6, 2]
    limited = Policy.from_file(policy_file, limits={"matches": 1})
    assert limited.analyze(TRACE, note=1).errors
    plain = Policy.from_file(policy_file, optimize=False)
    assert answers(plain) == answers(kept)


def test_another_text_or_name_is_another_entry(
    home: Path, policy_file: Path, compiled: list[Any]
) -> None:
    Policy.from_file(policy_file)
    policy_file.write_text(SOURCE.replace("1 + 1", "1 + 9"))
    changed = Policy.from_file(policy_file)
    other = policy_file.with_name("q.inv")
    other.write_text(SOURCE)
    Policy.from_file(other)
    Policy.from_files([policy_file, other])
    Policy.from_files([other, policy_file])

    assert len(compiled) == len(entries(home)) == 5
    assert [v["message"] for v in answers(changed)["violations"]].count("long") == 0


def test_texts_and_functions_of_a_host_are_not_kept(home: Path, policy_file: Path) -> None:
    Policy.from_string(SOURCE)
    Policy.from_file(policy_file, functions={"f": len})

    assert not entries(home)


def test_a_policy_with_errors_is_not_kept(home: Path, policy_file: Path) -> None:
    policy_file.write_text('raise "x" if:\n    (m: Mesage)\n')

    for _ in range(2):
        with pytest.raises(PolicyError):
            Policy.from_file(policy_file)
    assert not entries(home)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def other_magic(path: Path) -> None:
    path.write_bytes(b"X" + path.read_bytes()[1:])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_program(path: Path) -> None:
    """A whole entry, digest and all, with something else in it."""
    import hashlib  # noqa: PLC0415  # only here
    import pickle  # noqa: PLC0415  # only here

    content = pickle.dumps(("no", "program"))
    path.write_bytes(b"policyc\x01" + hashlib.sha256(content).digest() + content)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [truncate, flip, other_magic, empty, no_program, a_folder])
def test_a_damaged_entry_is_made_again(
    damage: Callable[[Path], None], home: Path, policy_file: Path, compiled: list[Any]
) -> None:
    expected = answers(Policy.from_file(policy_file))
    (entry,) = entries(home)
    damage(entry)

    assert answers(Policy.from_file(policy_file)) == expected
    assert len(compiled) == 2
    if damage is not a_folder:
        assert answers(Policy.from_file(policy_file)) == expected
        assert len(compiled) == 2


def test_another_version_has_entries_of_its_own(
    home: Path, policy_file: Path, compiled: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    Policy.from_file(policy_file)
    monkeypatch.setattr(cache, "_fingerprint", lambda: "another version of policyc or python")
    Policy.from_file(policy_file)

    assert len(compiled) == len(entries(home)) == 2


@pytest.mark.parametrize("value", ["1", "yes"])
def test_the_cache_can_be_turned_off(
    value: str, home: Path, policy_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICYC_NO_CACHE", value)

    assert answers(Policy.from_file(policy_file))["violations"]
    assert not home.exists()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_folder_that_others_may_write_to_is_not_used(home: Path, policy_file: Path) -> None:
    """Whoever can write an entry decides what the policy says."""
    Policy.from_file(policy_file)
    (entry,) = entries(home)
    before = entry.stat().st_mtime_ns
    for mode in (0o777, 0o770):
        home.chmod(mode)
        entry.write_bytes(b"harmful")
        assert answers(Policy.from_file(policy_file))["violations"]
        assert entry.read_bytes() == b"harmful"
    home.chmod(0o700)
    assert answers(Policy.from_file(policy_file))["violations"]
    assert entry.stat().st_mtime_ns != before


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_the_folder_is_made_for_its_user_alone(home: Path, policy_file: Path) -> None:
    Policy.from_file(policy_file)

    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_used_is_no_reason_to_fail(
    tmp_path: Path, policy_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_file = tmp_path / "file"
    a_file.write_text("")
    for place in (a_file, a_file / "below", "/proc/none/cache"):
        monkeypatch.setenv("POLICYC_CACHE_DIR", str(place))
        assert answers(Policy.from_file(policy_file))["violations"]


def test_a_write_that_fails_is_no_reason_to_fail(
    home: Path, policy_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(cache, "_write", full)

    assert answers(Policy.from_file(policy_file))["violations"]
    assert not entries(home)


def test_a_user_without_a_home_has_no_cache(
    policy_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("POLICYC_CACHE_DIR", "XDG_CACHE_HOME", "POLICYC_NO_CACHE"):
        monkeypatch.delenv(name, raising=False)

    def no_home() -> Any:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache.Path, "home", no_home)

    assert cache.folder() is None
    assert answers(Policy.from_file(policy_file))["violations"]


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POLICYC_NO_CACHE", raising=False)
    monkeypatch.delenv("POLICYC_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder() == tmp_path / ".cache" / "policyc"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder() == tmp_path / "xdg" / "policyc"
    monkeypatch.setenv("POLICYC_CACHE_DIR", str(tmp_path / "own"))
    assert cache.folder() == tmp_path / "own"
    monkeypatch.setenv("POLICYC_NO_CACHE", "0")
    assert cache.folder() == tmp_path / "own"


def test_only_so_many_entries_are_kept(
    home: Path, policy_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MAX_ENTRIES", 3)
    for number in range(6):
        policy_file.write_text(f'raise "rule {number}" if:\n    (m: Message)\n')
        Policy.from_file(policy_file)
        os.utime(max(entries(home), key=lambda e: e.stat().st_mtime), (number, number))

    assert len(entries(home)) == 3


def test_a_policy_of_any_depth_can_be_compiled_from_a_file(home: Path, policy_file: Path) -> None:
    """What is too deep to be kept is compiled each time."""
    policy_file.write_text(
        f'raise "x" if:\n    (m: Message)\n    m.content == {" + ".join(["m.role"] * 120)}\n'
    )

    assert not Policy.from_file(policy_file).analyze(TRACE)
    assert not Policy.from_file(policy_file).analyze(TRACE)


def test_two_processes_at_once(home: Path, policy_file: Path) -> None:
    script = textwrap.dedent("""
        import json, sys
        from policyc import Policy
        for _ in range(3):
            policy = Policy.from_file(sys.argv[1])
        print(json.dumps(policy.analyze([{"role": "user", "content": "hello"}], note=1).to_dict()))
    """)
    command = [sys.executable, "-c", script, str(policy_file)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)
    ]
    outputs = [process.communicate(timeout=60) for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0]
    assert {error for _, error in outputs} == {b""}
    assert len({out for out, _ in outputs}) == 1
    assert len(entries(home)) == 1
    assert not list(home.glob("*.new"))


def test_what_a_killed_process_left_half_written_goes(home: Path, policy_file: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "0123.4567.new").write_bytes(b"half")
    Policy.from_file(policy_file)
    assert len(entries(home)) == 1
    assert not list(home.glob("*.new"))


def test_a_kept_policy_loads_no_compiler(home: Path, policy_file: Path) -> None:
    """What makes a second start quick."""
    script = textwrap.dedent("""
        import sys
        from policyc import Policy
        policy = Policy.from_file(sys.argv[1])
        assert not policy.analyze([{"role": "user", "content": ""}], note=1)
        assert policy.analyze([{"role": "user", "content": "hello"}], note=1)
        loaded = {"lark", "re2", "httpx", "docker", "click", "rich", "filelock"} & set(sys.modules)
        loaded |= {"policyc.compiler.codegen", "policyc.grammar.parser"} & set(sys.modules)
        print(sorted(loaded))
    """)

    command = [sys.executable, "-c", script, str(policy_file)]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)
    )

    assert "policyc.grammar.parser" in first
    assert second == "[]\n"
