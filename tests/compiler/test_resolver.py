"""What the symbol table of a file holds: each use, each declaration, in the right scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.frontend import Checked, check_source
from policyc.compiler.symbols import SymbolKind
from policyc.grammar.nodes import (
    Assign,
    Comprehension,
    ConstantDeclaration,
    DerivedVariable,
    ImportedName,
    Member,
    Name,
    Parameter,
    Predicate,
    TypedVariable,
    TypeRef,
)
from policyc.grammar.source import Source
from policyc.grammar.visitor import walk
from policyc.runtime.extensions import catalogue

if TYPE_CHECKING:
    from policyc.compiler.symbols import Symbol
    from policyc.grammar.nodes import Node

POLICY = """
from invariant import count as how_many
import invariant.detectors as d
LIMIT := 3
is_user(m: Message) := m.role == "user" and LIMIT > 2
raise Violation("x", last) if:
    (m: Message)
    (t: str) in text(m)
    last := m.content
    is_user(m)
    any(d.secrets(t)) and any([x == last for x in [t]])
    how_many(min=LIMIT):
        (c: ToolCall)
        c.function.name == input.name
    m.role == str(1)
"""


def checked(text: str) -> Checked:
    return check_source(Source(text), catalogue())


def nodes(one: Checked, kind: type[Node]) -> list[Node]:
    return [node for node in walk(one.tree) if type(node) is kind]


def kinds(one: Checked) -> dict[str, set[SymbolKind]]:
    found: dict[str, set[SymbolKind]] = {}
    for node in nodes(one, Name):
        assert isinstance(node, Name)
        found.setdefault(node.text, set()).add(one.table.uses[node.uid].kind)
    return found


def test_every_name_stands_for_the_right_kind_of_thing() -> None:
    one = checked(POLICY)
    assert not one.diagnostics
    assert kinds(one) == {
        "m": {SymbolKind.PARAMETER, SymbolKind.VARIABLE},
        "t": {SymbolKind.DERIVED},
        "last": {SymbolKind.ASSIGNED},
        "x": {SymbolKind.LOOP},
        "c": {SymbolKind.VARIABLE},
        "d": {SymbolKind.MODULE},
        "LIMIT": {SymbolKind.CONSTANT},
        "is_user": {SymbolKind.PREDICATE},
        "how_many": {SymbolKind.QUANTIFIER},
        "input": {SymbolKind.INPUT},
        "any": {SymbolKind.FUNCTION},
        "text": {SymbolKind.FUNCTION},
        "str": {SymbolKind.FUNCTION},
        "Violation": {SymbolKind.FUNCTION},
    }


def test_every_use_and_declaration_is_in_the_table() -> None:
    one = checked(POLICY)
    for kind in (Name, TypeRef):
        assert all(node.uid in one.table.uses for node in nodes(one, kind))
    for kind in (
        TypedVariable,
        DerivedVariable,
        Assign,
        Comprehension,
        Parameter,
        ConstantDeclaration,
        Predicate,
        ImportedName,
    ):
        assert nodes(one, kind)
        assert all(node.uid in one.table.declared for node in nodes(one, kind))


def test_a_member_of_a_module_is_in_the_table_and_other_members_are_not() -> None:
    one = checked(POLICY)
    found = {
        node.name.text: one.table.uses.get(node.uid)
        for node in nodes(one, Member)
        if isinstance(node, Member)
    }
    secrets = found.pop("secrets")
    assert secrets is not None
    assert secrets.signature is catalogue().modules["invariant.detectors"].functions["secrets"]
    assert set(found.values()) == {None}


def test_an_alias_keeps_the_name_of_the_quantifier() -> None:
    one = checked(POLICY)
    (symbol,) = {
        symbol for symbol in one.table.uses.values() if symbol.kind is SymbolKind.QUANTIFIER
    }
    assert symbol.name == "count"


def _meant(text: str, name: str) -> list[Symbol]:
    one = checked(text)
    return [
        one.table.uses[node.uid]
        for node in nodes(one, Name)
        if isinstance(node, Name) and node.text == name
    ]


def test_inner_names_hide_outer_ones() -> None:
    text = """
x := 1
raise "x" if:
    any([x == 2 for x in [x]])
    x == 3
raise "y" if:
    (x: Message)
    any([x == "a" for x in text(x)])
    x.role == "user"
"""
    found = [(symbol.kind, symbol.span.start) for symbol in _meant(text, "x")]
    constant, loop, variable = SymbolKind.CONSTANT, SymbolKind.LOOP, SymbolKind.VARIABLE
    assert sorted(kind.name for kind, _ in found) == sorted(
        kind.name for kind in (loop, constant, constant, loop, variable, variable)
    )
    assert len(set(found)) == 4


def test_a_variable_of_a_rule_is_seen_in_its_blocks_also_below_them() -> None:
    text = """
from invariant import count
raise "x" if:
    count(min=1):
        (c: ToolCall)
        m -> c
    (m: Message)
"""
    (symbol,) = _meant(text, "m")
    assert symbol.kind is SymbolKind.VARIABLE


def test_a_function_of_the_host_replaces_a_built_in_or_missing_one() -> None:
    text = """
from invariant import llm
raise "x" if:
    len("a", "b") == llm("a", "b", prompt=1)
"""
    own = catalogue({"len": lambda a, b: a, "llm": lambda a, b, prompt: b})
    assert check_source(Source(text), own).diagnostics == ()
    codes = {found.code for found in check_source(Source(text), catalogue()).diagnostics}
    assert {"E0402", "E0601"} <= codes


def test_unused_names_are_known() -> None:
    one = checked("K := 1\nJ := 2\nraise 'x' if:\n    (m: Message)\n    m.content == J\n")
    used = {
        node.name.text: one.table.declared[node.uid].is_used
        for node in one.tree.statements
        if isinstance(node, ConstantDeclaration)
    }
    assert used == {"K": False, "J": True}
