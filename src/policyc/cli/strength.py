"""How much the cases of `policyc test` notice: their coverage, and mutation of the policies."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from policyc.cli import exits
from policyc.cli.exits import Refusal, say_error
from policyc.cli.inputs import BUNDLED
from policyc.cli.progress import Progress
from policyc.cli.terminal import WIDTH_OF_A_FILE, json_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyc.cli.terminal import Terminal
    from policyc.runtime.testing.case_reading import Loaded
    from policyc.runtime.testing.coverage.coverage import Coverage
    from policyc.runtime.testing.coverage.text import Line
    from policyc.runtime.testing.mutation.report import MutationReport
    from policyc.runtime.testing.session import Report


@dataclass(frozen=True, slots=True)
class Counting:
    """What is asked for about coverage. `minimum`: in per cent."""

    is_shown: bool = False
    reports: tuple[tuple[str, str], ...] = ()
    minimum: float | None = None

    @property
    def is_asked(self) -> bool:
        return self.is_shown or bool(self.reports) or self.minimum is not None


@dataclass(frozen=True, slots=True)
class Mutating:
    """What is asked for about mutation. `minimum`: in per cent. `since`: a git revision; only rules
    that have changed since then are changed."""

    is_shown: bool = False
    reports: tuple[tuple[str, str], ...] = ()
    minimum: float | None = None
    since: str | None = None

    @property
    def is_asked(self) -> bool:
        return self.is_shown or bool(self.reports) or self.minimum is not None


@contextmanager
def written(path: str) -> Iterator[IO[str]]:
    """A file to write a report to, in folders that are made.

    Raises:
        Refusal: it cannot be written.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with Path(path).open("w", encoding="utf-8", newline="\n") as file:
            yield file
    except OSError as error:
        raise Refusal(f"cannot write `{path}`: {exits.reason(error)}") from None


# --- coverage -------------------------------------------------------------------------------------


def count(counting: Counting, loaded: Sequence[Loaded], report: Report, terminal: Terminal) -> bool:
    """Show and write the coverage of a run; whether it is enough."""
    from policyc.runtime.testing.case_coverage import coverage_of  # noqa: PLC0415  # by need
    from policyc.runtime.testing.coverage.coverage import shortfall  # noqa: PLC0415
    from policyc.runtime.testing.coverage.text import render_table, render_text  # noqa: PLC0415

    coverage = coverage_of(loaded, report)
    if counting.is_shown:
        terminal.write("")
        _draw(render_text(coverage, width=terminal.width), terminal)
        _draw(render_table(coverage), terminal)
    for form, path in counting.reports:
        with written(path) as file:
            file.write(_rendered(coverage, form))
    lacks = None if counting.minimum is None else shortfall(coverage.summary, counting.minimum)
    if lacks is not None:
        say_error(lacks)
    return lacks is None


def _draw(lines: Sequence[Line], terminal: Terminal) -> None:
    for line in lines:
        pieces = [x.text if x.style == "plain" else terminal.styled(x.text, x.style) for x in line]
        terminal.write("".join(pieces).rstrip())


def _rendered(coverage: Coverage, form: str) -> str:
    if form == "html":
        from policyc.runtime.testing.coverage.page import render_page  # noqa: PLC0415  # by need

        return render_page(coverage)
    if form == "lcov":
        from policyc.runtime.testing.coverage.lcov import render_lcov  # noqa: PLC0415

        return render_lcov(coverage)
    if form == "cobertura":
        from policyc.runtime.testing.coverage.cobertura import render_cobertura  # noqa: PLC0415

        return render_cobertura(coverage)
    if form == "json":
        files = {(file.file.path or ""): file.summary.to_dict() for file in coverage.files}
        return json_text({"files": files, "total": coverage.summary.to_dict()}) + "\n"
    from policyc.runtime.testing.coverage.text import (  # noqa: PLC0415
        plain,
        render_table,
        render_text,
    )

    lines = [*render_text(coverage, full=True, width=WIDTH_OF_A_FILE), *render_table(coverage)]
    return plain(lines)


# --- mutation -------------------------------------------------------------------------------------


def hunt(
    mutating: Mutating,
    loaded: Sequence[Loaded],
    report: Report,
    workers: int,
    terminal: Terminal,
) -> bool:
    """Change the policies of a run in which all cases hold, show and write which changes no case
    notices; whether enough are noticed."""
    from policyc.runtime.testing.case_mutation import mutate  # noqa: PLC0415  # by need
    from policyc.runtime.testing.mutation.report import as_text, percent  # noqa: PLC0415

    rules = None
    if mutating.since is not None:
        rules = {one.path: _changed(one, mutating.since) for one in loaded}
    with Progress(total=1) as progress:

        def step(done: int, total: int) -> None:
            progress.count(done, total)

        found = mutate(loaded, report, rules=rules, workers=workers, progress=step)
    if mutating.is_shown:
        terminal.write("")
        terminal.write(as_text(found).rstrip("\n"))
    for form, path in mutating.reports:
        with written(path) as file:
            file.write(_mutation_report(found, form))
    score, least = found.score.value, mutating.minimum
    if least is None:
        return True
    if score is None:
        # Where only changed rules count, it is right that there may be none.
        if mutating.since is None:
            say_error("there is no mutation score: the policies have nothing that can be changed")
        return mutating.since is not None
    if score * 100 < least:
        say_error(f"the mutation score is {percent(score)}, below {least:g} %")
        return False
    return True


def _mutation_report(found: MutationReport, form: str) -> str:
    from policyc.runtime.testing.mutation.report import as_text  # noqa: PLC0415  # by need

    return as_text(found) if form == "text" else json_text(found.to_dict()) + "\n"


def _changed(loaded: Loaded, revision: str) -> frozenset[int]:
    """The rules of a case file's policies that are not what they were in a git revision."""
    from policyc.runtime.testing.mutation.since import changed_rules  # noqa: PLC0415  # by need

    if loaded.file is None:
        return frozenset()
    sources = loaded.file.policies
    return changed_rules(sources, [_text_in(x.path or "", revision) for x in sources])


def _text_in(path: str, revision: str) -> str | None:
    """The text of a file in a git revision; None if it was not there.

    Raises:
        Refusal: there is no such revision, or no git.
    """
    if path.startswith(BUNDLED):
        raise Refusal(f"`{path}` is bundled with policyc: `--since` is for policies under git")
    folder, name = Path(path).absolute().parent, Path(path).name
    known = _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if known is None:
        raise Refusal(f"`{revision}` is no revision of the git repository of `{path}`")
    return _git(folder, "show", f"{revision}:./{name}")


def _git(folder: Path, *arguments: str) -> str | None:
    """What git answers; None if it refuses."""
    try:
        ended = subprocess.run(  # noqa: S603  # arguments of our own, no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607  # git as the user has it
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise Refusal(f"`--since` needs git: {exits.reason(error)}") from None
    return ended.stdout.decode("utf-8", "replace") if ended.returncode == 0 else None
