"""Mutants: a policy with one small change each, compiled.

Takes the sources of a policy, gives every mutant that its operators know, in a fixed order. Left out
and counted are those that the compiler refuses, those that are proven to mean what the policy means,
and those that mean the same as a mutant that is there already.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from policyc.compiler import plan as p
from policyc.compiler.frontend import check_tree
from policyc.compiler.lowering import lower
from policyc.compiler.pipeline import merge, value_references
from policyc.grammar import nodes as n
from policyc.grammar.source import Span
from policyc.runtime.extensions import catalogue
from policyc.runtime.testing.mutation.changes import Change, Edit, edited, insertion
from policyc.runtime.testing.mutation.equivalence import Meanings
from policyc.runtime.testing.mutation.files import File, Site, Use, read_file
from policyc.runtime.testing.mutation.operators.conditions import is_condition
from policyc.runtime.testing.mutation.operators.registry import BY_NAME, OPERATORS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from policyc.compiler.signatures import Signature
    from policyc.grammar.source import Source


@dataclass(frozen=True, slots=True)
class Mutant:
    """A policy with one change.

    `id` is the same whenever the same policy is mutated, and unique in it. `kind` is the name of
    the operator. `source` is the number of the file in the policy, `span` what changes in it,
    `edits` how; `original` and `replaced` are the text before and after. `condition` is the
    condition that holds the change, `condition_span` its place. `rules` are the rules of the plan
    that are changed, with what they need of predicates and constants after those of the policy.
    """

    id: str
    kind: str
    source: int
    line: int
    span: Span
    original: str
    replaced: str
    condition: str
    condition_span: Span
    edits: tuple[Edit, ...]
    rules: tuple[p.RulePlan, ...]
    predicates: tuple[p.PredicatePlan, ...] = ()
    constants: tuple[p.ConstantPlan, ...] = ()
    uses: frozenset[Use] = frozenset()

    @property
    def rule_numbers(self) -> tuple[int, ...]:
        """The numbers of the rules that are changed."""
        return tuple(rule.index for rule in self.rules)

    def plan(self, base: p.Plan) -> p.Plan:
        """The plan of the whole policy, with the rules that are changed put in place."""
        rules = list(base.rules)
        for rule in self.rules:
            rules[rule.index] = rule
        return p.Plan(
            tuple(rules),
            (*base.predicates, *self.predicates),
            (*base.constants, *self.constants),
            base.sources,
        )

    def text(self, source: Source) -> str:
        """The text of the changed file."""
        return edited(source.text, self.edits)


@dataclass(frozen=True, slots=True)
class Counts:
    """Changes of one kind that made no mutant: the compiler refuses them, they are proven to mean
    what the policy means, or the same as another mutant."""

    refused: int = 0
    equivalent: int = 0
    duplicate: int = 0


@dataclass(frozen=True, slots=True)
class MutantSet:
    """The mutants of a policy in the order of its text; `plan` is that of the policy itself.

    `left_out` counts by file and kind what made no mutant.
    """

    sources: tuple[Source, ...]
    plan: p.Plan
    mutants: tuple[Mutant, ...]
    left_out: Mapping[tuple[int, str], Counts]


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
    files = [read_file(source, known) for source in sources]
    references = value_references(known)
    plans = [lower(_checked(file, file.tree), references) for file in files]
    base = merge(plans)
    maker = _Maker(files, plans, base, references)
    names = [x.name for x in OPERATORS if kinds is None or x.name in kinds]
    for number in range(len(files)):
        maker.mutate(number, names, rules)
    mutants = sorted(maker.mutants, key=lambda found: found[0])
    return MutantSet(
        tuple(sources),
        base,
        tuple(_named(base, [mutant for _, mutant in mutants])),
        {key: Counts(**counted) for key, counted in maker.counts.items()},
    )


def _named(base: p.Plan, mutants: list[Mutant]) -> Iterator[Mutant]:
    """The mutants with their ids: file, place and kind, and a number where these are the same."""
    seen: dict[str, int] = {}
    for mutant in mutants:
        source = base.sources[mutant.source]
        at = source.position(mutant.span.start)
        name = f"{source.name}:{at.line}:{at.column}:{mutant.kind}"
        seen[name] = seen.get(name, 0) + 1
        yield replace(mutant, id=f"{name}:{seen[name]}", line=at.line)


def _checked(file: File, tree: n.PolicyFile) -> Any:
    return check_tree(file.source, tree, file.catalogue)


class _Maker:
    """Makes the mutants of one policy."""

    def __init__(
        self,
        files: list[File],
        plans: list[p.Plan],
        base: p.Plan,
        references: dict[str, Signature],
    ) -> None:
        self.files = files
        self.base = base
        self.references = references
        self.meanings = Meanings(base)
        self.seen: set[tuple[str, ...]] = set()
        self.first_rule = [sum(len(x.rules) for x in plans[:i]) for i in range(len(plans))]
        self.counts: dict[tuple[int, str], dict[str, int]] = {}
        self.mutants: list[tuple[tuple[int, int, int, int], Mutant]] = []

    def mutate(self, number: int, names: list[str], rules: Collection[int] | None) -> None:
        """Make the mutants of one file, an operator after the other: where two mean the same, the
        one of the earlier operator is kept."""
        file = self.files[number]
        first = self.first_rule[number]
        sites = [
            site
            for site in file.sites()
            if rules is None
            or any(first + x in rules for x in file.users[(*site.parents, site.node)[0].uid])
        ]
        for order, name in enumerate(names):
            for site in sites:
                for change in BY_NAME[name].changes(site):
                    made = self._mutant(number, name, change)
                    if isinstance(made, str):
                        counts = self.counts.setdefault((number, name), {})
                        counts[made] = counts.get(made, 0) + 1
                        continue
                    key = (number, made.span.start, order, len(self.mutants))
                    self.mutants.append((key, made))

    def _mutant(self, number: int, kind: str, change: Change) -> Mutant | str:
        """The mutant of a change, or what is wrong with it."""
        file = self.files[number]
        statement = change.path[0]
        users = file.users[statement.uid]
        if len(change.path) == 1:
            parts = self._silenced(number, users)
        else:
            compiled = self._compiled(file, change, users)
            if compiled is None:
                return "refused"
            parts = self._placed(number, users, compiled)
        span = Span(
            min(edit.span.start for edit in change.edits),
            max(edit.span.end for edit in change.edits),
        )
        held = _condition(file, change)
        before = file.source.slice(span)
        mutant = Mutant(
            "",
            kind,
            number,
            0,
            Span(span.start + len(before) - len(before.lstrip()), span.end),
            before.strip(),
            edited(file.source.text[: span.end], change.edits)[span.start :].strip(),
            file.source.slice(held),
            held,
            (*change.edits, *_import_edits(file, change)),
            *parts,
            uses=file.patterns.get(change.target.uid, frozenset()),
        )
        meaning = self.meanings.of(mutant.plan(self.base), mutant.rule_numbers)
        if meaning == self.meanings.of(self.base, mutant.rule_numbers):
            return "equivalent"
        if meaning in self.seen:
            return "duplicate"
        self.seen.add(meaning)
        return mutant

    def _silenced(self, number: int, users: tuple[int, ...]) -> tuple[Any, ...]:
        """Rules that find nothing; the others keep their numbers."""
        rules = [self.base.rules[self.first_rule[number] + x] for x in users]
        return (tuple(replace(rule, block=_never(rule.span)) for rule in rules),)

    def _compiled(self, file: File, change: Change, users: tuple[int, ...]) -> p.Plan | None:
        """The rules that a change concerns, and what they need, compiled on their own; None where
        the compiler refuses them."""
        statement, changed = change.path[0], change.statement()
        rules = [file.rules[x] for x in users]
        kept = {rule.uid for rule in rules} | file.needs(rules).keys()
        statements = [
            changed if x is statement else x
            for x in file.tree.statements
            if x.uid in kept or isinstance(x, n.Import | n.ImportFrom)
        ]
        imports = [_import(file, name) for name in _missing_imports(file, change)]
        tree = n.PolicyFile((*imports, *statements))  # type: ignore[arg-type]  # not left out
        checked = _checked(file, tree)
        return None if checked.has_errors else lower(checked, self.references)

    def _placed(self, number: int, users: tuple[int, ...], plan: p.Plan) -> tuple[Any, ...]:
        """Rules, predicates and constants of a small plan, numbered as parts of the whole one."""
        predicates, constants = len(self.base.predicates), len(self.base.constants)

        def move(node: p.PlanNode) -> p.PlanNode:
            match node:
                case p.CallPredicate(index=index):
                    return replace(node, index=index + predicates)
                case p.ConstantRef(index=index):
                    return replace(node, index=index + constants)
                case _:
                    return node

        rules = []
        for user, rule in zip(users, plan.rules, strict=True):
            known = self.base.rules[self.first_rule[number] + user]
            moved: p.RulePlan = p.rewrite(rule, move)
            rules.append(replace(moved, index=known.index, ref=known.ref, source=number))
        return (
            tuple(rules),
            tuple(replace(p.rewrite(x, move), source=number) for x in plan.predicates),
            tuple(replace(p.rewrite(x, move), source=number) for x in plan.constants),
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
        insertion(start, f"from invariant import {name}\n")
        for name in _missing_imports(file, change)
    ]


# --- what is told ---------------------------------------------------------------------------------


def _condition(file: File, change: Change) -> Span:
    """The innermost condition that holds a change, or the line or statement; of a block its
    head."""
    path = change.path
    for end in range(len(path), 0, -1):
        site = Site(file, path[end - 1], path[: end - 1])
        if is_condition(site) or isinstance(
            site.parent, n.Rule | n.Predicate | n.Quantifier
        ):
            return _head(file, site.node)
    return _head(file, path[0])


def _head(file: File, node: n.Node) -> Span:
    """A node, of a block only the line that opens it."""
    span = file.extent(node)
    if isinstance(node, n.Quantifier | n.Rule | n.Predicate):
        end = file.source.text.find("\n", span.start, span.end)
        return Span(span.start, span.end if end < 0 else end)
    return span
