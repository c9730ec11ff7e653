"""Sharing fen over lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.money import share, yuan

weights = st.lists(st.integers(0, 10**7), min_size=1, max_size=30)


@given(weights, st.data())
def test_shares_add_up_to_the_total_and_none_exceeds_its_weight(weights: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, sum(weights)))
    parts = share(total, weights)
    assert sum(parts) == total
    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))


@given(weights, st.integers(0, 10**7))
def test_each_share_is_within_one_fen_of_its_exact_part(weights: list[int], total: int) -> None:
    whole = sum(weights)
    for part, weight in zip(share(total, weights), weights, strict=True):
        exact = total * weight / whole if whole else total / len(weights)
        assert abs(part - exact) <= 1


def test_the_largest_remainders_get_the_odd_fen_and_ties_go_to_the_earlier_line() -> None:
    assert share(10, [1, 1, 1]) == [4, 3, 3]
    assert share(100, [1, 2, 3]) == [17, 33, 50]
    assert share(1, [3, 7]) == [0, 1]


def test_lines_worth_nothing_share_evenly() -> None:
    assert share(5, [0, 0]) == [3, 2]


def test_nothing_is_shared_over_nothing() -> None:
    assert share(0, []) == []
    with pytest.raises(ValueError, match="nothing to share over"):
        share(1, [])


@pytest.mark.parametrize(("total", "weights"), [(-1, [1]), (1, [-1, 2])])
def test_negative_amounts_are_refused(total: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="negative"):
        share(total, weights)


@pytest.mark.parametrize(
    ("fen", "text"), [(1990, "19.90"), (5, "0.05"), (0, "0.00"), (-1, "-0.01"), (-12345, "-123.45")]
)
def test_fen_are_written_as_yuan(fen: int, text: str) -> None:
    assert yuan(fen) == text
