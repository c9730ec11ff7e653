"""Many unpaid orders, closed side by side."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from chalicelib.orders.rules import OrderState
from chalicelib.orders.wanted import Wanted
from chalicelib.storage.due import at_pace
from tests.shop import Shopper, Stack

ORDERS, WITH_PAYMENT = 40, 8


def many_unpaid(stack: Stack, alice: Shopper) -> list[str]:
    """Of one SKU; for some of them a payment has begun."""
    session, placing = stack.shop.identity.authenticate(alice.token), stack.shop.orders.placing
    wanted = Wanted(lines=(("tea-01", 1),), address_id=alice.address())
    placed = [placing.place(session, wanted, f"unpaid-{n:04d}", stack.clock()).order_id for n in range(ORDERS)]
    for order_id in placed[:WITH_PAYMENT]:
        alice.open_sheet(order_id)
    return placed


def test_two_runs_at_once_over_the_same_orders_close_each_once_and_give_all_goods_back(stack: Stack) -> None:
    alice = stack.shopper("alice")
    placed = many_unpaid(stack, alice)
    assert stack.stock("tea-01") == 100 - ORDERS
    stack.clock.forward(minutes=16)
    both = Barrier(2)

    def run(_: int) -> int:
        with at_pace(4, None):
            both.wait(10)
            return stack.shop.payments.closing.close_due(stack.clock())

    with ThreadPoolExecutor(2) as runs:
        seen = list(runs.map(run, range(2)))
    assert sum(seen) >= ORDERS
    orders = stack.shop.orders.store.many([(alice.member_id, order_id) for order_id in placed])
    ends = [[event.now for event in order.timeline if event.now == OrderState.CLOSED] for order in orders]
    assert ends == [[OrderState.CLOSED]] * ORDERS
    assert stack.stock("tea-01") == 100
    assert stack.shop.payments.closing.close_due(stack.clock()) == 0
