"""Places of nodes: inside their parents, and their texts read as the same nodes again."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, given, settings

from policyc.grammar import nodes
from policyc.grammar.parser import parse
from policyc.grammar.source import Source
from policyc.grammar.visitor import children, walk
from tests.grammar.policy_texts import expressions, policies


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policies())
def test_children_lie_inside_their_parents(text: str) -> None:
    parsed = parse(Source(text))
    assume(not parsed.diagnostics)
    for parent in walk(parsed.tree):
        for child in children(parent):
            assert parent.span.start <= child.span.start < child.span.end <= parent.span.end


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(expressions)
def test_the_text_of_an_expression_reads_as_the_expression(text: str) -> None:
    source = Source(f"X := ({text})")
    parsed = parse(source)
    assume(not parsed.diagnostics)
    for node in walk(parsed.tree):
        if isinstance(node, nodes.Expr) and not _is_part_of_text(node, parsed.tree):
            # In square brackets: alone in round ones `tool:x` would be a variable.
            again = parse(Source(f"X := [{source.slice(node.span)}]")).tree.statements
            value = nodes.ListLiteral((node,))
            assert again == (nodes.ConstantDeclaration(nodes.Identifier("X"), value),)


def _is_part_of_text(node: nodes.Node, tree: nodes.PolicyFile) -> bool:
    """Literal pieces of an f-string have no quotes of their own."""
    return any(node is part for f in walk(tree) if isinstance(f, nodes.FString) for part in f.parts)


def test_operators_have_places() -> None:
    source = Source("X := a  is   not b\nY := a not  in (b)\n")
    links = [node for node in walk(parse(source).tree) if isinstance(node, nodes.Comparison)]
    assert [source.slice(link.operator_span) for link in links] == ["is   not", "not  in"]
    assert [source.slice(link.span) for link in links] == ["is   not b", "not  in (b)"]
