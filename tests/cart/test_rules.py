"""What has become of a line, and how much goes into a cart, by example."""

import pytest

from chalicelib.cart.rules import (
    MOST_LINES,
    MOST_PIECES,
    CartFull,
    CartLine,
    Change,
    ChangeKind,
    Contents,
    ForSale,
    TooManyPieces,
    changes,
    check_room,
    selectable,
)

from .fakes import NOON


def line(quantity: int = 2, sku_id: str = "a-01") -> CartLine:
    return CartLine(sku_id, quantity, selected=True, price_seen=1000, added_at=NOON)


@pytest.mark.parametrize(
    ("now", "told", "can_buy"),
    [
        (ForSale(1000, True, 6), (), True),
        (ForSale(1200, True, 6), (Change(ChangeKind.PRICE_CHANGED, old=1000, new=1200),), True),
        (ForSale(1000, True, 5), (Change(ChangeKind.LOW_STOCK, left=5),), True),
        (ForSale(1000, True, 2), (Change(ChangeKind.LOW_STOCK, left=2),), True),
        (ForSale(1000, True, 1), (Change(ChangeKind.LOW_STOCK, left=1),), False),
        (ForSale(1000, True, 0), (Change(ChangeKind.OUT_OF_STOCK),), False),
        (
            ForSale(900, True, 0),
            (Change(ChangeKind.PRICE_CHANGED, old=1000, new=900), Change(ChangeKind.OUT_OF_STOCK)),
            False,
        ),
        (ForSale(900, False, 0), (Change(ChangeKind.OFF_SHELF),), False),
        (None, (Change(ChangeKind.GONE),), False),
    ],
)
def test_a_line_tells_what_changed_and_whether_it_can_be_bought(
    now: ForSale | None, told: tuple[Change, ...], can_buy: bool
) -> None:
    assert (changes(line(), now), selectable(line(), now)) == (told, can_buy)


def test_many_pieces_of_a_line_tell_how_few_are_left() -> None:
    assert changes(line(80), ForSale(1000, True, 79)) == (Change(ChangeKind.LOW_STOCK, left=79),)
    assert changes(line(80), ForSale(1000, True, 80)) == ()


def test_a_line_holds_pieces_up_to_the_limit() -> None:
    contents = Contents({"a-01": line(MOST_PIECES - 1)})
    check_room(contents, "a-01", 1)
    with pytest.raises(TooManyPieces):
        check_room(contents, "a-01", 2)
    with pytest.raises(TooManyPieces):
        check_room(contents, "b-01", MOST_PIECES + 1)


def test_a_cart_holds_lines_up_to_the_limit_and_then_only_more_of_the_same() -> None:
    nearly = {f"p{n}-01": line(1, f"p{n}-01") for n in range(MOST_LINES - 1)}
    check_room(Contents(nearly), "new-01", 1)
    full = Contents({**nearly, "last-01": line(1, "last-01")})
    check_room(full, "last-01", 1)
    with pytest.raises(CartFull):
        check_room(full, "new-01", 1)
