"""The table of mutation operators: what each is called, what it does, what a survivor tells.

To add one: a function in a module of this folder that yields the changes it knows at a site, a row
here, and an entry in `tests/runtime/testing/mutation/examples.py` with a case that kills it and one
that does not. The guide's table is made from these rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policyc.runtime.testing.mutation.operators import (
    comparisons,
    conditions,
    constants,
    flows,
    patterns,
    quantifiers,
    tools,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyc.runtime.testing.mutation.changes import Change
    from policyc.runtime.testing.mutation.files import Site


@dataclass(frozen=True, slots=True)
class Operator:
    """A mutation operator.

    `about` is one sentence. `before` and `after` are an example. `hint` says which case is missing
    where a mutant survives, with `{condition}` for the condition that it changes, `{before}` and
    `{after}` for what it changes in it, all as written in the policy, and `{sample}` for a text
    that tells two patterns apart.
    """

    name: str
    about: str
    before: str
    after: str
    hint: str
    changes: Callable[[Site], Iterator[Change]]


OPERATORS: Final = (
    Operator(
        "rule-removed",
        "A rule is left out.",
        'raise "..." if: ...',
        "",
        "no case expects a violation of this rule",
        conditions.remove_rule,
    ),
    Operator(
        "condition-dropped",
        "A condition is left out: a line of a rule, a predicate or a block, or the condition of a"
        " comprehension.",
        'm.role == "user"',
        "",
        "no case where `{condition}` is false while all other conditions hold",
        conditions.drop_condition,
    ),
    Operator(
        "side-dropped",
        "A side of `and` or `or` is left out.",
        "a or b",
        "a",
        "no case that `{condition}` decides by this side alone",
        conditions.drop_side,
    ),
    Operator(
        "not-removed",
        "A `not` is left out.",
        "not is_internal(c)",
        "is_internal(c)",
        "no case where everything depends on `{condition}`",
        conditions.remove_not,
    ),
    Operator(
        "and-or-swapped",
        "`and` becomes `or`, and the reverse.",
        "a and b",
        "a or b",
        "no case where only one side of `{condition}` is true while all other conditions hold",
        conditions.swap_and_or,
    ),
    Operator(
        "any-all-swapped",
        "`any` becomes `all`, and the reverse.",
        "any(x)",
        "all(x)",
        "no case where `{condition}` looks at nothing, or at elements of which only some are true",
        conditions.swap_any_all,
    ),
    Operator(
        "comparison-inverted",
        "A comparison becomes its opposite: `==` and `!=`, `in` and `not in`, `is` and `is not`.",
        "a == b",
        "a != b",
        "no case where everything depends on `{condition}`",
        comparisons.invert_comparison,
    ),
    Operator(
        "boundary-moved",
        "A comparison gains or loses its bound: `<` and `<=`, `>` and `>=`.",
        "a < b",
        "a <= b",
        "no case where both sides of `{condition}` are equal while all other conditions hold",
        comparisons.move_boundary,
    ),
    Operator(
        "condition-negated",
        "A condition is negated: a line, or a side of `and` or `or`.",
        "is_internal(c)",
        "not is_internal(c)",
        "no case where everything depends on `{condition}`",
        conditions.negate_condition,
    ),
    Operator(
        "flow-reversed",
        "The two sides of `->` change places.",
        "a -> b",
        "b -> a",
        "no case where the order in `{condition}` is the only thing that is right or wrong",
        flows.reverse_flow,
    ),
    Operator(
        "flow-immediate",
        "`->` becomes `~>`.",
        "a -> b",
        "a ~> b",
        "no case with something else between the two sides of `{condition}`",
        flows.make_flow_immediate,
    ),
    Operator(
        "flow-relaxed",
        "`~>` becomes `->`.",
        "a ~> b",
        "a -> b",
        "no case where something between the two sides of `{condition}` makes it false while all"
        " other conditions hold",
        flows.relax_flow,
    ),
    Operator(
        "bound-changed",
        "A bound of `count` is one less or one more.",
        "count(min=2):",
        "count(min=3):",
        "no case with exactly as many as the bound {before} or {after} allows",
        quantifiers.change_bound,
    ),
    Operator(
        "bound-dropped",
        "A bound of `count` is left out.",
        "count(max=2):",
        "count():",
        "no case where the number of models is out of the bounds of `{condition}` while all other"
        " conditions hold",
        quantifiers.drop_bound,
    ),
    Operator(
        "quantifier-swapped",
        "`forall` becomes `count(min=1)`, and `count` becomes `forall`.",
        "forall:",
        "count(min=1):",
        "no case where the block of `{condition}` holds for some candidates and not for others",
        quantifiers.swap_quantifier,
    ),
    Operator(
        "tool-renamed",
        "A tool pattern asks for a tool of another name.",
        "c is tool:send_email",
        "c is tool:send_email_",
        "no case where everything depends on the tool in `{condition}`",
        tools.rename_tool,
    ),
    Operator(
        "tool-widened",
        "A tool pattern with arguments takes every tool.",
        'c is tool:send_email({to: "eve"})',
        'c is tool:*({to: "eve"})',
        "no case where another tool is called with the arguments of `{condition}`",
        tools.widen_tool,
    ),
    Operator(
        "wildcard-dropped",
        "A `*` in the name of a tool is left out.",
        "c is tool:send_*",
        "c is tool:send_",
        "no case with a tool where `*` in `{condition}` stands for some characters",
        tools.drop_wildcard,
    ),
    Operator(
        "argument-renamed",
        "Another argument of a call is asked for.",
        "c.function.arguments.to",
        "c.function.arguments.to_",
        "no case where everything depends on the argument `{before}` in `{condition}`",
        tools.rename_argument,
    ),
    Operator(
        "argument-dropped",
        "A tool pattern asks for one argument less.",
        'c is tool:send_email({to: "eve"})',
        "c is tool:send_email",
        "no case where a call differs from `{condition}` in this argument alone",
        tools.drop_argument,
    ),
    Operator(
        "number-changed",
        "A number is one less or one more.",
        "amount > 500",
        "amount > 501",
        "no case at the border that {before} draws in `{condition}`",
        constants.change_number,
    ),
    Operator(
        "text-changed",
        "A text that is no regular expression becomes another one.",
        '"user"',
        '"user_"',
        "no case where everything depends on {before} in `{condition}`",
        constants.change_text,
    ),
    Operator(
        "truth-changed",
        "`True` becomes `False`, and the reverse.",
        "force == True",
        "force == False",
        "no case where everything depends on {before} in `{condition}`",
        constants.change_truth,
    ),
    Operator(
        "element-removed",
        "A list loses an element.",
        '["a", "b"]',
        '["a"]',
        "no case where everything depends on this element in `{condition}`",
        constants.remove_element,
    ),
    Operator(
        "type-swapped",
        "A variable ranges over outputs instead of calls, or the reverse, where the rule still"
        " makes sense.",
        "(c: ToolCall)",
        "(c: ToolOutput)",
        "no case where everything depends on what `{condition}` ranges over",
        constants.swap_type,
    ),
    Operator(
        "pattern-widened",
        "A regular expression matches more: `+` becomes `*`, a set or `\\.` without a `+` becomes"
        " `.`, a bound moves, a lookaround is left out.",
        '"a\\.b"',
        '"a.b"',
        "no case with a text that the wider pattern matches and this one does not{sample}",
        patterns.widen_pattern,
    ),
    Operator(
        "pattern-narrowed",
        "A regular expression matches less: `*` becomes `+`, a repetition, an option or `(?i)` is"
        " left out, a bound moves.",
        '"a*b"',
        '"a+b"',
        "no case with a text that this pattern matches and the narrower one does not{sample}",
        patterns.narrow_pattern,
    ),
    Operator(
        "pattern-unanchored",
        "A regular expression is let go of a place: `^`, `$` or `\\b` is left out, or `.*` added"
        " where it is held to an end of the text.",
        '"^a"',
        '"a"',
        "no case with a text that matches only where the place does not count{sample}",
        patterns.unanchor_pattern,
    ),
    Operator(
        "pattern-anchored",
        "A regular expression is held to an end of the text: `^` or `$` is added, or `.*` left"
        " out.",
        '"a"',
        '"^a"',
        "no case with a text that matches only where the place does not count{sample}",
        patterns.anchor_pattern,
    ),
)
"""The operators. Of mutants that mean the same the one of the operator that stands first is
kept."""

BY_NAME: Final = {operator.name: operator for operator in OPERATORS}
