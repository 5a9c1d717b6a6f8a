"""Finding the mutants of a policy.

Takes the sources of a policy, gives every mutant that the operators know, in a fixed order. A
change is made in the syntax tree; the rules that it concerns are checked and lowered on their own.
Left out and counted are changes that the compiler refuses, those that are proven to mean what the
policy means, and those that mean the same as a mutant that is there already.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from policyc.compiler import plan as p
from policyc.compiler.frontend import Checked, check_tree
from policyc.compiler.lowering import lower
from policyc.compiler.pipeline import merge, value_references
from policyc.grammar import nodes as n
from policyc.grammar.source import Span
from policyc.runtime.extensions import catalogue
from policyc.runtime.testing.mutation.edits import Edit, edited
from policyc.runtime.testing.mutation.equivalence import meaning_of
from policyc.runtime.testing.mutation.files import File, Site, read_file
from policyc.runtime.testing.mutation.mutants import Counts, Mutant, MutantSet, Patch
from policyc.runtime.testing.mutation.operators.conditions import is_condition
from policyc.runtime.testing.mutation.operators.registry import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from policyc.compiler.signatures import Signature
    from policyc.grammar.source import Source
    from policyc.runtime.testing.mutation.changes import Change


def find_mutants(
    sources: Sequence[Source],
    functions: Mapping[str, Callable[..., Any]] | None = None,
    *,
    kinds: Collection[str] | None = None,
    rules: Collection[int] | None = None,
) -> MutantSet:
    """The mutants of a policy.

    Args:
        sources: its files.
        functions: those of the host, as for `Policy`.
        kinds: the names of the operators to use; by default all.
        rules: the numbers of the rules to change, over all files; by default all.

    Raises:
        PolicyError: a file has errors.
    """
    known = catalogue(functions)
    references = value_references(known)
    files = [read_file(source, known) for source in sources]
    plans = [lower(_checked(file, file.tree), references) for file in files]
    base = merge(plans)
    finder = _Finder(base, references)
    first = 0
    for number, (file, plan) in enumerate(zip(files, plans, strict=True)):
        finder.search(_Part(file, number, first), kinds, rules)
        first += len(plan.rules)
    return MutantSet(tuple(sources), base, finder.in_order(), finder.left_out)


def _checked(file: File, tree: n.PolicyFile) -> Checked:
    return check_tree(file.source, tree, file.catalogue)


@dataclass(frozen=True, slots=True)
class _Part:
    """A file of a policy: its number, and that of its first rule in the policy."""

    file: File
    number: int
    first_rule: int


class _Finder:
    """Finds the mutants of one policy."""

    def __init__(self, base: p.Plan, references: Mapping[str, Signature]) -> None:
        self.base = base
        self.references = references
        self.offsets = (len(base.predicates), len(base.constants))
        self.meanings: dict[int, str] = {}
        self.seen: set[tuple[str, ...]] = set()
        self.left_out: dict[tuple[int, str], Counts] = {}
        self.found: list[tuple[tuple[int, int, int], Mutant]] = []

    def in_order(self) -> tuple[Mutant, ...]:
        """The mutants as they stand in the files, with their ids: file, place and kind, and a
        number where these are the same."""
        seen: Counter[str] = Counter()
        mutants = []
        for _, mutant in sorted(self.found, key=lambda found: found[0]):
            source = self.base.sources[mutant.source]
            at = source.position(mutant.span.start)
            name = f"{source.name}:{at.line}:{at.column}:{mutant.kind}"
            seen[name] += 1
            mutants.append(replace(mutant, id=f"{name}:{seen[name]}", line=at.line))
        return tuple(mutants)

    def search(
        self, part: _Part, kinds: Collection[str] | None, rules: Collection[int] | None
    ) -> None:
        """Find those of one file, an operator after the other: where two mean the same, the one of
        the earlier operator is kept."""
        sites = [
            site
            for site in part.file.sites()
            if rules is None
            or any(part.first_rule + x in rules for x in part.file.users[site.statement.uid])
        ]
        for order, operator in enumerate(OPERATORS):
            if kinds is not None and operator.name not in kinds:
                continue
            for site in sites:
                for change in operator.changes(site):
                    self._try(part, operator.name, order, change)

    def _try(self, part: _Part, kind: str, order: int, change: Change) -> None:
        """Keep a change as a mutant, or count why it is none."""
        key = (part.number, kind)
        counts = self.left_out.get(key, Counts())
        patch = self._patch(part, change)
        if patch is None:
            self.left_out[key] = replace(counts, refused=counts.refused + 1)
            return
        meaning = tuple(meaning_of(patch.alone, rule) for rule in patch.rules)
        if meaning == tuple(map(self._meaning, patch.numbers)):
            self.left_out[key] = replace(counts, equivalent=counts.equivalent + 1)
        elif meaning in self.seen:
            self.left_out[key] = replace(counts, duplicate=counts.duplicate + 1)
        else:
            self.seen.add(meaning)
            mutant = _mutant(part, kind, change, patch)
            self.found.append(((part.number, mutant.span.start, order), mutant))

    def _meaning(self, number: int) -> str:
        """What a rule of the policy means."""
        if number not in self.meanings:
            self.meanings[number] = meaning_of(self.base, self.base.rules[number])
        return self.meanings[number]

    # --- plans

    def _patch(self, part: _Part, change: Change) -> Patch | None:
        """What a change means for the plan; None where the compiler refuses it."""
        numbers = part.file.users[change.path[0].uid]
        known = [self.base.rules[part.first_rule + x] for x in numbers]
        if len(change.path) == 1:
            # A rule that is left out: one that finds nothing, so that the others keep their places.
            rules = tuple(replace(rule, block=_never(rule.span)) for rule in known)
            return Patch(rules, (), (), self.offsets)
        plan = self._compiled(part.file, change, [part.file.rules[x] for x in numbers])
        return None if plan is None else self._placed(part, known, plan)

    def _compiled(self, file: File, change: Change, rules: list[n.Rule]) -> p.Plan | None:
        """The rules that a change concerns, and what they need, compiled on their own; None where
        the compiler refuses them."""
        kept = {rule.uid for rule in rules} | file.needs(rules).keys()
        statements: list[n.Statement] = [
            _import(file, name) for name in _missing_imports(file, change)
        ]
        for statement in file.tree.statements:
            if statement is change.path[0]:
                changed = change.statement()
                assert changed is not None  # noqa: S101  # only a rule is left out
                statements.append(changed)
            elif statement.uid in kept or isinstance(statement, n.Import | n.ImportFrom):
                statements.append(statement)
        checked = _checked(file, n.PolicyFile(tuple(statements)))
        return None if checked.has_errors else lower(checked, self.references)

    def _placed(self, part: _Part, known: list[p.RulePlan], plan: p.Plan) -> Patch:
        """A small plan as a part of the policy's."""
        predicates, constants = self.offsets

        def move(node: p.PlanNode) -> p.PlanNode:
            match node:
                case p.CallPredicate(index=index):
                    return replace(node, index=index + predicates)
                case p.ConstantRef(index=index):
                    return replace(node, index=index + constants)
                case p.RulePlan() | p.PredicatePlan() | p.ConstantPlan():
                    return replace(node, source=part.number)
                case _:
                    return node

        rules = (
            replace(p.rewrite(rule, move), index=before.index, ref=before.ref)
            for before, rule in zip(known, plan.rules, strict=True)
        )
        return Patch(
            tuple(rules),
            tuple(p.rewrite(x, move) for x in plan.predicates),
            tuple(p.rewrite(x, move) for x in plan.constants),
            self.offsets,
        )


