"""Which rules of a policy are not what they were in an older text of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.grammar.diagnostics import PolicyError
from policyc.grammar.source import Source
from policyc.grammar.visitor import walk
from policyc.runtime.extensions import catalogue
from policyc.runtime.testing.mutation.files import File, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyc.compiler.signatures import Catalogue
    from policyc.grammar import nodes as n


def changed_rules(
    sources: Sequence[Source],
    before: Sequence[str | None],
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> frozenset[int]:
    """The numbers of the rules, over all files, that are new or not what they were.

    A rule is what it was if the older text has the same rule, with the same predicates, constants
    and imports behind its names. Comments, layout and its place in the file do not count. Where the
    older text has errors every rule is changed.

    Args:
        sources: the files as they are.
        before: their older texts; None for a file that did not exist.
        functions: those of the host, as for `Policy`.

    Raises:
        PolicyError: a file as it is has errors.
    """
    known = catalogue(functions)
    changed: list[int] = []
    first = 0
    for source, text in zip(sources, before, strict=True):
        file = read_file(source, known)
        old = _rules_before(text, known)
        rules = file.rules
        changed.extend(
            first + at for at, rule in enumerate(rules) if _written(file, rule) not in old
        )
        first += len(rules)
    return frozenset(changed)


def _rules_before(text: str | None, known: Catalogue) -> frozenset[str]:
    if text is None:
        return frozenset()
    try:
        file = read_file(Source(text), known)
    except PolicyError:
        return frozenset()
    return frozenset(_written(file, rule) for rule in file.rules)


def _written(file: File, rule: n.Rule) -> str:
    """All that a rule depends on, as a text without places."""
    needed = sorted(file.needs([rule]).values(), key=lambda declared: declared.name.text)
    names = {
        (signature.name, signature.implementation)
        for part in (rule, *needed)
        for name in walk(part)
        if (symbol := file.symbol(name)) is not None and (signature := symbol.signature) is not None
    }
    return repr((rule, needed, sorted(names)))
