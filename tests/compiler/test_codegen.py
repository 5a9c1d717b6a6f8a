"""Generated code: only known names, nothing of a policy becomes code, shapes are shared."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import keys
from tests.traces import calls, user

from policyc import Policy
from policyc.compiler.codegen import generate
from policyc.compiler.generated import Builtin, DispatchTable, PatternTest
from policyc.compiler.pipeline import compile_sources
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue
from policyc.runtime.support import NAMESPACE

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from policyc.compiler.generated import Generated

POLICIES = {
    "flow": """
        raise "leak" if:
            (a: ToolOutput) -> (b: ToolCall)
            "secret" in a.content
            b is tool:send({to: ".*@x.com"})
    """,
    "everything": """
        from invariant import count, forall

        LIMIT := 1 + 1
        WORDS := ["a", "b"]

        said(t: str) :=
            (m: Message)
            t == m.content

        raise "next" if:
            (a: Message) ~> (b: ToolCall)
            not (b ~> a)

        raise "equal" if:
            (a: ToolCall) -> (b: ToolCall) -> (c: ToolCall)
            a.function.arguments.x == c.function.arguments.x
            b.function.arguments.x != a.id

        raise "linked" if:
            (o: ToolOutput)
            o is tool:read_*
            o.tool_call_id is not None

        raise "content" if:
            (m: Message)
            m.content in WORDS or any(WORDS in m.content) or any(find("a+", m.content))
            match("x|y", m.content) or m.content.lower() == "x" or len(m.content) > LIMIT

        raise "arguments" if:
            (c: ToolCall)
            c is tool:f({a: [1, "x"], b: {c: *, d: True}, e: "a.*", g: -1.5})
            c.function.arguments.n + 1 > 3 or c.function.arguments.get("k", 2) is True
            c.function.arguments["x"].y[0] in [1, 2] or "x" in c.function.arguments

        raise "rare" if:
            (t: str)
            (c: TextChunk)
            (i: Image)
            (x: Tool) -> (f: ToolCall)
            t in c.text and i.image_url.url == x.name

        raise "counted" if:
            (m: Message)
            m.role == "user"
            count(min=2, max=5):
                (c: ToolCall)
                c is tool:f
            not forall:
                (o: ToolOutput)
                "x" in o.content

        raise "late" if:
            (m: Message)
            said(m.content)
            input.name == m.content

        raise "ternary" if:
            (c: ToolCall)
            c is tool:f if c.id == "1" else not c is tool:g
    """,
    "no rules": "",
    "no variables": 'raise "x" if:\n    input.x == 1\n',
}


def generated(source: str, *, metered: bool = False) -> Generated:
    plan = compile_sources([Source(source, None)], catalogue()).require()
    return generate(plan, metered=metered)


def used_names(code: Generated) -> set[str]:
    """The global names that a piece of generated code uses."""
    tree = ast.parse(code.source)
    stored = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    errors = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name
    }
    loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return loaded - stored - arguments - functions - errors


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("metered", [False, True])
def test_generated_code_uses_only_names_that_it_is_given(name: str, metered: bool) -> None:
    code = generated(POLICIES[name], metered=metered)

    unknown = used_names(code) - NAMESPACE.keys() - code.constants.keys() - vars(builtins).keys()

    # Those of the dispatch table are arguments of its functions.
    assert unknown == set()
    assert not {"eval", "exec", "open", "__import__", "getattr"} & used_names(code)


@pytest.mark.parametrize("name", POLICIES)
def test_the_same_policy_gives_the_same_code(name: str) -> None:
    first, second = generated(POLICIES[name]), generated(POLICIES[name])

    assert first == second


@pytest.mark.parametrize("name", POLICIES)
def test_constants_are_data(name: str) -> None:
    """They can be kept on disk: nothing in them is made by running code."""
    for value in generated(POLICIES[name]).constants.values():
        kinds = str | int | float | list | tuple | frozenset | PatternTest | Builtin | DispatchTable
        assert isinstance(value, kinds)


HARMFUL = [
    "'); raise SystemExit(1); ('",
    '"); raise SystemExit(1); ("',
    "\\",
    "\\'",
    "{0}",
    "{x}",
    "%s",
    "\u2028\u0085\x0c",
    "é\U0001f600",
    "' if True else '",
    "K0",
    "__import__('os')._exit(1)",
]


@pytest.mark.parametrize("text", HARMFUL)
def test_no_text_of_a_policy_becomes_code(text: str) -> None:
    """Whatever is in it, wherever it stands: it is compared, and nothing else."""
    quote = "'" if '"' in text else '"'
    # A backslash before the quote would be an escape.
    text = f"{text} " if text.endswith("\\") else text
    written = f"{quote}{text}{quote}"
    policy = Policy.from_string(
        f"""
NAMES := [{written}]

raise {written} if:
    (m: Message)
    m.content == {written} or {written} in m.content or m.content in NAMES

raise "call" if:
    (c: ToolCall)
    c is tool:{written}
    c.function.arguments.get({written}) == 1
    c.function.arguments[{written}] in [1, {written}]
    c is tool:*({{{written}: 1}})
"""
    )

    result = policy.analyze([user(text), user(f"a {text}"), user("no"), calls(text, **{text: 1})])

    assert not result.errors
    assert [(v.message, v.key) for v in result] == [
        (text, "(0, (0,))"),
        (text, "(0, (1,))"),
        ("call", "(1, (3,))"),
    ]


def test_texts_over_several_lines_are_texts() -> None:
    policy = Policy.from_string(
        'raise "x" if:\n    (m: Message)\n    m.content == """a\'b"c\n\nraise SystemExit"""\n'
    )

    assert keys(policy.analyze([user("a'b\"c\n\nraise SystemExit"), user("a'b")])) == [(0,)]


@pytest.mark.parametrize("number", ["0", "1", "1.5", "1e300", "0.1", "-0.0", "1" * 80, "1" * 300])
def test_numbers_are_exact(number: str) -> None:
    policy = Policy.from_string(
        f'raise "x" if:\n    (c: ToolCall)\n    c.function.arguments.n == {number}\n'
    )
    value: Any = float(number) if "." in number or "e" in number else int(number)

    assert keys(policy.analyze([calls("f", n=value), calls("f", n=2)])) == [(0,)]


def rules_of_one_shape(count: int) -> str:
    return "".join(
        f'raise "rule {number}" if:\n    (c: ToolCall)\n    c is tool:t{number}\n'
        f'    c.function.arguments.path == "p{number}"\n'
        for number in range(count)
    )


def test_rules_of_one_shape_share_their_code() -> None:
    """What Python has to compile does not grow with the number of rules."""
    few, many = generated(rules_of_one_shape(20)), generated(rules_of_one_shape(400))

    assert len(many.source) == len(few.source)


def test_the_search_of_a_flow_as_code(text_snapshot: SnapshotAssertion) -> None:
    """For reading: what a rule becomes, for a whole trace and for events one by one."""
    code = generated(POLICIES["flow"])

    assert code.source == text_snapshot
