"""What the compiler knows of a function without importing it: names, types, what it needs and what
it may do.

A `Signature` is data. The runtime supplies the rows of the standard library and of plug-ins through
a `Catalogue`; `implementation` says where the function is ("module:attribute") and is loaded at its
first call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from policyc.compiler.typesystem import ANY, Type

if TYPE_CHECKING:
    from collections.abc import Mapping


class Required(Enum):
    """The default of a parameter that has none."""

    REQUIRED = "required"


REQUIRED = Required.REQUIRED


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter.

    `default` tells that it may be left out; a call passes what was written and nothing else.
    `choices`: the texts that it takes, alone or in a list; empty where any will do. `extras`:
    further texts that it takes only with an extra of policyc, and the names of these. What
    `is_fixed` must be written out in the policy: no trace and no parameter may choose it.
    `harmless`: of an option that names a file, a model or an address, the values that name none;
    None where every value is harmless.
    """

    name: str
    type: Type = ANY
    default: Any = REQUIRED
    keyword_only: bool = False
    choices: tuple[str, ...] = ()
    extras: tuple[tuple[str, str], ...] = ()
    is_fixed: bool = False
    harmless: tuple[Any, ...] | None = None

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED


class FunctionKind(StrEnum):
    """How the interpreter calls a function.

    `plain` gets the values of its arguments and returns a value. `detector` gets every text of its
    first argument one by one (and the other arguments as options), returns `Detection`s, and marks
    their places. `reader` gets the value of its first argument and, as `place`, where that lies in
    the trace; it returns a record that tells what to mark where a policy reads a member of it
    (`policyc.runtime.records.Marked`). `service` asks something outside of this process; it
    gets, as `evaluation`, what the evaluation may still ask and what it was answered
    (`policyc.runtime.evaluation.Evaluation`). `special` is written into the interpreter itself
    (`text`, `find`, `tool_call`, ...).
    """

    PLAIN = "plain"
    DETECTOR = "detector"
    READER = "reader"
    SERVICE = "service"
    SPECIAL = "special"


class Answer(StrEnum):
    """What a policy sees of the findings of a `detector`.

    Their types, each type once, their texts, or whether there are any.
    """

    TYPES = "types"
    DISTINCT = "distinct"
    TEXTS = "texts"
    FOUND = "found"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why a call cannot work here, and what to do about it."""

    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class Signature:
    """A function that a policy may call.

    `variadic`: further positional arguments are taken; `any_keywords`: keyword arguments of any
    name are taken. `extra`: the name of the extra of policyc that must be installed, `requires` the
    modules that show whether it is. `missing`: the reason why it is not available, or None.
    `deterministic` functions of the same arguments may be cached. `engines`: the module that knows
    the engines of the function (`policyc.runtime.models.engines.Engines`), where it depends on a
    model or a service that each machine has, or has not; the host may pass its own in its place.

    Of a detector: `version` changes whenever its answers may; `license` is that of the code, data
    and models that it judges by; `files` are these data and models ("package:file"). A longer text
    than `window` characters is given to it in pieces of that size that overlap by twice `margin`; 0
    where it takes any text whole. What an `is_secret` detector finds is masked wherever policyc
    shows texts.

    `reaches`: a call may get at more than its arguments: files, services, whatever the host's own
    functions do. What is not known to stay within them is taken to reach further; an option that
    decides it has `harmless` values instead. Servers refuse both in policies that clients send
    (`policyc.compiler.reach`).
    """

    name: str
    parameters: tuple[Param, ...] = ()
    result: Type = ANY
    variadic: bool = False
    any_keywords: bool = False
    kind: FunctionKind = FunctionKind.PLAIN
    answer: Answer = Answer.TYPES
    implementation: str = ""
    extra: str | None = None
    requires: tuple[str, ...] = ()
    missing: str | None = None
    deterministic: bool = True
    engines: str = ""
    version: str = ""
    license: str = ""
    files: tuple[str, ...] = ()
    window: int = 0
    margin: int = 0
    is_secret: bool = False
    reaches: bool = True
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Module:
    """An importable module: its functions and types by name."""

    name: str
    functions: Mapping[str, Signature] = field(default_factory=dict)
    types: Mapping[str, Type] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    quantifiers: frozenset[str] = frozenset()
    """Names that open a block: `count`, `forall`."""


class Catalogue(Protocol):
    """Everything a policy can name that it does not declare itself."""

    @property
    def builtins(self) -> Mapping[str, Signature]:
        """Functions that need no import."""

    @property
    def modules(self) -> Mapping[str, Module]:
        """Importable modules by their full name, `invariant.detectors` for example."""

    @property
    def host(self) -> Mapping[str, Signature]:
        """Functions that the host passed explicitly (`functions=`), usable without an import."""

    @property
    def types(self) -> Mapping[str, Type]:
        """Types that the host passed (classes among `functions=`), usable without an import."""

    def unavailable(self, signature: Signature, options: Mapping[str, Any]) -> Unavailable | None:
        """Why a function with engines cannot be called with the options that a policy spells out;
        None where it can."""
