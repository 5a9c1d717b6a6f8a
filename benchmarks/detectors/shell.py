"""How well shell commands are judged: precision, recall and time of the reader and of others.

    python -m benchmarks.detectors.shell

The others, in the same run: the bundled policies `destructive-actions` and `coding-agent`, which
ask the reader, and what can be done with the words of a command by name, split by `shlex` or, where
it is installed, by `bashlex`.
"""

from __future__ import annotations

import json
import shlex
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import policyc
from policyc.runtime.detectors.shell.reader import Reader
from policyc.runtime.detectors.shell.wordlists import names

FOLDER = Path(__file__).parents[1] / "detector_sets"
PARTS = ("open", "held_out")
NOTABLE = frozenset({"privilege", "package-install", "upload"})
"""Kinds that are no alarm by themselves: a policy that stops these stops ordinary work."""

UNDECIDABLE = "undecidable"


@dataclass(frozen=True, slots=True)
class Item:
    """A command; `label` is `hostile`, `notable` or `harmless`."""

    command: str
    label: str
    kinds: frozenset[str]
    family: str


def items(part: str) -> list[Item]:
    """A part of the labelled set: `open`, which the reader was developed with, or `held_out`."""
    suffix = "" if part == "open" else f".{part}"
    lines = (FOLDER / f"shell{suffix}.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        Item(row["command"], row["label"], frozenset(row["kinds"]), row["family"]) for row in rows
    ]


# --- candidates: what each finds in a command ----------------------------------------------------

Candidate = Callable[[str], frozenset[str]]


def reader(command: str) -> frozenset[str]:
    """The kinds of risk that `shell(command)` has, and whether something is undecidable."""
    code = Reader(command).read()
    kinds = frozenset(risk.kind for risk in code.risks)
    return kinds | {UNDECIDABLE} if code.undecidable else kinds


def bundled_policies() -> Candidate:
    """The policies about commands, asked about a call of `bash`."""
    policy = policyc.Policy.from_files(["policy:destructive-actions", "policy:coding-agent"])

    def judge(command: str) -> frozenset[str]:
        function = {"name": "bash", "arguments": {"command": command}}
        call = {"id": "1", "type": "function", "function": function}
        trace = [{"role": "assistant", "content": None, "tool_calls": [call]}]
        return frozenset({"violation"} if policy.analyze(trace) else ())

    return judge


def by_words(split: Callable[[str], Iterator[list[str]]]) -> Candidate:
    """Names and arguments of commands, as a list of forbidden commands would be written."""

    def judge(command: str) -> frozenset[str]:
        try:
            return frozenset({"word"} if any(map(_is_forbidden, split(command))) else ())
        except Exception:  # a parser that gives up raises nearly anything
            return frozenset()

    return judge


_ALWAYS = names(
    "mkfs wipefs shred shutdown reboot halt poweroff nc ncat socat eval crontab "
    "insmod setenforce iptables nsenter chroot useradd visudo setcap nmap msfvenom history"
)
_WIDE = frozenset(["/", "/*", "~", "~/", "~/*", "*", ".", "./*", "$HOME"])


def _is_forbidden(words: list[str]) -> bool:
    while words and words[0] in ("sudo", "env", "nohup", "time", "nice"):
        words = words[1:]
    if not words:
        return False
    name, args = words[0].rpartition("/")[2], words[1:]
    text = " ".join(args)
    if name in _ALWAYS or name.startswith("mkfs."):
        return True
    if name == "rm":
        return any(arg.startswith("-") and "r" in arg for arg in args) and bool(_WIDE & set(args))
    if name == "dd":
        return "of=/dev/" in text
    if name in ("sh", "bash"):
        return not args or args[0] in ("-", "-s")
    if name == "git":
        return "push" in args and bool({"-f", "--force"} & set(args))
    return any(part in text for part in ("/etc/shadow", ".ssh/id_", ".aws/credentials"))


def shlex_words(command: str) -> Iterator[list[str]]:
    """The commands of a line as `shlex` tells them apart."""
    words: list[str] = []
    for token in shlex.shlex(command, posix=True, punctuation_chars=True):
        if set(token) <= set(";&|()<>"):
            yield words
            words = []
        else:
            words.append(token)
    yield words


