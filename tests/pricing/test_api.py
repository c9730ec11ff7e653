"""The promotions that run, as shoppers' programs get them."""

import json
from types import SimpleNamespace
from typing import Any

from chalice.app import Request, Response

import chalicelib.pricing.api  # noqa: F401  declares the endpoint
from chalicelib.pricing import PriceRules
from chalicelib.web.edge import serve
from chalicelib.web.routes import Routes

from .terms import START, by_amount, by_pieces, categories


class FakePromotions:
    def rules(self) -> PriceRules:
        return PriceRules((by_amount("m", (10000, 1000)), by_pieces("n", (2, 15), scope=categories("x"))))


def asked(headers: dict[str, str]) -> Response:
    (endpoint,) = (one for one in Routes.endpoints if (one.method, one.path) == ("GET", "/promotions"))
    app = SimpleNamespace(shop=SimpleNamespace(promotions=FakePromotions(), clock=lambda: START))
    event = {
        "multiValueQueryStringParameters": None,
        "headers": headers,
        "pathParameters": {},
        "requestContext": {"httpMethod": "GET", "resourcePath": "/promotions", "requestId": "r1"},
        "body": None,
        "stageVariables": None,
    }
    return serve(endpoint, app, Request(event), {})


def test_running_promotions_are_answered_to_everybody() -> None:
    answer: Any = json.loads(asked({}).body)
    assert answer["items"][0] == {
        "promotion_id": "m",
        "title": "活动m",
        "scope": {"kind": "ALL", "ids": []},
        "measure": "AMOUNT",
        "tiers": [{"reach": 10000, "off": 1000, "percent_off": 0}],
        "starts_at": "2026-11-01T00:00:00Z",
        "ends_at": "2026-12-01T00:00:00Z",
    }
    assert answer["items"][1]["scope"] == {"kind": "CATEGORY", "ids": ["x"]}
    assert answer["items"][1]["tiers"] == [{"reach": 2, "off": 0, "percent_off": 15}]


def test_a_program_that_has_them_is_told_so() -> None:
    first = asked({})
    assert first.headers["Cache-Control"] == "public, max-age=60"
    assert asked({"if-none-match": str(first.headers["ETag"])}).status_code == 304
