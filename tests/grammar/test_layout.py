"""Lines, blocks and continuations: what belongs together."""

from __future__ import annotations

import pytest

from policyc.grammar import nodes
from policyc.grammar.parser import parse
from policyc.grammar.source import Source


def _body(text: str) -> tuple[nodes.Line, ...]:
    parsed = parse(Source(text))
    assert [str(found) for found in parsed.diagnostics] == []
    rule = parsed.tree.statements[0]
    assert isinstance(rule, nodes.Rule)
    return rule.body


def _lines(*lines: str) -> tuple[nodes.Line, ...]:
    return _body('raise "x" if:\n' + "".join(f"    {line}\n" for line in lines))


def _reads_as(written: list[str], meant: list[str]) -> None:
    assert _lines(*written) == _lines(*meant)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["a or", "b"], ["a or b"]),
        (["a or", "  b"], ["a or b"]),
        (["a ==", "b"], ["a == b"]),
        (["a +", "  b"], ["a + b"]),
        (["a", "  or b", "  and c"], ["a or b and c"]),
        (["a", "or b"], ["a or b"]),
        (["a", "  -> b"], ["a -> b"]),
        (["a", "  not in b"], ["a not in b"]),
        (["a", "  * b", "  ** c"], ["a * b ** c"]),
        (["a", "  .b", "  .c"], ["a.b.c"]),
        (["a", "  if b", "  else c"], ["a if b else c"]),
        (["x := a", "  or b"], ["x := a or b"]),
        (["x :=", "  a"], ["x := a"]),
        (["f(", "a,", "", "# c", "  b", ")"], ["f(a, b)"]),
        (["{", "a:", "  1", "}"], ["{a: 1}"]),
        (["[", "- 1", "+ 2,", "not", "b]"], ["[- 1 + 2, not b]"]),
        (["(a", "== b)"], ["(a == b)"]),
    ],
)
def test_lines_that_continue(written: list[str], meant: list[str]) -> None:
    _reads_as(written, meant)


@pytest.mark.parametrize(
    "second",
    ["(b)", "[b]", "{b: 1}", "-b", "+b", "b", '"b"', "(t: T) in b", "<EMAIL>", "tool:b", "*"],
)
@pytest.mark.parametrize("depth", ["", "  "])
def test_lines_of_their_own(second: str, depth: str) -> None:
    if second in ("<EMAIL>", "*"):  # signs that are operators as well continue the line
        return
    assert len(_lines("a.b", depth + second)) == 2


def test_comments_and_blank_lines_never_matter() -> None:
    assert _body(
        '# a\nraise "x" if: # why:\n\n  # b\n  a # c\n\n# d\n      # e:\n  forall: # f\n\n'
        "        # g\n      b\n # h\n      c # i\n   # j\n\n  d # k\n"
    ) == _body('raise "x" if:\n  a\n  forall:\n      b\n      c\n  d\n')


def test_mixed_units_of_indentation() -> None:
    text = 'raise "x" if:\n  forall:\n          a\n          b\n  c\n'
    assert [type(line) for line in _body(text)] == [nodes.Quantifier, nodes.Name]


def test_a_deeper_line_that_nothing_opened_is_a_line_of_the_body() -> None:
    assert len(_lines("(a: Message)", "    (b: Message)", "a -> b")) == 3


def test_tabs_count_to_the_next_multiple_of_eight() -> None:
    text = 'raise "x" if:\n\tforall:\n\t\ta\n\tb\n'
    assert [type(line) for line in _body(text)] == [nodes.Quantifier, nodes.Name]


def test_a_policy_may_be_written_with_a_margin() -> None:
    text = '\n    # c\n    X := 1\n    raise "x" if:\n        a\n\n    Y := 2\n    '
    source = Source(text)
    parsed = parse(source)
    assert parsed.diagnostics == ()
    assert [type(s).__name__ for s in parsed.tree.statements] == [
        "ConstantDeclaration",
        "Rule",
        "ConstantDeclaration",
    ]
    assert source.position(parsed.tree.statements[0].span.start).line == 3
    assert source.position(parsed.tree.statements[0].span.start).column == 5


def test_texts_are_opaque_to_layout() -> None:
    (line, _) = _lines('x := """a:', "", "deeper # no comment", '"""', "b")
    assert isinstance(line, nodes.Assign)
    assert line.value == nodes.String("a:\n\n    deeper # no comment\n")


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ('raise "x" if:\n    a\n  b\n', "E0102", 3),
        ('raise "x" if:\n    forall:\n        a\n      b\n    c\n', "E0102", 4),
        ('raise "x" if:\n        a\n\tb\n', "E0103", 3),
        ('raise "x" if:\na\n', "E0104", 1),
        ('raise "x" if:\n    forall:\n    a\n', "E0104", 2),
        ('raise "x" if: # c\n', "E0104", 1),
        ("X :=\nY := 1\n", "E0104", 1),
        ('raise "x" if: a\n    b\n', "E0105", 2),
        ('raise "x" if:\n    count(min=1): a\n        b\n', "E0105", 3),
        ("p(x: T): a\n    b\n", "E0105", 2),
    ],
)
def test_mistakes_of_layout(text: str, code: str, line: int) -> None:
    (found,) = parse(Source(text)).diagnostics
    assert (found.code, found.line) == (code, line)


def test_a_mistake_of_layout_does_not_hide_the_statement() -> None:
    for text in (
        'raise "x" if:\n    a\n  b\n',
        'raise "x" if:\n        a\n\tb\n',
        'raise "x" if:\na\nb\n',
        'raise "x" if:\n    forall:\n    a\n    b\n',
    ):
        assert [type(s) for s in parse(Source(text)).tree.statements] == [nodes.Rule]
