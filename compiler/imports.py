"""Binds the names that `import` statements bring in.

Imports are closed: only the modules of the catalogue exist. What a host wants to offer beyond them
it passes explicitly, so that a policy file can never reach code by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler import habits
from policyc.compiler.signatures import Module
from policyc.compiler.spelling import closest, did_you_mean
from policyc.compiler.symbols import Symbol, SymbolKind
from policyc.compiler.typesystem import CALLABLE, ERROR, MODULE, from_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.reporting import Reporter
    from policyc.compiler.signatures import Catalogue
    from policyc.compiler.symbols import SymbolTable
    from policyc.grammar.nodes import Identifier, Import, ImportedName, ImportFrom

_CLOSED = (
    "only the standard library can be imported; the host passes other functions as "
    "`functions={...}` when it loads the policy"
)

_MOST_LISTED = 20


def find_member(module: Module, name: str, catalogue: Catalogue) -> Symbol | None:
    """What `module.name` stands for: a function, type, constant, quantifier or a module inside."""
    if name in module.functions:
        signature = module.functions[name]
        return Symbol(name, SymbolKind.FUNCTION, CALLABLE, signature=signature)
    if name in module.types:
        return Symbol(name, SymbolKind.TYPE, module.types[name])
    if name in module.quantifiers:
        return Symbol(name, SymbolKind.QUANTIFIER)
    if name in module.constants:
        value = module.constants[name]
        return Symbol(name, SymbolKind.VALUE, from_value(value), value=value)
    inner = find_module(f"{module.name}.{name}", catalogue)
    return Symbol(name, SymbolKind.MODULE, MODULE, module=inner) if inner else None


def find_module(name: str, catalogue: Catalogue) -> Module | None:
    """A module by its full name; one that only contains modules has no row of its own."""
    found = catalogue.modules.get(name)
    if found is None and any(known.startswith(f"{name}.") for known in catalogue.modules):
        return Module(name)
    return found


def importable(name: str, catalogue: Catalogue) -> str | None:
    """The module that `name` can be imported from: the shortest one, if there are several."""
    found = [
        module.name
        for module in catalogue.modules.values()
        if name in module.functions or name in module.types or name in module.quantifiers
    ]
    return min(found, key=lambda module: (module.count("."), module), default=None)


def member_names(module: Module) -> Iterator[str]:
    yield from module.functions
    yield from module.types
    yield from module.quantifiers
    yield from module.constants


class ImportBinder:
    """Fills `names` with the symbols of the import statements of one file, and reports what cannot
    be imported.
    """

    def __init__(self, catalogue: Catalogue, table: SymbolTable, reporter: Reporter) -> None:
        self._catalogue = catalogue
        self._table = table
        self._reporter = reporter
        self.names: dict[str, Symbol] = {}

    def bind_module(self, node: Import) -> None:
        name = node.module.text
        module = self._module(node.module)
        if module is None:
            bound = node.alias or node.module
            self._bind(bound.text.split(".")[0], _unresolved(bound), node.uid)
            return
        if node.alias is not None:
            symbol = Symbol(
                node.alias.text, SymbolKind.MODULE, MODULE, node.alias.span, module=module
            )
            self._bind(node.alias.text, symbol, node.uid)
            return
        # `import a.b` makes the top name known; `a.b` is then looked up as its member.
        top = name.split(".")[0]
        known = self.names.get(top)
        if known is not None and known.module is not None and known.module.name == top:
            self._table.declared[node.uid] = known
            return
        root = find_module(top, self._catalogue)
        symbol = Symbol(top, SymbolKind.MODULE, MODULE, node.module.span, module=root)
        self._bind(top, symbol, node.uid)

    def bind_names(self, node: ImportFrom) -> None:
        module = self._module(node.module)
        for imported in node.names:
            bound = imported.alias or imported.name
            symbol = self._member(module, imported) if module else None
            if symbol is None:
                symbol = _unresolved(bound)
            else:
                if symbol.kind is not SymbolKind.QUANTIFIER:  # which one it is shows in its name
                    symbol.name = bound.text
                symbol.span = bound.span
            self._bind(bound.text, symbol, imported.uid)

    def _module(self, name: Identifier) -> Module | None:
        found = find_module(name.text, self._catalogue)
        if found is None:
            self._reporter.report(
                "E0304",
                name.span,
                f"`{name.text}` cannot be imported",
                self._other_module(name.text),
                note="not in the standard library",
            )
        return found

    def _other_module(self, name: str) -> str:
        """The help for a module that does not exist: only its last part may be misspelt."""
        parent, _, last = name.rpartition(".")
        if parent and last in self._catalogue.modules:
            return f"`{last}` is a module by itself: write `{last}`"
        siblings = [
            known for known in self._catalogue.modules if known.rpartition(".")[0] == parent
        ]
        places = {known.rpartition(".")[2]: known for known in siblings}
        near = closest(last, places)
        return f"did you mean `{places[near]}`?" if near else _CLOSED

    def _member(self, module: Module, imported: ImportedName) -> Symbol | None:
        name = imported.name.text
        symbol = find_member(module, name, self._catalogue)
        known = None if symbol is None else symbol.signature
        if symbol is not None and known is not None and (known.missing or known.engines):
            # The host may stand in for what is not available here, or asks a model.
            symbol.signature = self._catalogue.host.get(name, known)
        if symbol is None and module.name == "invariant" and name in self._catalogue.builtins:
            signature = self._catalogue.builtins[name]
            return Symbol(name, SymbolKind.FUNCTION, CALLABLE, signature=signature)
        if symbol is None:
            self._reporter.report(
                "E0305",
                imported.name.span,
                f"`{module.name}` has no `{name}`",
                self._other_member(module, name),
            )
        return symbol

    def _other_member(self, module: Module, name: str) -> str | None:
        """The help for a name that a module does not have."""
        elsewhere = importable(name, self._catalogue)
        if elsewhere:
            return f"write `from {elsewhere} import {name}`"
        return other_member(module, name)

    def _bind(self, name: str, symbol: Symbol, uid: int) -> None:
        self._table.declared[uid] = symbol
        known = self.names.get(name)
        if known is not None and not _same(known, symbol):
            self._reporter.report(
                "E0303",
                symbol.span,
                f"`{name}` is imported twice, as different things",
                f"give one of them another name: `as other_{name}`",
            )
            symbol.is_used = True
            return
        self.names[name] = symbol


def other_member(module: Module, name: str) -> str | None:
    """What may have been meant by a name that a module does not have."""
    known = sorted(set(member_names(module)))
    near = did_you_mean(name, known)
    if near or not module.name.startswith("invariant"):
        return near or _listed(module, known)
    return habits.IMPORTED.get(name) or habits.TYPES.get(name) or _listed(module, known)


def _listed(module: Module, known: list[str]) -> str | None:
    """All that a module has, if it is little enough to read."""
    if not 0 < len(known) <= _MOST_LISTED:
        return None
    *others, last = [f"`{name}`" for name in known]
    return f"`{module.name}` has {', '.join(others)} and {last}" if others else f"it has {last}"


def _unresolved(name: Identifier) -> Symbol:
    return Symbol(name.text, SymbolKind.ERROR, ERROR, name.span, is_used=True)


def _same(left: Symbol, right: Symbol) -> bool:
    if SymbolKind.ERROR in (left.kind, right.kind):
        return True
    return (left.kind, left.type, left.signature, left.module, left.value) == (
        right.kind,
        right.type,
        right.signature,
        right.module,
        right.value,
    )
