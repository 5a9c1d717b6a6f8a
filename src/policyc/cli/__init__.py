"""The command line: `main` is the program `policyc`. Each command is a module, loaded when run."""


def main() -> None:
    """Run the command line with the arguments of the process, and exit with its code."""
    import sys  # noqa: PLC0415  # all imports lie inside, so that Ctrl-C during one is no traceback

    try:
        from policyc.cli.app import root  # noqa: PLC0415

        root.main(prog_name="policyc")
    except KeyboardInterrupt:
        sys.exit(130)
