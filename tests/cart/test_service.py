"""The cart, on a real engine, with the other domains in memory."""

from datetime import UTC, datetime

import pytest

from chalicelib.cart import Cart, CartFull, CartLineNotFound, CartView, TooManyPieces
from chalicelib.cart.rules import Change, ChangeKind
from chalicelib.cart.view import PointsView
from chalicelib.catalog import ProductNotFound
from chalicelib.pricing import Measure, PointsRule, PriceRules, Promotion, Scope, ScopeKind, Tier
from chalicelib.stock import SoldOut
from chalicelib.storage.reads import fetch

from .fakes import OTHER, SHOPPER, FakeClock, Offers, Shelf

YEAR = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


def held(view: CartView) -> dict[str, tuple[int, bool]]:
    return {line.sku_id: (line.quantity, line.selected) for line in view.lines}


def reduction(reach: int, off: int) -> PriceRules:
    return PriceRules((Promotion("p", "满减", Scope(ScopeKind.ALL), Measure.AMOUNT, (Tier(reach, off),), *YEAR),))


def test_a_new_member_has_an_empty_cart_and_it_asks_nobody(cart: Cart, shelf: Shelf, offers: Offers) -> None:
    view = cart.show(SHOPPER)
    assert (view.lines, view.pieces, view.payable, view.payable_with_coupon, view.notes) == ((), 0, 0, 0, ())
    assert shelf.asked + offers.asked == []


def test_what_is_added_is_shown_as_it_is_sold_and_selected(cart: Cart) -> None:
    for view in (cart.add(SHOPPER, "a-01", 2), cart.show(SHOPPER)):
        (line,) = view.lines
        assert (line.sku_id, line.product_id, line.title, line.spec) == ("a-01", "a", "商品a", "白 / L")
        assert (line.price, line.quantity, line.subtotal, line.available) == (1000, 2, 2000, 100)
        assert (line.selected, line.selectable, line.changes) == (True, True, ())
        assert (view.pieces, view.goods_total, view.payable) == (2, 2000, 2000)
        assert view.notes == ("运费将在选择收货地址后计算",)


def test_adding_the_same_sku_again_adds_up(cart: Cart) -> None:
    cart.add(SHOPPER, "a-01", 2)
    assert held(cart.add(SHOPPER, "a-01", 3)) == {"a-01": (5, True)}
    assert held(cart.show(SHOPPER)) == {"a-01": (5, True)}


def test_adding_again_selects_the_line(cart: Cart) -> None:
    cart.add(SHOPPER, "a-01", 1)
    cart.select_all(SHOPPER, selected=False)
    assert held(cart.add(SHOPPER, "a-01", 1)) == {"a-01": (2, True)}


def test_what_was_put_in_last_comes_first(cart: Cart, clock: FakeClock) -> None:
    for sku_id in ("b-01", "c-01", "a-01"):
        cart.add(SHOPPER, sku_id, 1)
        clock.pass_seconds(1)
    cart.add(SHOPPER, "b-01", 1)
    assert [line.sku_id for line in cart.show(SHOPPER).lines] == ["a-01", "c-01", "b-01"]


def test_what_does_not_exist_or_is_off_the_shelf_is_not_added(cart: Cart, shelf: Shelf) -> None:
    shelf.take_down("a-01")
    for sku_id in ("a-01", "no-01"):
        with pytest.raises(ProductNotFound):
            cart.add(SHOPPER, sku_id, 1)
    assert cart.show(SHOPPER).lines == ()


def test_no_more_is_added_than_is_in_stock(cart: Cart, shelf: Shelf) -> None:
    shelf.put("a-01", available=3)
    cart.add(SHOPPER, "a-01", 2)
    with pytest.raises(SoldOut) as refusal:
        cart.add(SHOPPER, "a-01", 2)
    assert refusal.value.details == {"sku_id": "a-01", "available": 3}
    assert held(cart.add(SHOPPER, "a-01", 1)) == {"a-01": (3, True)}


