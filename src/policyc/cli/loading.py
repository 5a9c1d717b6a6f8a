"""The policy and the traces that the arguments of a command mean."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from policyc.cli.exits import Refusal, say_warning
from policyc.cli.inputs import STDIN, SUFFIXES, policy_paths, read_policy
from policyc.cli.parameters import warn_about_parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.api import Policy
    from policyc.grammar.source import Source


def refuse_misuse(policies: Sequence[str], traces: Sequence[str], option: str = "--policy") -> None:
    """Refuse arguments that cannot be policies and traces in this order; `option` is how policies
    are given.

    Raises:
        Refusal: a trace does not exist or is a policy, or two arguments are standard input.
    """
    if [*policies, *traces].count(STDIN) > 1:
        raise Refusal("standard input can be read only once, but `-` is given twice")
    for trace in traces:
        if trace.endswith(SUFFIXES) or trace.startswith("policy:"):
            raise Refusal(
                f"`{trace}` is a policy, where a trace belongs",
                f"give further policies as `{option} {trace}`",
            )
        if trace != STDIN and not os.path.exists(trace):
            raise Refusal(f"there is no file or folder `{trace}`")


def load_policy(
    arguments: Sequence[str], parameters: dict[str, Any], backend: str | None = None
) -> Policy:
    """One policy of the files that the arguments mean; says what its parameters lack.

    Raises:
        BackendError: there is no such backend.
        PolicyError: a file has errors.
        Refusal: a file cannot be read.
    """
    (policy,) = load_policies([arguments], parameters, backend)
    return policy


def _close(policy: Policy) -> None:
    """End what a policy has on a server, once the command has its verdicts."""
    from policyc.runtime.failures import BackendError  # noqa: PLC0415  # loaded by then

    try:
        policy.close()
    except BackendError as error:
        say_warning(str(error))


def load_policies(
    groups: Sequence[Sequence[str]], parameters: dict[str, Any], backend: str | None = None
) -> list[Policy]:
    """A policy of the files that each group of arguments means; says what is wrong with the
    parameters that they share.

    Raises:
        BackendError: there is no such backend.
        PolicyError: a file has errors.
        Refusal: a file cannot be read.
    """
    from policyc.api import Options, Policy  # noqa: PLC0415  # not before the arguments are known to be good
    from policyc.runtime.loading import load_program  # noqa: PLC0415

    options = Options.of(None, None, backend, optimize=True)
    read: list[Source] = []
    policies: list[Policy] = []
    for arguments in groups:
        sources = [read_policy(path) for path in policy_paths(arguments)]
        policies.append(Policy(*load_program(sources, None, keep=True), options))
        if backend is not None:
            click.get_current_context().call_on_close(partial(_close, policies[-1]))
        read.extend(sources)
    needed = {name for policy in policies for name in policy.required_parameters}
    warn_about_parameters(sorted(needed), parameters, read)
    return policies