def _never(span: Span) -> p.Block:
    return p.Block((p.Check(p.Literal(False, span=span), span=span),), span=span)


# --- imports --------------------------------------------------------------------------------------


def _missing_imports(file: File, change: Change) -> list[str]:
    """The names that a change needs and that the file does not know as such."""
    known = {
        symbol.name
        for node in file.tree.statements
        if isinstance(node, n.ImportFrom)
        for part in node.names
        if part.alias is None and (symbol := file.table.declared.get(part.uid)) is not None
    }
    return [name for name in change.imports if name not in known]


def _import(file: File, name: str) -> n.ImportFrom:
    imported = n.ImportedName(n.Identifier(name, uid=file.uid()), uid=file.uid())
    return n.ImportFrom(n.Identifier("invariant", uid=file.uid()), (imported,), uid=file.uid())


def _import_edits(file: File, change: Change) -> list[Edit]:
    start = file.tree.statements[0].span.start
    return [
        Edit(Span(start, start), f"from invariant import {name}\n")
        for name in _missing_imports(file, change)
    ]


# --- what is told ---------------------------------------------------------------------------------


def _mutant(part: _Part, kind: str, change: Change, patch: Patch) -> Mutant:
    """A mutant, but for its id and line."""
    file, edits, target = part.file, change.edits, change.target
    start = min(edit.span.start for edit in edits)
    end = max(edit.span.end for edit in edits)
    before = file.source.text[start:end]
    after = edited(file.source.text[:end], edits)[start:]
    span = Span(start + len(before) - len(before.lstrip()), end)
    return Mutant(
        "",
        kind,
        part.number,
        0,
        span,
        before.strip(),
        after.strip(),
        file.source.slice(_condition(file, change)),
        # With other objects to look at, a run may come to what it never came to.
        change.path[0].span if isinstance(target, n.TypedVariable) else span,
        (*edits, *_import_edits(file, change)),
        patch,
        file.patterns.get(target.uid, frozenset()),
    )


def _condition(file: File, change: Change) -> Span:
    """The innermost condition that holds a change, or the line or statement; of a block its
    head."""
    path = change.path
    for end in range(len(path), 1, -1):
        site = Site(file, path[end - 1], path[: end - 1])
        if is_condition(site) or isinstance(site.parent, n.Rule | n.Predicate | n.Quantifier):
            return _head(file, site.node)
    return _head(file, path[0])


def _head(file: File, node: n.Node) -> Span:
    """A node, of a block only the line that opens it."""
    span = file.extent(node)
    if isinstance(node, n.Quantifier | n.Rule | n.Predicate):
        end = file.source.text.find("\n", span.start, span.end)
        return Span(span.start, span.end if end < 0 else end)
    return span
