"""What the statements and expressions of a policy parse to."""

from __future__ import annotations

import threading

import pytest

from policyc.grammar import nodes
from policyc.grammar.dump import dump
from policyc.grammar.parser import MAX_SYNTAX_ERRORS, parse
from policyc.grammar.source import Source
from policyc.grammar.visitor import walk


def _tree(text: str) -> nodes.PolicyFile:
    parsed = parse(Source(text))
    assert [str(found) for found in parsed.diagnostics] == []
    return parsed.tree


def _statement(text: str) -> nodes.Statement:
    (statement,) = _tree(text).statements
    return statement


def _value(text: str) -> nodes.Expr:
    statement = _statement(f"X := {text}")
    assert isinstance(statement, nodes.ConstantDeclaration)
    return statement.value


def _name(text: str) -> nodes.Name:
    return nodes.Name(text)


def _member(value: nodes.Expr, *names: str) -> nodes.Expr:
    for name in names:
        value = nodes.Member(value, nodes.Identifier(name))
    return value


# --- statements -----------------------------------------------------------------------------------


def test_imports() -> None:
    tree = _tree("import a\nimport a.b as c\nfrom a . b import c, d as e,\n    f\n")
    identifier = nodes.Identifier
    assert tree.statements == (
        nodes.Import(identifier("a")),
        nodes.Import(identifier("a.b"), identifier("c")),
        nodes.ImportFrom(
            identifier("a.b"),
            (
                nodes.ImportedName(identifier("c")),
                nodes.ImportedName(identifier("d"), identifier("e")),
                nodes.ImportedName(identifier("f")),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("p(x: T) := x", ":="),
        ("p(x: T) :=\n    x", ":="),
        ("p(x: T,): x", ":"),
        ("p(x: T):\n    x", ":"),
        ("def p(x: T): x", "def"),
        ("def p(\n  x: T,\n):\n    x", "def"),
    ],
)
def test_spellings_of_a_predicate(text: str, style: str) -> None:
    statement = _statement(text)
    parameter = nodes.Parameter(nodes.Identifier("x"), nodes.TypeRef("T"))
    assert statement == nodes.Predicate(nodes.Identifier("p"), (parameter,), (_name("x"),))
    assert isinstance(statement, nodes.Predicate)
    assert statement.style == style


def test_a_predicate_may_have_no_parameters_and_several_lines() -> None:
    statement = _statement("p() :=\n    a\n    b := c\n")
    assert statement == nodes.Predicate(
        nodes.Identifier("p"), (), (_name("a"), nodes.Assign(nodes.Identifier("b"), _name("c")))
    )


@pytest.mark.parametrize(
    "value", ['"text"', "NAME", 'Violation("x", m, k=1)', "a.b", "[1]", "f(1)"]
)
def test_a_rule_may_raise_any_value(value: str) -> None:
    assert _statement(f"raise {value} if: a") == nodes.Rule(_value(value), (_name("a"),))


def test_one_line_bodies_read_like_blocks() -> None:
    assert _tree('raise "x" if: count(min=1): (m: Message)\n') == _tree(
        'raise "x" if:\n    count(min=1):\n        (m: Message)\n'
    )
    assert _tree('raise "x" if: x := 1') == _tree('raise "x" if:\n    x := 1')


def test_an_empty_text_is_a_policy() -> None:
    for text in ("", "\n", "# only\n  # comments", "  \n\t\n"):
        assert _tree(text).statements == ()


# --- variables, quantifiers, patterns -------------------------------------------------------------


def test_derived_variables_stand_anywhere() -> None:
    derived = nodes.DerivedVariable(nodes.Identifier("t"), nodes.TypeRef("str"), _name("x"))
    assert _value("(t: str) in x") == derived
    assert _value("a or (t: str) in x") == nodes.BoolOp("or", (_name("a"), derived))
    assert _value("not (t: str) in x") == nodes.Unary("not", derived)
    assert _value("(t: str) in x if a else b") == nodes.Ternary(_name("a"), derived, _name("b"))
    assert _value("(t: str) in x == a") == nodes.Compare(
        derived, (nodes.Comparison("==", _name("a")),)
    )
    assert _value("a -> (t: str) in x") == nodes.Compare(
        _name("a"), (nodes.Comparison("->", derived),)
    )


def test_chained_flows_with_typed_variables() -> None:
    typed = nodes.TypedVariable(nodes.Identifier("c"), nodes.TypeRef("ToolCall"))
    assert _value("a -> (c: ToolCall) ~> b") == nodes.Compare(
        _name("a"), (nodes.Comparison("->", typed), nodes.Comparison("~>", _name("b")))
    )


def test_quantifiers_end_a_line_and_stand_behind_operators() -> None:
    body = (_name("a"),)
    forall = nodes.Quantifier(_name("forall"), (), (), body)
    keyword = nodes.Keyword(nodes.Identifier("min"), nodes.Number(1))
    count = nodes.Quantifier(_name("count"), (), (keyword,), body)
    rule = _statement(
        'raise "x" if:\n'
        "    forall:\n        a\n"
        "    not count(min=1): a\n"
        "    y := forall:\n        a\n"
        "    z or count(\n      min=1\n    ):\n        a\n"
    )
    assert isinstance(rule, nodes.Rule)
    assert rule.body == (
        forall,
        nodes.Unary("not", count),
        nodes.Assign(nodes.Identifier("y"), forall),
        nodes.BoolOp("or", (_name("z"), count)),
    )


@pytest.mark.parametrize(
    ("written", "name", "quoted"),
    [
        ("tool:send_email", "send_email", False),
        ("tool:a-b", "a-b", False),
        ("tool:a.b.c", "a.b.c", False),
        ("tool:server/read-file", "server/read-file", False),
        ("tool:server:read", "server:read", False),
        ("tool:send_*", "send_*", False),
        ("tool:*", "*", False),
        ("tool: spaced", "spaced", False),
        ('tool:"any text: 1"', "any text: 1", True),
        (r"tool:'it\'s'", "it's", True),
    ],
)
def test_names_of_tools(written: str, name: str, quoted: bool) -> None:
    assert _value(written) == nodes.ToolPattern(name, quoted)
    link = nodes.Comparison("is", nodes.ToolPattern(name, quoted))
    assert _value(f"(c is {written})") == nodes.Compare(_name("c"), (link,))


def test_a_flow_may_follow_the_name_of_a_tool() -> None:
    links = (
        nodes.Comparison("is", nodes.ToolPattern("x", False)),
        nodes.Comparison("->", _name("b")),
    )
    assert _value("a is tool:x->b") == nodes.Compare(_name("a"), links)


def test_arguments_of_tool_patterns() -> None:
    assert _value("tool:x()") == nodes.ToolPattern("x", False, ())
    assert _value("tool:x(*)") == nodes.ToolPattern("x", False, (nodes.Wildcard(),))
    assert _value("tool:x({a: *, b: <EMAIL_ADDRESS>, c: [-3, True, NAME]},)") == nodes.ToolPattern(
        "x",
        False,
        (
            nodes.ObjectLiteral(
                (
                    nodes.Entry(nodes.Identifier("a"), nodes.Wildcard()),
                    nodes.Entry(nodes.Identifier("b"), nodes.ValueReference("EMAIL_ADDRESS")),
                    nodes.Entry(nodes.Identifier("c"), _value("[-3, True, NAME]")),
                )
            ),
        ),
    )


def test_tool_is_also_an_ordinary_name() -> None:
    rule = _statement('raise "x" if:\n    (tool: Tool)\n    (c is (tool:send)) or tool.name\n')
    assert isinstance(rule, nodes.Rule)
    assert rule.body[0] == nodes.TypedVariable(nodes.Identifier("tool"), nodes.TypeRef("Tool"))
    link = nodes.Comparison("is", nodes.ToolPattern("send", False))
    assert rule.body[1] == nodes.BoolOp(
        "or", (nodes.Compare(_name("c"), (link,)), _member(_name("tool"), "name"))
    )
    assert _value("{tool: 1}") == nodes.ObjectLiteral(
        (nodes.Entry(nodes.Identifier("tool"), nodes.Number(1)),)
    )


# --- literals and access --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("2.5E-1", 0.25),
        ("007", 7),
    ],
)
def test_numbers(text: str, value: float) -> None:
    found = _value(text)
    assert found == nodes.Number(value)
    assert isinstance(found, nodes.Number)
    assert type(found.value) is type(value)


