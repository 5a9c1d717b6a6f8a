"""Running case files for `policyc test`, printing what became of them, and the exit code."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from policyc.cli import exits
from policyc.cli.case_report import show_report
from policyc.cli.exits import Refusal, say_error, say_warning
from policyc.cli.inputs import STDIN, CasePaths, case_paths
from policyc.cli.progress import Progress
from policyc.cli.strength import Counting, Mutating, count, hunt, written
from policyc.cli.terminal import WIDTH_OF_A_FILE, Terminal
from policyc.grammar.rendering import render_text
from policyc.runtime.testing.case_coverage import observe
from policyc.runtime.testing.case_reading import Loaded, read_case_file
from policyc.runtime.testing.last_failed import read_failed, remember_failed
from policyc.runtime.testing.outcomes import Outcome
from policyc.runtime.testing.reports import render
from policyc.runtime.testing.session import (
    Choice,
    Complaint,
    Report,
    Settings,
    choose,
    run,
    tags_of,
)
from policyc.runtime.testing.workers import SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policyc.runtime.testing.running import Observer


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options and arguments of the command ask for."""

    paths: tuple[str, ...]
    texts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    is_last_failed: bool = False
    is_fail_fast: bool = False
    workers: int = 1
    seconds: float | None = None
    requires_cases: bool = False
    forbids_only: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """In which form results are printed, and which reports are written as well: form and path."""

    form: str = "text"
    reports: tuple[tuple[str, str], ...] = ()
    is_verbose: bool = False


def run_once(asked: Asked, output: Output, counting: Counting, mutating: Mutating) -> int:
    """Run the cases and print what became of them, and how much they notice; the exit code.

    Raises:
        Refusal: there are no case files, or none of their cases is chosen.
    """
    paths = case_paths(asked.paths)
    loaded = [read(path) for path in paths.case_files]
    untested = untested_policies(paths, loaded)
    for policy in untested if not asked.requires_cases else ():
        say_warning(f"the policy `{policy}` has no cases")
    if not loaded and not asked.requires_cases:
        places = ", ".join(f"`{path}`" for path in asked.paths)
        hint = "a case file is NAME.cases.yaml beside the policy NAME.inv; see `policyc test -h`"
        raise Refusal(f"there are no case files in {places}", hint)
    observer = observe if counting.is_asked or mutating.is_asked else None
    report = run_loaded(asked, choice_of(asked, loaded), loaded, untested, observer)
    show(report, output)
    code = _exit_code(report)
    # Of other forms than text the results must stay alone.
    terminal = Terminal.of(sys.stdout if output.form == "text" else sys.stderr)
    if (
        counting.is_asked
        and not report.diagnostics
        and not count(counting, loaded, report, terminal)
    ):
        code = code or exits.FOUND
    if mutating.is_asked:
        if not report.ok:
            say_warning("the policies were not changed: all cases have to hold first")
        elif not hunt(mutating, loaded, report, asked.workers, terminal):
            code = code or exits.FOUND
    return code


def read(path: str) -> Loaded:
    """Read a case file.

    Raises:
        Refusal: it cannot be read.
    """
    try:
        return read_case_file(path)
    except OSError as error:
        raise Refusal(f"cannot read `{path}`: {exits.reason(error)}") from None


def untested_policies(paths: CasePaths, loaded: Sequence[Loaded]) -> tuple[str, ...]:
    """The policies that no case file is about."""
    tested = {os.path.abspath(path) for one in loaded for path in one.depends_on}
    return tuple(path for path in paths.policies if os.path.abspath(path) not in tested)


def run_loaded(
    asked: Asked,
    choice: Choice,
    loaded: Sequence[Loaded],
    untested: tuple[str, ...],
    observer: Observer | None = None,
) -> Report:
    """Run the chosen cases of some files, and note which failed."""
    settings = Settings(asked.workers, asked.seconds or SECONDS, asked.is_fail_fast, observer)
    chosen = choose(loaded, choice)
    with Progress(total=sum(map(len, chosen.values()))) as progress:
        report = run(
            loaded, choice, settings, untested=untested, on_result=lambda _: progress.step()
        )
    remember_failed(report)
    return replace(report, complaints=tuple(_complaints(asked, loaded, untested)))


def choice_of(asked: Asked, loaded: Sequence[Loaded]) -> Choice:
    """The cases that the options choose.

    Raises:
        Refusal: no case has one of the tags.
    """
    known = tags_of(loaded)
    for tag in asked.tags:
        if tag not in known and not any(one.diagnostics for one in loaded):
            from policyc.compiler.spelling import did_you_mean  # noqa: PLC0415  # seldom needed

            names = ", ".join(f"`{one}`" for one in known)
            hint = did_you_mean(tag, known) or (f"the tags are {names}" if known else None)
            raise Refusal(f"no case has the tag `{tag}`", hint)
    failed = read_failed() if asked.is_last_failed else None
    if asked.is_last_failed and not failed:
        what = "nothing is known of an earlier run" if failed is None else "no case failed last"
        Terminal.of(sys.stderr).write(f"{what}: all cases are run")
        failed = None
    return Choice(asked.texts, asked.tags, failed)


def _complaints(
    asked: Asked, loaded: Sequence[Loaded], untested: tuple[str, ...]
) -> Iterable[Complaint]:
    if asked.requires_cases:
        for path in untested:
            message = f"the policy `{path}` has no cases"
            yield Complaint("untested-policy", path, 1, message)
    for one in loaded if asked.forbids_only else ():
        for case in () if one.file is None else one.file.cases:
            if case.is_only:
                message = f"`only` of the case `{case.name}` leaves all other cases out"
                yield Complaint("only-some-cases", one.path, case.line, message)


def show(report: Report, output: Output) -> None:
    """Print a report, and write those that are written besides."""
    if report.diagnostics and output.form == "text":
        errors = Terminal.of(sys.stderr)
        text = render_text(report.diagnostics, color=errors.color, width=errors.width)
        errors.write(text.rstrip("\n"))
    _write(report, output.form, Terminal.of(sys.stdout), is_verbose=output.is_verbose)
    for form, path in output.reports:
        if path == STDIN:
            _write(report, form, Terminal.of(sys.stdout), is_verbose=output.is_verbose)
        else:
            _write_file(report, form, path)
    if not report.ok and not report.diagnostics and not any(not x.ok for x in report.results):
        _say_why_nothing_ran(report)


def _write_file(report: Report, form: str, path: str) -> None:
    with written(path) as file:
        terminal = Terminal(file, color=False, width=WIDTH_OF_A_FILE)
        _write(report, form, terminal, is_verbose=True)


def _write(report: Report, form: str, terminal: Terminal, *, is_verbose: bool) -> None:
    if form == "text":
        show_report(report, terminal, is_verbose=is_verbose)
    elif text := render(report, form).rstrip("\n"):
        terminal.write(text)


def _say_why_nothing_ran(report: Report) -> None:
    if report.complaints:
        return
    if report.results:
        say_error("no case was run: all that were chosen are skipped")
    else:
        say_error("no case was run: none was chosen", "the options -k and --tag choose cases")


def _exit_code(report: Report) -> int:
    if report.count(Outcome.BROKEN):
        return exits.FAULT
    if report.diagnostics:
        return exits.BAD_INPUT
    if report.complaints or report.count(Outcome.FAILED):
        return exits.FOUND
    return exits.CLEAN if report.ok else exits.BAD_INPUT
