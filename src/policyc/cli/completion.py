"""`policyc completion`: scripts that let a shell complete commands, options and codes."""

from __future__ import annotations

import click


@click.command(no_args_is_help=True)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash  policyc completion bash > ~/.local/share/bash-completion/completions/policyc
    zsh   policyc completion zsh > ~/.zfunc/_policyc   (a folder of $fpath)
    fish  policyc completion fish > ~/.config/fish/completions/policyc.fish
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415  # only here

    shell_class = get_completion_class(shell)
    assert shell_class is not None  # noqa: S101  # the shells of the choice are those of click
    script = shell_class(ctx.find_root().command, {}, "policyc", "_POLICYC_COMPLETE").source()
    click.echo(script, nl=False)
