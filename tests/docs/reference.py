"""The pages made from the program: commands, codes, functions, Python names, faults of a machine.

`make docs` writes them; a test compares them with what `pages` gives now.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from enum import Enum
from typing import TYPE_CHECKING, Any

import click
from tests.docs.pages import ROOT

import policyc
import policyc.analyzers
import policyc.sandbox
from policyc.cli.app import COMMANDS, root
from policyc.compiler.signatures import FunctionKind, Signature
from policyc.compiler.typesystem import ANY
from policyc.grammar.catalog import CODES, page
from policyc.runtime.builtins import registry as builtins_registry
from policyc.runtime.detectors import registry as detectors_registry
from policyc.runtime.doctor.checks import CHECKS
from policyc.runtime.doctor.faults import FAULTS
from policyc.runtime.testing.mutation.operators.registry import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from policyc.compiler.signatures import Module

FOLDER = ROOT / "docs" / "reference"
_GENERATED = "<!-- Written by `make docs`; change what it is made from. -->\n"


def pages() -> dict[str, str]:
    """The text of each generated page by its file name."""
    return {
        "analyzers.md": _page("Analyzers in Python", _analyzers()),
        "sandbox.md": _page("Sandboxes in Python", _sandbox()),
        "builtins.md": _page("Functions", _functions()),
        "cli.md": _page("Commands", _commands()),
        "diagnostics.md": _page("Diagnostics", _diagnostics()),
        "mutation.md": _page("Mutation operators", _mutation()),
        "python.md": _page("Python", _python()),
        "../guides/troubleshooting.md": _page("Troubleshooting", _troubleshooting()),
    }


def _page(title: str, parts: Iterable[str]) -> str:
    return "\n".join([f"# {title}\n", _GENERATED, *parts]).rstrip() + "\n"


# --- commands -------------------------------------------------------------------------------------


def _commands() -> Iterator[str]:
    yield "What `policyc --help` and the `--help` of each command say.\n"
    context = click.Context(root, info_name="policyc", terminal_width=90, **root.context_settings)
    yield f"```text\n{root.get_help(context)}\n```\n"
    for name in COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context, terminal_width=90)
        yield f"## {name}\n\n```text\n{command.get_help(inner)}\n```\n"
        if isinstance(command, click.Group):
            for part, below in command.commands.items():
                context_below = click.Context(
                    below, info_name=part, parent=inner, terminal_width=90
                )
                yield f"### {name} {part}\n\n```text\n{below.get_help(context_below)}\n```\n"


# --- diagnostics ----------------------------------------------------------------------------------


def _diagnostics() -> Iterator[str]:
    yield (
        "Errors (E) refuse a policy, warnings (W) do not; errors of case files (T) refuse a case "
        "file. `policyc explain CODE` prints a page.\n"
    )
    yield "| code | name | what it is |\n|---|---|---|"
    for code in CODES.values():
        yield f"| [{code.code}](#{code.code.lower()}) | {code.name} | {code.title} |"
    yield ""
    for code in CODES:
        yield _diagnostic(code)


def _diagnostic(code: str) -> str:
    """The page of a code one level deeper, its wrong policy marked with what it gives."""
    heading, _, text = page(code).partition("\n")
    title = heading.partition(": ")[2]
    text = re.sub(r"^## ", "### ", text, flags=re.M)
    text = re.sub(r"(### Wrong\n+)(```inv)", rf"\1<!-- expect: {code} -->\n\2", text)
    return f"## {code}\n\n**{title[:1].upper()}{title[1:]}.** {text.strip()}\n"


# --- mutation operators ---------------------------------------------------------------------------


def _mutation() -> Iterator[str]:
    yield (
        "The changes that mutation makes of a policy, each with an example. Of changes that mean "
        "the same the one that stands first is kept. [The guide](../guides/mutation.md) tells what "
        "they are for.\n"
    )
    yield "| kind | what changes | from | to |\n|---|---|---|---|"
    for operator in OPERATORS:
        after = f"`{operator.after}`" if operator.after else ""
        yield f"| {operator.name} | {operator.about} | `{operator.before}` | {after} |"


# --- faults of a machine --------------------------------------------------------------------------


def _troubleshooting() -> Iterator[str]:
    yield (
        "`policyc doctor` looks for what goes wrong in practice, and says what to do about it. "
        "With `--backend`, as in `policyc doctor --backend container`, what that backend needs is "
        "an error where it is missing; otherwise only a warning. `--format json` is for programs. "
        "Nothing is started or mended.\n\nThese are the checks, in their order, with the faults "
        "that each can find.\n"
    )
    for check in CHECKS:
        yield f"## {check.name}\n\n{check.about}\n\n| fault | what is wrong | what to do |"
        yield "|---|---|---|"
        for name in check.faults:
            yield f"| `{name}` | {FAULTS[name].meaning} | {FAULTS[name].way_out} |"
        yield ""
    yield (
        "Where policyc itself fails, `POLICYC_DEBUG=1` shows where; `policyc explain CODE` is "
        "about the codes of [diagnostics](../reference/diagnostics.md).\n"
    )


# --- functions of policies ------------------------------------------------------------------------


def _functions() -> Iterator[str]:
    yield (
        "What a policy can call. `policyc detectors` says what is available in an installation, "
        "with plug-ins.\n"
    )
    yield "## Built in\n\nThese need no import.\n"
    yield from _rows(builtins_registry.BUILTINS.values())
    for module in (*builtins_registry.MODULES.values(), *detectors_registry.MODULES.values()):
        yield from _module(module)


def _module(module: Module) -> Iterator[str]:
    yield f"## {module.name}\n"
    others = [
        ("Quantifiers", sorted(module.quantifiers)),
        ("Constants", sorted(module.constants)),
        ("Types", sorted(module.types)),
    ]
    for title, names in others:
        if names:
            yield f"{title}: {' '.join(f'`{name}`' for name in names)}.\n"
    rows = [
        row
        for name, row in module.functions.items()
        if module.name != "invariant" or name not in builtins_registry.BUILTINS
    ]
    if module.name == "invariant":
        yield "All built-in functions, and:\n"
    yield from _rows(rows)


def _rows(rows: Iterable[Signature]) -> Iterator[str]:
    yield "| function | gives | |\n|---|---|---|"
    for row in rows:
        notes = [row.doc]
        if row.kind is FunctionKind.DETECTOR:
            notes.append("A detector.")
        if row.extra:
            notes.append(f"Needs the extra `{row.extra}`.")
        if row.missing:
            notes.append(f"**Not available: {row.missing}.**")
        yield f"| `{_call(row)}` | {'' if row.result == ANY else row.result} | {' '.join(notes)} |"
    yield ""


def _call(row: Signature) -> str:
    parts = []
    if row.variadic:
        parts.append("*values")
    for parameter in row.parameters:
        if parameter.keyword_only and "*" not in parts and not row.variadic:
            parts.append("*")
        default = "" if parameter.is_required else f"={parameter.default!r}"
        if not (row.variadic and parameter.is_required):
            parts.append(parameter.name + default)
    if row.any_keywords:
        parts.append("**named")
    return f"{row.name}({', '.join(parts)})"


# --- the Python package ---------------------------------------------------------------------------


def _python() -> Iterator[str]:
    yield "All public names, `policyc.__all__`. What is not here may change.\n"
    yield from _names(policyc)


def _analyzers() -> Iterator[str]:
    yield (
        "All names of `policyc.analyzers`. [The guide](../guides/analyzers.md) tells what they are "
        "for.\n"
    )
    yield from _names(policyc.analyzers)


def _sandbox() -> Iterator[str]:
    yield (
        "All names of `policyc.sandbox`. [The guide](../guides/sandbox.md) tells what they are "
        "for.\n"
    )
    yield from _names(policyc.sandbox)


def _names(module: ModuleType) -> Iterator[str]:
    for name in sorted(module.__all__, key=lambda name: (name.startswith("_"), name.lower())):
        value = getattr(module, name)
        yield f"## {name}\n"
        if not callable(value):
            yield "The version, a text.\n"
        elif inspect.isclass(value):
            yield from _class(value)
        else:
            yield f"```text\n{name}{_signature(value)}\n```\n\n{_prose(value)}\n"


def _class(cls: type) -> Iterator[str]:
    if issubclass(cls, Exception):
        base = cls.__bases__[0]
        yield f"An exception, a `{base.__name__}`.\n"
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    if fields and all(field.default is not dataclasses.MISSING for field in fields):
        yield f"```text\n{cls.__name__}{_signature(cls)}\n```\n"
    yield f"{_prose(cls)}\n"
    if issubclass(cls, Enum):
        yield "\n".join(f"- `{cls.__name__}.{one.name}`: `{one.value!r}`" for one in cls) + "\n"
    attributes = [field.name for field in fields] + [*vars(cls).get("__slots__", ())]
    attributes += [name for name, member in vars(cls).items() if isinstance(member, property)]
    if public := list(dict.fromkeys(name for name in attributes if not name.startswith("_"))):
        yield f"Attributes: {' '.join(f'`{name}`' for name in public)}.\n"
    for name, member in vars(cls).items():
        if name.startswith("_") or not member.__doc__:
            continue
        if isinstance(member, property):
            yield f"**`.{name}`** {_prose(member)}\n"
        elif isinstance(member, classmethod | staticmethod) or inspect.isfunction(member):
            inner = inspect.unwrap(getattr(member, "__func__", member))
            prefix = "async " if inspect.iscoroutinefunction(inner) else ""
            owner = f"{cls.__name__}." if isinstance(member, classmethod | staticmethod) else "."
            yield f"```text\n{prefix}{owner}{name}{_signature(inner)}\n```\n\n{_prose(inner)}\n"


class _Bare(str):
    """An annotation that is shown without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def _signature(function: Any) -> str:
    told = inspect.signature(function)
    kept = [
        one.replace(annotation=_Bare(one.annotation))
        for name, one in told.parameters.items()
        if name not in ("self", "cls")
    ]
    returns = told.return_annotation
    shown = told.replace(
        parameters=kept,
        return_annotation=_Bare(returns) if isinstance(returns, str) else told.empty,
    )
    text = str(shown)
    return text if len(text) < 90 else _broken(text)


def _broken(text: str) -> str:
    """A long signature, a parameter a line."""
    head, _, tail = text.rpartition(")")
    depth, parts, start = 0, [], 1
    for at, char in enumerate(head):
        depth += (char in "([") - (char in ")]")
        if char == "," and depth == 1:
            parts.append(head[start:at].strip())
            start = at + 1
    parts.append(head[start:].strip())
    return "(\n" + "".join(f"    {part},\n" for part in parts) + ")" + tail


def _prose(value: Any) -> str:
    """A docstring, its `Args:` and `Raises:` as lists."""
    text = inspect.getdoc(value) or ""
    lines = []
    for line in text.splitlines():
        entry = re.fullmatch(r"    (\w+): (.*)", line)
        if re.fullmatch(r"(Args|Raises):", line):
            lines += [{"Args:": "Arguments:", "Raises:": "Raises:"}[line], ""]
        elif entry:
            lines.append(f"- `{entry[1]}`: {entry[2]}")
        else:
            lines.append("  " + line.strip() if line.startswith("      ") else line.strip())
    return "\n".join(lines)


def write() -> None:
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write()
