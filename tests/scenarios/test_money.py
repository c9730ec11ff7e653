"""What the famous malls get wrong, and this shop must not: callbacks, late payments, refunds, failing teams."""

import io
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import requests

from chalicelib.storage import writes
from chalicelib.wechat.pay_types import Prepay
from tests.shop import Shopper, Stack


def last_callback(stack: Stack) -> str:
    """Id of the callback that was sent last."""
    return str(stack.control("GET", "callbacks")[-1]["id"])


def ordered_and_unheard(stack: Stack, shopper: Shopper, **more: Any) -> str:
    """An order whose money was taken while its callback was lost."""
    order_id: str = shopper.order(("tea-01", 1), **more)["order_id"]
    stack.control("POST", "faults", [{"match": "callback", "do": "lose"}])
    shopper.pay(order_id)
    return order_id


def state(shopper: Shopper, order_id: str) -> tuple[str, str | None]:
    order = shopper.get(f"/orders/{order_id}")
    return order["state"], order["refund_state"]


def refunds(stack: Stack) -> list[tuple[str, int, str]]:
    """(out_trade_no, amount, status) of every refund that WeChat knows."""
    return [(r["out_trade_no"], r["amount"]["refund"], r["status"]) for r in stack.control("GET", "refunds")]


def test_04_a_payment_found_while_cancelling_keeps_the_order(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = ordered_and_unheard(stack, alice)
    assert alice.refused("POST", f"/orders/{order_id}/cancel") == "ORDER_ALREADY_PAID"
    assert state(alice, order_id) == ("PAID", None)
    assert stack.stock("tea-01") == 99


def test_04_a_payment_after_cancelling_is_refunded_in_full_by_itself(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    sheet = alice.open_sheet(order_id)
    assert alice.post(f"/orders/{order_id}/cancel")["state"] == "CLOSED"
    assert stack.stock("tea-01") == 100
    alice.pay(order_id, sheet, late=True)
    stack.drain()
    assert state(alice, order_id) == ("CLOSED", "SUCCESS")
    assert refunds(stack) == [(f"{order_id}-1", 5600, "SUCCESS")]
    assert stack.stock("tea-01") == 100


def test_04_an_order_being_paid_while_it_is_cancelled_ends_paid_or_refunded(stack: Stack) -> None:
    alice = stack.shopper("alice")
    orders = [alice.order(("tea-01", 1))["order_id"] for _ in range(6)]
    sheets = [alice.open_sheet(order_id) for order_id in orders]

    def both(n: int) -> None:
        with ThreadPoolExecutor(2) as pool:
            pool.submit(alice.send, "POST", f"/orders/{orders[n]}/cancel")
            pool.submit(_try_to_pay, alice, orders[n], sheets[n])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(both, range(6)))
    stack.drain()
    ends = [state(alice, order_id) for order_id in orders]
    assert set(ends) <= {("PAID", None), ("CLOSED", None), ("CLOSED", "SUCCESS")}
    paid_at_wechat = {p["out_trade_no"][:-2] for p in stack.control("GET", "payments") if p["trade_state"] != "CLOSED"}
    settled = {order_id for order_id, end in zip(orders, ends, strict=True) if end != ("CLOSED", None)}
    assert paid_at_wechat == settled
    assert stack.stock("tea-01") == 100 - ends.count(("PAID", None))


def _try_to_pay(shopper: Shopper, order_id: str, sheet: dict[str, str]) -> None:
    with suppress(requests.HTTPError):  # the sheet refuses what is closed already
        shopper.pay(order_id, sheet)


def test_05_twenty_identical_callbacks_at_once_are_one_payment_and_twenty_successes(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.control("POST", "faults", [{"match": "callback", "do": "duplicate", "count": 20}])
    assert alice.pay(order_id)["callback_results"] == [200] * 20
    stack.drain()
    order = alice.get(f"/orders/{order_id}")
    assert [event["now"] for event in order["timeline"]] == ["AWAITING_PAYMENT", "PAID"]
    assert stack.shop.catalog.product("tea").sales == 1


def test_06_a_callback_is_answered_5xx_when_its_write_failed_and_counts_when_it_comes_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    sheet = alice.open_sheet(order_id)
    stack.control("POST", "faults", [{"match": "callback", "do": "lose"}])
    alice.pay(order_id, sheet)

    def broken(*_: Any) -> bool:
        raise OSError("the database is gone")

    with monkeypatch.context() as patch:
        patch.setattr(writes, "_transaction", broken)
        answers = stack.control("POST", f"callbacks/{last_callback(stack)}/send", {})
        assert answers["callback_results"] == [500]
    assert state(alice, order_id) == ("AWAITING_PAYMENT", None)
    answers = stack.control("POST", f"callbacks/{last_callback(stack)}/send", {})
    assert answers["callback_results"] == [200]
    assert state(alice, order_id) == ("PAID", None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount.total", 1),
        ("amount.total", 999_999),
        ("amount.currency", "USD"),
        ("appid", "wx0000000000000000"),
        ("mchid", "1900000001"),
        ("payer.openid", "oSomebodyElse00000000000000"),
        ("out_trade_no", "01K0000000000000000000000X-1"),
    ],
)
def test_07_a_callback_about_other_money_is_refused_alarmed_and_never_pays(
    stack: Stack, caplog: pytest.LogCaptureFixture, field: str, value: object
) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.control("POST", "faults", [{"match": "callback", "do": "alter", "set": {field: value}, "times": 1}])
    with caplog.at_level(logging.INFO, "jishi"):
        result = alice.pay(order_id)["callback_results"][0]
    assert result == 500
    assert state(alice, order_id)[0] == "AWAITING_PAYMENT"
    if field != "out_trade_no":
        assert any(getattr(record, "alarm", "") == "payment_mismatch" for record in caplog.records)


def test_07_other_money_than_the_orders_goes_back_and_the_order_is_closed_over_it(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody with the merchant's keys began a payment of one fen under the order's number."""
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.control("POST", "faults", [{"match": "transactions/jsapi", "do": "drop_before", "times": 2}])
    assert alice.refused("POST", f"/orders/{order_id}/payment") == "WECHAT_PAY_BUSY"
    wechat, openid = stack.shop.payments.wechat, stack.shop.identity.authenticate(alice.token).openid
    notify = f"{stack.api_url}/wechat/pay/notify"
    order = stack.shop.orders.get(alice.member_id, order_id)
    prepay_id = wechat.prepay(Prepay(f"{order_id}-1", "一分钱", openid, 1, notify, order.expires_at))
    paid = stack.control("POST", f"payments/{prepay_id}/pay", {})
    assert paid["callback_status"] == 500
    assert state(alice, order_id) == ("AWAITING_PAYMENT", None)
    stack.clock.forward(minutes=16)
    with caplog.at_level(logging.INFO, "jishi"):
        stack.drain()
    assert state(alice, order_id) == ("CLOSED", None)
    assert [(r["amount"]["refund"], r["status"]) for r in stack.control("GET", "refunds")] == [(1, "SUCCESS")]
    assert stack.stock("tea-01") == 100
    assert "payment_mismatch" in [getattr(record, "alarm", "") for record in caplog.records]
    report = stack.shop.payments.money.report(alice.member_id, order_id)
    assert (report.received, report.sent_back, report.kept, report.difference) == (1, 1, 0, 0)
    again = stack.control("POST", f"callbacks/{paid['callback_id']}/send", {})
    assert again["callback_results"] == [200]


@pytest.mark.parametrize("fault", ["wrong_key", "unknown_serial", "stale", "tamper", "wrong_apiv3_key"])
def test_08_09_forged_and_stale_callbacks_are_plainly_refused(stack: Stack, fault: str) -> None:
    alice = stack.shopper("alice")
    order_id = ordered_and_unheard(stack, alice)
    stack.control("DELETE", "calls")
    answer = stack.control("POST", f"callbacks/{last_callback(stack)}/send", {"faults": [{"do": fault}]})
    assert answer["callback_results"] == [401]
    assert state(alice, order_id)[0] == "AWAITING_PAYMENT"
    assert stack.control("GET", "calls") == [], "an unauthenticated callback must not make the shop call anybody"


def test_08_a_genuine_callback_replayed_after_five_minutes_is_refused(stack: Stack) -> None:
    alice = stack.shopper("alice")
    alice.buy(("tea-01", 1))
    stack.clock.forward(minutes=6)
    answer = stack.control("POST", f"callbacks/{last_callback(stack)}/send", {"replay": True})
    assert answer["callback_results"] == [401]


def test_callbacks_signed_by_the_platform_certificate_count_too(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.control("POST", "faults", [{"match": "callback", "do": "certificate"}])
    assert alice.pay(order_id)["callback_status"] == 200
    assert state(alice, order_id)[0] == "PAID"


def failing_team(stack: Stack, members: int = 2) -> list[tuple[Shopper, str]]:
    """A team of three for which only some paid, at the time when it is over."""
    first = stack.shopper("member-0")
    opened = first.buy(("tea-01", 1), campaign={"kind": "groupbuy", "activity_id": "team"})
    seats, team_id = [(first, opened["order_id"])], opened["campaign"]["group_id"]
    stack.drain(1)
    for n in range(1, members):
        guest = stack.shopper(f"member-{n}")
        choice = {"kind": "groupbuy", "activity_id": "team", "group_id": team_id}
        seats.append((guest, guest.buy(("tea-01", 1), campaign=choice)["order_id"]))
    stack.drain(1)
    stack.clock.forward(hours=25)
    return seats


def test_10_a_failed_team_refunds_each_member_once_also_when_one_refund_fails_at_first(stack: Stack) -> None:
    seats = failing_team(stack)
    first_no = f"R{seats[0][1]}-1"
    stack.control(
        "POST", "faults", [{"match": "/v3/refund/domestic/refunds$", "do": "status", "status": 500, "times": 2}]
    )
    stack.drain(1)
    stack.clock.forward(minutes=5)
    stack.drain()
    assert [state(*seat) for seat in seats] == [("REFUNDED", "SUCCESS")] * 2
    assert sorted(refunds(stack)) == sorted((f"{order_id}-1", 4500, "SUCCESS") for _, order_id in seats)
    assert first_no in {r["out_refund_no"] for r in stack.control("GET", "refunds")}
    assert stack.stock("tea-01") == 100


def test_10_one_members_trouble_does_not_keep_the_others_from_their_money(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    seats = failing_team(stack)
    refunding, troubled = stack.shop.payments.refunding, seats[0][1]
    genuine = type(refunding).refund_in_full

    def stumbling(self: Any, member_id: str, order_id: str, *rest: Any) -> None:
        if order_id == troubled:
            raise RuntimeError("this row is broken")
        genuine(self, member_id, order_id, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(type(refunding), "refund_in_full", stumbling)
        stack.drain()
        assert [state(*seat)[0] for seat in seats] == ["PAID", "REFUNDED"]
    stack.clock.forward(minutes=11)  # the team was put off, so that others come first
    stack.drain()
    assert [state(*seat) for seat in seats] == [("REFUNDED", "SUCCESS")] * 2


def test_11_a_refund_that_fails_is_sent_again_under_the_same_number(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    sheet = alice.open_sheet(order_id)
    alice.post(f"/orders/{order_id}/cancel")
    outage = {"match": "/v3/refund/domestic/refunds$", "do": "status", "status": 500, "times": 4}
    stack.control("POST", "faults", [outage])
    alice.pay(order_id, sheet, late=True)
    stack.drain(1)
    assert state(alice, order_id) == ("CLOSED", "PENDING")
    for _ in range(3):
        stack.clock.forward(minutes=10)
        stack.drain(1)
    assert state(alice, order_id) == ("CLOSED", "SUCCESS")
    assert refunds(stack) == [(f"{order_id}-1", 5600, "SUCCESS")]


def test_11_a_refund_without_funds_waits_and_alarms(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    sheet = alice.open_sheet(order_id)
    alice.post(f"/orders/{order_id}/cancel")
    poor = {"match": "/v3/refund/domestic/refunds$", "do": "status", "status": 403, "code": "NOT_ENOUGH", "times": 2}
    stack.control("POST", "faults", [poor])
    with caplog.at_level(logging.INFO, "jishi"):
        alice.pay(order_id, sheet, late=True)
        stack.drain(1)
        assert any(getattr(record, "alarm", "") == "refund_stuck" for record in caplog.records)
    for _ in range(3):
        stack.clock.forward(hours=1)
        stack.drain(1)
    assert state(alice, order_id) == ("CLOSED", "SUCCESS")


@pytest.mark.parametrize("outcome", ["ABNORMAL", "CLOSED"])
def test_a_refund_that_wechat_cannot_finish_is_told_to_staff_and_not_forgotten(
    stack: Stack, caplog: pytest.LogCaptureFixture, outcome: str
) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    sheet = alice.open_sheet(order_id)
    alice.post(f"/orders/{order_id}/cancel")
    stack.control("POST", "faults", [{"match": "/v3/refund", "do": "refund_outcome", "outcome": outcome, "seconds": 0}])
    with caplog.at_level(logging.INFO, "jishi"):
        alice.pay(order_id, sheet, late=True)
        stack.drain(1)
    assert any(getattr(record, "alarm", "") == "refund_stuck" for record in caplog.records)
    assert state(alice, order_id) == ("CLOSED", "ABNORMAL" if outcome == "ABNORMAL" else "PENDING")
    if outcome == "CLOSED":  # the next attempt has a number of its own, and waits a little
        stack.clock.forward(minutes=11)
        stack.drain(2)
        assert state(alice, order_id) == ("CLOSED", "SUCCESS")
    numbers = [refund["out_refund_no"] for refund in stack.control("GET", "refunds")]
    assert numbers == [f"R{order_id}-1", f"R{order_id}-1*2"][: len(numbers)]
    payment = stack.shop.payments.paying._store.payment(f"{order_id}-1")
    assert (payment.refunding, payment.refund_nos) == (payment.total, frozenset(numbers))


def test_17_one_order_that_cannot_be_closed_does_not_stop_the_others(stack: Stack) -> None:
    alice = stack.shopper("alice")
    orders = [alice.order(("tea-01", 1))["order_id"] for _ in range(3)]
    for order_id in orders:
        alice.open_sheet(order_id)
    stack.clock.forward(minutes=16)
    stack.control(
        "POST", "faults", [{"match": f"out-trade-no/{orders[1]}-1", "do": "status", "status": 500, "times": 9}]
    )
    stack.drain(1)
    assert [state(alice, order_id)[0] for order_id in orders] == ["CLOSED", "AWAITING_PAYMENT", "CLOSED"]
    stack.control("DELETE", "faults")
    stack.clock.forward(minutes=5)
    stack.drain(1)
    assert state(alice, orders[1])[0] == "CLOSED"
    assert stack.stock("tea-01") == 100


def test_17_two_runs_of_the_closing_job_at_once_close_each_order_once(stack: Stack) -> None:
    alice = stack.shopper("alice")
    orders = [alice.order(("tea-01", 2))["order_id"] for _ in range(6)]
    stack.clock.forward(minutes=16)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: stack.shop.payments.closing.close_due(stack.clock()), range(6)))
    assert [state(alice, order_id)[0] for order_id in orders] == ["CLOSED"] * 6
    assert stack.stock("tea-01") == 100
    assert [len(alice.get(f"/orders/{order_id}")["timeline"]) for order_id in orders] == [2] * 6


def test_18_schedules_and_streams_cannot_be_reached_over_http(stack: Stack) -> None:
    from app import app

    routes = set(app.routes)
    assert not [path for path in routes if "cron" in path or "job" in path or "close_unpaid" in path]
    for name in ("close_unpaid", "functions/orders/close_unpaid", "cron/close_unpaid"):
        assert requests.post(f"{stack.api_url}/{name}", timeout=10).status_code in (403, 404)


def test_a_late_payer_of_a_team_that_is_gone_gets_another_team(stack: Stack) -> None:
    alice, bob = stack.shopper("alice"), stack.shopper("bob")
    choice = {"kind": "groupbuy", "activity_id": "team"}
    late = alice.order(("tea-01", 1), campaign=choice)["order_id"]
    sheet = alice.open_sheet(late)
    alice.post(f"/orders/{late}/cancel")
    other = bob.buy(("tea-01", 1), campaign=choice)["campaign"]["group_id"]
    stack.drain(1)
    alice.pay(late, sheet, late=True)
    stack.drain()
    order = alice.get(f"/orders/{late}")
    assert (order["state"], order["held"], order["campaign"]["group_id"]) == ("PAID", True, other)
    assert stack.stock("tea-01") == 98
    assert refunds(stack) == []


def test_a_late_payer_who_can_have_no_team_gets_the_money_back(stack: Stack) -> None:
    alice = stack.shopper("alice")
    late = alice.order(("tea-01", 1), campaign={"kind": "groupbuy", "activity_id": "team"})["order_id"]
    sheet = alice.open_sheet(late)
    alice.post(f"/orders/{late}/cancel")
    stack.clock.forward(days=31)
    alice.log_in()
    alice.pay(late, sheet, late=True)
    stack.drain()
    assert state(alice, late) == ("CLOSED", "SUCCESS")
    assert refunds(stack) == [(f"{late}-1", 4500, "SUCCESS")]


def test_a_late_payer_of_a_bargain_that_still_lives_gets_it_and_nothing_waits(stack: Stack) -> None:
    from tests.shop import put_bargain_activity

    put_bargain_activity(stack.shop, "quick", cuts_to_floor=1)
    alice = stack.shopper("alice")
    launch = alice.post("/bargain/launches", {"activity_id": "quick"})
    choice = {"kind": "bargain", "activity_id": "quick", "group_id": launch["launch_id"]}
    late = alice.order(("cup-01", 1), campaign=choice)["order_id"]
    sheet = alice.open_sheet(late)
    alice.post(f"/orders/{late}/cancel")
    alice.pay(late, sheet, late=True)
    stack.drain()
    order = alice.get(f"/orders/{late}")
    assert (order["state"], order["held"], order["refund_state"]) == ("PAID", False, None)
    assert stack.stock("cup-01") == 99


def test_the_log_of_a_whole_purchase_holds_no_secret_and_nothing_personal(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(logging.getLogger("jishi").handlers[0], "stream", written)
    alice = stack.shopper("alice")
    order = alice.buy(("tea-01", 1))
    stack.drain()
    out = written.getvalue()
    settings = stack.shop.settings
    forbidden = [
        settings.wechat_secret, settings.wechat_apiv3_key, settings.wechat_push_token, alice.token, alice.signing_key,
        "张三", "13800138000", "科技园", "BEGIN PRIVATE KEY",
    ]  # fmt: skip
    assert [secret for secret in forbidden if secret in out] == []
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert any(line.get("order_id") == order["order_id"] for line in lines)
    assert all(line.get("request_id") for line in lines if line["message"] == "answered")
