"""What an argument means: policies are a file, a folder of them, `policy:NAME` or `-` for standard
input; traces are a file, a folder of them or `-`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policyc.cli.exits import Refusal, reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyc.grammar.source import Source
    from policyc.runtime.traces import Part

SUFFIXES: Final = (".inv", ".gr", ".iv", ".policy")
"""Ends of the names of policy files."""

CASE_SUFFIXES: Final = (".cases.yaml", ".cases.yml")
"""Ends of the names of case files."""

STDIN: Final = "-"
STDIN_NAME: Final = "<stdin>"
BUNDLED: Final = "policy:"


def policy_paths(arguments: Iterable[str]) -> list[str]:
    """The arguments with each folder replaced by the policies in it and below it, sorted.

    Folders whose name starts with a dot are left out.

    Raises:
        Refusal: an argument leads nowhere, or a folder has no policies.
    """
    found: dict[str, None] = {}
    for argument in arguments:
        if argument == STDIN or argument.startswith(BUNDLED):
            found[argument] = None
        elif os.path.isdir(argument):
            inside = sorted(_files_below(argument))
            if not inside:
                endings = ", ".join(f"`{suffix}`" for suffix in SUFFIXES)
                raise Refusal(
                    f"there are no policies in the folder `{argument}`",
                    f"policies are files that end in {endings}",
                )
            found.update(dict.fromkeys(inside))
        elif os.path.exists(argument):
            found[argument] = None
        else:
            raise Refusal(f"there is no file or folder `{argument}`")
    return list(found)


@dataclass(frozen=True, slots=True)
class CasePaths:
    """Case files, and the policies that were found beside them, with or without cases."""

    case_files: tuple[str, ...]
    policies: tuple[str, ...]


def case_paths(arguments: Iterable[str]) -> CasePaths:
    """What the arguments mean: case files, policies with their case file, and folders of both.

    Raises:
        Refusal: an argument leads nowhere, or to something else.
    """
    case_files: dict[str, None] = {}
    policies: dict[str, None] = {}
    for argument in arguments:
        path = argument if argument.startswith(BUNDLED) else os.path.normpath(argument)
        if os.path.isdir(path):
            inside = sorted(map(os.path.normpath, _files_below(path, CASE_SUFFIXES + SUFFIXES)))
            case_files.update(dict.fromkeys(x for x in inside if x.endswith(CASE_SUFFIXES)))
            policies.update(dict.fromkeys(x for x in inside if x.endswith(SUFFIXES)))
        elif not (path.startswith(BUNDLED) or os.path.exists(path)):
            raise Refusal(f"there is no file or folder `{argument}`")
        elif path.endswith(SUFFIXES):
            policies[path] = None
            beside = [os.path.splitext(path)[0] + suffix for suffix in CASE_SUFFIXES]
            case_files.update(dict.fromkeys(x for x in beside if os.path.exists(x)))
        elif path.startswith(BUNDLED) or path.endswith((".yaml", ".yml")):
            case_files[path] = None
        else:
            raise Refusal(
                f"`{argument}` is neither a case file nor a policy",
                "case files are named NAME.cases.yaml, policies NAME.inv",
            )
    return CasePaths(tuple(case_files), tuple(policies))


def _files_below(folder: str, suffixes: tuple[str, ...] = SUFFIXES) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(place, name) for name in files if name.endswith(suffixes))


def read_policy(path: str) -> Source:
    """The text of one of the paths that `policy_paths` gives.

    Raises:
        PolicyError: it is no text in UTF-8.
        Refusal: it cannot be read.
    """
    from policyc.runtime.loading import decode_source, read_source  # noqa: PLC0415  # by need

    try:
        if path == STDIN:
            return decode_source(sys.stdin.buffer.read(), STDIN_NAME)
        return read_source(path)
    except OSError as error:
        raise Refusal(f"cannot read `{path}`: {reason(error)}") from None


def parts_of(argument: str) -> Iterator[Part]:
    """The parts of the corpus of traces that an argument means."""
    from policyc.runtime.traces import corpus_parts  # noqa: PLC0415  # by need

    if argument == STDIN:
        return corpus_parts(sys.stdin.buffer, STDIN_NAME)
    return corpus_parts(argument)
