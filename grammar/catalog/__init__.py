"""The table of diagnostic codes. Each has a page `CODE.md` beside this file, which `policyc
explain` prints.

A code is a letter and four digits: E errors and W warnings of a policy, R evaluation, T traces and
case files, B backends, S sandbox. The first two digits are the stage: 01 source and layout, 02
syntax, 03 names and imports, 04 types and arguments, 05 rules and flow, 06 availability and
capabilities, 07 lints; of case files 01 form, 02 traces and other files, 03 expectations, 04
tables; of backends 01 the server. A code is never renumbered or reused.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from policyc.grammar.diagnostics import Severity


@dataclass(frozen=True, slots=True)
class Code:
    """A row: the code, a short name in the form `what-is-flagged`, its severity and a title for
    lists."""

    code: str
    name: str
    title: str

    @property
    def severity(self) -> Severity:
        return Severity.WARNING if self.code.startswith("W") else Severity.ERROR


_ROWS: tuple[Code, ...] = (
    # E01 source and layout
    Code("E0101", "foreign-character", "character that has no meaning in a policy"),
    Code("E0102", "unmatched-indentation", "line indented like no line above it"),
    Code("E0103", "mixed-indentation", "tabs and blanks mixed so that depth is unclear"),
    Code("E0104", "missing-body", "colon without a body"),
    Code("E0105", "line-after-one-line-body", "deeper line after a body beside its colon"),
    Code("E0106", "unclosed-text", "text without its closing quote"),
    Code("E0107", "unclosed-bracket", "opening bracket without its closing one"),
    Code("E0108", "unopened-bracket", "closing bracket without its opening one"),
    Code("E0109", "too-deep", "nesting beyond the limit"),
    Code("E0110", "pasted-decoration", "something that is not policy text, copied with it"),
    # E02 syntax
    Code("E0201", "unexpected", "something that cannot stand where it stands"),
    Code("E0202", "foreign-operator", "operator of another language"),
    Code("E0203", "wrong-equals", "`=` where `==` or `:=` is meant"),
    Code("E0204", "broken-rule-header", "rule header that is not `raise value if:`"),
    Code("E0205", "raise-without-value", "rule that does not say what it raises"),
    Code("E0206", "foreign-statement", "statement that the language does not have"),
    Code("E0207", "slice", "slice such as `a[1:2]`"),
    Code("E0208", "foreign-comment", "comment that does not start with `#`"),
    Code("E0209", "tuple", "values in round brackets, separated by commas"),
    Code("E0210", "malformed-object", "braces that are no object `{key: value}`"),
    Code(
        "E0211",
        "unknown-comprehension",
        "comprehension in a form that the language does not have",
    ),
    Code("E0212", "starred-argument", "`*args` or `**kwargs`"),
    Code("E0213", "decorator", "decorator"),
    Code("E0214", "misplaced-assignment", "assignment where none may stand"),
    Code("E0215", "import-form", "import in a form or place that the language does not have"),
    Code(
        "E0216",
        "block-without-quantifier",
        "block that nothing opens, or a quantifier without one",
    ),
    Code("E0217", "keyword-in-pattern", "keyword argument in a tool pattern"),
    Code("E0218", "nested-statement", "rule or declaration inside a body"),
    Code("E0219", "foreign-literal", "literal in the form of another language"),
    Code("E0220", "name-sign", "sign before a name"),
    Code(
        "E0221", "incomplete-choice", "`if` and `else` that do not form a choice between two values"
    ),
    Code("E0222", "foreign-policy", "rule of another policy language"),
    Code("E0223", "reserved-word", "word of the language used as a name"),
    Code("E0224", "malformed-interpolation", "braces in an f-string that hold no expression"),
    Code("E0225", "missing-operator", "two values side by side"),
    Code("E0226", "several-values", "several lines where one expression is wanted"),
    Code("E0227", "malformed-number", "number in a form that the language does not have"),
    Code("E0228", "foreign-punctuation", "semicolons and braces around code"),
    Code("E0229", "lambda", "function without a name"),
    Code("E0230", "misplaced-not", "`not` where it cannot stand"),
    Code("E0231", "line-outside-rule", "condition that belongs to no rule"),
    Code("E0232", "argument-order", "argument without a name after one with a name"),
    Code("E0233", "malformed-variable", "variable or parameter that is not `name: Type`"),
    # E03 names and imports
    Code("E0301", "unknown-name", "name that nothing declares"),
    Code("E0302", "unknown-type", "type that does not exist"),
    Code("E0303", "repeated-declaration", "name that is declared twice"),
    Code("E0304", "refused-import", "module that cannot be imported"),
    Code("E0305", "unknown-import", "name that a module does not have"),
    Code("E0306", "use-before-assignment", "name that is used before it is assigned"),
    Code("E0307", "circular-variable", "variable that is taken from itself"),
    # E04 types and arguments
    Code("E0401", "call-of-a-value", "call of something that is no function"),
    Code("E0402", "argument-count", "call with too few or too many arguments"),
    Code("E0403", "unknown-argument", "keyword argument that does not exist or is given twice"),
    Code("E0404", "unknown-member", "member that a value does not have"),
    Code("E0405", "unknown-method", "method that a value does not have"),
    Code("E0406", "flow-between-values", "`->` or `~>` beside something that is no event"),
    Code("E0407", "wrong-operand", "operand or argument of a kind that never works"),
    Code("E0408", "invalid-regular-expression", "regular expression that is not valid"),
    Code("E0409", "invalid-tool-pattern", "tool pattern that is malformed or misplaced"),
    Code("E0410", "unknown-value-reference", "`<NAME>` that does not exist"),
    Code("E0411", "wildcard-outside-pattern", "`*` or `<NAME>` outside of a tool pattern"),
    Code("E0412", "name-as-value", "function, predicate or type that is used like a value"),
    Code("E0413", "quantifier-arguments", "wrong arguments of `count` or `forall`, or no block"),
    Code(
        "E0414",
        "unknown-quantifier",
        "block that is opened by another name than `count` or `forall`",
    ),
    Code("E0415", "unknown-option", "text that an argument does not take"),
    # E05 rules and flow
    Code("E0501", "recursive-predicate", "predicate that calls itself"),
    Code("E0502", "circular-constant", "constant that needs its own value"),
    Code("E0503", "misplaced-declaration", "variable or block where none can be declared"),
    Code("E0504", "unknown-risk-level", "risk tag with an unknown level"),
    # E06 availability and capabilities
    Code("E0601", "unavailable-function", "function that is not available here"),
    # W07 lints
    Code("W0701", "unused-import", "imported name that is never used"),
    Code("W0702", "unused-declaration", "constant or predicate that is never used"),
    Code("W0703", "unused-variable", "variable that no condition looks at"),
    Code("W0704", "unused-assignment", "assigned name that is never read"),
    Code("W0705", "constant-condition", "condition that is always true or always false"),
    Code("W0706", "list-as-condition", "list of conditions where one condition is wanted"),
    Code("W0707", "unlike-comparison", "comparison of values that are never equal"),
    Code("W0708", "identity-of-values", "`is` between plain values"),
    Code("W0709", "contradiction", "conditions that exclude one another"),
    Code("W0710", "impossible-role", "role that this kind of event never has"),
    Code("W0711", "self-comparison", "value that is compared with itself"),
    Code("W0712", "swapped-arguments", "text and pattern in each other's place"),
    Code("W0713", "unknown-role", "role that no message has"),
    Code("W0714", "copied-rule", "rule that repeats the conditions of another"),
    Code("W0715", "repeated-condition", "condition that is written twice"),
    Code("W0716", "unprocessed-escape", "`\\n` or `\\t` in a text that is compared literally"),
    Code("W0717", "contains-only-direction", "`contains_only`, whose sides are easily mistaken"),
    Code("W0718", "deeper-line", "line that is deeper than its block"),
    Code("W0719", "hidden-function", "declaration that hides a function"),
    Code("W0720", "membership-in-object", "`in` on an object instead of its text"),
    Code("W0721", "similar-tool-names", "tool names that look like spellings of one"),
    Code("W0722", "parameter-type", "use of a parameter against its declared type"),
    Code("W0723", "uncalled-method", "method that is named and not called"),
    Code("W0724", "input-as-trace", "parameter that is named like the trace"),
    Code("W0725", "variable-without-objects", "variable of a type that no trace has"),
    Code("W0726", "pattern-on-other-object", "tool pattern on something that is no call"),
    Code("W0727", "wordless-violation", "rule that raises something without words"),
    Code("W0728", "tautology", "alternatives that leave nothing out"),
    # B01 the server
    Code("B0101", "reaching-call", "call that a policy of a client may not have"),
    # T01 form of case files
    Code("T0101", "unreadable-case-file", "case file that is no YAML"),
    Code("T0102", "repeated-key", "key that an object has twice"),
    Code("T0103", "unknown-key", "key that means nothing in a case file"),
    Code("T0104", "malformed-value", "value of another form than its key takes"),
    Code("T0105", "missing-key", "part of a case file that cannot be left out"),
    Code("T0106", "repeated-case", "two cases of one name"),
    Code("T0107", "no-expectation", "case that could not fail"),
    Code("T0108", "conflicting-keys", "keys that exclude one another"),
    # T02 traces and other files of cases
    Code("T0201", "missing-file", "file that a case file names and that cannot be read"),
    Code("T0202", "malformed-event", "event or trace that is none"),
    Code("T0203", "output-without-call", "output that belongs to no call"),
    Code("T0204", "undeclared-tool", "tool or argument that `tools` does not have"),
    Code("T0205", "unknown-event", "event that is not in the trace, or named twice"),
    # T03 expectations
    Code("T0301", "unknown-rule", "rule that the policy does not have"),
    Code("T0302", "malformed-range", "range that is none, or that leads out of the trace"),
    Code("T0303", "unknown-risk", "risk that is no level"),
    Code("T0304", "foreign-parameter", "parameter that the policy does not take"),
    Code("T0305", "missing-parameter", "parameter that the policy needs and no case gives"),
    # T04 tables
    Code("T0401", "uneven-table", "table of a parametrised case that does not fit it"),
)

CODES: dict[str, Code] = {row.code: row for row in _ROWS}


def page(code: str) -> str:
    """The text of a code's page.

    Raises:
        KeyError: there is no such code.
    """
    return (
        resources.files("policyc.grammar.catalog")
        .joinpath(f"{CODES[code].code}.md")
        .read_text("utf-8")
    )
