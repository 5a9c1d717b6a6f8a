"""Recorded answers of a language model: a file of JSON Lines, one for each request.

A line has the digest of the request (`key`), the model that answered, the start of the prompt with
credentials masked (for people: it is not looked at), and the answer. Where a request was recorded
twice, the later line holds. No address and no key gets into it.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from policyc.runtime.bounds import BuiltinError

_SHOWN = 120
"""Characters of a prompt that a line shows."""


def key_of(request: dict[str, Any]) -> str:
    """The digest of a request, by which its answer is found again."""
    data = json.dumps(request, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(data.encode()).hexdigest()


def recorded(path: str, key: str, prompt: str) -> str:
    """The recorded answer to a request.

    Raises:
        BuiltinError: there is none, or the file cannot be read.
    """
    try:
        found = Path(path).stat()
        answers = _answers(path, found.st_mtime_ns, found.st_size)
    except (OSError, UnicodeDecodeError) as error:
        raise BuiltinError(f"the recording `{path}` cannot be read: {error}") from error
    if key not in answers:
        raise BuiltinError(
            f"`{path}` has no answer to `{_start(prompt)}` (key {key[:12]})",
            f"record it: `POLICYC_LLM_RECORD={path}` in place of `POLICYC_LLM_REPLAY`",
        )
    return answers[key]


def record(path: str, key: str, model: str, prompt: str, answer: str) -> None:
    """Put an answer at the end of a file.

    Raises:
        BuiltinError: it cannot be written.
    """
    row = {"key": key, "model": model, "prompt": _start(prompt), "answer": answer}
    try:
        # One write to the end of the file: processes that test at once may share it.
        with open(path, "ab", buffering=0) as file:
            file.write(f"{json.dumps(row)}\n".encode())
    except OSError as error:
        raise BuiltinError(f"the recording `{path}` cannot be written: {error}") from error


@lru_cache(maxsize=16)
def _answers(path: str, *_stamp: int) -> dict[str, str]:
    answers: dict[str, str] = {}
    for number, line in enumerate(Path(path).read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            key, answer = row["key"], row["answer"]
        except (ValueError, KeyError, TypeError):
            key = answer = None
        if not isinstance(key, str) or not isinstance(answer, str):
            raise BuiltinError(f"line {number} of the recording `{path}` is no recorded answer")
        answers[key] = answer
    return answers


def _start(prompt: str) -> str:
    from policyc.runtime.detectors.masking import masked  # noqa: PLC0415  # only where one is shown

    shown = " ".join(masked(prompt).split())
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
