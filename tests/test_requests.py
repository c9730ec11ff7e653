"""Budgets: what the routes that matter most may ask of DynamoDB and WeChat. `make bench` counts all of them.

A budget is what was measured when it was last lowered. Whoever needs more raises it here, and says why.
"""

from operator import gt

from bench.meter import Cost
from bench.requests import measure, unvisited
from bench.service import SERVICE
from bench.visits import ROUTES
from sandbox.local.seed import load
from sandbox.wechat import Credentials
from tests.engine import open_stack

# How many waits for DynamoDB follow each other, before the one transaction of those that have one; requests to it in
# all, those of them that write, calls to WeChat.
BUDGETS = {
    ("POST /login", "a member"): (1, 1, 1, 1),
    ("GET /products", "20 of all"): (1, 1, 0, 0),
    ("GET /products/{product_id}", ""): (2, 3, 0, 0),
    ("GET /cart", "3 lines"): (2, 4, 0, 0),
    ("POST /cart/lines", "a third SKU"): (3, 5, 1, 0),
    ("POST /cart/lines", "more of a SKU"): (3, 5, 1, 0),
    ("POST /orders/preview", "two lines, coupon, address"): (2, 3, 0, 0),
    ("POST /orders/preview", "the cart of 3 lines"): (2, 3, 0, 0),
    ("POST /orders", "two lines, coupon"): (2, 4, 1, 0),
    ("POST /orders", "two lines, coupon, signed"): (3, 5, 2, 0),
    ("POST /orders", "two lines, points"): (2, 4, 1, 0),
    ("POST /orders", "the cart of 3 lines"): (2, 5, 2, 0),
    ("POST /orders", "the same key again"): (2, 2, 0, 0),
    ("POST /orders", "of a SKU over 16 counters"): (3, 5, 1, 0),
    ("POST /orders", "opens a team"): (2, 4, 1, 0),
    ("POST /orders", "joins a team"): (2, 4, 1, 0),
    ("POST /orders", "at a bargained price"): (2, 4, 1, 0),
    ("POST /orders/{order_id}/payment", "first"): (1, 3, 2, 1),
    ("POST /orders/{order_id}/payment", "again"): (2, 2, 0, 0),
    ("POST /orders/{order_id}/cancel", "payment begun, with a coupon"): (1, 2, 1, 2),
    ("POST /wechat/pay/notify", "paid"): (1, 2, 1, 0),
    ("POST /wechat/pay/notify", "paid, in a team"): (1, 2, 1, 0),
    ("POST /wechat/pay/notify", "paid, heard before"): (1, 1, 0, 0),
    ("GET /orders", "20 of all"): (1, 2, 0, 0),
    ("GET /orders/{order_id}", ""): (1, 1, 0, 0),
    ("POST /orders/{order_id}/receipt", ""): (2, 2, 1, 0),
    ("GET /addresses", ""): (1, 2, 0, 0),
    ("DELETE /addresses/{address_id}", ""): (1, 3, 1, 0),
    ("GET /aftersales", "one case"): (1, 2, 0, 0),
    ("POST /aftersales/{case_id}/cancel", ""): (2, 3, 1, 0),
    ("GET /coupons", ""): (1, 2, 0, 0),
    ("GET /orders/{order_id}/parcels", "one parcel"): (1, 2, 0, 0),
}


def test_no_route_asks_more_than_its_budget(
    tables: str, engine: str, credentials: Credentials, api_server: str
) -> None:
    visits = [visit for visit in (*ROUTES, *SERVICE) if (visit.name, visit.case) in BUDGETS]
    assert len(visits) == len(BUDGETS), "a budget is named for no visit"
    with open_stack(tables, engine, credentials, api_server, load) as stack:
        costs = {(visit.name, visit.case): cost for visit, cost in measure(stack, engine, visits)}
    spent = {visit: (waits(cost), cost.requests, cost.writes, cost.wechat) for visit, cost in costs.items()}
    overspent = {visit: costs[visit] for visit, budget in BUDGETS.items() if any(map(gt, spent[visit], budget))}
    assert not overspent


def waits(cost: Cost) -> int:
    return cost.depth if cost.depth_before is None else cost.depth_before


def test_every_route_and_function_is_visited_when_requests_are_counted() -> None:
    assert unvisited() == set()
