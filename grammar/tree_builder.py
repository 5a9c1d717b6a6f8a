"""What the parser calls for each grammar rule it has read: builds the syntax tree directly, bottom
up.

One builder serves the whole process (the parser guards it with a lock); `begin` gives it a fresh
state. Each method is named after `->` in `policyc.lark`, takes the list of what stands on the right
side of the rule, lexemes and earlier results, and returns a node or a list. `statements` are those
read so far, also after a failure.
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

from policyc.grammar import nodes
from policyc.grammar.folding import Folding, spread
from policyc.grammar.lexer import Lexeme
from policyc.grammar.operators import INFIX, RESERVED
from policyc.grammar.problems import SyntaxProblem
from policyc.grammar.source import Span
from policyc.grammar.strings import FStringPart, read_fstring, read_string

if TYPE_CHECKING:
    from collections.abc import Callable

_CONSTANTS = {"True": True, "False": False, "None": None}
_COMPARISONS = frozenset(row.spelling for row in INFIX.values() if row.associativity == "chain")
# Operands that mean the same before every comparison; `(x: T) in y` does not.
_PLAIN_OPERANDS = frozenset({nodes.Name, nodes.Member, nodes.String, nodes.Call, nodes.Index})
_PLAIN_RIGHT = _PLAIN_OPERANDS | {nodes.ToolPattern, nodes.Number, nodes.ListLiteral}
_MAX_DIGITS = 300
_PLAIN_ACCESS = re.compile(r"[ \t]*([A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*)*)[ \t]*")
_FOREIGN_BLOCKS = frozenset(
    ["try", "finally", "except", "catch", "do", "loop", "begin", "then", "default", "otherwise"]
)


class TreeBuilder:
    """The callbacks of the parser. `bracketed` maps the uid of an expression to the span of the
    brackets around it: they are no node, but belong to the span of what encloses them."""

    def __init__(self, parse_interpolation: Callable[[int, int], nodes.Expr]) -> None:
        self._parse_interpolation = parse_interpolation
        self.begin("")

    def begin(self, text: str) -> None:
        """Forgets the parse before; `text` is the whole text of the next."""
        self.text = text
        self.uid: Callable[[], int] = count(1).__next__
        self.bracketed: dict[int, Span] = {}
        self.problems: list[SyntaxProblem] = []
        self.statements: list[nodes.Statement] = []

    def extent(self, node: nodes.Node) -> Span:
        """The span of a node with the brackets around it."""
        return self.bracketed.get(node.uid, node.span)

    # --- lists ----------------------------------------------------------------------------------

    def no_statements(self, children: list[Any]) -> list[Any]:
        self.statements = []
        return self.statements

    def nothing(self, children: list[Any]) -> list[Any]:
        return []

    def one(self, children: list[Any]) -> list[Any]:
        return children

    def inner(self, children: list[Any]) -> Any:
        return children[1]

    def append(self, children: list[Any]) -> list[Any]:
        children[0].append(children[1])
        return children[0]  # type: ignore[no-any-return]

    def append_after_comma(self, children: list[Any]) -> list[Any]:
        children[0].append(children[2])
        return children[0]  # type: ignore[no-any-return]

    def one_item(self, children: list[Any]) -> list[Any]:
        return [self.fold(children[0])]

    def append_item(self, children: list[Any]) -> list[Any]:
        children[0].append(self.fold(children[2]))
        return children[0]  # type: ignore[no-any-return]

    # --- operations -----------------------------------------------------------------------------

    def extend(self, children: list[Any]) -> list[Any]:
        children[0].append(children[1])
        return children[0]  # type: ignore[no-any-return]

    def extend_operator(self, children: list[Any]) -> list[Any]:
        items: list[Any] = children[0]
        items.append(children[1])
        items.append(children[2])
        return items

    def extend_prefixed(self, children: list[Any]) -> list[Any]:
        items, operator, prefix, operand = children
        if operator.text == "is" and prefix[0].text == "not":
            operator = _joined(operator, prefix.pop(0))
        items.append(operator)
        items.extend(prefix)
        items.append(operand)
        return items  # type: ignore[no-any-return]

    def extend_not_in(self, children: list[Any]) -> list[Any]:
        items: list[Any] = children[0]
        items.append(_joined(children[1], children[2]))
        for child in children[3:]:
            items.extend(child if isinstance(child, list) else [child])
        return items

    def fold(self, items: list[Any]) -> nodes.Expr:
        """One expression from a flat operation; the common short forms without the general
        machine."""
        if len(items) == 1:
            return items[0]  # type: ignore[no-any-return]
        if len(items) == 3:
            left, operator, right = items
            if (
                type(left) in _PLAIN_OPERANDS
                and type(right) in _PLAIN_RIGHT
                and operator.text in _COMPARISONS
            ):
                return self._compare(left, operator, right)
        return Folding(items, self.bracketed, self.uid).expression()

    def _compare(self, left: nodes.Expr, operator: Lexeme, right: nodes.Expr) -> nodes.Expr:
        uid, bracketed = self.uid, self.bracketed
        start, end = left.span.start, right.span.end
        if bracketed:
            start, end = self.extent(left).start, self.extent(right).end
        link = nodes.Comparison(
            operator.text,
            right,
            operator_span=Span(operator.start_pos, operator.end_pos),
            span=Span(operator.start_pos, end),
            uid=uid(),
        )
        return nodes.Compare(left, (link,), span=Span(start, end), uid=uid())

    # --- operands -------------------------------------------------------------------------------

    def name(self, children: list[Any]) -> nodes.Expr:
        word = children[0]
        span = Span(word.start_pos, word.end_pos)
        text = word.text
        if text in RESERVED:
            if text in _CONSTANTS:
                return nodes.Constant(_CONSTANTS[text], span=span, uid=self.uid())
            raise reserved(word)
        return nodes.Name(text, span=span, uid=self.uid())

    def string(self, children: list[Any]) -> nodes.Expr:
        word = children[0]
        prefix = word.text[0]
        if prefix in "fF":
            return self._fstring(word)
        value = read_string(word.text)
        return nodes.String(value, prefix in "rR", span=word.span, uid=self.uid())

    def _fstring(self, word: Lexeme) -> nodes.Expr:
        parts: list[nodes.String | nodes.Interpolation] = []
        for part in read_fstring(word.text, word.start_pos):
            if isinstance(part, FStringPart):
                value = self._interpolated(part)
                parts.append(nodes.Interpolation(value, part.spec, span=part.span, uid=self.uid()))
            else:
                text, span = part
                parts.append(nodes.String(text, span=span, uid=self.uid()))
        return nodes.FString(tuple(parts), span=word.span, uid=self.uid())

    def _interpolated(self, part: FStringPart) -> nodes.Expr:
        """The expression between braces; names and members, which most of them are, without the
        parser."""
        found = _PLAIN_ACCESS.fullmatch(part.text)
        if found is None or found.group(1) in RESERVED:
            return self._parse_interpolation(part.start, part.end)
        end = part.start + found.end(1)
        value: nodes.Expr = nodes.Name(
            found.group(1), span=Span(part.start + found.start(1), end), uid=self.uid()
        )
        for name in found.group(2).split(".")[1:]:
            start, end = end + 1, end + 1 + len(name)
            member = nodes.Identifier(name, span=Span(start, end), uid=self.uid())
            value = nodes.Member(value, member, span=Span(value.span.start, end), uid=self.uid())
        return value

    def number(self, children: list[Any]) -> nodes.Expr:
        word = children[0]
        text = word.text
        if len(text) > _MAX_DIGITS:
            raise SyntaxProblem(
                "E0227",
                f"this number has more than {_MAX_DIGITS} digits",
                word.span,
                help="write it as a power, `10 ** 400`, or as a text",
            )
        value = int(text) if text.isdigit() else float(text)
        if value == float("inf"):
            raise SyntaxProblem(
                "E0227",
                f"the number `{text}` is too large",
                word.span,
                help="the largest number with a point or an exponent is about `1.79e308`",
            )
        return nodes.Number(value, span=word.span, uid=self.uid())

    def tool_pattern(self, children: list[Any]) -> nodes.Expr:
        word = children[0]
        name = word.text.split(":", 1)[1].lstrip(" \t")
        quoted = name[0] in "\"'"
        if quoted:
            name = read_string(name)
        return nodes.ToolPattern(name, quoted, span=word.span, uid=self.uid())

    def wildcard(self, children: list[Any]) -> nodes.Expr:
        return nodes.Wildcard(span=children[0].span, uid=self.uid())

    def value_reference(self, children: list[Any]) -> nodes.Expr:
        word = children[0]
        return nodes.ValueReference(word.text[1:-1], span=word.span, uid=self.uid())

    def member(self, children: list[Any]) -> nodes.Expr:
        value, word = children
        if type(value) is nodes.Wildcard:
            raise spread(value)
        uid = self.uid
        text = word.text[1:]
        if text[0] in " \t":
            text = text.lstrip(" \t")
        end = word.end_pos
        name = nodes.Identifier(text, span=Span(end - len(text), end), uid=uid())
        start = self.extent(value).start if self.bracketed else value.span.start
        return nodes.Member(value, name, span=Span(start, end), uid=uid())

    def index(self, children: list[Any]) -> nodes.Expr:
        value, _, key, close = children
        if type(value) is nodes.Wildcard:
            raise spread(value)
        span = Span(self.extent(value).start, close.end_pos)
        return nodes.Index(value, self.fold(key), span=span, uid=self.uid())

    def call(self, children: list[Any]) -> nodes.Expr:
        function = children[0]
        if type(function) is nodes.Wildcard:
            raise spread(function)
        given = children[2] if len(children) > 3 else []
        span = Span(self.extent(function).start, children[-1].end_pos)
        args = [item for item in given if type(item) is not nodes.Keyword]
        if type(function) is nodes.ToolPattern and self._is_bare(function):
            return self._pattern(function, given, args, span)
        keywords: tuple[nodes.Keyword, ...] = ()
        if len(args) != len(given):
            keywords = tuple(item for item in given if type(item) is nodes.Keyword)
            if type(function) is not nodes.Name or function.text not in ("count", "forall"):
                self._check_order(given)  # these two are told more: that their block is missing
        return nodes.Call(function, tuple(args), keywords, span=span, uid=self.uid())

    def _is_bare(self, tool: nodes.ToolPattern) -> bool:
        return tool.arguments is None and tool.uid not in self.bracketed

    def _pattern(
        self, tool: nodes.ToolPattern, given: list[Any], args: list[nodes.Expr], span: Span
    ) -> nodes.Expr:
        if len(args) != len(given):
            keyword = next(item for item in given if type(item) is nodes.Keyword)
            self.problems.append(
                SyntaxProblem(
                    "E0217",
                    f"a tool pattern takes no keyword arguments such as `{keyword.name.text}=`",
                    keyword.span,
                    help="write the wanted arguments as an object: "
                    f"`({{{keyword.name.text}: {self._short(keyword.value)}}})`",
                )
            )
        return nodes.ToolPattern(tool.name, tool.quoted, tuple(args), span=span, uid=self.uid())

    def _short(self, node: nodes.Node) -> str:
        """A node as written, if a message has room for it."""
        written = self.text[node.span.start : node.span.end]
        return written if len(written) <= 30 and "\n" not in written else "..."

    def _check_order(self, given: list[Any]) -> None:
        names: set[str] = set()
        for item in given:
            if type(item) is nodes.Keyword:
                if item.name.text in names:
                    self.problems.append(
                        SyntaxProblem(
                            "E0232",
                            f"the argument `{item.name.text}` is given twice",
                            item.name.span,
                            help="keep one of them",
                        )
                    )
                names.add(item.name.text)
            elif names:
                self.problems.append(
                    SyntaxProblem(
                        "E0232",
                        "an argument without a name follows one with a name",
                        item.span,
                        help="put the arguments without names first",
                    )
                )
                return

    def argument(self, children: list[Any]) -> nodes.Expr:
        return self.fold(children[0])

    def keyword(self, children: list[Any]) -> nodes.Keyword:
        word, value = children
        text = word.text[:-1].rstrip(" \t")
        start = word.start_pos
        name = nodes.Identifier(text, span=Span(start, start + len(text)), uid=self.uid())
        folded = self.fold(value)
        span = Span(start, self.extent(folded).end)
        return nodes.Keyword(name, folded, span=span, uid=self.uid())

    def group(self, children: list[Any]) -> nodes.Expr:
        value = self.fold(children[1])
        self.bracketed[value.uid] = Span(children[0].start_pos, children[2].end_pos)
        return value

    def typed_variable(self, children: list[Any]) -> nodes.Expr:
        opening, name, _, type_name, closing = children
        return nodes.TypedVariable(
            self.identifier(name),
            self._type(type_name),
            span=Span(opening.start_pos, closing.end_pos),
            uid=self.uid(),
        )

    def list_literal(self, children: list[Any]) -> nodes.Expr:
        items = tuple(children[1]) if len(children) > 2 else ()
        return nodes.ListLiteral(items, span=_around(children), uid=self.uid())

    def object_literal(self, children: list[Any]) -> nodes.Expr:
        entries = tuple(children[1]) if len(children) > 2 else ()
        return nodes.ObjectLiteral(entries, span=_around(children), uid=self.uid())

    def entry(self, children: list[Any]) -> nodes.Entry:
        word, _, value = children
        text = read_string(word.text) if word.type == "STRING" else word.text
        key = nodes.Identifier(text, span=word.span, uid=self.uid())
        folded = self.fold(value)
        span = Span(word.start_pos, self.extent(folded).end)
        return nodes.Entry(key, folded, span=span, uid=self.uid())

    def comprehension(self, children: list[Any]) -> nodes.Expr:
        element = self.fold(children[1])
        source, condition = Folding(children[5], self.bracketed, self.uid).source_and_condition()
        return nodes.Comprehension(
            element,
            self.identifier(children[3]),
            source,
            condition,
            span=_around(children),
            uid=self.uid(),
        )

    # --- lines ----------------------------------------------------------------------------------

    def expression(self, children: list[Any]) -> nodes.Expr:
        return self.fold(children[0])

    def assignment(self, children: list[Any]) -> nodes.Assign:
        word, body = children
        value = self._single_value(body)
        span = Span(word.start_pos, self.extent(value).end)
        return nodes.Assign(self.identifier(word), value, span=span, uid=self.uid())

    def quantifier(self, children: list[Any]) -> nodes.Expr:
        items, body = children
        callee = items[-1]
        args: tuple[nodes.Expr, ...] = ()
        keywords: tuple[nodes.Keyword, ...] = ()
        span = self.extent(callee)
        if isinstance(callee, nodes.Call):
            args, keywords, callee = callee.args, callee.keywords, callee.function
        if type(callee) is nodes.Name and callee.text in _FOREIGN_BLOCKS:
            raise SyntaxProblem(
                "E0206",
                f"`{callee.text}` opens no block here",
                callee.span,
                help="write each condition as a line of its own; all of them must hold",
            )
        if type(callee) is nodes.Name and callee.text == "tool":
            raise SyntaxProblem(
                "E0201",
                "the name of the tool is missing after `tool:`",
                callee.span,
                help='write `tool:send_email`, or `tool:"any name"`',
            )
        if type(callee) is nodes.Name and _looks_like_variable(callee, body):
            raise SyntaxProblem(
                "E0233",
                "a variable is declared in brackets",
                Span(span.start, self._end(body)),
                help=f"write `({callee.text}: {body[0].text})`",
            )
        if type(callee) is not nodes.Name:
            raise SyntaxProblem(
                "E0216",
                "only a quantifier opens a block inside a body",
                span,
                help="write `forall:` or `count(min=1):` above the block, or remove the colon",
            )
        items[-1] = nodes.Quantifier(
            callee,
            args,
            keywords,
            tuple(body),
            span=Span(span.start, self._end(body)),
            uid=self.uid(),
        )
        return self.fold(items)

    def one_line_body(self, children: list[Any]) -> list[Any]:
        return [children[1]]

    def block(self, children: list[Any]) -> list[Any]:
        return children[2]  # type: ignore[no-any-return]

    # --- statements -----------------------------------------------------------------------------

    def module(self, children: list[Any]) -> nodes.Identifier:
        return self.identifier(children[0])

    def submodule(self, children: list[Any]) -> nodes.Identifier:
        module, word = children
        text = f"{module.text}.{word.text[1:].lstrip()}"
        return nodes.Identifier(text, span=Span(module.span.start, word.end_pos), uid=self.uid())

    def import_module(self, children: list[Any]) -> nodes.Import:
        keyword, module = children[:2]
        alias = self.identifier(children[3]) if len(children) > 3 else None
        span = Span(keyword.start_pos, (alias or module).span.end)
        return nodes.Import(module, alias, span=span, uid=self.uid())

    def import_from(self, children: list[Any]) -> nodes.ImportFrom:
        keyword, module, _, names, _ = children
        span = Span(keyword.start_pos, names[-1].span.end)
        return nodes.ImportFrom(module, tuple(names), span=span, uid=self.uid())

    def imported_name(self, children: list[Any]) -> nodes.ImportedName:
        name = self.identifier(children[0])
        alias = self.identifier(children[2]) if len(children) > 1 else None
        span = Span(name.span.start, (alias or name).span.end)
        return nodes.ImportedName(name, alias, span=span, uid=self.uid())

    def rule(self, children: list[Any]) -> nodes.Rule:
        keyword, value, _, body = children
        span = Span(keyword.start_pos, self._end(body))
        return nodes.Rule(self.fold(value), tuple(body), span=span, uid=self.uid())

    def constant(self, children: list[Any]) -> nodes.ConstantDeclaration:
        word, body = children
        value = self._single_value(body)
        span = Span(word.start_pos, self.extent(value).end)
        return nodes.ConstantDeclaration(self.identifier(word), value, span=span, uid=self.uid())

    def predicate(self, children: list[Any]) -> nodes.Predicate:
        return self._predicate(children, children[0].start_pos, ":=")

    def block_predicate(self, children: list[Any]) -> nodes.Predicate:
        return self._predicate(children, children[0].start_pos, ":")

    def def_predicate(self, children: list[Any]) -> nodes.Predicate:
        return self._predicate(children[1:], children[0].start_pos, "def")

    def _predicate(self, children: list[Any], start: int, style: str) -> nodes.Predicate:
        word, parameters, body = children
        return nodes.Predicate(
            self.identifier(word),
            tuple(parameters),
            tuple(body),
            style,
            span=Span(start, self._end(body)),
            uid=self.uid(),
        )

    def parameter(self, children: list[Any]) -> nodes.Parameter:
        name = self.identifier(children[0])
        kind = self._type(children[2])
        span = Span(name.span.start, kind.span.end)
        return nodes.Parameter(name, kind, span=span, uid=self.uid())

    # --- shared
    # -------------------------------------------------------------------------------------

    def identifier(self, word: Lexeme) -> nodes.Identifier:
        if word.text in RESERVED:
            raise reserved(word)
        span = Span(word.start_pos, word.end_pos)
        return nodes.Identifier(word.text, span=span, uid=self.uid())

    def _type(self, word: Lexeme) -> nodes.TypeRef:
        if word.text in RESERVED:
            raise reserved(word)
        return nodes.TypeRef(word.text, span=word.span, uid=self.uid())

    def _end(self, body: list[nodes.Line]) -> int:
        return self.extent(body[-1]).end

    def _single_value(self, body: list[nodes.Line]) -> nodes.Expr:
        """The value after `:=`, which may stand on a line below it, but is one line."""
        value = body[0]
        if len(body) > 1:
            raise SyntaxProblem(
                "E0226",
                "a value is one expression, but here are several lines",
                self.extent(body[1]),
                help="join them with `and`, or declare a predicate: `name(x: Message) := ...`",
            )
        if isinstance(value, nodes.Assign):
            raise SyntaxProblem(
                "E0214",
                f"`{value.name.text} :=` cannot be part of another assignment",
                value.name.span,
                help="write one `:=` on each line",
            )
        return value


def _joined(first: Lexeme, second: Lexeme) -> Lexeme:
    """`is not` and `not in` as one operator."""
    text = f"{first.text} {second.text}"
    return Lexeme("COMPARISON", text, first.start_pos, second.end_pos)


def _looks_like_variable(callee: nodes.Name, body: list[nodes.Line]) -> bool:
    """`m: Message` without brackets."""
    kind = body[0]
    return (
        callee.text not in ("forall", "count")
        and len(body) == 1
        and isinstance(kind, nodes.Name)
        and kind.text[0].isupper()
    )


def _around(children: list[Any]) -> Span:
    return Span(children[0].start_pos, children[-1].end_pos)


def reserved(word: Lexeme) -> SyntaxProblem:
    return SyntaxProblem(
        "E0223",
        f"`{word.text}` is a word of the language and cannot be a name",
        word.span,
        help=f"choose another name, for example `{word.text.lower()}_`",
    )
