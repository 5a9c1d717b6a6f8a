"""Which places of a policy are points, and what people see of them."""

from __future__ import annotations

import pytest
from tests.runtime.testing.coverage.seeing import points, recorder

from policyc.grammar.source import Span


def body(*lines: str, imports: str = "") -> str:
    text = "".join(f"    {line}\n" for line in lines)
    return f'{imports}raise "x" if:\n    (m: Message)\n    (c: ToolCall)\n{text}'


def texts(*lines: str, imports: str = "") -> list[str]:
    return [text for _, text in points(body(*lines, imports=imports))]


QUANTIFIERS = "from invariant import count, forall\n"


def test_a_rule_is_a_point_with_its_name() -> None:
    found = recorder('raise "leak [risk=high]" if:\n    (m: Message)\n').points
    assert [(x.kind, x.text, x.owner) for x in found.all] == [("rule", "leak", "rule `leak`")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('m.role == "user"', ['m.role == "user"']),
        ('m.role == "user" and m.content', ['m.role == "user"', "m.content"]),
        (
            'm.role == "user" or m.content',
            ['m.role == "user" or m.content', 'm.role == "user"', "m.content"],
        ),
        ("not m.content", ["not m.content"]),
        (
            'not (m.content or m.role == "user")',
            ['not (m.content or m.role == "user")', "m.content", 'm.role == "user"'],
        ),
        ('m.role not in ["user"]', ['m.role not in ["user"]']),
        (
            'm.content if c.id else m.role == "user"',
            ['m.content if c.id else m.role == "user"', "m.content", "c.id", 'm.role == "user"'],
        ),
        ("1 < len(m.content) < 5", ["1 < len(m.content)", "len(m.content) < 5"]),
        (
            "(len(m.content)) > (1) or c.id",
            ["(len(m.content)) > (1) or c.id", "(len(m.content)) > (1)", "c.id"],
        ),
        ("m -> c", ["m -> c"]),
    ],
)
def test_conditions_are_points_down_to_the_single_ones(line: str, expected: list[str]) -> None:
    assert texts(line) == expected


@pytest.mark.parametrize(
    ("line", "inside"),
    [
        ("any([x for x in text(m) if len(x) > 3])", ["len(x) > 3"]),
        ('any([x == "a" for x in text(m)])', ['x == "a"']),
        ('any(["a" in m.content, c.id == "1"])', ['"a" in m.content', 'c.id == "1"']),
    ],
)
def test_conditions_in_lists_are_points(line: str, inside: list[str]) -> None:
    assert texts(line) == [line, *inside]


def test_an_assigned_condition_is_a_point_and_an_assigned_value_is_none() -> None:
    found = texts("is_long := len(m.content) > 9", "size := len(m.content)", "is_long or size > 3")
    assert found == ["len(m.content) > 9", "is_long or size > 3", "is_long", "size > 3"]


def test_of_a_default_only_the_side_that_is_tested_is_a_point() -> None:
    assert texts("name := c.id or m.role", "len(name) > 3") == ["c.id", "len(name) > 3"]


def test_a_condition_in_what_a_rule_raises_is_a_point() -> None:
    source = (
        'raise Violation("x", "long" if len(m.content) > 9 else "short") if:\n    (m: Message)\n'
    )
    assert points(source) == [("condition", "len(m.content) > 9")]


@pytest.mark.parametrize(
    "line",
    [
        "True",
        "not False",
        "1 == 1 or False",
        "c is tool:*",
        "(t: ToolOutput)",
        "[m.content]",
        'print("x", m)',
        'len("abc") == 3',
    ],
)
def test_what_can_only_come_out_one_way_is_no_point(line: str) -> None:
    assert texts(line) == []


def test_a_condition_with_a_side_that_settles_it_is_no_point_but_its_other_sides_are() -> None:
    assert texts('m.role == "user" or True') == ['m.role == "user"']


def test_a_constant_that_is_a_literal_settles_a_condition() -> None:
    assert points("DEBUG := False\n" + body("DEBUG or m.content")) == [
        ("condition", "DEBUG or m.content"),
        ("condition", "m.content"),
    ]


def test_a_constant_is_a_point_where_it_is_used_and_where_it_is_declared() -> None:
    source = "STRICT := input.level > 3\n" + body("STRICT")
    assert points(source) == [("condition", "input.level > 3"), ("condition", "STRICT")]
    assert [x.owner for x in recorder(source).points.all if x.kind == "condition"] == [
        "constant `STRICT`",
        "rule `x`",
    ]


def test_the_lines_of_a_predicate_belong_to_it() -> None:
    found = recorder("""
is_long(m: Message) :=
    len(m.content) > 9
    m.role == "user"

raise "x" if:
    (m: Message)
    is_long(m)
""").points.all
    assert [(x.text, x.owner) for x in found if x.kind == "condition"] == [
        ("len(m.content) > 9", "predicate `is_long`"),
        ('m.role == "user"', "predicate `is_long`"),
        ("is_long(m)", "rule `x`"),
    ]


# --- tool patterns --------------------------------------------------------------------------------


def test_a_tool_pattern_has_its_name_its_keys_and_its_values() -> None:
    line = 'c is tool:send({to: "bob", "cc": *, list: ["a", *, 3], o: {k: None}, w: input.w})'
    assert points(body(line)) == [
        ("tool name", "c is tool:send"),
        ("argument", "to"),
        ("argument value", '"bob"'),
        ("argument", '"cc"'),
        ("argument", "list"),
        ("argument value", '["a", *, 3]'),
        ("argument value", '"a"'),
        ("argument value", "3"),
        ("argument", "o"),
        ("argument value", "{k: None}"),
        ("argument", "k"),
        ("argument value", "None"),
        ("argument", "w"),
        ("argument value", "input.w"),
    ]