def test_constants_lists_and_objects() -> None:
    assert _value("[True, False, None,]") == nodes.ListLiteral(
        (nodes.Constant(True), nodes.Constant(False), nodes.Constant(None))
    )
    assert _value("[]") == nodes.ListLiteral(())
    assert _value("{}") == nodes.ObjectLiteral(())
    assert _value("{a: 1, 'b c':\n  2,}") == nodes.ObjectLiteral(
        (
            nodes.Entry(nodes.Identifier("a"), nodes.Number(1)),
            nodes.Entry(nodes.Identifier("b c"), nodes.Number(2)),
        )
    )


def test_access_and_calls() -> None:
    assert _value("a . b [0] (c, d=1, ) .e") == _member(
        nodes.Call(
            nodes.Index(_member(_name("a"), "b"), nodes.Number(0)),
            (_name("c"),),
            (nodes.Keyword(nodes.Identifier("d"), nodes.Number(1)),),
        ),
        "e",
    )
    assert _value("f(x)(y)") == nodes.Call(nodes.Call(_name("f"), (_name("x"),)), (_name("y"),))


def test_comprehensions() -> None:
    variable = nodes.Identifier("x")
    assert _value("[f for x in xs]") == nodes.Comprehension(_name("f"), variable, _name("xs"))
    assert _value("[f for x in xs if a or b]") == nodes.Comprehension(
        _name("f"), variable, _name("xs"), nodes.BoolOp("or", (_name("a"), _name("b")))
    )


