"""What the meter of the bench counts: requests and how many follow one another, units, bytes."""

from bench.meter import Meter
from chalicelib.orders.rows import OrderRow
from chalicelib.storage.table import dynamodb
from tests.shop import Stack

Call = tuple[str, dict[str, object]]


def looking(key: str) -> Call:
    table = OrderRow.Meta.table_name
    return "GetItem", {"TableName": table, "Key": {"member_id": {"S": key}, "order_id": {"S": "none"}}}


def holding(key: str) -> Call:
    """A transaction of one condition."""
    where = {**looking(key)[1], "ConditionExpression": "attribute_not_exists(member_id)"}
    return "TransactWriteItems", {"TransactItems": [{"ConditionCheck": where}]}


def test_requests_sent_together_are_one_round_trip(stack: Stack, engine: str) -> None:
    with Meter(stack, engine).counting() as together:
        dynamodb().ask([looking("a"), looking("b")])
    with Meter(stack, engine).counting() as apart:
        dynamodb().ask([looking("a")])
        dynamodb().ask([looking("b")])
    assert (together.requests, together.depth) == (2, 1)
    assert (apart.requests, apart.depth) == (2, 2)


def test_round_trips_before_the_first_transaction_are_told(stack: Stack, engine: str) -> None:
    with Meter(stack, engine).counting() as cost:
        dynamodb().ask([looking("a"), looking("b")])
        dynamodb().ask([looking("c")])
        dynamodb().ask([holding("a")])
        dynamodb().ask([looking("d")])
        dynamodb().ask([holding("b")])
    assert (cost.depth, cost.depth_before) == (5, 2)
    with Meter(stack, engine).counting() as reads:
        dynamodb().ask([looking("a")])
    assert reads.depth_before is None


def test_bytes_are_counted_on_both_sides_and_nothing_outside(stack: Stack, engine: str) -> None:
    meter = Meter(stack, engine)
    with meter.counting() as cost:
        answer = stack.shopper("alice").send("GET", "/products")
    counted = cost.bytes_answered
    stack.shopper("bob").get("/products")
    assert cost.bytes_answered == counted > len(answer.content)  # the answer to the login as well
    assert cost.bytes_sent > 100
    assert cost.bytes_received > len(answer.content)