def test_of_a_pattern_for_any_tool_only_the_arguments_are_points() -> None:
    assert points(body('c is tool:*({to: "bob"})')) == [
        ("argument", "to"),
        ("argument value", '"bob"'),
    ]


def test_an_output_may_answer_no_call_so_any_tool_is_a_point_of_it() -> None:
    assert points('raise "x" if:\n    (o: ToolOutput)\n    o is tool:*\n') == [
        ("tool name", "o is tool:*")
    ]


def test_the_arguments_of_a_pattern_that_is_a_constant_are_one_point_for_all_its_uses() -> None:
    source = 'SEND := tool:send({to: "bob"})\n' + body("c is SEND or not (c is SEND)")
    assert points(source) == [
        ("argument", "to"),
        ("argument value", '"bob"'),
        ("condition", "c is SEND or not (c is SEND)"),
        ("tool name", "c is SEND"),
        ("tool name", "c is SEND"),
    ]


def test_a_pattern_in_a_list_has_points_too() -> None:
    found = texts("any([c is e for e in [tool:read, tool:list({all: True})]])")
    assert found[1:] == ["c is e", "tool:read", "tool:list", "all", "True"]


# --- quantifiers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("count(min=2)", [("min", "min=2")]),
        ("count(min=input.n, max=4)", [("min", "min=input.n"), ("max", "max=4")]),
        ("count(2)", [("min", "2")]),
        ("count(min=0, max=0)", [("max", "max=0")]),
        ("forall", [("forall", "forall")]),
        ("not forall", [("forall", "forall")]),
    ],
)
def test_each_bound_that_may_be_broken_is_a_point(
    head: str, expected: list[tuple[str, str]]
) -> None:
    source = body(f"{head}:", "    (o: ToolOutput)", "    o.content", imports=QUANTIFIERS)
    assert points(source) == [*expected, ("condition", "o.content")]


def test_forall_without_conditions_always_holds_and_is_no_point() -> None:
    assert texts("forall:", "    (o: ToolOutput)", imports=QUANTIFIERS) == []


def test_a_quantifier_that_is_a_side_is_shown_without_its_block() -> None:
    found = texts("m.content or count(min=1):", "    (o: ToolOutput)", imports=QUANTIFIERS)
    assert found == ["m.content or count(min=1)", "m.content", "min=1"]


# --- places ---------------------------------------------------------------------------------------


def test_a_place_is_that_in_the_text() -> None:
    source = body('c is tool:send({to: "bob"})', "(m.role) in (m.content)")
    found = recorder(source).points.all
    for point in found[1:]:
        assert source[point.span.start : point.span.end] == point.text
    assert source[found[0].span.start : found[0].span.end] == "raise"


def test_comments_and_texts_with_brackets_do_not_disturb_the_places() -> None:
    assert texts('(m.content) == ")" or m.content == "(" # (') == [
        '(m.content) == ")" or m.content == "("',
        '(m.content) == ")"',
        'm.content == "("',
    ]


def test_numbers_are_those_of_the_places_and_the_same_in_another_process() -> None:
    source = body("m.content or c.id", 'c is tool:send({to: "a"})')
    first, second = recorder(source).points, recorder(source).points
    assert first.all == second.all
    assert [x.span.start for x in first.all] == sorted(x.span.start for x in first.all)


# --- what reaches a place -------------------------------------------------------------------------


def numbers(bits: int) -> list[int]:
    return [number for number in range(bits.bit_length()) if bits >> number & 1]


def test_a_place_is_reached_through_the_innermost_point_around_it() -> None:
    source = body('m.role == "user" or m.content == "secret"')
    counting = recorder(source)
    at = source.index('"secret"')
    span = Span(at, at + 8)
    found = [counting.points.all[x].text for x in numbers(counting.points.at(0, span))]
    assert found == ['m.content == "secret"']


def test_a_line_is_reached_through_the_points_in_it() -> None:
    source = body('c is tool:send({to: "bob"})')
    counting = recorder(source)
    at = source.index("c is")
    span = Span(at, source.index("})") + 3)
    found = [counting.points.all[x].text for x in numbers(counting.points.at(0, span))]
    assert found == ["c is tool:send", "to", '"bob"']


def test_a_tool_pattern_is_reached_where_its_name_is_asked_for() -> None:
    source = body('c is tool:send({to: "bob"})')
    counting = recorder(source)
    at = source.index("tool:")
    found = counting.points.at(0, Span(at, source.index("})") + 2))
    assert [counting.points.all[x].text for x in numbers(found)] == [
        "c is tool:send",
        "to",
        '"bob"',
    ]


def test_a_pattern_that_is_a_constant_is_reached_always_but_its_values_are_where_they_stand() -> (
    None
):
    source = 'SEND := tool:send({to: "bob"})\n' + body("c is SEND")
    counting = recorder(source)
    assert counting.points.at(0, Span(8, source.index("\n"))) == -1
    at = source.index('"bob"')
    found = counting.points.at(0, Span(at, at + 5))
    assert [counting.points.all[x].text for x in numbers(found)] == ['"bob"']


def test_what_no_point_tells_about_is_reached_with_its_rule_or_always() -> None:
    source = 'WORD := "secret"\n' + body("WORD in m.content")
    counting = recorder(source)
    at = source.index("(m: Message)")
    rule = counting.points.at(0, Span(at, at + 12))
    assert [counting.points.all[x].kind for x in numbers(rule)] == ["rule"]
    assert counting.points.at(0, Span(8, 16)) == -1
