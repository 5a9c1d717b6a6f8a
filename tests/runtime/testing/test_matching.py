"""The matching of expected and actual violations is as large as any."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from policyc.runtime.testing.matching import largest_matching, same

TABLES = st.integers(0, 5).flatmap(
    lambda columns: st.lists(
        st.lists(st.booleans(), min_size=columns, max_size=columns), max_size=5
    ).map(lambda rows: (rows, columns))
)


def largest(rows: list[list[bool]], columns: int) -> int:
    """By trying every order of the columns."""
    padded = [*range(columns), *[-1] * len(rows)]
    return max(
        (
            sum(column >= 0 and row[column] for row, column in zip(rows, order, strict=False))
            for order in permutations(padded, len(rows))
        ),
        default=0,
    )


@given(TABLES)
def test_no_matching_is_larger(table: tuple[list[list[bool]], int]) -> None:
    rows, columns = table
    found = largest_matching(rows, columns)
    used = [column for column in found if column is not None]
    assert len(set(used)) == len(used)
    assert all(column is None or rows[row][column] for row, column in enumerate(found))
    assert len(used) == largest(rows, columns)


def test_the_first_that_fits_is_not_taken_from_another() -> None:
    assert largest_matching([[True, True], [True, False]], 2) == [1, 0]
    rows = [[True, True, False], [True, False, True], [True, False, False]]
    assert largest_matching(rows, 3) == [1, 2, 0]


def test_values_of_json() -> None:
    assert same({"a": [1, 2.0, None]}, {"a": [1.0, 2, None]})
    assert not same(True, 1)
    assert not same([0], [False])
    assert not same({"a": 1}, {"a": 1, "b": 2})
    assert not same([1], [1, 1])
