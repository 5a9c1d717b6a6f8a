"""`policyc test`: the cases of policies."""

from __future__ import annotations

import os
import sys

import click

from policyc.cli.terminal import color_option
from policyc.cli.workers import workers_option

_FORMS = ("text", "json", "junit", "sarif", "github", "tap")


def _read_report(
    _ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """The form and the path of each `--report`."""
    found = []
    for value in values:
        form, _, path = value.partition(":")
        if form not in _FORMS or not path:
            forms = ", ".join(_FORMS)
            raise click.BadParameter(f"`{value}` is not FORM:PATH, where FORM is one of {forms}")
        found.append((form, path))
    return tuple(found)


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
    schema: bool,
) -> None:
    """Run the cases of policies.

    PATH is a case file NAME.cases.yaml, a policy (its case file is the one beside it with its
    name), a folder (every case file below it), or policy:NAME for a bundled policy. Without PATH it
    is the folder that you are in.

    Ends with 0 if all cases hold; with 1 if one does not; with 2 if a case file or a policy cannot
    be used, or if no case was run; with 3 if policyc itself failed.
    """
    if schema:
        from policyc.runtime.testing.schema import schema_text  # noqa: PLC0415  # by need

        sys.stdout.write(schema_text())
        return
    from policyc.cli.testing import Asked, Output, run_once  # noqa: PLC0415  # slow to load

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
    if watch:
        from policyc.cli.watching import run_watching  # noqa: PLC0415  # by need

        run_watching(asked, output)
    ctx.exit(run_once(asked, output))
