"""Mistakes of whole lines: statements of other languages, rule headers, imports, declarations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.grammar.layout import Edit
from policyc.grammar.mistakes import NOTHING, Detector, Mistake, Place, mistake, shorten
from policyc.grammar.operators import RESERVED
from policyc.grammar.sections import PAIRS, matching_brackets
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.grammar.sections import RawToken

_RULE_FORM = 'a rule is written `raise "text" if:` with its conditions on the lines below'
_CONDITIONS = "write each condition as a line of its own; all of them must hold"
_QUANTIFY = "a typed variable such as `(m: Message)` already stands for every object of the trace"
_NAME_IT = "declare a predicate: `name(x: Message) := condition`"
_CHOOSE = "write one rule for each case, or choose a value with `a if condition else b`"

# Words that start a statement elsewhere: what it is called, and what to do here.
_FOREIGN_STATEMENTS = {
    "if": ("an `if` statement", _CONDITIONS),
    "elif": ("`elif`", _CHOOSE),
    "else": ("`else`", _CHOOSE),
    "unless": ("`unless`", "write the condition with `not`"),
    "for": ("a loop", _QUANTIFY),
    "foreach": ("a loop", _QUANTIFY),
    "while": ("a loop", _QUANTIFY),
    "loop": ("a loop", _QUANTIFY),
    "return": ("`return`", "write the condition itself: a predicate holds when its lines hold"),
    "yield": ("`yield`", "write the condition itself"),
    "try": ("`try`", "a missing entry of the trace needs no guard: it is like None"),
    "except": ("`except`", "a missing entry of the trace needs no guard: it is like None"),
    "catch": ("`catch`", "a missing entry of the trace needs no guard: it is like None"),
    "finally": ("`finally`", "remove it"),
    "class": ("a class", _NAME_IT),
    "struct": ("a type declaration", _NAME_IT),
    "function": ("a function", _NAME_IT),
    "func": ("a function", _NAME_IT),
    "fn": ("a function", _NAME_IT),
    "async": ("an asynchronous function", _NAME_IT),
    "with": ("a `with` statement", "remove it: a policy opens nothing"),
    "switch": ("a `switch` statement", _CHOOSE),
    "case": ("a case", _CHOOSE),
    "match": ("a `match` statement", _CHOOSE),
    "del": ("`del`", "remove it: a policy changes nothing"),
    "assert": ("`assert`", "write the condition as a line of a rule"),
    "global": ("`global`", "remove it: names of the file are visible in every rule"),
    "let": ("`let`", "write `name := value`"),
    "const": ("`const`", "write `NAME := value`"),
    "var": ("`var`", "write `name := value`"),
    "some": ("`some`", _QUANTIFY),
    "every": ("`every`", "write `forall:` and the conditions on deeper lines below it"),
    "select": ("a query", _RULE_FORM),
    "include": ("an include", "write `from module import name`"),
    "using": ("an import", "write `from module import name`"),
    "use": ("an import", "write `from module import name`"),
    "require": ("an import", "write `from module import name`"),
}
_POLICY_WORDS = frozenset({
    "package", "default", "allow", "deny", "violation", "warn", "permit", "forbid", "policy",
    "rule", "when",
})  # fmt: skip
_HEADER_WORDS = frozenset(["when", "where", "unless", "on", "given", "while", "for"])
_QUANTIFIERS = frozenset({"forall", "count", "exists", "any", "all"})
_BOUND = re.compile(r"\b(min|max) *= *([0-9]+)")
_LOOP_WORDS = frozenset({"for", "foreach", "some", "every", "any", "all", "exists", "forall"})
_TYPE_WORD = re.compile(r"[A-Z][A-Za-z]*$|str$|int$|float$|dict$|list$|bool$")


def other_policy_language(place: Place) -> Mistake | None:
    """A rule of Rego or Cedar, or of a language that nobody has."""
    first, second = place.first, place.at(1)
    if not place.is_header or first.text not in _POLICY_WORDS or first.kind != "word":
        return None
    if second.text in (":=", "."):
        return None
    return mistake(
        "E0222",
        f"`{first.text}` starts no statement of this language",
        first.span,
        _RULE_FORM,
    )


def foreign_statement(place: Place) -> Mistake | None:
    first, second = place.first, place.at(1)
    row = _FOREIGN_STATEMENTS.get(first.text)
    if row is None or first.kind != "word" or second.text in (":=", ".", "[", "->", "~>"):
        return None
    called = second.text == "("
    if called and first.text not in ("if", "elif", "for", "while", "switch", "with", "catch"):
        return None
    what, hint = row
    if place.is_header and first.text == "if":
        hint = _RULE_FORM
    return mistake("E0206", f"{what} does not exist here", first.span, hint)


def starts_foreign_statement(place: Place) -> bool:
    """Whether a line starts with a word that starts statements elsewhere."""
    return place.first.text in _POLICY_WORDS or place.first.text in _FOREIGN_STATEMENTS


def decorator(place: Place) -> Mistake | None:
    first = place.first
    if first.text != "@" or place.index > 1:
        return None
    return mistake(
        "E0213",
        "decorators do not exist here",
        Span(first.start, place.at(1).end or first.end),
        "remove it",
        Edit(first.start, place.end),
    )


# --- rule headers ---------------------------------------------------------------------------------


def rule_header(place: Place) -> Mistake | None:
    tokens = place.tokens
    if place.first.text != "raise" or not place.is_header:
        return None
    if place.at(1).text in ("if", ":", "{", "when", "") and place.index <= 2:
        return mistake(
            "E0205",
            "this rule does not say what it raises",
            place.first.span,
            'write the message after `raise`: `raise "text" if:`',
        )
    token = place.token
    if place.enclosing >= 0:
        return _header_inside_brackets(place)
    if token.text == ",":
        return mistake(
            "E0204",
            "a rule raises one value",
            token.span,
            'put them into a violation: `raise Violation("text", value) if:`',
        )
    if token.text == "{":
        return braces_mistake(token)
    if token.kind == "word" and token.text in _HEADER_WORDS:
        return mistake(
            "E0204",
            f"`{token.text}` does not open the conditions of a rule",
            token.span,
            "write `if:` after the value"
            + (", and `not` before the conditions" if token.text == "unless" else ""),
            Edit(token.start, token.end, "if"),
        )
    condition = next((i for i, t in enumerate(tokens) if t.text == "if" and i > 1), -1)
    if condition < 0:
        return _header_without_if(place)
    return _header_with_if(place, condition)


def _header_inside_brackets(place: Place) -> Mistake | None:
    opener = place.at(place.enclosing)
    if opener.text == "{" and place.at(place.enclosing - 1).text in ("if", ":"):
        return braces_mistake(opener)
    condition = next((i for i, t in enumerate(place.tokens) if t.text == "if" and i > 1), -1)
    if place.enclosing in place.pairs or condition < 0:
        return None
    closer = PAIRS[opener.text]
    word = place.at(condition)
    return mistake(
        "E0107",
        f"this `{opener.text}` is never closed",
        opener.span,
        f"add the missing `{closer}`",
        Edit(word.start, word.start, closer),
    )


def braced_body(tokens: Sequence[RawToken]) -> tuple[RawToken, RawToken | None] | None:
    """The braces around the conditions of a rule; the second one may be missing."""
    if not tokens or tokens[0].text != "raise":
        return None
    ends = (i for i, token in enumerate(tokens) if token.kind in ("newline", "comment"))
    opening = next(ends, len(tokens)) - 1
    before = [token.text for token in tokens[max(opening - 2, 0) : opening]]
    if tokens[opening].text != "{" or (before[-1:] != ["if"] and before != ["if", ":"]):
        return None
    closing = matching_brackets(tokens).get(opening)
    return tokens[opening], tokens[closing] if closing is not None else None


def braces_mistake(brace: RawToken) -> Mistake:
    return mistake(
        "E0228",
        "braces hold no body",
        brace.span,
        "write a colon, and the conditions on deeper lines below it",
    )


def _header_without_if(place: Place) -> Mistake | None:
    token = place.token
    if token.text == ":":
        return mistake(
            "E0204",
            "the `if` of this rule is missing",
            token.span,
            "write `if:` after the value",
            Edit(token.start, token.start, "if"),
        )
    if token is NOTHING:
        return mistake(
            "E0204",
            "this rule has no conditions",
            Span(place.end, place.end),
            "write `if:` at the end of this line, and the conditions on deeper lines below it",
            Edit(place.end, place.end, "if:"),
        )
    return None


def _header_with_if(place: Place, condition: int) -> Mistake | None:
    word = place.at(condition)
    if place.index <= condition:
        return None
    if place.index == condition + 1 and place.token is NOTHING:
        return mistake(
            "E0204",
            "the colon after `if` is missing",
            Span(word.end, word.end),
            "write `if:`",
            Edit(word.end, word.end, ":"),
        )
    last = place.tokens[-1]
    if place.token is NOTHING or (place.token is last and last.text == ":"):
        first_of_condition = place.at(condition + 1)
        if last.text == ":":
            edit = Edit(first_of_condition.start, last.start)
        else:
            edit = Edit(word.end, word.end, ":")
        return mistake(
            "E0204",
            "the colon of a rule stands directly after `if`",
            Span(first_of_condition.start, (last.start if last.text == ":" else last.end)),
            "write `if:` and this condition on a deeper line below it",
            edit,
        )
    return None


# --- imports --------------------------------------------------------------------------------------


def import_form(place: Place) -> Mistake | None:
    first = place.first
    if first.text not in ("import", "from") or place.at(1).text == ":=":
        return None
    if not place.is_header:
        return mistake(
            "E0215",
            "an import cannot stand inside a body",
            first.span,
            "move it to the top of the file",
        )
    token, previous = place.token, place.previous
    if token.text == "*":
        return _import(place, "imports name what they take", "write the names instead of `*`")
    if token.text == "(":
        close = place.pairs.get(place.index)
        edits = [Edit(token.start, token.end)]
        if close is not None:
            edits.append(Edit(place.at(close).start, place.at(close).end))
        return _import(
            place,
            "the names of an import stand without brackets",
            "remove the brackets; a list of names goes on after a comma",
            *edits,
        )
    if token.text in (".", "...") and previous.text in ("from", "import"):
        return _import(
            place, "a policy has no package to be relative to", "write the full name of the module"
        )
    if token.text == "," and first.text == "import":
        return _import(place, "one `import` takes one module", "write one `import` on each line")
    named = place.text[place.at(1).start : previous.start].split()
    if token.text == "." and first.text == "from" and named:
        start, name = named[0], place.following
        return _import(
            place,
            "an imported name has no dots",
            f"write `from {shorten(f'{start}.{previous.text}')} import {shorten(name.text)}`",
        )
    names = first.text == "from" and "import" in [t.text for t in place.tokens[: place.index - 1]]
    if names and token.kind == previous.kind == "word" and previous.text != "as":
        return _import(
            place,
            "the names of an import are separated by commas",
            "put a comma between them",
            Edit(token.start, token.start, ","),
        )
    if token.kind == "string" or token.text == "{":
        return _import(
            place, "this is no import of the language", "write `from module import name`"
        )
    return None


def _import(place: Place, message: str, hint: str, *edits: Edit) -> Mistake:
    return mistake("E0215", message, place.span, hint, *edits)


# --- declarations ---------------------------------------------------------------------------------


def nested_statement(place: Place) -> Mistake | None:
    """A rule or a predicate inside a body."""
    if place.is_header:
        return None
    first = place.first
    if first.text in ("raise", "def") and place.at(1).text not in (":=", ".", "[", ""):
        what = "a rule" if first.text == "raise" else "a predicate"
    elif _is_predicate_header(place):
        what = "a predicate"
    else:
        return None
    hint = "move it out of this body, to the margin of the file"
    if what == "a rule":
        hint += "; what a rule raises stands in its first line, `raise value if:`"
    return mistake("E0218", f"{what} cannot stand inside a body", first.span, hint)


def _is_predicate_header(place: Place) -> bool:
    if (
        place.first.kind != "word"
        or place.first.text in _QUANTIFIERS
        or place.at(1).text != "("
        or place.at(3).text != ":"
    ):
        return False
    close = place.pairs.get(1)
    return close is not None and place.at(close + 1).text in (":=", ":")


def variable_form(place: Place) -> Mistake | None:
    """`(m: Message | ToolCall)`, `(Message m)`, `def p(m):`, `def p(m: Message) -> bool:`."""
    enclosing, token, previous = place.enclosing, place.token, place.previous
    if token.text == "->" and previous.text == ")" and place.first.text == "def":
        colon = next((t for t in place.tokens[place.index :] if t.text == ":"), None)
        edits = [Edit(token.start, colon.start)] if colon else []
        return mistake(
            "E0233",
            "a predicate has no result type",
            token.span,
            "remove it: a predicate holds or does not hold",
            *edits,
        )
    if enclosing < 0 or place.at(enclosing).text != "(":
        return None
    before_type = place.index - 2
    if place.at(before_type).text == ":" and previous.kind == "word" and before_type > enclosing:
        return _type_form(place)
    if previous.text == ":" and place.at(place.index - 2).kind == "word":
        return mistake(
            "E0233",
            "a type is wanted after this colon",
            place.span,
            "write the name of a type, such as `(m: Message)`",
        )
    if _is_parameter_list(place, enclosing) and previous.kind == "word":
        if token.text == "=":
            return _parameter_default(place)
        if token.text in (",", ")"):
            return mistake(
                "E0233",
                f"the parameter `{shorten(previous.text)}` has no type",
                previous.span,
                f"write its type: `{shorten(previous.text)}: Message`",
                Edit(previous.end, previous.end, ": Message"),
            )
        return None
    if token.kind == "word" and _TYPE_WORD.match(previous.text) and place.following.text == ")":
        return mistake(
            "E0233",
            "the name of a variable stands before its type",
            Span(previous.start, token.end),
            f"write `({shorten(token.text)}: {shorten(previous.text)})`",
            Edit(previous.start, token.end, f"{token.text}: {previous.text}"),
        )
    return None


def _parameter_default(place: Place) -> Mistake:
    """`threshold=3`: neither a type nor a value to be had without one."""
    after = place.at(place.index + 2)
    name = shorten(place.previous.text)
    edits = [Edit(place.token.start, after.start, ": Message")] if after.text in (",", ")") else []
    return mistake(
        "E0233",
        "a parameter has no default value",
        Span(place.previous.start, place.following.end),
        f"write its type, `{name}: int` for example, and the value where the predicate is called",
        *edits,
    )


def _type_form(place: Place) -> Mistake | None:
    token = place.token
    close = place.pairs.get(place.enclosing)
    simple = close is not None and all(t.text != "," for t in place.tokens[place.index : close])
    edits = [Edit(token.start, place.at(close).start)] if close is not None and simple else []
    if token.text == "=":
        return mistake(
            "E0233",
            "a parameter has no default value",
            token.span,
            "remove it, and write the value where the predicate is called",
            *edits,
        )
    if token.text == "," and not place.is_call(place.enclosing):
        return _more_than_variable(place, edits)
    if token.text in ("|", "[", ".", "or") or token.kind == "word":
        return mistake(
            "E0233",
            "a type is one name",
            Span(place.previous.start, token.end),
            "write one type, such as `(m: Message)`; for several types write a rule for each",
            *edits,
        )
    return None


def _more_than_variable(place: Place, edits: list[Edit]) -> Mistake:
    """`(a: Message, b: Message)` and `(m: Message, role="user")`."""
    name, type_ = place.at(place.index - 3), place.previous
    variable = f"`({shorten(name.text)}: {shorten(type_.text)})`"
    if place.following.kind == "word" and place.at(place.index + 2).text == ":":
        hint = "give each variable brackets of its own, on a line of its own"
        edits = [Edit(place.token.start, place.token.end, ") and (")]
    else:
        hint = f"write {variable}, and what must hold of it on lines of their own"
        close = place.pairs.get(place.enclosing)
        edits = [] if close is None else [Edit(place.token.start, place.at(close).start)]
    return mistake("E0233", "brackets hold one variable and its type", place.span, hint, *edits)


def _is_parameter_list(place: Place, opening: int) -> bool:
    if opening == 2 and place.first.text == "def":
        return True
    return place.is_header and opening == 1 and place.first.kind == "word"


def unbracketed_variable(place: Place) -> Mistake | None:
    """`m: Message` as a line."""
    first = place.first
    if place.is_header or len(place.tokens) != 3 or place.at(1).text != ":":
        return None
    if first.kind != "word" or not _TYPE_WORD.match(place.at(2).text):
        return None
    return mistake(
        "E0233",
        "a variable is declared in brackets",
        Span(first.start, place.end),
        f"write `({shorten(first.text)}: {shorten(place.at(2).text)})`",
        Edit(first.start, place.end, f"({first.text}: {place.at(2).text})"),
    )


def quantifier_variable(place: Place) -> Mistake | None:
    """`forall (m: Message):` and `forall m in messages:`."""
    first = place.first
    if first.text not in _QUANTIFIERS or place.index < 1 or place.is_header:
        return None
    if place.at(1).text == "(" and place.at(3).text != ":":
        return None
    if place.at(1).text != "(" and place.at(1).kind != "word":
        return None
    variable = _variable_of_quantifier(place)
    if first.text in ("exists", "any"):
        hint = f"write `{variable}` and each condition as a line of the rule: it looks for any"
    else:
        opener = "count" if first.text == "count" else "forall"
        bounds = _BOUND.findall(place.text[first.end : place.end])
        if opener == "count" and bounds:
            opener += f"({', '.join(f'{name}={number}' for name, number in bounds)})"
        hint = f"write `{opener}:`, and `{variable}` on a deeper line below it"
    return mistake(
        "E0216",
        f"the variables of `{first.text}` stand in its block",
        Span(place.at(1).start, place.end),
        hint,
    )


def _variable_of_quantifier(place: Place) -> str:
    """The variable as it should be written: the author's own, where it has a type."""
    for index, token in enumerate(place.tokens):
        name, type_ = place.at(index - 1), place.at(index + 1)
        if token.text == ":" and name.kind == "word" and _TYPE_WORD.match(type_.text):
            return f"({shorten(name.text)}: {shorten(type_.text)})"
    return "(m: Message)"


