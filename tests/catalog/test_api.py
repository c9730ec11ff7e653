import json
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from chalice.app import Request, Response

import chalicelib.catalog.api  # noqa: F401  declares the endpoints
from chalicelib.catalog import Catalog
from chalicelib.stock import Stock, StockStore
from chalicelib.storage.reads import NOTHING, Read
from chalicelib.web.edge import serve
from chalicelib.web.routes import Routes
from tests.catalog.goods import NOON, FakeClock, details, new_product, new_sku

CARD = {
    "kind": "groupbuy",
    "activity_id": "team-tee",
    "title": "三人成团",
    "starts_at": NOON,
    "ends_at": NOON,
    "prices": {"tee-01": 3900},
    "facts": {"team_size": 3},
}


class FakeCampaigns:
    def cards(self, product_id: str, now: datetime) -> Read[list[dict[str, Any]]]:
        return NOTHING.then(lambda _: [CARD] if product_id == "tee" else [])


class Shop:
    """The endpoints of the catalog, asked as API Gateway asks them."""

    def __init__(self, catalog: Catalog, clock: FakeClock) -> None:
        self.stock = Stock(StockStore())
        shop = SimpleNamespace(catalog=catalog, stock=self.stock, campaigns=FakeCampaigns(), clock=clock)
        self._app = SimpleNamespace(shop=shop)

    def ask(self, path: str, product_id: str = "", query: dict[str, str] | None = None, seen: str = "") -> Response:
        """`seen` is the ETag of an answer that the caller has."""
        variables = {"product_id": product_id} if product_id else {}
        (endpoint,) = (one for one in Routes.endpoints if (one.method, one.path) == ("GET", path))
        event = {
            "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
            "headers": {"if-none-match": seen} if seen else {},
            "pathParameters": variables,
            "requestContext": {"httpMethod": "GET", "resourcePath": path, "requestId": "r1"},
            "body": None,
            "stageVariables": None,
        }
        return serve(endpoint, self._app, Request(event), variables)

    def get(self, path: str, **given: Any) -> Any:
        answer = self.ask(path, **given)
        assert answer.status_code == 200, answer.body
        return json.loads(answer.body)

    def code(self, path: str, **given: Any) -> tuple[int, str]:
        answer = self.ask(path, **given)
        return answer.status_code, json.loads(answer.body)["code"]


@pytest.fixture
def shop(catalog: Catalog, clock: FakeClock) -> Shop:
    return Shop(catalog, clock)


def test_categories_are_answered_as_a_tree(shop: Shop) -> None:
    assert shop.get("/categories") == {
        "items": [
            {
                "category_id": "clothes",
                "name": "服饰",
                "icon": "",
                "children": [{"category_id": "shirts", "name": "T恤", "icon": ""}],
            }
        ]
    }


def test_a_card_has_what_a_list_shows(shop: Shop, catalog: Catalog) -> None:
    catalog.put_product(new_product(skus=(new_sku(price=5900, struck_price=9900),), struck_price_meaning="吊牌价"))
    assert shop.get("/products", query={"sort": "price_asc"}) == {
        "items": [
            {
                "product_id": "tee",
                "title": "纯棉T恤",
                "subtitle": "",
                "image": "https://img.example.com/1.jpg",
                "price": 5900,
                "struck_price": 9900,
                "tags": ["新品"],
                "sales": 0,
            }
        ],
        "next_cursor": None,
    }


def test_lists_are_chosen_by_category_or_tag_and_paged(shop: Shop, catalog: Catalog) -> None:
    catalog.put_product(new_product("tee"))
    catalog.put_product(new_product("cap", category_id="clothes", tags=()))
    assert [card["product_id"] for card in shop.get("/products", query={"category": "shirts"})["items"]] == ["tee"]
    assert [card["product_id"] for card in shop.get("/products", query={"tag": "新品"})["items"]] == ["tee"]
    first = shop.get("/products", query={"limit": "1"})
    second = shop.get("/products", query={"limit": "1", "cursor": first["next_cursor"]})
    assert {first["items"][0]["product_id"], second["items"][0]["product_id"]} == {"tee", "cap"}
    assert second["next_cursor"] is None
    assert shop.get("/products", query={"category": ""})["items"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"category": "shirts", "tag": "新品"}, "INVALID"),
        ({"cursor": "%%%"}, "BAD_CURSOR"),
        ({"limit": "0"}, "MALFORMED"),
        ({"limit": "51"}, "MALFORMED"),
        ({"sort": "cheapest"}, "MALFORMED"),
        ({"category": "x" * 65}, "MALFORMED"),
    ],
)
def test_a_list_that_cannot_be_is_refused(shop: Shop, query: dict[str, str], code: str) -> None:
    assert shop.code("/products", query=query) == (400, code)


def test_a_product_page_shows_skus_stock_and_campaigns(shop: Shop, catalog: Catalog, requests: list[str]) -> None:
    skus = (new_sku("tee-01", 5900, spec={"尺码": "M"}), new_sku("tee-02", 5500, spec={"尺码": "L"}))
    catalog.put_product(
        new_product(skus=skus, details=details(attributes={"材质": "棉"}, video="https://v.example.com/1"))
    )
    shop.stock.add("tee-01", 7)
    requests.clear()
    page = shop.get("/products/{product_id}", product_id="tee")
    assert requests == ["Query", "BatchGetItem"]
    assert [(sku["sku_id"], sku["spec"], sku["price"], sku["stock"]) for sku in page["skus"]] == [
        ("tee-01", {"尺码": "M"}, 5900, 7),
        ("tee-02", {"尺码": "L"}, 5500, 0),
    ]
    assert (page["price"], page["sales"], page["category_ids"]) == (5500, 0, ["shirts", "clothes"])
    assert (page["attributes"], page["video"]) == ({"材质": "棉"}, "https://v.example.com/1")
    moment = "2026-11-22T04:00:00Z"
    assert page["campaigns"] == [{**CARD, "starts_at": moment, "ends_at": moment}]


def test_off_the_shelf_and_never_there_are_answered_alike(shop: Shop, catalog: Catalog) -> None:
    catalog.put_product(new_product(on_shelf=False))
    for product_id in ("tee", "nothing"):
        assert shop.code("/products/{product_id}", product_id=product_id) == (404, "PRODUCT_NOT_FOUND")


@pytest.mark.parametrize("path", ["/categories", "/products", "/products/{product_id}"])
def test_answers_can_be_kept_by_a_cdn_and_are_not_sent_again_unchanged(shop: Shop, catalog: Catalog, path: str) -> None:
    catalog.put_product(new_product())
    product_id = "tee" if "{" in path else ""
    answer = shop.ask(path, product_id)
    assert str(answer.headers["Cache-Control"]).startswith("public, max-age=")
    again = shop.ask(path, product_id, seen=str(answer.headers["ETag"]))
    assert (again.status_code, again.body) == (304, "")


def test_a_sold_piece_changes_the_page(shop: Shop, catalog: Catalog) -> None:
    catalog.put_product(new_product())
    before = shop.ask("/products/{product_id}", product_id="tee").headers["ETag"]
    shop.stock.add("tee-01", 1)
    assert shop.ask("/products/{product_id}", product_id="tee").headers["ETag"] != before
