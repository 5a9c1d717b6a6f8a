"""The syntax tree of a policy: frozen dataclasses with spans, and nothing else.

Children are found from the dataclass fields (`visitor.children`), so a node needs no methods. Spans
and ids do not count for equality, so tests can compare trees. `uid` is unique in one parsed file:
side tables of the compiler (symbols, types) use it as their key.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from policyc.grammar.source import NO_SPAN, Span


@dataclass(frozen=True, slots=True)
class Node:
    span: Span = field(default=NO_SPAN, kw_only=True, compare=False, repr=False)
    uid: int = field(default=0, kw_only=True, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Identifier(Node):
    """A name where it is declared or used as a member: `m` in `(m: Message)`, `role` in
    `m.role`."""

    text: str


# --- literals -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class String(Node):
    """`"text"`, `r'text'`, a triple-quoted text.

    `value` is the text meant (see 1.8 of the language).
    """

    value: str
    raw: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Interpolation(Node):
    """`{value:spec}` in an f-string; `spec` is a width and a precision such as `10.2`, or empty."""

    value: Expr
    spec: str = ""


@dataclass(frozen=True, slots=True)
class FString(Node):
    """`f"role {m.role}"`: literal texts (doubled braces undone) and interpolations in order."""

    parts: tuple[String | Interpolation, ...]


@dataclass(frozen=True, slots=True)
class Number(Node):
    value: int | float


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """`True`, `False`, `None`."""

    value: bool | None


@dataclass(frozen=True, slots=True)
class ListLiteral(Node):
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Entry(Node):
    """`key: value` in an object; an unquoted key is a text too."""

    key: Identifier
    value: Expr


@dataclass(frozen=True, slots=True)
class ObjectLiteral(Node):
    entries: tuple[Entry, ...]


# --- names and access ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Name(Node):
    text: str


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`value.name`."""

    value: Expr
    name: Identifier


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`value[index]`."""

    value: Expr
    index: Expr


@dataclass(frozen=True, slots=True)
class Keyword(Node):
    """`name=value` in a call."""

    name: Identifier
    value: Expr


@dataclass(frozen=True, slots=True)
class Call(Node):
    function: Expr
    args: tuple[Expr, ...]
    keywords: tuple[Keyword, ...] = ()


# --- operators ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`-x`, `+x`, `not x`; `operator` is `"-"`, `"+"` or `"not"`."""

    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`+ - * / % **`."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class BoolOp(Node):
    """`a and b and c`; `operator` is `"and"` or `"or"`, with two operands or more."""

    operator: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """One link of a chain: the operator and what stands to its right.

    Operators: `== != < <= > >= in`, `not in`, `is`, `is not`, `contains_only`, `->`, `~>`.
    """

    operator: str
    right: Expr
    operator_span: Span = field(default=NO_SPAN, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """`first op1 x op2 y ...`: a chain reads as `first op1 x and x op2 y`."""

    first: Expr
    rest: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Ternary(Node):
    """`then if condition else otherwise`."""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Comprehension(Node):
    """`[element for variable in source if condition]`."""

    element: Expr
    variable: Identifier
    source: Expr
    condition: Expr | None = None


# --- variables, quantifiers, patterns ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TypeRef(Node):
    name: str


@dataclass(frozen=True, slots=True)
class TypedVariable(Node):
    """`(name: Type)`: ranges over the objects of that type in the trace."""

    name: Identifier
    type: TypeRef


@dataclass(frozen=True, slots=True)
class DerivedVariable(Node):
    """`(name: Type) in source`: ranges over the values of that type found in `source`."""

    name: Identifier
    type: TypeRef
    source: Expr


@dataclass(frozen=True, slots=True)
class Quantifier(Node):
    """`forall:` or `count(min=1, max=2):` with a block. `callee` is the name as written."""

    callee: Name
    args: tuple[Expr, ...]
    keywords: tuple[Keyword, ...]
    body: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class ToolPattern(Node):
    """`tool:name`, `tool:name({to: "x"})`, `tool:"any text"`, `tool:send_*`.

    `name` is the text of the name without quotes; in an unquoted one `*` stands for any run of
    characters. `arguments` is None without brackets, else the patterns between them.
    """

    name: str
    quoted: bool
    arguments: tuple[Expr, ...] | None = None


@dataclass(frozen=True, slots=True)
class Wildcard(Node):
    """`*` in a tool pattern."""


@dataclass(frozen=True, slots=True)
class ValueReference(Node):
    """`<EMAIL_ADDRESS>` in a tool pattern."""

    name: str


Expr = (
    String
    | FString
    | Number
    | Constant
    | ListLiteral
    | ObjectLiteral
    | Name
    | Member
    | Index
    | Call
    | Unary
    | Binary
    | BoolOp
    | Compare
    | Ternary
    | Comprehension
    | TypedVariable
    | DerivedVariable
    | Quantifier
    | ToolPattern
    | Wildcard
    | ValueReference
)


@dataclass(frozen=True, slots=True)
class Assign(Node):
    """`name := value` as a line of a body."""

    name: Identifier
    value: Expr


Line = Expr | Assign


# --- statements ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Import(Node):
    """`import module` or `import module as alias`."""

    module: Identifier
    alias: Identifier | None = None


@dataclass(frozen=True, slots=True)
class ImportedName(Node):
    name: Identifier
    alias: Identifier | None = None


@dataclass(frozen=True, slots=True)
class ImportFrom(Node):
    """`from module import a, b as c`."""

    module: Identifier
    names: tuple[ImportedName, ...]


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """`name: Type` of a predicate."""

    name: Identifier
    type: TypeRef


@dataclass(frozen=True, slots=True)
class ConstantDeclaration(Node):
    """`NAME := expr`."""

    name: Identifier
    value: Expr


@dataclass(frozen=True, slots=True)
class Predicate(Node):
    """`name(x: T) := body`, `name(x: T):` with a block, or `def name(x: T):`; a body of one line or
    more."""

    name: Identifier
    parameters: tuple[Parameter, ...]
    body: tuple[Line, ...]
    style: str = field(default=":=", compare=False)


@dataclass(frozen=True, slots=True)
class Rule(Node):
    """`raise value if:` with a block."""

    value: Expr
    body: tuple[Line, ...]


Statement = Import | ImportFrom | ConstantDeclaration | Predicate | Rule


@dataclass(frozen=True, slots=True)
class Comment(Node):
    """A comment with its `#`. It is no child of anything: the formatter places it by its span."""

    text: str


@dataclass(frozen=True, slots=True)
class PolicyFile(Node):
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