def test_a_line_holds_999_pieces(cart: Cart, shelf: Shelf) -> None:
    shelf.put("a-01", available=5000)
    cart.add(SHOPPER, "a-01", 998)
    assert held(cart.add(SHOPPER, "a-01", 1)) == {"a-01": (999, True)}
    with pytest.raises(TooManyPieces):
        cart.add(SHOPPER, "a-01", 1)


def test_a_cart_holds_100_lines(cart: Cart, shelf: Shelf) -> None:
    for n in range(101):
        shelf.put(f"p{n}-01")
    for n in range(100):
        cart.add(SHOPPER, f"p{n}-01", 1)
    with pytest.raises(CartFull):
        cart.add(SHOPPER, "p100-01", 1)
    assert len(cart.add(SHOPPER, "p0-01", 1).lines) == 100
    assert cart.select_all(SHOPPER, selected=False).pieces == 0
    assert cart.select_all(SHOPPER, selected=True).pieces == 101
    assert cart.remove(SHOPPER, [f"p{n}-01" for n in range(100)]).lines == ()


def test_the_quantity_of_a_line_is_set(cart: Cart) -> None:
    cart.add(SHOPPER, "a-01", 2)
    assert held(cart.change(SHOPPER, "a-01", 7, None)) == {"a-01": (7, True)}
    assert held(cart.change(SHOPPER, "a-01", 3, False)) == {"a-01": (3, False)}
    assert held(cart.show(SHOPPER)) == {"a-01": (3, False)}


def test_a_line_is_selected_and_deselected(cart: Cart) -> None:
    cart.add(SHOPPER, "a-01", 2)
    cart.add(SHOPPER, "b-01", 1)
    assert held(cart.change(SHOPPER, "a-01", None, False)) == {"a-01": (2, False), "b-01": (1, True)}
    view = cart.show(SHOPPER)
    assert (view.pieces, view.goods_total) == (1, 1000)
    assert held(cart.change(SHOPPER, "a-01", None, True)) == {"a-01": (2, True), "b-01": (1, True)}


def test_a_change_of_nothing_changes_nothing(cart: Cart) -> None:
    cart.add(SHOPPER, "a-01", 2)
    assert held(cart.change(SHOPPER, "a-01", None, None)) == {"a-01": (2, True)}


def test_a_line_that_is_not_there_cannot_be_changed(cart: Cart) -> None:
    with pytest.raises(CartLineNotFound):
        cart.change(SHOPPER, "a-01", 1, None)
    cart.add(SHOPPER, "b-01", 1)
    with pytest.raises(CartLineNotFound):
        cart.change(SHOPPER, "a-01", None, True)


def test_no_more_than_the_stock_is_asked_for_but_fewer_is_always_allowed(cart: Cart, shelf: Shelf) -> None:
    cart.add(SHOPPER, "a-01", 10)
    shelf.put("a-01", available=3)
    with pytest.raises(SoldOut):
        cart.change(SHOPPER, "a-01", 11, None)
    assert held(cart.change(SHOPPER, "a-01", 5, None)) == {"a-01": (5, False)}
    assert held(cart.change(SHOPPER, "a-01", 3, None)) == {"a-01": (3, True)}


def test_pieces_of_what_is_off_the_shelf_cannot_be_changed(cart: Cart, shelf: Shelf) -> None:
    cart.add(SHOPPER, "a-01", 2)
    shelf.take_down("a-01")
    with pytest.raises(ProductNotFound):
        cart.change(SHOPPER, "a-01", 1, None)


def test_all_lines_are_selected_or_none(cart: Cart) -> None:
    cart.add(SHOPPER, "a-01", 2)
    cart.add(SHOPPER, "b-01", 1)
    assert held(cart.select_all(SHOPPER, selected=False)) == {"a-01": (2, False), "b-01": (1, False)}
    assert fetch(cart.reads_selected(SHOPPER))[0] == []
    assert held(cart.select_all(SHOPPER, selected=True)) == {"a-01": (2, True), "b-01": (1, True)}
    assert {(line.sku_id, line.quantity) for line in fetch(cart.reads_selected(SHOPPER))[0]} == {
        ("a-01", 2),
        ("b-01", 1),
    }


