"""`policyc test`: the cases of policies."""

from __future__ import annotations

import sys

import click

from policyc.cli import exits
from policyc.cli.inputs import case_paths
from policyc.cli.terminal import Terminal, color_option


@click.command
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path())
@color_option
@click.pass_context
def command(ctx: click.Context, paths: tuple[str, ...]) -> None:
    """Run the cases of policies."""
    from policyc.cli.case_report import show_report  # noqa: PLC0415
    from policyc.grammar.rendering import render_text  # noqa: PLC0415
    from policyc.runtime.engine import Engine  # noqa: PLC0415
    from policyc.runtime.loading import loader  # noqa: PLC0415
    from policyc.runtime.testing.case_reading import read_case_file  # noqa: PLC0415
    from policyc.runtime.testing.running import run_case  # noqa: PLC0415
    from policyc.runtime.testing.session import FileReport, Report  # noqa: PLC0415

    files = []
    for path in case_paths(paths or (".",)):
        loaded = read_case_file(path)
        results = ()
        if loaded.file is not None and loaded.program is not None:
            engine = Engine(loaded.program, loader(None))
            results = tuple(run_case(engine, case) for case in loaded.file.cases)
        files.append(FileReport(path, results, loaded.diagnostics))
    report = Report(tuple(files))
    terminal = Terminal.of(sys.stdout)
    if report.diagnostics:
        errors = Terminal.of(sys.stderr)
        errors.write(render_text(report.diagnostics, color=errors.color, width=errors.width))
    show_report(report, terminal)
    if report.diagnostics:
        ctx.exit(exits.BAD_INPUT)
    ctx.exit(exits.CLEAN if all(result.ok for result in report.results) else exits.FOUND)
