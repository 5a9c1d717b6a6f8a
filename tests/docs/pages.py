"""The code blocks of the documentation, run: what a page says is what the program does.

A page is run from top to bottom in a folder of its own, like a reader would follow it. What each
kind of block means stands in CONTRIBUTING.md under "Documentation"; `run_page` returns the
failures, each with the line of its block.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import yaml

import policyc
from policyc.compiler.frontend import check_source
from policyc.grammar.source import Source
from policyc.runtime.detectors import programs
from policyc.runtime.extensions import catalogue
from policyc.runtime.sandbox.failures import ProviderUnavailable
from policyc.runtime.sandbox.registry import choose

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`\n]*)$")
_MARKER = re.compile(r"^<!-- (?P<name>[a-z]+): (?P<value>.*) -->$")
_COMMAND_NOT_RUN = re.compile(r"(pip install|make|git|python3? -m venv|\. \.venv|cd) ?.*")
"""What a `sh` block may hold: steps that change the reader's machine, so they are not run."""


@dataclass(frozen=True)
class Block:
    """A fenced block: the number of its first line, its kind, and the markers above it."""

    line: int
    info: str
    text: str
    markers: dict[str, str]


class BadBlockError(Exception):
    """A block does not do what the page says."""


def read_blocks(text: str) -> Iterator[Block]:
    markers: dict[str, str] = {}
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        marker, fence = _MARKER.match(line.strip()), _FENCE.match(line)
        if marker:
            markers[marker["name"]] = marker["value"]
        elif fence:
            width = len(fence["indent"])
            body = []
            for _, inner in lines:
                if inner.strip() == "```":
                    break
                body.append(inner[width:])
            yield Block(number, fence["info"].strip(), "\n".join(body) + "\n", markers)
            markers = {}
        elif line.strip():
            markers = {}


@dataclass
class Page:
    """A page while it is run: its folder, and what its blocks so far have set."""

    folder: Path
    policy: str = ""
    trace: list[Any] = field(default_factory=list)
    pending: list[Any] | None = None
    module: ModuleType = field(default_factory=lambda: ModuleType("__page__"))
    printed: str = ""
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, block: Block) -> None:
        kind = _KINDS.get(block.info)
        if kind is None:
            raise BadBlockError(f"no block of the kind `{block.info}` is known")
        if not all(map(_is_there, block.markers.get("needs", "").split())):
            return
        if "file" in block.markers:
            path = self.folder / block.markers["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
        kind(self, block)

    # --- policies and what they answer

    def inv(self, block: Block) -> None:
        found = [each.code for each in check_source(Source(block.text), catalogue()).diagnostics]
        _compare("diagnostics", found, block.markers.get("expect", "").split())
        self.policy = block.text

    def set_trace(self, block: Block) -> None:
        self.trace = policyc.read_trace(block.text)
        self.pending = None

    def set_pending(self, block: Block) -> None:
        self.pending = policyc.read_trace(block.text)

    def result(self, block: Block) -> None:
        parameters = json.loads(block.markers.get("parameters", "{}"))
        for optimize in (True, False):
            policy = policyc.Policy.from_string(self.policy, optimize=optimize)
            if self.pending is None:
                answer = policy.analyze(self.trace, **parameters)
            else:
                answer = policy.analyze_pending(self.trace, self.pending, **parameters)
            wanted = block.text.splitlines()
            _compare("result", _lines_of(answer, " @ " in block.text), wanted)

    def values(self, block: Block) -> None:
        imports = ""
        for line in block.text.splitlines():
            source, arrow, wanted = line.partition(" => ")
            if not arrow:
                imports += line + "\n"
                continue
            _compare(source.strip(), self._value(imports, source.strip()), _literal(wanted))

    def _value(self, imports: str, source: str) -> Any:
        types = {"m": "Message", "c": "ToolCall", "o": "ToolOutput"}
        body = "".join(
            f"    ({name}: {type_})\n"
            for name, type_ in types.items()
            if re.search(rf"\b{name}\b(?!\s*[:(])", re.sub(r'"[^"]*"', "", source))
        )
        text = f'{imports}raise Violation("", value={source}) if:\n{body or "    True"}\n'
        try:
            answer = policyc.Policy.from_string(text).analyze(self.trace)
        except policyc.PolicyError as error:
            return error.diagnostics[0].code
        return "error" if answer.errors else answer[0].kwargs["value"]

    # --- what a reader types

    def console(self, block: Block) -> None:
        if "background" in block.markers:
            self._start(block)
            return
        shown, code = self.shown(block)
        _compare("console", shown, block.text.rstrip().splitlines())
        _compare("exit code", code, int(block.markers.get("exit", "0")))

    def shown(self, block: Block) -> tuple[list[str], int]:
        """What a terminal shows for the commands of a block, and the exit code of the last one."""
        shown, code = [], 0
        for line in block.text.splitlines():
            if line.startswith("$ "):
                done = self._shell(line[2:])
                code = done.returncode
                shown += [line, *(done.stdout + done.stderr).splitlines()]
        return [line.rstrip() for line in shown], code

    def _start(self, block: Block) -> None:
        """Start what runs on while the page goes on; it has to show what follows."""
        command, *wanted = block.text.rstrip().splitlines()
        log = self.folder / f"background-{len(self.started)}"
        with log.open("w") as written:
            started = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command.removeprefix('$ ')}"],
                cwd=self.folder,
                env=_environment(),
                stdout=written,
                stderr=subprocess.STDOUT,
            )
        self.started.append(started)
        end = time.monotonic() + 60
        shown: list[str] = []
        while len(shown) < len(wanted) and started.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
            shown = log.read_text("utf-8").splitlines()
        _compare("console", shown[: len(wanted)], wanted)

    def end(self) -> None:
        """End what was started in the background."""
        for process in self.started:
            process.terminate()
            process.wait()

    def _shell(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env=_environment(),
            text=True,
            capture_output=True,
            check=False,
            timeout=60,
        )

    def python(self, block: Block) -> None:
        printed = io.StringIO()
        code = compile(block.text, f"<line {block.line}>", "exec", dont_inherit=True)
        with (
            contextlib.chdir(self.folder),
            patch.dict(os.environ, _environment(), clear=True),
            patch.object(sys, "path", [str(self.folder), *sys.path]),
            _importable(self.module),
            contextlib.redirect_stdout(printed),
        ):
            exec(code, vars(self.module))
        self.printed = printed.getvalue()

    def output(self, block: Block) -> None:
        _compare("output", self.printed.rstrip().splitlines(), block.text.rstrip().splitlines())

    # --- what is only read

    def sh(self, block: Block) -> None:
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
        for line in block.text.splitlines():
            command = line.partition(" #")[0].strip()
            if not _COMMAND_NOT_RUN.fullmatch(command):
                raise BadBlockError(f"`{command}` belongs into a console block")
            if command.startswith("make ") and command.split()[1] not in targets:
                raise BadBlockError(f"`{command}`: there is no such target")

    def json(self, block: Block) -> None:
        json.loads(block.text)

    def json_lines(self, block: Block) -> None:
        for line in block.text.splitlines():
            json.loads(line)

    def toml(self, block: Block) -> None:
        tomllib.loads(block.text)

    def yaml(self, block: Block) -> None:
        yaml.safe_load(block.text)

    def plain(self, block: Block) -> None:
        """Drawings and forms of syntax; nothing to run."""


