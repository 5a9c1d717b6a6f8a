"""`policyc test`: the cases of policies."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import IO

import click
from click.core import ParameterSource

from policyc.cli.options import input_format_option, parameter_options, workers_option
from policyc.cli.parameters import read_parameters
from policyc.cli.terminal import color_option

_FORMS = ("text", "json", "junit", "sarif", "github", "tap")


_Read = Callable[[click.Context, click.Parameter, tuple[str, ...]], tuple[tuple[str, str], ...]]


def _reader(forms: tuple[str, ...]) -> _Read:
    """Reads the form and the path of each report that an option asks for."""

    def read(
        _ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
    ) -> tuple[tuple[str, str], ...]:
        found = []
        for value in values:
            form, _, path = value.partition(":")
            if form not in forms or not path:
                known = ", ".join(forms)
                raise click.BadParameter(
                    f"`{value}` is not FORM:PATH, where FORM is one of {known}"
                )
            found.append((form, path))
        return tuple(found)

    return read


_read_report = _reader(_FORMS)
_read_coverage_report = _reader(("html", "lcov", "cobertura", "json", "text"))
_read_mutation_report = _reader(("json", "text"))

_OF_SNAPSHOTS = ("traces", "update", "options", "params_file", "input_format")
_OF_BOTH = ("paths", "workers", "form", "reports", "snapshots", "schema", "color")


def _refuse_mixture(ctx: click.Context, *, has_snapshots: bool) -> None:
    """Refuse options of cases where there are snapshots, and the other way round."""
    for parameter in ctx.command.params:
        name = parameter.name or ""
        given = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not given or name in _OF_BOTH or (name in _OF_SNAPSHOTS) is has_snapshots:
            continue
        option = parameter.opts[-1]
        if has_snapshots:
            raise click.UsageError(f"{option} is for cases, and --snapshot runs none")
        raise click.UsageError(f"{option} is for snapshots: it needs --snapshot DIR")


@click.command
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path())
@click.option(
    "-k",
    "texts",
    metavar="TEXT",
    multiple=True,
    help="Run only cases with TEXT in their name; several -k: with one of them.",
)
@click.option(
    "--tag",
    "tags",
    metavar="TAG",
    multiple=True,
    help="Run only cases with this tag; several --tag: with one of them.",
)
@click.option(
    "--last-failed", is_flag=True, help="Run only cases that failed when they were last run."
)
@click.option("-x", "--fail-fast", is_flag=True, help="Stop after the first case that fails.")
@workers_option("Processes that run cases", "1")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="The time that a case may take if it does not say so itself. By default 10.",
)
@click.option(
    "--require-cases", is_flag=True, help="Fail if a policy below PATH has no cases at all."
)
@click.option(
    "--forbid-only/--allow-only",
    default=None,
    help="Fail if a case has `only`, or do not. By default fail where the variable CI is set.",
)
@click.option("--watch", is_flag=True, help="Run again whenever a file changes, until Ctrl-C.")
@click.option("-v", "--verbose", is_flag=True, help="Name every case.")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS),
    default="text",
    help="How to print the results: for people, or for programs.",
)
@click.option(
    "--report",
    "reports",
    metavar="FORM:PATH",
    multiple=True,
    callback=_read_report,
    help="Also write a report to a file, as in junit:report.xml, or with the path - after the "
    "results. Can be given several times.",
)
@click.option(
    "--coverage", is_flag=True, help="Also show which rules and conditions the cases have seen."
)
@click.option(
    "--coverage-report",
    "coverage_reports",
    metavar="FORM:PATH",
    multiple=True,
    callback=_read_coverage_report,
    help="Write the coverage to a file: html, lcov, cobertura, json or text. Can be given several "
    "times.",
)
@click.option(
    "--min-coverage",
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    help="Fail if fewer of the rules fired, or fewer outcomes of conditions were seen.",
)
@click.option(
    "--mutate",
    is_flag=True,
    help="Also change the policies in small ways, and show which changes no case notices.",
)
@click.option(
    "--min-mutation-score",
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    help="Fail if the cases notice fewer of the changes.",
)
@click.option(
    "--since", metavar="REV", help="Change only rules that were others in this git revision."
)
@click.option(
    "--mutation-report",
    "mutation_reports",
    metavar="FORM:PATH",
    multiple=True,
    callback=_read_mutation_report,
    help="Write what became of the changes to a file: json or text.",
)
@click.option(
    "--snapshot",
    "snapshots",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Instead of cases, judge the traces in DIR, and compare the verdicts with the snapshots "
    "beside them. The first time they are recorded.",
)
@click.option(
    "--traces",
    metavar="PATH",
    multiple=True,
    type=click.Path(),
    help="With --snapshot: the traces are here, not in DIR. Can be given several times.",
)
@click.option("--update", is_flag=True, help="With --snapshot: record what is new or has changed.")
@parameter_options
@input_format_option
@click.option("--schema", is_flag=True, help="Print the JSON Schema of case files.")
@color_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    paths: tuple[str, ...],
    texts: tuple[str, ...],
    tags: tuple[str, ...],
    last_failed: bool,
    fail_fast: bool,
    workers: int,
    timeout: float | None,
    require_cases: bool,
    forbid_only: bool | None,
    watch: bool,
    verbose: bool,
    form: str,
    reports: tuple[tuple[str, str], ...],
    coverage: bool,
    coverage_reports: tuple[tuple[str, str], ...],
    min_coverage: float | None,
    mutate: bool,
    min_mutation_score: float | None,
    since: str | None,
    mutation_reports: tuple[tuple[str, str], ...],
    snapshots: str | None,
    traces: tuple[str, ...],
    update: bool,
    options: tuple[str, ...],
    params_file: IO[str] | None,
    input_format: str,
    schema: bool,
) -> None:
    """Run the cases of policies.

    PATH is a case file NAME.cases.yaml, a policy (its case file is the one beside it with its
    name), a folder (every case file below it), or policy:NAME for a bundled policy. Without PATH it
    is the folder that you are in.

    With --snapshot DIR the policies of PATH are one, and judge a corpus of traces: a snapshot is a
    readable file that holds the verdict on one trace. --param, --params-file and --input-format
    are for this; cases say themselves what their parameters are.

    Ends with 0 if all cases or snapshots hold; with 1 if one does not, or coverage or mutation
    score are below what is asked for; with 2 if a case file, a policy or a trace cannot be used, or
    if no case was run; with 3 if policyc itself failed.
    """
    if schema:
        from policyc.runtime.testing.schema import schema_text  # noqa: PLC0415  # by need

        sys.stdout.write(schema_text())
        return
    _refuse_mixture(ctx, has_snapshots=snapshots is not None)
    if snapshots is not None:
        from policyc.cli.snapshots import Snapshots, run_snapshots  # noqa: PLC0415  # by need
        from policyc.cli.testing import Output  # noqa: PLC0415

        parameters = read_parameters(options, params_file)
        wanted = Snapshots(snapshots, traces, parameters, input_format, update, workers)
        ctx.exit(run_snapshots(paths or (".",), wanted, Output(form, reports)))
    from policyc.cli.strength import Counting, Mutating  # noqa: PLC0415  # slow to load
    from policyc.cli.testing import Asked, Output, run_once  # noqa: PLC0415

    forbids = bool(os.environ.get("CI")) if forbid_only is None else forbid_only
    asked = Asked(
        paths=paths or (".",),
        texts=texts,
        tags=tags,
        is_last_failed=last_failed,
        is_fail_fast=fail_fast,
        workers=workers,
        seconds=timeout,
        requires_cases=require_cases,
        forbids_only=forbids,
    )
    output = Output(form, reports, is_verbose=verbose)
    counting = Counting(coverage, coverage_reports, min_coverage)
    mutating = Mutating(mutate, mutation_reports, min_mutation_score, since)
    if watch and (counting.is_asked or mutating.is_asked):
        raise click.UsageError("coverage and mutation are for whole runs, not for --watch")
    if since is not None and not mutating.is_asked:
        raise click.UsageError("--since chooses what --mutate changes")
    if watch:
        from policyc.cli.watching import run_watching  # noqa: PLC0415  # by need

        run_watching(asked, output)
    ctx.exit(run_once(asked, output, counting, mutating))
