"""The cart over HTTP: what is taken, what is answered, what is refused."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from chalice.app import Request

import chalicelib.cart.api  # noqa: F401  declares the endpoints
from chalicelib.cart import Cart
from chalicelib.web.edge import serve
from chalicelib.web.routes import Routes
from tests.identity.fakes import FakeSessions

from .fakes import OTHER, SHOPPER, FakeClock, Offers, Shelf

Answer = tuple[int, dict[str, Any]]


class Api:
    def __init__(self, cart: Cart, clock: FakeClock) -> None:
        self._app = SimpleNamespace(shop=SimpleNamespace(cart=cart, clock=clock, identity=FakeSessions()))

    def ask(self, method: str, path: str, body: Any = None, member: str = SHOPPER, **variables: str) -> Answer:
        (endpoint,) = (one for one in Routes.endpoints if (one.method, one.path) == (method, path))
        event = {
            "multiValueQueryStringParameters": None,
            "headers": {"authorization": f"Bearer {member}"} if member else {},
            "pathParameters": variables,
            "requestContext": {"httpMethod": method, "resourcePath": path, "requestId": "r1"},
            "body": None if body is None else json.dumps(body),
            "stageVariables": None,
        }
        answer = serve(endpoint, self._app, Request(event), variables)
        return answer.status_code, json.loads(answer.body)

    def add(self, sku_id: str, quantity: int = 1, member: str = SHOPPER) -> Answer:
        return self.ask("POST", "/cart/lines", {"sku_id": sku_id, "quantity": quantity}, member)

    def held(self, member: str = SHOPPER) -> dict[str, tuple[int, bool]]:
        status, cart = self.ask("GET", "/cart", member=member)
        assert status == 200
        return {line["sku_id"]: (line["quantity"], line["selected"]) for line in cart["lines"]}


@pytest.fixture
def api(cart: Cart, clock: FakeClock) -> Api:
    return Api(cart, clock)


def test_the_whole_cart_is_answered(api: Api, shelf: Shelf, offers: Offers) -> None:
    offers.give(SHOPPER, "c1", 300)
    offers.give(SHOPPER, "c2", 900, threshold=5000)
    api.add("a-01", 2)
    shelf.reprice("a-01", 1200)
    assert api.ask("GET", "/cart") == (
        200,
        {
            "lines": [
                {
                    "sku_id": "a-01",
                    "product_id": "a",
                    "title": "商品a",
                    "image": "https://img.example.com/1.jpg",
                    "spec": "白 / L",
                    "price": 1200,
                    "struck_price": None,
                    "quantity": 2,
                    "subtotal": 2400,
                    "available": 100,
                    "selected": True,
                    "selectable": True,
                    "changes": [{"kind": "PRICE_CHANGED", "old": 1000, "new": 1200, "left": None}],
                }
            ],
            "pieces": 2,
            "goods_total": 2400,
            "discount_total": 0,
            "payable": 2400,
            "coupon": {"coupon_id": "c1", "title": "减3元", "saves": 300},
            "payable_with_coupon": 2100,
            "points": None,
            "saved": 300,
            "adjustments": [
                {"kind": "COUPON", "id": "c1", "title": "减3元", "amount": 300, "lines": {"a-01": 300}},
            ],
            "hints": [
                {
                    "kind": "COUPON",
                    "id": "c2",
                    "measure": "AMOUNT",
                    "missing": 2600,
                    "saves": 900,
                    "text": "再买26元可用「减9元」",
                }
            ],
            "notes": ["运费将在选择收货地址后计算"],
        },
    )


def test_every_change_answers_the_cart_after_it(api: Api) -> None:
    line = {"sku_id": "a-01"}
    api.add("b-01")
    changes: list[tuple[Answer, dict[str, tuple[int, bool]]]] = [
        (api.add("a-01", 2), {"a-01": (2, True), "b-01": (1, True)}),
        (api.ask("PATCH", "/cart/lines/{sku_id}", {"quantity": 5}, **line), {"a-01": (5, True), "b-01": (1, True)}),
        (
            api.ask("PATCH", "/cart/lines/{sku_id}", {"selected": False}, **line),
            {"a-01": (5, False), "b-01": (1, True)},
        ),
        (api.ask("POST", "/cart/selection", {"selected": False}), {"a-01": (5, False), "b-01": (1, False)}),
        (api.ask("POST", "/cart/selection", {"selected": True}), {"a-01": (5, True), "b-01": (1, True)}),
        (api.ask("DELETE", "/cart/lines/{sku_id}", **line), {"b-01": (1, True)}),
        (api.ask("POST", "/cart/remove", {"sku_ids": ["b-01", "a-01"]}), {}),
        (api.ask("DELETE", "/cart"), {}),
    ]
    for (status, cart), expected in changes:
        assert status == 200
        assert {each["sku_id"]: (each["quantity"], each["selected"]) for each in cart["lines"]} == expected
    assert api.held() == {}


@pytest.mark.parametrize(
    ("sku_id", "quantity", "status", "code"),
    [
        ("no-01", 1, 404, "PRODUCT_NOT_FOUND"),
        ("a-01", 101, 422, "SOLD_OUT"),
        ("a-01", 0, 400, "MALFORMED"),
        ("a-01", 1000, 400, "MALFORMED"),
        ("a 01", 1, 400, "MALFORMED"),
        ("", 1, 400, "MALFORMED"),
    ],
)
def test_what_cannot_be_added_is_refused(api: Api, sku_id: str, quantity: int, status: int, code: str) -> None:
    refused, answer = api.add(sku_id, quantity)
    assert (refused, answer["code"]) == (status, code)
    assert api.held() == {}


@pytest.mark.parametrize("sku_ids", [[], ["a-01"] * 101, "a-01", [1]])
def test_a_removal_names_between_one_and_100_lines(api: Api, sku_ids: Any) -> None:
    status, answer = api.ask("POST", "/cart/remove", {"sku_ids": sku_ids})
    assert (status, answer["code"]) == (400, "MALFORMED")


def test_a_line_that_is_not_there_cannot_be_changed(api: Api) -> None:
    status, answer = api.ask("PATCH", "/cart/lines/{sku_id}", {"quantity": 2}, sku_id="a-01")
    assert (status, answer["code"]) == (404, "CART_LINE_NOT_FOUND")


def test_nobody_has_a_cart_without_a_session(api: Api) -> None:
    for endpoint in (one for one in Routes.endpoints if one.tag == "cart"):
        status, _ = api.ask(endpoint.method, endpoint.path, member="", sku_id="a-01")
        assert status == 401


def test_another_member_neither_sees_nor_touches_a_line(api: Api) -> None:
    api.add("a-01", 2)
    status, answer = api.ask("PATCH", "/cart/lines/{sku_id}", {"quantity": 1}, OTHER, sku_id="a-01")
    assert (status, answer["code"]) == (404, "CART_LINE_NOT_FOUND")
    api.ask("DELETE", "/cart/lines/{sku_id}", member=OTHER, sku_id="a-01")
    api.ask("DELETE", "/cart", member=OTHER)
    assert (api.held(), api.held(OTHER)) == ({"a-01": (2, True)}, {})
