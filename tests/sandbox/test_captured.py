"""The output of a command within bounds: its beginning and its end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policyc.runtime.sandbox.captured import Captured
from policyc.runtime.sandbox.provider import Chunk

CHUNKS = st.lists(
    st.builds(Chunk, st.sampled_from(["stdout", "stderr"]), st.binary(min_size=1, max_size=400))
)


@given(CHUNKS, st.integers(1, 600))
def test_all_of_it_up_to_the_bound_and_never_more(chunks: list[Chunk], bound: int) -> None:
    captured = Captured(bound)
    for one in chunks:
        captured.add(one)
    written = {
        name: b"".join(one.data for one in chunks if one.stream == name)
        for name in ("stdout", "stderr")
    }
    total = sum(map(len, written.values()))
    assert captured.is_over == (total > bound)
    assert captured.room == max(0, bound - total)
    assert len(captured.stdout) + len(captured.stderr) <= bound
    if total <= bound:
        assert {"stdout": captured.stdout, "stderr": captured.stderr} == written


def test_both_ends_are_kept_and_what_lies_between_is_counted() -> None:
    captured = Captured(100)
    captured.add(Chunk("stdout", b"begin" + b"x" * 990 + b"final"))
    assert captured.stdout.startswith(b"begin") and captured.stdout.endswith(b"final")
    assert b"\n[... 948 bytes left out ...]\n" in captured.stdout
    assert captured.stdout.count(b"x") == 1000 - 948 - 10


def test_one_stream_does_not_push_the_other_out() -> None:
    captured = Captured(1000)
    captured.add(Chunk("stderr", b"why it failed"))
    captured.add(Chunk("stdout", b"x" * 5000))
    assert captured.stderr == b"why it failed"
    assert 900 < len(captured.stdout) <= 1000 - len(captured.stderr)