def test_selecting_all_of_an_empty_cart_leaves_it_empty(cart: Cart) -> None:
    assert cart.select_all(SHOPPER, selected=True).lines == ()
    cart.add(SHOPPER, "a-01", 1)
    cart.remove(SHOPPER, ["a-01"])
    assert cart.select_all(SHOPPER, selected=False).lines == ()


def test_lines_are_removed_and_removing_again_is_no_error(cart: Cart) -> None:
    assert cart.remove(SHOPPER, ["a-01"]).lines == ()
    for sku_id in ("a-01", "b-01", "c-01"):
        cart.add(SHOPPER, sku_id, 1)
    assert set(held(cart.remove(SHOPPER, ["a-01", "b-01", "a-01", "no-01"]))) == {"c-01"}
    assert set(held(cart.remove(SHOPPER, ["a-01"]))) == {"c-01"}


def test_a_line_that_was_removed_deselected_comes_back_selected(cart: Cart) -> None:
    cart.add(SHOPPER, "a-01", 1)
    cart.add(SHOPPER, "b-01", 1)
    cart.change(SHOPPER, "a-01", None, False)
    cart.remove(SHOPPER, ["a-01"])
    assert held(cart.add(SHOPPER, "a-01", 4))["a-01"] == (4, True)


def test_the_cart_is_emptied_and_can_be_filled_again(cart: Cart) -> None:
    cart.add(SHOPPER, "a-01", 1)
    assert cart.clear(SHOPPER).lines == ()
    assert cart.show(SHOPPER).lines == ()
    assert cart.clear(SHOPPER).lines == ()
    assert held(cart.add(SHOPPER, "b-01", 1)) == {"b-01": (1, True)}


def test_lines_that_were_ordered_leave_the_cart_once_and_for_all(cart: Cart) -> None:
    cart.add(SHOPPER, "a-01", 1)
    cart.add(SHOPPER, "b-01", 1)
    for _ in range(2):
        cart.taken(SHOPPER, ["a-01"])
        assert set(held(cart.show(SHOPPER))) == {"b-01"}
    cart.taken(OTHER, ["a-01"])


def test_a_changed_price_is_told_until_the_shopper_changes_the_line(cart: Cart, shelf: Shelf) -> None:
    cart.add(SHOPPER, "a-01", 1)
    shelf.reprice("a-01", 800)
    for _ in range(2):
        (line,) = cart.show(SHOPPER).lines
        assert (line.price, line.changes) == (800, (Change(ChangeKind.PRICE_CHANGED, old=1000, new=800),))
    (line,) = cart.change(SHOPPER, "a-01", None, True).lines
    assert line.changes[0].old == 1000
    (line,) = cart.change(SHOPPER, "a-01", 2, None).lines
    assert line.changes == ()
    shelf.reprice("a-01", 900)
    (line,) = cart.add(SHOPPER, "a-01", 1).lines
    assert line.changes == ()


def test_what_cannot_be_bought_is_shown_but_counts_for_nothing(cart: Cart, shelf: Shelf) -> None:
    for sku_id in ("a-01", "b-01", "c-01"):
        cart.add(SHOPPER, sku_id, 2)
    shelf.take_down("a-01")
    del shelf.sold["b-01"]
    shelf.left["c-01"] = 1
    view = cart.show(SHOPPER)
    lines = {line.sku_id: line for line in view.lines}
    assert lines["a-01"].changes == (Change(ChangeKind.OFF_SHELF),)
    assert lines["b-01"].changes == (Change(ChangeKind.GONE),)
    assert (lines["b-01"].product_id, lines["b-01"].price, lines["b-01"].available) == (None, None, 0)
    assert lines["c-01"].changes == (Change(ChangeKind.LOW_STOCK, left=1),)
    assert not any(line.selected or line.selectable for line in view.lines)
    assert (view.pieces, view.goods_total, view.payable) == (0, 0, 0)
    shelf.left["c-01"] = 2
    assert held(cart.show(SHOPPER))["c-01"] == (2, True)


