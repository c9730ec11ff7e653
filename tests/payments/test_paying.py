"""From the payment sheet to the paid order, and everything that WeChat may do in between."""

from concurrent.futures import ThreadPoolExecutor

from tests.shop import Stack


def test_a_paid_order_is_paid_once_and_its_goods_are_gone(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order = alice.buy(("tea-01", 2))
    stack.drain()
    order = alice.get(f"/orders/{order['order_id']}")
    assert (order["state"], order["payable"]) == ("PAID", 2 * 5000)
    assert [event["now"] for event in order["timeline"]] == ["AWAITING_PAYMENT", "PAID"]
    assert stack.stock("tea-01") == 98
    assert stack.shop.catalog.product("tea").sales == 2


def test_two_taps_on_pay_open_one_transaction_with_one_prepay_id(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    with ThreadPoolExecutor(8) as pool:
        sheets = list(pool.map(lambda _: alice.send("POST", f"/orders/{order_id}/payment"), range(8)))
    assert {answer.status_code for answer in sheets} <= {200, 409}
    alice.open_sheet(order_id)
    assert len(stack.control("GET", "payments")) == 1


def test_a_prepay_id_serves_for_two_hours_at_most(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    first = alice.open_sheet(order_id)["package"]
    stack.clock.forward(minutes=10)
    assert alice.open_sheet(order_id)["package"] == first


def test_a_lost_prepay_answer_is_repeated_under_the_same_number(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.control("POST", "faults", [{"match": "/v3/pay/transactions/jsapi", "do": "drop_after", "times": 2}])
    assert alice.refused("POST", f"/orders/{order_id}/payment") == "WECHAT_PAY_BUSY"
    alice.pay(order_id)
    assert alice.get(f"/orders/{order_id}")["state"] == "PAID"
    assert len(stack.control("GET", "payments")) == 1


def test_the_shopper_who_comes_back_before_the_callback_sees_the_order_paid(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.control("POST", "faults", [{"match": "callback", "do": "lose"}])
    alice.pay(order_id)
    assert alice.get(f"/orders/{order_id}")["state"] == "AWAITING_PAYMENT"
    assert alice.post(f"/orders/{order_id}/payment/check")["state"] == "PAID"


def test_checking_what_nobody_paid_changes_nothing(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    assert alice.post(f"/orders/{order_id}/payment/check")["state"] == "AWAITING_PAYMENT"
    alice.open_sheet(order_id)
    assert alice.post(f"/orders/{order_id}/payment/check")["state"] == "AWAITING_PAYMENT"


def test_wechat_pay_out_of_reach_is_told_and_loses_nothing(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.control("POST", "faults", [{"match": "/v3/", "do": "status", "status": 500, "times": 50}])
    assert alice.refused("POST", f"/orders/{order_id}/payment") == "WECHAT_PAY_BUSY"
    assert alice.refused("POST", f"/orders/{order_id}/cancel") == "WECHAT_PAY_BUSY"
    assert alice.get(f"/orders/{order_id}")["state"] == "AWAITING_PAYMENT"
    stack.clock.forward(minutes=16)
    stack.drain()
    assert alice.get(f"/orders/{order_id}")["state"] == "AWAITING_PAYMENT"
    stack.control("DELETE", "faults")
    stack.clock.forward(minutes=4)
    stack.drain()
    assert alice.get(f"/orders/{order_id}")["state"] == "CLOSED"
    assert stack.stock("tea-01") == 100
