"""Refuses predicates that call themselves and constants that need their own value, also by way of
others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.symbols import SymbolKind
from policyc.grammar.nodes import ConstantDeclaration, Name, Predicate
from policyc.grammar.visitor import walk

if TYPE_CHECKING:
    from policyc.compiler.reporting import Reporter
    from policyc.compiler.symbols import Symbol, SymbolTable
    from policyc.grammar.nodes import PolicyFile


def check_cycles(tree: PolicyFile, table: SymbolTable, reporter: Reporter) -> list[Symbol]:
    """Constants and predicates, each after those that it uses.

    Reports each circle once, at the declaration in it that stands first.
    """
    graph = _uses_of_declarations(tree, table)
    finished: dict[Symbol, None] = {}
    for start in graph:
        path = _circle(start, graph, finished)
        if not path:
            continue
        first = min(path, key=lambda symbol: symbol.span.start)
        names = [symbol.name for symbol in path]
        turn = path.index(first)
        shown = " -> ".join(f"`{name}`" for name in (*names[turn:], *names[:turn], first.name))
        if first.kind is SymbolKind.PREDICATE:
            message = f"the predicate `{first.name}` calls itself: {shown}"
            reporter.report("E0501", first.span, message, "write the condition without recursion")
        else:
            message = f"the constant `{first.name}` needs its own value: {shown}"
            reporter.report("E0502", first.span, message, "give one of the constants a plain value")
    return list(finished)


def _uses_of_declarations(tree: PolicyFile, table: SymbolTable) -> dict[Symbol, list[Symbol]]:
    graph: dict[Symbol, list[Symbol]] = {}
    for statement in tree.statements:
        if isinstance(statement, ConstantDeclaration | Predicate):
            graph[table.declared[statement.uid]] = [
                symbol
                for node in walk(statement)
                if isinstance(node, Name)
                and (symbol := table.uses.get(node.uid)) is not None
                and symbol.declaration is not None
            ]
    return graph


def _circle(
    start: Symbol, graph: dict[Symbol, list[Symbol]], finished: dict[Symbol, None]
) -> list[Symbol] | None:
    """A circle that can be reached from `start`, as the names along it; None if there is none that
    is new.
    """
    path: list[Symbol] = []
    on_path: set[Symbol] = set()
    waiting: list[tuple[Symbol, bool]] = [(start, False)]
    found: list[Symbol] | None = None
    while waiting:
        symbol, is_done = waiting.pop()
        if is_done:
            path.pop()
            on_path.discard(symbol)
            finished[symbol] = None
        elif symbol in on_path:
            found = found or path[path.index(symbol) :]
        elif symbol not in finished:
            path.append(symbol)
            on_path.add(symbol)
            waiting.append((symbol, True))
            waiting.extend((used, False) for used in reversed(graph.get(symbol, [])))
    return found