def test_word_operators_end_at_word_boundaries() -> None:
    assert _value("not(a)and(b)in[c]") == _value("not (a) and (b) in [c]")
    assert _value("1==1and 2==2") == _value("1 == 1 and 2 == 2")
    assert _value("android or inner") == nodes.BoolOp("or", (_name("android"), _name("inner")))


# --- the file -------------------------------------------------------------------------------------


def test_comments_are_kept_with_their_places() -> None:
    text = "# a\nX := [1, # b\n  2]  # c\n\n  # d\r\nY := 'e # f' # g"
    tree = _tree(text)
    assert [comment.text for comment in tree.comments] == ["# a", "# b", "# c", "# d", "# g"]
    for comment in tree.comments:
        assert Source(text).slice(comment.span) == comment.text


def test_uids_are_unique_and_the_same_each_time() -> None:
    text = 'X := f"{a} {b + c}"\nraise "x" if:\n    (m: Message)\n    m.a == X\n'
    uids = [node.uid for node in walk(_tree(text))]
    assert len(set(uids)) == len(uids)
    assert uids == [node.uid for node in walk(_tree(text))]


def test_windows_line_ends_and_byte_order_mark() -> None:
    text = 'raise "x" if:\n    (m: Message)\n\n    m.a # c\n'
    assert _tree("\ufeff" + text.replace("\n", "\r\n")) == _tree(text)


def test_many_threads_parse_at_once() -> None:
    text = 'X := f"{a + b}"\nraise "x" if:\n    (m: Message)\n' + "    m.a == X\n" * 50
    wanted = _tree(text)
    found: list[bool] = []

    def run() -> None:
        found.extend(parse(Source(text)).tree == wanted for _ in range(5))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 20


def test_syntax_errors_are_bounded() -> None:
    parsed = parse(Source("X = 1\n" * 500))
    assert len(parsed.diagnostics) == MAX_SYNTAX_ERRORS
    assert "X" in parsed.lost_declarations


def test_dump_is_readable(text_snapshot: object) -> None:
    text = (
        "from invariant import count, Message as M\n"
        'LIMIT := {max: -3, "b c": [1.5, True, None]}\n'
        'p(x: M) := not x.role in ["a"] if LIMIT else f"{x.role:10} of {x}"\n'
        'raise Violation("x", k=1) if:\n'
        "    (c: ToolCall) -> (o: ToolOutput)\n"
        "    c is tool:send_*({to: *, cc: <EMAIL_ADDRESS>})\n"
        "    names := [n[0] for n in o.content if n]\n"
        "    count(min=2):\n"
        "        (t: str) in names\n"
    )
    assert dump(_tree(text)) == text_snapshot