def test_totals_carry_promotions_the_best_coupon_and_what_is_missing_for_more(cart: Cart, offers: Offers) -> None:
    offers.set = PriceRules((*reduction(2000, 200).promotions,))
    offers.give(SHOPPER, "small", 100)
    offers.give(SHOPPER, "large", 300, threshold=2500)
    offers.give(SHOPPER, "far", 900, threshold=5000)
    offers.give(OTHER, "others", 2000)
    view = cart.add(SHOPPER, "a-01", 3)
    assert (view.goods_total, view.discount_total, view.payable) == (3000, 200, 2800)
    assert view.coupon is not None
    assert (view.coupon.coupon_id, view.coupon.title, view.coupon.saves) == ("large", "减3元", 300)
    assert (view.payable_with_coupon, view.saved) == (2500, 500)
    assert [(each.kind, each.id, each.amount) for each in view.adjustments] == [
        ("PROMOTION", "p", 200),
        ("COUPON", "large", 300),
    ]
    assert [(hint.id, hint.missing, hint.text) for hint in view.hints] == [("far", 2200, "再买22元可用「减9元」")]


@pytest.mark.parametrize(
    ("held_points", "rule", "shown"),
    [
        (1000, PointsRule(most_percent=50), PointsView(400, 400)),
        (300, PointsRule(value_fen=2), PointsView(300, 600)),
        (10**6, PointsRule(), PointsView(799, 799)),
        (99, PointsRule(least_points=100), None),
        (0, PointsRule(), None),
        (1000, None, None),
    ],
)
def test_points_that_could_be_spent_beside_the_best_coupon_are_shown_and_in_no_total(
    cart: Cart, offers: Offers, held_points: int, rule: PointsRule | None, shown: PointsView | None
) -> None:
    offers.give(SHOPPER, "c", 200)
    offers.set, offers.points = PriceRules(points=rule), {SHOPPER: held_points, OTHER: 10**6}
    view = cart.add(SHOPPER, "a-01", 1)
    assert view.points == shown
    assert (view.payable, view.payable_with_coupon, view.saved) == (1000, 800, 200)
    assert view.notes == ("运费将在选择收货地址后计算",)


def test_the_hint_says_what_is_missing_for_the_promotion(cart: Cart, offers: Offers) -> None:
    offers.set = reduction(5000, 800)
    assert [hint.text for hint in cart.add(SHOPPER, "a-01", 3).hints] == ["再买20元减8元"]


def test_a_cart_without_selection_does_not_ask_for_rules_or_coupons(cart: Cart, offers: Offers) -> None:
    cart.add(SHOPPER, "a-01", 1)
    offers.asked.clear()
    cart.change(SHOPPER, "a-01", None, False)
    cart.show(SHOPPER)
    assert offers.asked == []


def test_showing_and_adding_ask_each_of_the_others_once(cart: Cart, shelf: Shelf, offers: Offers) -> None:
    cart.add(SHOPPER, "a-01", 1)
    assert (shelf.asked, offers.asked) == (["offers", "levels"], ["rules", "coupons"])
    cart.show(SHOPPER)
    assert (shelf.asked, offers.asked) == (["offers", "levels"] * 2, ["rules", "coupons"] * 2)


def test_carts_of_two_members_are_apart(cart: Cart) -> None:
    cart.add(SHOPPER, "a-01", 1)
    assert cart.show(OTHER).lines == ()
    with pytest.raises(CartLineNotFound):
        cart.change(OTHER, "a-01", 5, None)
    cart.remove(OTHER, ["a-01"])
    cart.clear(OTHER)
    assert held(cart.show(SHOPPER)) == {"a-01": (1, True)}
