"""The bench's gateway stands for API Gateway as the local server does: the app must not see a difference."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from app import app
from bench.gateway import Gateway, Request
from tests.shop import Stack


def test_a_route_answers_as_through_the_local_server(stack: Stack) -> None:
    alice = stack.shopper("alice")
    line = {"sku_id": "tea-01", "quantity": 1}
    served = alice.send("POST", "/cart/lines", line)
    stack.shop.cart.clear(alice.member_id)

    headers = {"Authorization": f"Bearer {alice.token}"}
    answer = Gateway().send(Request("POST", "/cart/lines", json.dumps(line), headers))

    assert (answer.status, answer.json()) == (served.status_code, served.json())
    own = {"Server", "Date", "Content-Length", "X-Request-Id"}
    assert {name: value for name, value in answer.headers.items() if name not in own} == {
        name: value for name, value in served.headers.items() if name not in own
    }


def test_path_and_query_reach_the_route(stack: Stack) -> None:
    gateway = Gateway()

    assert gateway.send(Request("GET", "/products/cup")).json()["product_id"] == "cup"
    page = gateway.send(Request("GET", "/products?category=tea&limit=1")).json()
    assert len(page["items"]) == 1


def test_each_thread_has_a_current_request_of_its_own(stack: Stack) -> None:
    gateway = Gateway()

    gateway.send(Request("GET", "/products?limit=1"))
    with ThreadPoolExecutor(1) as another:
        another.submit(gateway.send, Request("GET", "/products?limit=2")).result()

    assert app.current_request.query_params["limit"] == "1"


def test_a_path_without_a_route_is_refused_before_the_app() -> None:
    with pytest.raises(ValueError, match="/nowhere"):
        Gateway().send(Request("GET", "/nowhere"))
