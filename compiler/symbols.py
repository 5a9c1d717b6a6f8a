"""What a name stands for. The resolver makes the table, the checker and the lowering read it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from policyc.compiler.typesystem import ANY, Type
from policyc.grammar.source import NO_SPAN, Span

if TYPE_CHECKING:
    from policyc.compiler.signatures import Module, Signature
    from policyc.grammar.nodes import ConstantDeclaration, Node, Predicate


class SymbolKind(StrEnum):
    """The word that messages use for the kind of a name."""

    VARIABLE = "variable"
    """`(m: Message)`"""
    DERIVED = "derived variable"
    """`(t: str) in expr`"""
    ASSIGNED = "assigned name"
    """`y := expr` in a body"""
    LOOP = "loop variable"
    """of a comprehension"""
    PARAMETER = "parameter"
    """of a predicate"""
    CONSTANT = "constant"
    PREDICATE = "predicate"
    FUNCTION = "function"
    """built in, imported, or passed by the host"""
    QUANTIFIER = "quantifier"
    """`count`, `forall`"""
    TYPE = "type"
    MODULE = "module"
    VALUE = "value"
    """a constant of an imported module, such as `math.pi`"""
    INPUT = "input"
    ERROR = "unresolved name"
    """reported already"""


@dataclass(slots=True, eq=False)
class Symbol:
    """One declared name; compared by identity. `type` is filled by the checker where it is
    inferred.

    The name of a QUANTIFIER is `count` or `forall`, also if it was imported under another one.
    """

    name: str
    kind: SymbolKind
    type: Type = ANY
    span: Span = NO_SPAN
    signature: Signature | None = None
    """of a FUNCTION"""
    declaration: ConstantDeclaration | Predicate | None = None
    """of a CONSTANT or PREDICATE"""
    module: Module | None = None
    """of a MODULE"""
    value: Any = None
    """of a VALUE"""
    is_used: bool = False


@dataclass(slots=True)
class SymbolTable:
    """Side tables of one file, keyed by the `uid` of nodes.

    `uses`: `Name`, `TypeRef` and (for `module.name`) `Member` nodes -> what they stand for.
    `declared`: `Import`, `ImportedName`, `TypedVariable`, `DerivedVariable`, `Assign`,
    `Comprehension`, `Parameter`, `ConstantDeclaration`, `Predicate` nodes -> the symbol they make.
    `types`: expression nodes -> their type. Missing means ANY. `nodes`: the lines and expressions
    of each class (no literals), for checks that look at one class only.
    """

    uses: dict[int, Symbol] = field(default_factory=dict)
    declared: dict[int, Symbol] = field(default_factory=dict)
    types: dict[int, Type] = field(default_factory=dict)
    nodes: defaultdict[type[Node], list[Node]] = field(default_factory=lambda: defaultdict(list))
