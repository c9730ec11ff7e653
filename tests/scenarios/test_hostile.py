"""What hostile reading of the money path found: interleavings, staff's mistakes, greedy shoppers."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.aftersales.handling import staff
from chalicelib.aftersales.rules import SCHEDULE, Parcel
from chalicelib.aftersales.store import CaseRow
from chalicelib.campaigns.store import ActivityRow
from chalicelib.catalog import Details, NewProduct, NewSku
from chalicelib.coupons.rules import CouponKind, CouponTemplate, ScopeKind, Terms
from chalicelib.fulfilment.rules import Consignment, Scan, Tracked, Tracking, Way
from chalicelib.kernel.trail import Actor
from chalicelib.orders.rows import OrderRow
from chalicelib.orders.rules import Job, moved
from chalicelib.orders.store import OrderStore
from chalicelib.payments.rows import RefundRow
from chalicelib.pricing.terms import PointsRule
from chalicelib.storage.writes import commit
from chalicelib.wechat.pay_types import RefundStatus
from tests.shop import Shopper, Stack

_keys = itertools.count(1)


def apply(shopper: Shopper, order_id: str, *lines: tuple[str, int], **more: Any) -> Any:
    wanted = {"lines": [{"sku_id": sku_id, "quantity": n} for sku_id, n in lines], **more}
    key = {"Idempotency-Key": f"hostile-key-{next(_keys)}"}
    return shopper.post(f"/orders/{order_id}/aftersales", wanted, **key)


def agree(stack: Stack, shopper: Shopper, case: Mapping[str, Any]) -> None:
    handling = stack.shop.aftersales.handling
    handling.agree(stack.shop.aftersales.store.get(shopper.member_id, case["case_id"]), SCHEDULE, stack.clock())


def send(stack: Stack, shopper: Shopper, order_id: str, pieces: Mapping[str, int] | None = None) -> None:
    number = next(_keys)
    asked = Consignment(Way.EXPRESS, "YTO", f"YT{order_id}{number}", pieces)
    sending = stack.shop.fulfilment.sending
    sending.send(shopper.member_id, order_id, asked, f"hostile-{number}", "the-owner", stack.clock())


def due(shopper: Shopper, order_id: str) -> str | None:
    """The job that an order waits for."""
    shard = OrderRow.get(shopper.member_id, order_id, consistent_read=True).due_shard
    return shard.partition("#")[0] if shard else None


def tea_coupon(stack: Stack, shopper: Shopper, value: int) -> str:
    """One that pays for tea alone."""
    terms = Terms(CouponKind.AMOUNT, "茶免单", value, scope_kind=ScopeKind.PRODUCT, scope_ids=("tea",))
    stack.shop.coupons.put_template(CouponTemplate("free-tea", terms, total=10, valid_days=30))
    return stack.shop.coupons.claim(shopper.member_id, "free-tea").coupon_id


def test_an_order_that_is_sent_while_its_effects_end_waits_for_its_receipt(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = stack.shopper("alice")
    order_id = alice.buy(("tea-01", 1))["order_id"]
    read, meanwhile = OrderStore.get, [stack.shop.effects]

    def reads_too_early(store: OrderStore, member: str, number: str) -> Any:
        order = read(store, member, number)
        if meanwhile:
            meanwhile.pop().run(member, number, stack.clock())
        return order

    monkeypatch.setattr(OrderStore, "get", reads_too_early)
    send(stack, alice, order_id)
    monkeypatch.undo()
    assert due(alice, order_id) == Job.RECEIVE
    stack.clock.forward(days=11)
    stack.drain()
    assert alice.log_in().get(f"/orders/{order_id}")["state"] == "COMPLETED"


def test_free_pieces_of_a_line_return_to_the_shelf_beside_those_of_a_case(stack: Stack) -> None:
    alice = stack.shopper("alice")
    coupon_id = tea_coupon(stack, alice, 10_000)
    order = alice.buy(("tea-01", 2), ("cup-01", 4), coupon_id=coupon_id)
    assert order["payable"] == 12_000
    case = apply(
        alice, order["order_id"], ("tea-01", 1), ("cup-01", 4), kind="REFUND", reason="CHANGED_MIND", sent=False
    )
    agree(stack, alice, case)
    stack.drain()
    assert alice.get(f"/orders/{order['order_id']}")["state"] == "REFUNDED"
    assert (stack.stock("tea-01"), stack.stock("cup-01")) == (100, 100)


@pytest.mark.parametrize("disputed", [False, True])
def test_a_coupon_stays_spent_as_long_as_the_goods_that_it_paid_for_stay_with_the_shopper(
    stack: Stack, disputed: bool
) -> None:
    alice = stack.shopper("alice")
    coupon_id = tea_coupon(stack, alice, 5000)
    order_id = alice.buy(("tea-01", 1), ("cup-01", 4), coupon_id=coupon_id)["order_id"]
    send(stack, alice, order_id, {"tea-01": 1})
    open_case = apply(alice, order_id, ("tea-01", 1), kind="RETURN", reason="QUALITY", sent=True) if disputed else None
    agree(stack, alice, apply(alice, order_id, ("cup-01", 4), kind="REFUND", reason="CHANGED_MIND", sent=False))
    if open_case:
        alice.post(f"/aftersales/{open_case['case_id']}/cancel")
    stack.drain()
    assert stack.shop.coupons.get(alice.member_id, coupon_id).state == "USED"
    assert alice.get(f"/orders/{order_id}")["state"] == "SHIPPED"
    stack.clock.forward(days=11)
    stack.drain()
    stack.clock.forward(days=30)
    stack.drain()
    order = alice.log_in().get(f"/orders/{order_id}")
    assert (order["state"], order["finished"], order["refunded"]) == ("COMPLETED", True, order["payable"])


def test_a_member_of_a_formed_team_is_shipped_to_though_the_order_moved_in_that_moment(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = [stack.shopper(name) for name in ("alice", "bob", "carol")]
    campaign: dict[str, Any] = {"kind": "groupbuy", "activity_id": "team"}
    first = members[0].order(("tea-01", 1), campaign=campaign)["order_id"]
    members[0].pay(first)
    stack.drain()
    joining = {**campaign, "group_id": first}
    orders = [first, *(member.order(("tea-01", 1), campaign=joining)["order_id"] for member in members[1:])]
    members[1].pay(orders[1])
    stack.drain()
    members[2].pay(orders[2])
    many, store = OrderStore.many, stack.shop.orders.store
    left = [orders[0]]

    def moved_meanwhile(self: OrderStore, keys: Any) -> Any:
        found = many(self, keys)
        if left:
            order = store.get(members[0].member_id, left.pop())
            commit(store.becomes(order, moved(order, stack.clock(), Actor.WECHAT, "重复付款，自动退款")))
        return found

    monkeypatch.setattr(OrderStore, "many", moved_meanwhile)
    stack.shop.effects.run(members[2].member_id, orders[2], stack.clock())
    monkeypatch.undo()
    stack.drain()
    assert not left
    states = [member.get(f"/orders/{order_id}") for member, order_id in zip(members, orders, strict=True)]
    assert [(order["state"], order["held"]) for order in states] == [("PAID", False)] * 3


def test_an_abnormal_refund_that_is_under_way_again_is_asked_after_at_intervals(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = stack.shopper("alice")
    order = alice.buy(("tea-01", 1))
    case = apply(alice, order["order_id"], ("tea-01", 1), kind="REFUND", reason="CHANGED_MIND", sent=False)
    agree(stack, alice, case)
    (row,) = RefundRow.scan()
    refunding, wechat = stack.shop.payments.refunding, stack.shop.payments.wechat
    abnormal = RefundStatus(
        wechat._settings.mchid, row.out_refund_no, "503", row.out_trade_no, "42", "ABNORMAL", int(row.amount),
        int(row.total), None,
    )  # fmt: skip
    refunding.record(abnormal, stack.clock())
    stack.clock.forward(minutes=30)
    monkeypatch.setattr(type(wechat), "query_refund", lambda self, number: replace(abnormal, status="PROCESSING"))
    refunding.advance_due(stack.clock())
    row.refresh(consistent_read=True)
    assert row.state == "ABNORMAL"
    assert row.due_at > stack.clock().timestamp()


def test_a_late_payment_for_a_team_goes_back_though_its_activity_is_gone(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1), campaign={"kind": "groupbuy", "activity_id": "team"})["order_id"]
    sheet = alice.open_sheet(order_id)
    alice.post(f"/orders/{order_id}/cancel")
    alice.pay(order_id, sheet, late=True)
    ActivityRow("team").delete()
    stack.drain()
    order = alice.get(f"/orders/{order_id}")
    assert (order["state"], order["refund_state"]) == ("CLOSED", "SUCCESS")


def test_a_case_whose_time_was_made_longer_keeps_no_other_waiting(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.buy(("tea-01", 1))["order_id"]
    apply(alice, order_id, ("tea-01", 1), kind="REFUND", reason="CHANGED_MIND", sent=False)
    cases = stack.shop.aftersales.store
    cases.periods = replace(cases.periods, decide=timedelta(hours=96))
    stack.clock.forward(hours=73)
    stack.shop.aftersales.deadlines.run(stack.clock())
    (row,) = CaseRow.scan()
    assert (row.state, row.due_at) == ("APPLIED", (stack.clock() + timedelta(hours=23)).timestamp())


def test_an_order_of_fifty_lines_with_coupon_and_points_comes_back_in_one_case(stack: Stack) -> None:
    alice, shop = stack.shopper("alice"), stack.shop
    numbers = range(1, 51)
    skus = tuple(NewSku(f"big-{n:02d}", 1000 + n, {"规格": "长" * 190 + f"{n}"}, image="x" * 500) for n in numbers)
    shop.catalog.put_product(
        NewProduct("big", "长" * 120, "tea", skus, Details(images=("x" * 500,)), freight_template_id="post")
    )
    for sku in skus:
        shop.stock.add(sku.sku_id, 3)
    shop.promotions.put_points_rule(PointsRule())
    shop.points.adjust(alice.member_id, 5000, "补偿", "the-owner", "k", stack.clock())
    terms = Terms(CouponKind.AMOUNT, "满减", 777)
    shop.coupons.put_template(CouponTemplate("off", terms, total=1, valid_days=60))
    coupon_id = shop.coupons.claim(alice.member_id, "off").coupon_id
    lines = [(sku.sku_id, 3) for sku in skus]
    order = alice.buy(*lines, coupon_id=coupon_id, points=5000)
    order_id = order["order_id"]
    assert order["points"] == 5000
    send(stack, alice, order_id)
    case = apply(alice, order_id, *lines, kind="RETURN", reason="QUALITY", sent=True)
    agree(stack, alice, case)
    handling = shop.aftersales.handling
    handling.send_back(
        stack.shop.aftersales.store.get(alice.member_id, case["case_id"]), Parcel("YTO", "YT12345"), stack.clock()
    )
    handling.receive(
        stack.shop.aftersales.store.get(alice.member_id, case["case_id"]), SCHEDULE, "收到", stack.clock(), restock=True
    )
    stack.drain()
    order = alice.get(f"/orders/{order_id}")
    assert (order["state"], order["refunded"]) == ("REFUNDED", order["payable"])
    assert shop.coupons.get(alice.member_id, coupon_id).state == "UNUSED"
    assert shop.points.balance(alice.member_id) == 5000
    assert {stack.stock(sku.sku_id) for sku in skus} == {3}


def test_a_return_is_not_over_before_the_shopper_knew_for_seven_days_where_to_send_it(stack: Stack) -> None:
    alice, handling = stack.shopper("alice"), stack.shop.aftersales.handling
    order_id = alice.buy(("tea-01", 1))["order_id"]
    send(stack, alice, order_id)
    case = apply(alice, order_id, ("tea-01", 1), kind="RETURN", reason="QUALITY", sent=True)
    agree(stack, alice, case)
    key = (alice.member_id, case["case_id"])
    stack.clock.forward(days=8)
    stack.drain()
    handling.agree(
        stack.shop.aftersales.store.get(*key), staff("the-owner"), stack.clock(), return_to="深圳市南山区科技园1号"
    )
    for _ in range(6):
        stack.clock.forward(days=1)
        stack.drain()
    assert stack.shop.aftersales.store.get(*key).state == "AGREED"
    stack.clock.forward(days=1)
    stack.drain()
    assert stack.shop.aftersales.store.get(*key).state == "CANCELLED"


def test_a_parcel_that_comes_back_is_told_of_once_before_its_receipt_counts_as_confirmed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alice, following = stack.shopper("alice"), stack.shop.fulfilment.following
    order_id = alice.buy(("tea-01", 1))["order_id"]
    send(stack, alice, order_id)
    found = Tracked(Tracking.BACK, (Scan(stack.clock(), "退回中"),))
    monkeypatch.setattr(following, "_tracker", SimpleNamespace(track=lambda *asked: found))
    for _ in range(2):
        stack.clock.forward(hours=5)
        assert following.track_due(stack.clock()) == 1
    told = [vars(record).get("alarm") for record in caplog.records]
    assert told.count("parcel_trouble") == 1