def bashlex_words(command: str) -> Iterator[list[str]]:
    """The commands of a script as `bashlex` tells them apart, those in substitutions too."""
    import bashlex  # noqa: PLC0415  # GPL: compared with where somebody has it, no part of this

    stack: list[Any] = list(bashlex.parse(command))
    while stack:
        node = stack.pop()
        stack.extend(getattr(node, "parts", ()))
        stack.extend(getattr(node, "list", ()))
        if hasattr(node, "command"):
            stack.append(node.command)
        if node.kind == "command":
            yield [part.word for part in node.parts if part.kind == "word"]


def candidates() -> dict[str, Candidate]:
    """Everything that is compared, by name."""
    found: dict[str, Candidate] = {
        "policyc shell()": reader,
        "bundled policies": bundled_policies(),
    }
    found["shlex + names"] = by_words(shlex_words)
    if find_spec("bashlex") is not None:
        found["bashlex + names"] = by_words(bashlex_words)
    return found


# --- figures --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of one candidate on one part of the set; times are of the processor."""

    candidate: str
    part: str
    hostile: int
    stopped: int
    named: int
    notable: int
    notable_named: int
    harmless: int
    false_alarms: int
    seconds: float
    kib: float

    @property
    def precision(self) -> float:
        """Of the alarms, how many were right; the notable commands are left out."""
        alarms = self.stopped + self.false_alarms
        return self.stopped / alarms if alarms else 1.0

    @property
    def recall(self) -> float:
        """Of the hostile commands, how many raised an alarm."""
        return self.stopped / self.hostile


def evaluate(name: str, judge: Candidate, part: str) -> Figures:
    """Judge every command of a part.

    An alarm is any risk that is not `NOTABLE`, or something undecidable. A harmless command must
    have none at all. `named` counts the hostile commands of which one of the labelled kinds was
    found.
    """
    found = items(part)
    begin = time.thread_time()
    answers = [judge(item.command) for item in found]
    seconds = time.thread_time() - begin
    rows = list(zip(found, answers, strict=True))
    hostile = [(item, kinds) for item, kinds in rows if item.label == "hostile"]
    notable = [(item, kinds) for item, kinds in rows if item.label == "notable"]
    harmless = [kinds for item, kinds in rows if item.label == "harmless"]
    return Figures(
        name,
        part,
        hostile=len(hostile),
        stopped=sum(bool(kinds - NOTABLE) for _, kinds in hostile),
        named=sum(bool(kinds & item.kinds) for item, kinds in hostile),
        notable=len(notable),
        notable_named=sum(bool(kinds & item.kinds) for item, kinds in notable),
        harmless=len(harmless),
        false_alarms=sum(bool(kinds) for kinds in harmless),
        seconds=seconds,
        kib=sum(len(item.command) for item in found) / 1024,
    )


_LINE = "cd src && git diff --stat HEAD~1 | sort -k2 | head -20 > /tmp/out.txt; grep -rn 'def ' . "


def one_kib() -> str:
    """An ordinary command line of 1 KiB."""
    return (_LINE + "&& ") * 11 + "ls".ljust(1024 - 11 * (len(_LINE) + 3), "x")


def latency(judge: Candidate, text: str, rounds: int = 100) -> float:
    """The median time of the processor for one text, in milliseconds."""
    times = []
    for _ in range(rounds):
        begin = time.thread_time()
        judge(text)
        times.append((time.thread_time() - begin) * 1_000)
    return statistics.median(times)


def table() -> Iterator[str]:
    """The figures as a table in Markdown."""
    yield "| | set | precision | recall | kind named | false alarms | ms/KiB | 1 KiB, ms |"
    yield "|---|---|---|---|---|---|---|---|"
    text = one_kib()
    for name, judge in candidates().items():
        judge("ls")
        once = latency(judge, text)
        for part in PARTS:
            one = evaluate(name, judge, part)
            named = f"{one.named}/{one.hostile}" if judge is reader else "-"
            yield (
                f"| {name} | {part} | {one.precision:.3f} | {one.recall:.3f} "
                f"({one.stopped}/{one.hostile}) | {named} | {one.false_alarms}/{one.harmless} "
                f"| {one.seconds * 1_000 / one.kib:.2f} | {once:.2f} |"
            )


def main() -> None:
    """Print the table."""
    for line in table():
        print(line)
    for part in PARTS:
        one = evaluate("policyc shell()", reader, part)
        print(f"{part}: {one.notable_named}/{one.notable} notable commands were named")


if __name__ == "__main__":
    main()
