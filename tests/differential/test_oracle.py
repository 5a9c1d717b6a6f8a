"""policyc answers as the reference does, but for listed improvements; `run` does it in bulk."""

from __future__ import annotations

from collections import Counter

from tests.differential.cases import make_case
from tests.differential.choices import SeededChoices
from tests.differential.explanations import AGREED, UNEXPLAINED
from tests.differential.oracle import Oracle, needed_interpreter
from tests.differential.run import compare_with


def test_the_reference_agrees_or_the_difference_is_listed() -> None:
    counts: Counter[str] = Counter()
    with Oracle(needed_interpreter()) as oracle:
        for seed in range(12):
            case = make_case(SeededChoices(f"test/{seed}"), tame=True, traces=10)
            verdicts, _ = compare_with(oracle, case)
            assert UNEXPLAINED not in verdicts, case.policy.source
            counts.update(verdicts)
    agreed = sum(count for verdict, count in counts.items() if verdict.startswith(AGREED))
    assert agreed > 0.8 * sum(counts.values()), counts