_KINDS = {
    "inv": Page.inv,
    "json trace": Page.set_trace,
    "json pending": Page.set_pending,
    "result": Page.result,
    "values": Page.values,
    "console": Page.console,
    "python": Page.python,
    "output": Page.output,
    "sh": Page.sh,
    "json": Page.json,
    "jsonl": Page.json_lines,
    "toml": Page.toml,
    "yaml": Page.yaml,
    "text": Page.plain,
}


@contextlib.contextmanager
def _importable(module: ModuleType) -> Iterator[None]:
    """Where classes are looked up by the name of their module; pydantic does that."""
    sys.modules[module.__name__] = module
    try:
        yield
    finally:
        del sys.modules[module.__name__]


def _is_there(name: str) -> bool:
    """Whether a program or a Python module of this name is installed, or sandboxes can be made."""
    if name == "embedded-sandboxes":
        return _has_embedded_sandboxes()
    return programs.find(name) is not None or find_spec(name) is not None


@cache
def _has_embedded_sandboxes() -> bool:
    try:
        choose("embedded").probe()
    except ProviderUnavailable:
        return False
    return True


def _environment() -> dict[str, str]:
    """That of a reader at home with an installed policyc and a terminal of 100 columns."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = {"COLUMNS": "100", "NO_COLOR": "1", "POLICYC_NO_CACHE": "1"}
    # In CI some commands are stricter.
    outer = {name: value for name, value in os.environ.items() if name != "CI"}
    return {**outer, **settings, "PATH": path}


def _compare(what: str, found: Any, wanted: Any) -> None:
    same = found == wanted and isinstance(found, bool) == isinstance(wanted, bool)
    if not same:
        raise BadBlockError(f"{what}\n    found:  {_told(found)}\n    wanted: {_told(wanted)}")


def _told(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n            ".join(value)
    return repr(value)


def _literal(text: str) -> Any:
    """The value right of an arrow: a Python literal, `error`, or the code of a diagnostic."""
    text = text.strip()
    return text if re.fullmatch(r"error|[EW]\d{4}", text) else ast.literal_eval(text)


def _lines_of(answer: policyc.AnalysisResult, with_ranges: bool) -> list[str]:
    lines = []
    for violation in answer:
        places = f" @ {' '.join(violation.ranges)}" if with_ranges and violation.ranges else ""
        lines.append(f"{violation}{places}")
    lines += [f"error in line {error.line}: {error.message}" for error in answer.errors]
    return lines or ["nothing"]


def refresh(path: Path, folder: Path) -> None:
    """Write what the commands of a page answer now into its console blocks."""
    page = Page(folder)
    lines = path.read_text("utf-8").splitlines()
    moved = 0
    for block in read_blocks(path.read_text("utf-8")):
        if "background" in block.markers:
            page.run(block)
        elif block.info == "console":
            first, size = block.line + moved, block.text.count("\n")
            shown, _ = page.shown(block)
            lines[first : first + size] = shown
            moved += len(shown) - size
        elif block.info in ("inv", "json trace", "python") or "file" in block.markers:
            with contextlib.suppress(Exception):  # what is wrong with it, the test will say
                page.run(block)
    page.end()
    path.write_text("\n".join(lines) + "\n", "utf-8")


def run_page(path: Path, folder: Path) -> list[str]:
    """What is wrong with the blocks of a page; every block is run, whatever the others do."""
    page = Page(folder)
    failures = []
    for block in read_blocks(path.read_text("utf-8")):
        try:
            page.run(block)
        except Exception as error:
            told = str(error) if isinstance(error, BadBlockError) else repr(error)
            failures.append(f"{path.name}:{block.line}: {told}")
    page.end()
    return failures


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as empty:
            refresh(Path(name), Path(empty))