def line_end(place: Place) -> Mistake | None:
    """A semicolon or a comma between lines, and braces around them."""
    token = place.token
    if token.text == ";":
        instead = "" if place.is_last_in_line(place.index) else "and"
        return mistake(
            "E0228",
            "semicolons separate nothing here",
            token.span,
            "write each condition on a line of its own",
            Edit(token.start, token.end, instead),
        )
    if token.text == "," and place.enclosing < 0 and place.is_last_in_line(place.index):
        return mistake(
            "E0228",
            "lines are not separated by commas",
            token.span,
            "remove it",
            Edit(token.start, token.end, "and" if place.index + 1 < len(place.tokens) else ""),
        )
    if token.text in ("{", "}") and len(place.tokens) == 1:
        return mistake(
            "E0228",
            "braces hold no body",
            token.span,
            "remove it: what is deeper belongs to the line above",
            Edit(token.start, token.end),
        )
    if token.text == "{" and place.is_last_in_line(place.index) and place.previous.text == ")":
        return braces_mistake(token)
    opening = place.enclosing
    header = [place.at(opening + offset).text for offset in (-2, -1, 0)]
    if opening > 0 and place.is_header and header in ([")", ":", "{"], ["if", ":", "{"]):
        return braces_mistake(place.at(opening))
    return None


def declared_names(tokens: list[RawToken]) -> set[str]:
    """The names that a statement or line would declare."""
    words = [token.text for token in tokens if token.kind == "word"]
    if words[:1] and words[0] in ("import", "from"):
        return set(words) - RESERVED
    looped: set[str] = set()
    if words[:1] and words[0] in _LOOP_WORDS and "in" in words:  # `some m in messages`
        looped = set(words[1 : words.index("in")])
    declared = {
        token.text
        for token, after in zip(tokens, [*tokens[1:], NOTHING], strict=True)
        if token.kind == "word" and after.text in (":", ":=", "=", "(")
    }
    return (looped | declared) - RESERVED


DETECTORS: tuple[Detector, ...] = (
    other_policy_language,
    decorator,
    import_form,
    nested_statement,
    rule_header,
    foreign_statement,
    quantifier_variable,
    unbracketed_variable,
    variable_form,
    line_end,
)
