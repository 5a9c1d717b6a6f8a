"""What a policy can name, in one catalogue: built-ins, standard library, plug-ins, host functions.

Plug-ins are entry points of the group `policyc.detectors`; a policy imports them from the module of
that name (`from policyc.detectors import NAME`). They are looked for when a policy names that
module, or a name that nothing else has. A plug-in that cannot be loaded stays in the catalogue with
the reason, which names its distribution.

An entry point or a function of the host is a `Signature`, or a function whose parameters are read
from itself. A class among the host's functions is a type as well: a policy may name it as one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from policyc.compiler.signatures import (
    REQUIRED,
    Answer,
    FunctionKind,
    Module,
    Param,
    Signature,
)
from policyc.compiler.typesystem import (
    ANY,
    BOOL,
    DICT,
    INT,
    LIST,
    NUMBER,
    TEXT,
    Type,
    list_of,
)
from policyc.grammar.diagnostics import PolicycError
from policyc.grammar.operators import RESERVED
from policyc.runtime.builtins import registry as builtins_registry
from policyc.runtime.detectors import registry as detectors_registry
from policyc.runtime.detectors.options import complete

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from policyc.compiler.signatures import Unavailable
    from policyc.runtime.models.engines import Engines

PLUGINS = "policyc.detectors"
"""The entry-point group of plug-ins, and the module that a policy imports them from."""


class ExtensionError(PolicycError):
    """A function of the host or of a plug-in that policyc cannot use."""


class _Modules(Mapping[str, Module]):
    """The importable modules; that of the plug-ins is made when it is first asked for."""

    def __getitem__(self, name: str) -> Module:
        return plugins() if name == PLUGINS else _STANDARD[name]

    def __contains__(self, name: object) -> bool:
        return name == PLUGINS or name in _STANDARD

    def __iter__(self) -> Iterator[str]:
        yield from _STANDARD
        yield PLUGINS

    def __len__(self) -> int:
        return len(_STANDARD) + 1


_STANDARD: dict[str, Module] = {**builtins_registry.MODULES, **detectors_registry.MODULES}


@dataclass(frozen=True)
class StandardCatalogue:
    """Everything that a policy can name; implements `policyc.compiler.signatures.Catalogue`.

    `functions` are the host's functions themselves, by name; `classes` those that are types. Not
    `is_trusted` is a policy that must not reach beyond values: what it names is not looked for.
    """

    builtins: Mapping[str, Signature] = field(default_factory=lambda: builtins_registry.BUILTINS)
    modules: Mapping[str, Module] = field(default_factory=_Modules)
    host: Mapping[str, Signature] = field(default_factory=dict)
    types: Mapping[str, Type] = field(default_factory=dict)
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    classes: Mapping[str, type] = field(default_factory=dict)
    is_trusted: bool = True

    def unavailable(self, signature: Signature, options: Mapping[str, Any]) -> Unavailable | None:
        """Why a function with engines cannot be called with some options; None where it can."""
        if not signature.engines:
            return None
        if not self.is_trusted:
            from policyc.compiler.reach import reaches  # noqa: PLC0415  # only for servers

            if reaches(signature, options):
                return None
        return engines_of(signature).unavailable(options)

    def load(self, signature: Signature) -> Callable[..., Any]:
        """The function that a signature of this catalogue stands for.

        Raises:
            ExtensionError: it cannot be imported.
        """
        # By equality: a policy that was pickled has signatures of its own.
        if not signature.implementation and self.host.get(signature.name) == signature:
            return self.functions[signature.name]
        return load(signature)


def catalogue(
    functions: Mapping[str, Callable[..., Any] | Signature] | None = None,
) -> StandardCatalogue:
    """The catalogue of the standard library, the plug-ins and the functions that the host passes.

    Raises:
        ExtensionError: a function of the host has no usable name or is not a function.
    """
    if not functions:
        return _default()
    host: dict[str, Signature] = {}
    callables: dict[str, Callable[..., Any]] = {}
    classes: dict[str, type] = {}
    for name, value in functions.items():
        if not (name.isascii() and name.isidentifier()) or name in RESERVED:
            raise ExtensionError(f"`{name}` cannot be the name of a function in a policy")
        if isinstance(value, Signature):
            if not value.implementation and value.missing is None:
                raise ExtensionError(f"the signature of `{name}` names no implementation")
            host[name] = complete(replace(value, name=name))
            continue
        if not callable(value):
            raise ExtensionError(f"`{name}` is not a function")
        host[name] = describe(name, value)
        callables[name] = value
        if isinstance(value, type):
            classes[name] = value
    types = {name: Type(name) for name in classes}
    return StandardCatalogue(host=host, types=types, functions=callables, classes=classes)


@cache
def _default() -> StandardCatalogue:
    return StandardCatalogue()


def load(signature: Signature) -> Callable[..., Any]:
    """The function that `signature.implementation` names; imported at the first call.

    Raises:
        ExtensionError: it cannot be imported, or is not available.
    """
    if signature.missing is not None:
        raise ExtensionError(f"`{signature.name}` is not available: {signature.missing}")
    if not signature.implementation:
        raise ExtensionError(f"`{signature.name}` has no implementation to load")
    return _load(signature.implementation)


def engines_of(signature: Signature) -> Engines:
    """What knows the engines of a function."""
    return cast("Engines", import_module(signature.engines))


@cache
def _load(implementation: str) -> Callable[..., Any]:
    module, _, attribute = implementation.partition(":")
    try:
        function: Any = import_module(module)
        for name in attribute.split("."):
            function = getattr(function, name)
    except Exception as error:
        raise ExtensionError(f"`{implementation}` cannot be loaded: {error}") from error
    if not callable(function):
        raise ExtensionError(f"`{implementation}` is not a function")
    return function  # type: ignore[no-any-return]  # checked on the line above


def describe(name: str, function: Callable[..., Any]) -> Signature:
    """The signature of a function, read from its own parameters and simple annotations.

    A function that does not tell its parameters takes any. What it does is not known, so its
    answers are never kept.
    """
    try:
        told = inspect.signature(function)
    except (TypeError, ValueError):
        return Signature(name, variadic=True, any_keywords=True, deterministic=False)
    kinds = inspect.Parameter
    parameters = tuple(
        Param(
            parameter.name,
            _type_of(parameter.annotation),
            REQUIRED if parameter.default is kinds.empty else None,
            parameter.kind is kinds.KEYWORD_ONLY,
        )
        for parameter in told.parameters.values()
        if parameter.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)
    )
    every = {parameter.kind for parameter in told.parameters.values()}
    return Signature(
        name,
        parameters,
        Type(name) if isinstance(function, type) else _type_of(told.return_annotation),
        variadic=kinds.VAR_POSITIONAL in every,
        any_keywords=kinds.VAR_KEYWORD in every,
        deterministic=False,
        doc=(inspect.getdoc(function) or "").partition("\n")[0],
    )


_ANNOTATIONS = {"str": TEXT, "int": INT, "bool": BOOL, "list": LIST, "dict": DICT}


def _type_of(annotation: Any) -> Type:
    """The type of an annotation that promises one; anything else promises nothing."""
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    if name == "float":
        return NUMBER
    return _ANNOTATIONS.get(name, ANY) if isinstance(annotation, str | type) else ANY


@cache
def plugins() -> Module:
    """The module of the plug-ins: the entry points of all installed distributions."""
    from importlib.metadata import entry_points  # noqa: PLC0415  # slow, and seldom needed

    by_name: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=PLUGINS):
        by_name.setdefault(entry.name, []).append(entry)
    return Module(PLUGINS, {name: _plugin(name, found) for name, found in by_name.items()})


def _plugin(name: str, entries: list[EntryPoint]) -> Signature:
    """The row of one plug-in. The same name in two distributions is ambiguous and not available."""
    unavailable = Signature(name, variadic=True, any_keywords=True)
    if len({entry.value for entry in entries}) > 1:
        owners = " and ".join(sorted(f"`{_distribution(entry)}`" for entry in entries))
        return replace(unavailable, missing=f"{owners} both have a plug-in of this name")
    entry = entries[0]
    try:
        loaded = entry.load()
    except Exception as error:  # foreign code: whatever it raises is the reason
        reason = f"the plug-in of `{_distribution(entry)}` cannot be loaded: {error}"
        return replace(unavailable, missing=reason)
    if isinstance(loaded, Signature):
        return complete(replace(loaded, name=name))
    if not callable(loaded):
        reason = f"the plug-in of `{_distribution(entry)}` is not a function"
        return replace(unavailable, missing=reason)
    row = describe(name, loaded)
    # It gets one text after the other; a policy hands over whatever holds texts.
    takes = tuple(replace(one, type=ANY) for one in row.parameters[:1])
    found = replace(
        row,
        parameters=takes + row.parameters[1:],
        kind=FunctionKind.DETECTOR,
        answer=Answer.TYPES,
        result=list_of(TEXT),
        implementation=entry.value,
        deterministic=True,
        version=entry.dist.version if entry.dist else "",
        license=_license(entry),
    )
    return complete(found)


def _license(entry: EntryPoint) -> str:
    """What the distribution says of its license."""
    if entry.dist is None:
        return ""
    told = entry.dist.metadata.json
    return str(told.get("license_expression") or told.get("license") or "")


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.module
