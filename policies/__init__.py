"""The bundled policies, by name.

Each is a file `NAME.inv` here that opens with a comment about it; its cases are in
`NAME.cases.yaml`.
"""

from __future__ import annotations

from importlib import resources

_SUFFIX = ".inv"


def names() -> tuple[str, ...]:
    """The names of all bundled policies, sorted."""
    files = resources.files("policyc.policies").iterdir()
    return tuple(
        sorted(file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX))
    )


def read(name: str) -> str:
    """The text of a bundled policy.

    Raises:
        KeyError: there is none of that name.
    """
    if name not in names():
        raise KeyError(name)
    return resources.files("policyc.policies").joinpath(name + _SUFFIX).read_text("utf-8")


def read_cases(name: str) -> str:
    """The case file of a policy.

    Raises:
        KeyError: there is no policy of that name.
    """
    if name not in names():
        raise KeyError(name)
    return resources.files("policyc.policies").joinpath(f"{name}.cases.yaml").read_text("utf-8")


def summary(text: str) -> str:
    """What a policy says about itself: the first line of the comment that it opens with."""
    first = text.partition("\n")[0]
    return first.lstrip("# ").rstrip() if first.startswith("#") else ""


def header(text: str) -> str:
    """The comment that a policy opens with, as plain text."""
    lines = text.partition("\n\n")[0].splitlines()
    comment = [line.removeprefix("#").removeprefix(" ") for line in lines if line.startswith("#")]
    return "\n".join(comment)
