"""How each kind of statement is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell import commands, statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.runtime.detectors.shell.steps import Steps

FORMS: dict[str, Callable[..., Steps]] = {
    "program": statements.sequence,
    "list": statements.sequence,
    "do_group": statements.sequence,
    "compound_statement": statements.sequence,
    "else_clause": statements.sequence,
    "elif_clause": statements.sequence,
    "negated_command": statements.sequence,
    "ERROR": statements.sequence,
    "subshell": statements.subshell,
    "pipeline": statements.pipeline,
    "if_statement": statements.if_,
    "while_statement": statements.loop,
    "c_style_for_statement": statements.loop,
    "for_statement": statements.for_,
    "case_statement": statements.case,
    "function_definition": statements.define,
    "command": commands.command,
    "redirected_statement": commands.redirected,
    "declaration_command": commands.declare,
    "unset_command": commands.declare,
    "variable_assignment": commands.assign,
    "variable_assignments": commands.assign,
}
