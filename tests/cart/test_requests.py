"""What a cart costs: DynamoDB requests, with the real catalog, stock, price rules and coupons beside it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.cart import Cart, CartStore
from chalicelib.catalog import Catalog, CatalogStore, Category, Details, NewProduct, NewSku
from chalicelib.coupons import CouponKind, Coupons, CouponStore, CouponTemplate, Terms
from chalicelib.messaging import Delivery, Message
from chalicelib.points import Points, PointsStore
from chalicelib.pricing import Measure, PriceRuleStore, Promotion, Promotions, Scope, Tier
from chalicelib.pricing.service import KEPT
from chalicelib.stock import Stock, StockStore
from chalicelib.storage.table import dynamodb

from .fakes import NOON, SHOPPER, FakeClock


class NoMessages:
    def send(self, member_id: str, message: Message, once: str) -> Delivery:
        raise AssertionError("a cart sends nothing")


class NoMembers:
    def must_exist(self, member_id: str) -> None:
        raise AssertionError("a cart adjusts no points")


@pytest.fixture
def requests(tables: str) -> Iterator[list[str]]:
    """The DynamoDB operations sent, by name."""
    sent: list[str] = []

    def note(event_name: str, **_: object) -> None:
        sent.append(event_name.rpartition(".")[2])

    events = dynamodb().meta.events
    events.register("before-send.dynamodb", note)
    yield sent
    events.unregister("before-send.dynamodb", note)


@pytest.fixture
def cart(tables: str, clock: FakeClock) -> Cart:
    """A shop with three products, a promotion, and a coupon that the shopper holds."""
    catalog, stock = Catalog(CatalogStore(), clock), Stock(StockStore())
    catalog.put_category(Category("clothes", "服饰"))
    details = Details(images=("https://img.example.com/1.jpg",))
    for name in ("cap", "sock", "tee"):
        catalog.put_product(NewProduct(name, "棉品", "clothes", (NewSku(f"{name}-01", 5900),), details))
        stock.add(f"{name}-01", 100)
    promotions = Promotions(PriceRuleStore(), clock)
    tiers, day = (Tier(10000, off=1000),), timedelta(days=1)
    promotions.put_promotion(Promotion("p", "满100减10", Scope(), Measure.AMOUNT, tiers, NOON - day, NOON + day))
    coupons = Coupons(CouponStore(), NoMessages(), clock)
    coupons.put_template(CouponTemplate("t", Terms(CouponKind.AMOUNT, "减5元", 500), total=10, valid_days=7))
    coupons.claim(SHOPPER, "t")
    return Cart(CartStore(), catalog, stock, promotions, coupons, Points(PointsStore(), NoMembers()), clock)


def test_an_empty_cart_costs_one_request(cart: Cart, requests: list[str]) -> None:
    requests.clear()
    cart.show(SHOPPER)
    assert requests == ["BatchGetItem"]


def test_a_cart_costs_the_same_however_many_lines_it_has(cart: Cart, clock: FakeClock, requests: list[str]) -> None:
    for sku_id in ("cap-01", "sock-01", "tee-01"):
        cart.add(SHOPPER, sku_id, 1)
        requests.clear()
        clock.now += KEPT
        view = cart.show(SHOPPER)
        assert sorted(requests) == ["BatchGetItem", "BatchGetItem", "Query", "Query"]
    assert (view.goods_total, view.discount_total, view.payable_with_coupon) == (17700, 1000, 16200)


def test_a_change_costs_one_write_more(cart: Cart, clock: FakeClock, requests: list[str]) -> None:
    cart.add(SHOPPER, "cap-01", 1)
    requests.clear()
    clock.now += KEPT
    cart.add(SHOPPER, "tee-01", 1)
    assert (len(requests), requests.count("UpdateItem")) == (5, 1)
    requests.clear()
    clock.now += KEPT
    cart.remove(SHOPPER, ["cap-01"])
    assert (len(requests), requests.count("UpdateItem")) == (4, 1)
