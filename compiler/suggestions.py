"""The help for a name that cannot be found.

In this order: the name exists but is out of sight (inside a block, in another rule, in a module
that was not imported); people write it for something that has another name here; it is spelt nearly
like a name that exists; it looks like a variable that was not declared. Made only when there is an
error, so it may take its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from policyc.compiler import habits
from policyc.compiler.imports import importable
from policyc.compiler.spelling import closest
from policyc.compiler.typesystem import MEMBERS, TYPE_NAMES
from policyc.grammar.nodes import (
    Call,
    Comprehension,
    ConstantDeclaration,
    DerivedVariable,
    Index,
    Member,
    Name,
    Node,
    Quantifier,
    Rule,
    TypedVariable,
)
from policyc.grammar.visitor import children, walk

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from policyc.compiler.signatures import Catalogue
    from policyc.compiler.symbols import Symbol
    from policyc.grammar.nodes import PolicyFile

_GUESSES = (("Message", "m"), ("ToolCall", "c"), ("ToolOutput", "o"), ("Function", "f"))


@dataclass(frozen=True, slots=True)
class Hint:
    """The help of a diagnostic, the words beside its caret, and the known name that seems to be
    meant.
    """

    advice: str
    note: str = ""
    near: str | None = None


class Suggestions:
    """Answers for one file. `outside` are the imports and declarations of the file."""

    def __init__(
        self,
        tree: PolicyFile,
        catalogue: Catalogue,
        outside: Mapping[str, Symbol],
    ) -> None:
        self._tree = tree
        self._catalogue = catalogue
        self._outside = outside

    def for_name(self, node: Name, visible: Collection[str]) -> Hint:
        name = node.text
        statement = self._statement_of(node)
        hidden = self._hidden_in(statement, node) if statement else None
        meant = hidden or self._by_use(node)
        if meant:
            return Hint(meant)
        module = importable(name, self._catalogue)
        has_habit = name in habits.NAMES
        # `search` is in the module `re`, but nobody who writes it bare means that module.
        if module and (module.startswith("invariant") or not has_habit):
            return Hint(f"add `from {module} import {name}` at the top", note="not imported")
        if name in self._catalogue.modules:
            return Hint(f"add `import {name}` at the top", note="not imported")
        if has_habit:
            return Hint(habits.NAMES[name])
        if name in habits.TYPES:
            return Hint(habits.TYPES[name])
        return self._spelt(node, visible) or Hint(self._undeclared(node, statement))

    def for_type(self, name: str) -> Hint:
        if name in habits.TYPES:
            return Hint(habits.TYPES[name])
        for module in self._catalogue.modules.values():
            if name in module.types:
                place = importable(name, self._catalogue)
                return Hint(f"add `from {place} import {name}` at the top", note="not imported")
        known = [*TYPE_NAMES, *self._catalogue.types]
        near = closest(name, [*known, *self._outside])
        if near:
            return Hint(f"did you mean `{near}`?", near=near)
        return Hint(
            "the types of a trace are `Message`, `ToolCall`, `ToolOutput`, `Function`, `Tool`, "
            "`TextChunk` and `Image`; plain types are `str`, `int`, `float`, `bool`, `list`, `dict`"
        )

    # --- where the name may have been meant to come from ------------------------------------------

    def _hidden_in(self, statement: Node, use: Name) -> str | None:
        for node in walk(statement):
            if isinstance(node, Quantifier) and any(
                _declares(line, use.text) for line in node.body
            ):
                return f"`{use.text}` is declared inside a block of this rule and exists only there"
            if isinstance(node, Comprehension) and node.variable.text == use.text:
                return f"`{use.text}` exists only inside its `[... for ... in ...]`"
        return None

    def _by_use(self, node: Name) -> str | None:
        """What the place of a name tells about what was meant."""
        parent = self._parents.get(node.uid)
        if node.text == "tool":
            tool = parent.name.text if isinstance(parent, Member) else "send_email"
            return f"a tool pattern is written with a colon: `tool:{tool}`"
        if isinstance(parent, Index) and parent.index is node and len(node.text) == 1:
            return habits.ANY_ELEMENT
        is_length = (
            node.text == "count"
            and isinstance(parent, Call)
            and parent.function is node
            and len(parent.args) == 1
            and not parent.keywords
            and isinstance(parent.args[0], Name | Member | Index | Call | Comprehension)
        )
        return habits.COUNT_OF_ELEMENTS if is_length else None

    def _spelt(self, node: Name, visible: Collection[str]) -> Hint | None:
        """A known name that is nearly the same: of the body, else of the file, else any."""
        parent = self._parents.get(node.uid)
        is_called = isinstance(parent, Call) and parent.function is node
        groups: list[Collection[str]] = [visible, self._outside]
        if is_called:
            groups.append([*self._catalogue.host, *self._catalogue.builtins, *self._importables])
            groups.append(habits.NAMES)
        elif not isinstance(parent, Member):
            groups.append([*self._catalogue.types, *TYPE_NAMES, "input"])
        for group in groups:
            near = closest(node.text, group)
            if near is None:
                continue
            if near in habits.NAMES and group is habits.NAMES:
                return Hint(habits.NAMES[near])
            advice = f"did you mean `{near}`?"
            if near not in visible and near not in self._outside and near in self._importables:
                advice += f" Then add `from {self._importables[near]} import {near}` at the top"
            return Hint(advice, near=near)
        return None

    def _undeclared(self, node: Name, statement: Node | None) -> str:
        name = node.text
        parent = self._parents.get(node.uid)
        if isinstance(parent, Call) and parent.function is node:
            return (
                "declare it as a predicate (`name(x: Message) := ...`), or let the host pass it as "
                f'`functions={{"{name}": ...}}`'
            )
        if isinstance(statement, ConstantDeclaration):
            return "a constant stands by itself; declare a predicate for what depends on the trace"
        if name.isupper() and len(name) > 1:
            return f'declare it as a constant, `{name} := ...`, or write `"{name}"` for the text'
        member = parent.name.text if isinstance(parent, Member) else None
        kind = self._kind_for(name, member)
        elsewhere = name in self._variables
        if elsewhere and isinstance(statement, Rule):
            return f"it belongs to another rule; declare it in this one too: `({name}: {kind})`"
        if member or elsewhere:
            return f"declare it in the body: `({name}: {kind})`"
        return f'declare it as `({name}: {kind})`, or write `"{name}"` if you mean the text'

    def _kind_for(self, name: str, member: str | None) -> str:
        for type_name, letter in _GUESSES:
            if member is not None and member in MEMBERS[type_name]:
                return type_name
            if member is None and name.lower() in (letter, type_name.lower()):
                return type_name
        if "call" in name.lower():
            return "ToolCall"
        return "ToolOutput" if "out" in name.lower() else "Message"

    # --- what there is --------------------------------------------------------------------------

    @cached_property
    def _importables(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for module in self._catalogue.modules.values():
            for name in (*module.functions, *module.types, *module.quantifiers):
                if name not in found:
                    found[name] = importable(name, self._catalogue) or module.name
        for name in (*self._catalogue.builtins, *TYPE_NAMES):
            found.pop(name, None)
        return found

    @cached_property
    def _variables(self) -> frozenset[str]:
        """The variables that any rule or predicate of the file declares."""
        return frozenset(
            node.name.text
            for statement in self._tree.statements
            for node in walk(statement)
            if isinstance(node, TypedVariable | DerivedVariable)
        )

    @cached_property
    def _parents(self) -> dict[int, Node]:
        return {
            child.uid: parent
            for statement in self._tree.statements
            for parent in walk(statement)
            for child in children(parent)
        }

    def _statement_of(self, node: Name) -> Node | None:
        found: Node = node
        while found.uid in self._parents:
            found = self._parents[found.uid]
        return None if found is node else found


def _declares(node: Node, name: str) -> bool:
    return any(
        isinstance(inner, TypedVariable | DerivedVariable) and inner.name.text == name
        for inner in walk(node)
    )
