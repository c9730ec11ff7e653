import pytest

from chalicelib.stock.rules import pieces


@pytest.mark.parametrize("n", [0, -1])
def test_stock_never_moves_by_nothing_or_backwards(n: int) -> None:
    with pytest.raises(ValueError, match="at least one piece"):
        pieces(n)


def test_one_piece_is_enough() -> None:
    assert pieces(1) == 1
