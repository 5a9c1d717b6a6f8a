"""A policy file as mutation reads it: its tree with names and types, and where everything stands.

`read_file` gives a `File`; `File.sites` are the places of it that operators look at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from policyc.compiler.frontend import Checked, check_tree
from policyc.compiler.literals import meant
from policyc.compiler.regexes import takes_pattern
from policyc.grammar import nodes as n
from policyc.grammar.diagnostics import PolicyError, Severity
from policyc.grammar.parser import Parsed, parse
from policyc.grammar.source import Span
from policyc.grammar.visitor import children, walk
from policyc.runtime.testing.mutation.changes import Change
from policyc.runtime.testing.mutation.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyc.compiler.signatures import Catalogue, Signature
    from policyc.compiler.symbols import Symbol
    from policyc.grammar.source import Source

Declaration = n.ConstantDeclaration | n.Predicate
Use = Literal["search", "match", "fullmatch"]
"""How a regular expression is used: anywhere in a text, at its start, or on the whole of it."""

_USES: dict[str, Use] = {"match": "match", "fullmatch": "fullmatch"}


def read_file(source: Source, catalogue: Catalogue) -> File:
    """Read and check one file.

    Raises:
        PolicyError: it has errors.
    """
    parsed = parse(source)
    checked = check_tree(source, parsed.tree, catalogue)
    errors = [
        found
        for found in (*parsed.diagnostics, *checked.diagnostics)
        if found.severity is Severity.ERROR
    ]
    if errors:
        raise PolicyError(errors)
    return File(parsed, checked, catalogue)


@dataclass(frozen=True, slots=True)
class Site:
    """A node, with what it stands in: the statement first, its parent last."""

    file: File
    node: n.Node
    parents: tuple[n.Node, ...]

    @property
    def parent(self) -> n.Node | None:
        return self.parents[-1] if self.parents else None

    @property
    def statement(self) -> n.Node:
        """The statement that it stands in, or is."""
        return (*self.parents, self.node)[0]

    def change(
        self, replacement: n.Node | None, *edits: Edit, imports: tuple[str, ...] = ()
    ) -> Change:
        """The node becomes something else, or is left out of its block."""
        return Change((*self.parents, self.node), replacement, edits, imports)

    def made(self, **updates: Any) -> Any:
        """The node with some fields changed: a new one at the same place."""
        return replace(self.node, uid=self.file.uid(), **updates)

    @property
    def above(self) -> Site:
        """The site of the parent."""
        return Site(self.file, self.parents[-1], self.parents[:-1])


class File:
    """A file without errors. Offsets are those of `source.text`."""

    def __init__(self, parsed: Parsed, checked: Checked, catalogue: Catalogue) -> None:
        self.source = checked.source
        self.tree = checked.tree
        self.table = checked.table
        self.catalogue = catalogue
        self._bracketed = parsed.bracketed
        self._uids = count(1 + max((node.uid for node in walk(self.tree)), default=0))

    def uid(self) -> int:
        """A number for a new node."""
        return next(self._uids)

    def is_bracketed(self, node: n.Node) -> bool:
        return node.uid in self._bracketed

    def extent(self, node: n.Node) -> Span:
        """The span of a node with the brackets around it."""
        return self._bracketed.get(node.uid, node.span)

    def without(self, items: Sequence[n.Node], number: int) -> Edit:
        """One of several items left out of the text, with what joins it to the others."""
        span = self.extent(items[number])
        if number:
            return Edit(Span(self.extent(items[number - 1]).end, span.end), "")
        return Edit(Span(span.start, self.extent(items[1]).start), "")

    def text(self, node: n.Node) -> str:
        """A node as written, with the brackets around it."""
        return self.source.slice(self.extent(node))

    # --- names

    @property
    def rules(self) -> list[n.Rule]:
        """The rules in their order, which is that of the plan."""
        return [x for x in self.tree.statements if isinstance(x, n.Rule)]

    def symbol(self, node: n.Node) -> Symbol | None:
        """What a name stands for."""
        return self.table.uses.get(node.uid)

    def needs(self, parts: Sequence[n.Node]) -> dict[int, Declaration]:
        """The constants and predicates that some nodes use, themselves or by way of others, by
        uid."""
        found: dict[int, Declaration] = {}
        stack = list(parts)
        while stack:
            for node in walk(stack.pop()):
                symbol = self.symbol(node) if isinstance(node, n.Name) else None
                declaration = None if symbol is None else symbol.declaration
                if declaration is not None and declaration.uid not in found:
                    found[declaration.uid] = declaration
                    stack.append(declaration)
        return found

    @cached_property
    def users(self) -> dict[int, tuple[int, ...]]:
        """For each statement that decides what rules find, by uid: the numbers of these rules.

        What a rule raises decides nothing, so a constant that is only a message is not among them.
        """
        found: dict[int, list[int]] = {}
        for number, rule in enumerate(self.rules):
            found.setdefault(rule.uid, []).append(number)
            for uid in self.needs(rule.body):
                found.setdefault(uid, []).append(number)
        return {uid: tuple(numbers) for uid, numbers in found.items()}

    # --- places

    def sites(self) -> Iterator[Site]:
        """Every node that decides what rules find, in the order of the file; parents first."""
        for statement in self.tree.statements:
            if statement.uid not in self.users:
                continue
            stack: list[tuple[n.Node, tuple[n.Node, ...]]] = [(statement, ())]
            while stack:
                node, parents = stack.pop()
                yield Site(self, node, parents)
                below = (*parents, node)
                stack.extend((child, below) for child in reversed(_deciding(node)))

    @cached_property
    def patterns(self) -> dict[int, frozenset[Use]]:
        """The texts that are regular expressions, by the uid of the literal, and how they are
        used."""
        found: dict[int, set[Use]] = {}

        def note(node: n.Expr, use: Use) -> None:
            literal = meant(node, self.table)
            if isinstance(literal, n.String):
                found.setdefault(literal.uid, set()).add(use)

        for node in walk(self.tree):
            if isinstance(node, n.ToolPattern):
                for value in _pattern_values(node):
                    note(value, "fullmatch")
            elif isinstance(node, n.Call):
                pattern = self._pattern_of(node)
                if pattern is not None:
                    note(*pattern)
        return {uid: frozenset(uses) for uid, uses in found.items()}

    def _pattern_of(self, call: n.Call) -> tuple[n.Expr, Use] | None:
        signature = self.signature(call)
        if signature is None or not takes_pattern(self.catalogue, signature):
            return None
        given = [x.value for x in call.keywords if x.name.text == "pattern"]
        first = call.args[0] if call.args else next(iter(given), None)
        return None if first is None else (first, _USES.get(signature.name, "search"))

    def signature(self, call: n.Call) -> Signature | None:
        """The function that a call calls, if it is one of a library."""
        symbol = self.symbol(call.function)
        return None if symbol is None else symbol.signature


def _deciding(node: n.Node) -> list[n.Node]:
    """The children that decide whether a rule finds something."""
    match node:
        case n.Rule(body=body) | n.Predicate(body=body):
            return list(body)
        case n.ConstantDeclaration(value=value):
            return [value]
        case _:
            return children(node)


def _pattern_values(node: n.ToolPattern) -> Iterator[n.Expr]:
    """The values in the arguments of a tool pattern that are no lists or objects by themselves."""
    stack: list[n.Expr] = list(node.arguments or ())
    while stack:
        value = stack.pop()
        match value:
            case n.ListLiteral(items=items):
                stack.extend(items)
            case n.ObjectLiteral(entries=entries):
                stack.extend(entry.value for entry in entries)
            case _:
                yield value
