"""Cases from first to last, over HTTP, on an engine with true transactions and a WeChat that pays back."""

import logging
from typing import Any

import pytest

from chalicelib.aftersales import opening
from chalicelib.coupons import CouponKind, CouponTemplate, Terms
from chalicelib.kernel.staff import StaffRole
from chalicelib.payments.rules import RefundState
from chalicelib.pricing import PointsRule
from chalicelib.pricing.terms import FreightRule, FreightTemplate, FreightUnit
from chalicelib.storage.reads import search
from tests.aftersales.shopping import PARCEL, act, adds_up, apply, arrived, asked, decide, delivered, refused, stored
from tests.shop import Shopper, Stack, put_bargain_activity, put_team_activity

BACK = {"kind": "RETURN", "reason": "QUALITY"}


@pytest.fixture
def alice(stack: Stack) -> Shopper:
    return stack.shopper("alice")


def now(shopper: Shopper, order: Any) -> Any:
    return shopper.get(f"/orders/{order['order_id']}")


def later(*shoppers: Shopper, **amount: float) -> None:
    """Sessions do not live so long."""
    shoppers[0].stack.clock.forward(**amount)
    for shopper in shoppers:
        shopper.log_in()


def coupon(stack: Stack, shopper: Shopper) -> str:
    terms = Terms(CouponKind.AMOUNT, "减5元", 500, threshold=1000)
    stack.shop.coupons.put_template(CouponTemplate("five", terms, total=50, valid_days=7))
    claimed: str = shopper.post("/coupon-templates/five/claim")["coupon_id"]
    return claimed


def coupon_state(shopper: Shopper) -> str:
    return str(shopper.get("/coupons")["items"][0]["state"])


def test_a_whole_order_is_refunded_before_it_is_sent_with_all_that_it_took(stack: Stack, alice: Shopper) -> None:
    stack.shop.promotions.put_points_rule(PointsRule())
    stack.shop.points.adjust(alice.member_id, 300, "赠送", "the-owner", "gift-0001", stack.clock())
    order = alice.buy(("tea-01", 1), ("cup-01", 1), coupon_id=coupon(stack, alice), points=300)
    assert order["payable"] == 8000 - 500 - 300 + order["freight"]
    case = apply(alice, order, ("tea-01", 1), ("cup-01", 1))
    assert (case["state"], case["amount"], case["points"]) == ("APPLIED", order["payable"], 300)
    adds_up(stack, alice, order)
    assert decide(stack, alice, case, "agree")["state"] == "REFUNDING"
    adds_up(stack, alice, order)
    stack.drain(2)
    adds_up(stack, alice, order)
    after = now(alice, order)
    assert (after["state"], after["refunded"], after["cases"]) == (
        "REFUNDED",
        8000 - 800 + order["freight"],
        {case["case_id"]: False},
    )
    assert arrived(stack) == [(f"{order['order_id']}-1", order["payable"])]
    assert (stack.stock("tea-01"), stack.stock("cup-01")) == (100, 100)
    assert (alice.get("/points")["balance"], coupon_state(alice)) == (300, "UNUSED")
    shown = alice.get(f"/aftersales/{case['case_id']}")
    assert [event["now"] for event in shown["timeline"] if event["was"] != event["now"]] == [
        "APPLIED",
        "REFUNDING",
        "DONE",
    ]
    assert alice.get("/aftersales")["items"][0]["state"] == "DONE"


def test_a_part_is_refunded_and_the_rest_is_sent(stack: Stack, alice: Shopper) -> None:
    order = alice.buy(("tea-01", 3))
    case = apply(alice, order, ("tea-01", 1))
    assert alice.get(f"/orders/{order['order_id']}/aftersale-options")["lines"][0]["options"][0]["pieces"] == 2
    stack.ship(alice.member_id, order["order_id"])
    assert now(alice, order)["state"] == "PAID"  # it is not known yet whether the third will be sent
    decide(stack, alice, case, "agree")
    assert now(alice, order)["state"] == "SHIPPED"
    stack.drain(2)
    assert arrived(stack) == [(f"{order['order_id']}-1", 5000)]
    assert stack.stock("tea-01") == 98
    assert refused(alice, order, ("tea-01", 1)) == "NOT_CLAIMABLE"
    adds_up(stack, alice, order)


def test_a_faulty_piece_goes_back_with_its_freight_and_the_sound_one_stays(stack: Stack, alice: Shopper) -> None:
    order = delivered(stack, alice, ("tea-01", 1), ("cup-01", 1))
    freight = next(each["freight"] for each in order["lines"] if each["sku_id"] == "cup-01")
    assert freight > 0
    case = apply(
        alice, order, ("cup-01", 1), **BACK, description="杯口有缺口", pictures=["https://img.example.com/c.jpg"]
    )
    agreed = decide(stack, alice, case, "agree", return_to="深圳市南山区科技园1号")
    assert (agreed["state"], agreed["return_to"]) == ("AGREED", "深圳市南山区科技园1号")
    assert (agreed["description"], agreed["pictures"]) == ("杯口有缺口", ["https://img.example.com/c.jpg"])
    assert act(alice, case, "return", PARCEL)["parcel"] == PARCEL
    assert stack.stock("cup-01") == 99
    assert decide(stack, alice, case, "receive", restock=False)["state"] == "REFUNDING"
    stack.drain(2)
    after = now(alice, order)
    assert (after["state"], after["refunded"]) == ("COMPLETED", 3000 + freight)
    assert arrived(stack) == [(f"{order['order_id']}-1", 3000 + freight)]
    assert stack.stock("cup-01") == 99
    adds_up(stack, alice, order)


def test_a_return_without_reason_is_agreed_at_once_and_keeps_the_freight(stack: Stack, alice: Shopper) -> None:
    order = delivered(stack, alice, ("tea-01", 1))
    later(alice, days=7)
    case = apply(alice, order, ("tea-01", 1), kind="RETURN", reason="NO_REASON")
    assert (case["state"], case["amount"]) == ("AGREED", 5000)
    assert [(each["by"], each["why"]) for each in case["timeline"]][-1] == ("SCHEDULE", "七天无理由，自动同意")
    act(alice, case, "return", PARCEL)
    decide(stack, alice, case, "receive", restock=True)
    stack.drain(2)
    assert (now(alice, order)["state"], stack.stock("tea-01")) == ("REFUNDED", 100)
    adds_up(stack, alice, order)


def test_without_reason_nothing_goes_back_after_the_last_day(stack: Stack, alice: Shopper) -> None:
    order = delivered(stack, alice, ("tea-01", 1))
    options = alice.get(f"/orders/{order['order_id']}/aftersale-options")["lines"][0]
    assert options["no_reason_until"] == "2026-11-30T00:00:00+08:00"
    later(alice, days=8)
    assert refused(alice, order, ("tea-01", 1), kind="RETURN", reason="NO_REASON") == "NO_REASON_OVER"
    later(alice, days=8)
    assert refused(alice, order, ("tea-01", 1), **BACK) == "AFTERSALE_OVER"
    assert alice.get(f"/orders/{order['order_id']}/aftersale-options")["refusal"] == "AFTERSALE_OVER"


def test_an_exchange_takes_a_piece_from_the_stock_and_may_be_repeated(stack: Stack, alice: Shopper) -> None:
    order = delivered(stack, alice, ("tea-01", 1))
    for n in range(2):
        case = apply(alice, order, ("tea-01", 1), kind="EXCHANGE", reason="DAMAGED")
        assert refused(alice, order, ("tea-01", 1), **BACK) == "NOT_CLAIMABLE"
        decide(stack, alice, case, "agree")
        act(alice, case, "return", PARCEL)
        assert decide(stack, alice, case, "receive", restock=False)["state"] == "RECEIVED"
        assert decide(stack, alice, case, "resend", **PARCEL)["replacement"] == PARCEL
        assert act(alice, case, "received")["state"] == "DONE"
        assert stack.stock("tea-01") == 98 - n
    after = now(alice, order)
    assert (after["state"], after["refunded"], set(after["cases"].values())) == ("COMPLETED", 0, {False})
    assert arrived(stack) == []


def test_an_exchange_without_goods_ends_with_the_money(stack: Stack, alice: Shopper) -> None:
    order = delivered(stack, alice, ("tea-01", 1))
    case = apply(alice, order, ("tea-01", 1), kind="EXCHANGE", reason="DAMAGED")
    decide(stack, alice, case, "agree")
    act(alice, case, "return", PARCEL)
    decide(stack, alice, case, "receive", restock=False)
    stack.shopper("bob").buy(("tea-01", 99))
    person, path = stack.staff(StaffRole.SERVICE), f"/staff/aftersales/{alice.member_id}/{case['case_id']}"
    assert person.refused("POST", f"{path}/resend", PARCEL) == "SOLD_OUT"
    for _ in range(2):
        assert decide(stack, alice, case, "refund", why="无货可换，为您退款")["state"] == "REFUNDING"
    stack.drain(2)
    assert arrived(stack) == [(f"{order['order_id']}-1", order["payable"])]
    assert (now(alice, order)["state"], stack.stock("tea-01")) == ("REFUNDED", 0)


def test_who_is_rejected_or_withdraws_may_apply_again_but_not_for_ever(stack: Stack, alice: Shopper) -> None:
    order = delivered(stack, alice, ("tea-01", 1))
    rejected = apply(alice, order, ("tea-01", 1), **BACK)
    assert decide(stack, alice, rejected, "reject", why="请提供照片")["state"] == "REJECTED"
    withdrawn = apply(alice, order, ("tea-01", 1), **BACK)
    decide(stack, alice, withdrawn, "agree")
    assert act(alice, withdrawn, "cancel")["state"] == "CANCELLED"
    refused_one = apply(alice, order, ("tea-01", 1), **BACK)
    decide(stack, alice, refused_one, "agree")
    act(alice, refused_one, "return", PARCEL)
    assert decide(stack, alice, refused_one, "refuse", why="商品有使用痕迹")["state"] == "REFUSED"
    assert refused(alice, order, ("tea-01", 1), **BACK) == "TOO_MANY_AFTERSALES"
    after = now(alice, order)
    assert (after["refunded"], set(after["cases"].values())) == (0, {False})
    by_staff = stack.staff(StaffRole.SERVICE).post(
        f"/staff/orders/{alice.member_id}/{order['order_id']}/aftersales", asked(("tea-01", 1), **BACK),
        **{"Idempotency-Key": "staff-key-1"},
    )  # fmt: skip
    assert by_staff["state"] == "AGREED"


def test_what_cannot_be_delivered_is_refunded_by_the_staff_whom_the_shopper_does_not_see(
    stack: Stack, alice: Shopper
) -> None:
    order, person = alice.buy(("tea-01", 2)), stack.staff(StaffRole.SERVICE)
    assert refused(alice, order, ("tea-01", 1), reason="CANNOT_DELIVER") == "AFTERSALE_REASON_NOT_FITTING"
    wanted, key = asked(("tea-01", 1), reason="CANNOT_DELIVER"), {"Idempotency-Key": "staff-key-1"}
    path = f"/staff/orders/{alice.member_id}/{order['order_id']}/aftersales"
    case = person.post(path, wanted, **key)
    assert case["state"] == "REFUNDING"
    assert person.post(path, wanted, **key)["case_id"] == case["case_id"]
    assert {each["who"] for each in case["timeline"]} == {person.member_id}
    stack.drain(2)
    assert arrived(stack) == [(f"{order['order_id']}-1", 5000)]
    shown = alice.send("GET", f"/aftersales/{case['case_id']}")
    assert person.member_id not in shown.text
    assert person.member_id not in alice.send("GET", f"/orders/{order['order_id']}").text


def test_an_order_takes_as_many_cases_as_wechat_takes_refunds(
    stack: Stack, alice: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opening.MOST_CASES == 50
    monkeypatch.setattr(opening, "MOST_CASES", 2)
    order = alice.buy(("tea-01", 3))
    for _ in range(2):
        apply(alice, order, ("tea-01", 1))
    assert refused(alice, order, ("tea-01", 1)) == "TOO_MANY_AFTERSALES"


def test_another_members_case_is_not_there(stack: Stack, alice: Shopper) -> None:
    case, bob = apply(alice, alice.buy(("tea-01", 1)), ("tea-01", 1)), stack.shopper("bob")
    for method, step in (("GET", ""), ("POST", "/cancel"), ("POST", "/received")):
        assert bob.refused(method, f"/aftersales/{case['case_id']}{step}") == "AFTERSALE_NOT_FOUND"
    assert bob.get("/aftersales")["items"] == []


def test_old_news_of_a_refund_changes_nothing(stack: Stack, alice: Shopper) -> None:
    case = apply(alice, alice.buy(("tea-01", 1)), ("tea-01", 1))
    decide(stack, alice, case, "agree")
    stack.drain(2)
    payments = stack.shop.payments.refunding._store
    refund = payments.refund(f"R{case['order_id']}-1-{case['case_id']}")
    listener = stack.shop.payments.refunding._listeners["aftersale"]
    assert all(listener.refund_news(refund, state, stack.clock()) == [] for state in RefundState)


def test_the_same_request_is_one_case_and_another_with_its_key_is_refused(stack: Stack, alice: Shopper) -> None:
    order = alice.buy(("tea-01", 2))
    first = apply(alice, order, ("tea-01", 1), key="the-same-key")
    assert apply(alice, order, ("tea-01", 1), key="the-same-key") == first
    path, key = f"/orders/{order['order_id']}/aftersales", {"Idempotency-Key": "the-same-key"}
    assert alice.refused("POST", path, asked(("tea-01", 2)), **key) == "AFTERSALE_KEY_REUSED"
    assert len(alice.get("/aftersales")["items"]) == 1


def test_every_step_that_is_repeated_changes_nothing(stack: Stack, alice: Shopper) -> None:
    order = delivered(stack, alice, ("tea-01", 2))
    case = apply(alice, order, ("tea-01", 1), kind="EXCHANGE", reason="DAMAGED")
    steps = [
        lambda: decide(stack, alice, case, "agree", return_to="深圳"),
        lambda: act(alice, case, "return", PARCEL),
        lambda: decide(stack, alice, case, "receive", restock=True),
        lambda: decide(stack, alice, case, "resend", **PARCEL),
        lambda: act(alice, case, "received"),
    ]
    for n, step in enumerate(steps):
        step()
        for earlier in steps[: n + 1]:
            earlier()
        assert len(stored(stack, alice, case).timeline) == n + 2
    assert stack.stock("tea-01") == 98
    money = apply(alice, order, ("tea-01", 1), **BACK)
    decide(stack, alice, money, "agree")
    act(alice, money, "return", PARCEL)
    for _ in range(2):
        decide(stack, alice, money, "receive", restock=True)
    stack.drain(2)
    assert decide(stack, alice, money, "receive", restock=True)["state"] == "DONE"
    assert len(arrived(stack)) == 1
    assert stack.stock("tea-01") == 99


def test_the_number_of_the_parcel_may_be_corrected_a_few_times(stack: Stack, alice: Shopper) -> None:
    order = delivered(stack, alice, ("tea-01", 1))
    case = apply(alice, order, ("tea-01", 1), kind="RETURN", reason="NO_REASON")
    for n in range(4):
        act(alice, case, "return", {"carrier": "SF", "tracking_no": f"SF000000{n}"})
    last = {"carrier": "SF", "tracking_no": "SF9999999"}
    assert alice.refused("POST", f"/aftersales/{case['case_id']}/return", last) == "TOO_MANY_CORRECTIONS"
    assert decide(stack, alice, case, "receive", restock=True)["parcel"]["tracking_no"] == "SF0000003"


def test_steps_out_of_turn_are_refused(stack: Stack, alice: Shopper) -> None:
    order, person = alice.buy(("tea-01", 1)), stack.staff(StaffRole.SERVICE)
    case = apply(alice, order, ("tea-01", 1))
    path = f"/staff/aftersales/{alice.member_id}/{case['case_id']}"
    for step, body in {
        "receive": {"restock": True},
        "refuse": {"why": "x"},
        "resend": PARCEL,
        "refund": {"why": "x"},
    }.items():
        assert person.refused("POST", f"{path}/{step}", body) == "AFTERSALE_STATE_REFUSED"
    assert alice.refused("POST", f"/aftersales/{case['case_id']}/return", PARCEL) == "AFTERSALE_STATE_REFUSED"
    assert alice.refused("POST", f"/aftersales/{case['case_id']}/received") == "AFTERSALE_STATE_REFUSED"
    decide(stack, alice, case, "agree")
    assert alice.refused("POST", f"/aftersales/{case['case_id']}/cancel") == "AFTERSALE_STATE_REFUSED"
    assert person.refused("POST", f"{path}/reject", {"why": "x"}) == "AFTERSALE_STATE_REFUSED"


def test_an_order_of_an_open_team_takes_no_case_and_one_of_a_formed_team_does(stack: Stack, alice: Shopper) -> None:
    put_team_activity(stack.shop, team_size=2)
    team = {"campaign": {"kind": "groupbuy", "activity_id": "team"}}
    order = alice.buy(("tea-01", 1), **team)
    assert refused(alice, order, ("tea-01", 1)) in ("ORDER_HELD", "AFTERSALE_NOT_POSSIBLE")
    stack.drain(1)
    assert refused(alice, order, ("tea-01", 1)) == "ORDER_HELD"
    team_id = now(alice, order)["campaign"]["group_id"]
    bob = stack.shopper("bob")
    bob.buy(("tea-01", 1), campaign={**team["campaign"], "group_id": team_id})
    stack.drain(2)
    case = apply(alice, order, ("tea-01", 1))
    decide(stack, alice, case, "agree")
    stack.drain(2)
    after = now(alice, order)
    assert (after["state"], after["refunded"], stack.stock("tea-01")) == ("REFUNDED", after["payable"], 99)
    seats = {seat.order_id: seat.state for seat in stack.shop.groupbuy.team(team_id)[1]}
    assert seats[order["order_id"]] == "REFUNDED"


@pytest.mark.parametrize("outcome", ["ABNORMAL", "CLOSED"])
def test_a_case_hears_what_becomes_of_its_refund_until_the_money_is_there(
    stack: Stack, alice: Shopper, outcome: str
) -> None:
    order = alice.buy(("tea-01", 1), ("cup-01", 1))
    case = apply(alice, order, ("tea-01", 1))
    stack.control("POST", "faults", [{"match": "/v3/refund", "do": "refund_outcome", "outcome": outcome, "seconds": 0}])
    decide(stack, alice, case, "agree")
    stack.drain(2)
    told = {"ABNORMAL": "退款异常，商家处理中", "CLOSED": "退款被关闭，将重新发起"}[outcome]
    shown = alice.get(f"/aftersales/{case['case_id']}")
    assert (shown["state"], told in [each["why"] for each in shown["timeline"]]) == ("REFUNDING", True)
    adds_up(stack, alice, order)
    if outcome == "CLOSED":
        stack.clock.forward(minutes=11)
        stack.drain(2)
        assert alice.get(f"/aftersales/{case['case_id']}")["state"] == "DONE"
        assert arrived(stack) == [(f"{order['order_id']}-1", case["amount"])]
        adds_up(stack, alice, order)


def test_the_shopper_is_told_once_that_the_money_is_there(stack: Stack, alice: Shopper) -> None:
    alice.post("/subscriptions", {"results": {"tmpl_refund_done": "accept"}})
    order = alice.buy(("tea-01", 2))
    cases = []
    for _ in range(2):
        cases.append(apply(alice, order, ("tea-01", 1)))
        decide(stack, alice, cases[-1], "agree")
        stack.drain(2)
    told = [each.once for each in stack.shop.messaging.records(alice.member_id) if each.kind == "refund_done"]
    assert told == [f"aftersale:{cases[0]['case_id']}"]  # one consent, one message
    assert {case.told for case in search(stack.shop.aftersales.page(alice.member_id, None, 9)).rows} == {True}


def test_an_order_that_cost_nothing_goes_back_at_once(stack: Stack, alice: Shopper) -> None:
    put_bargain_activity(stack.shop, "free", floor_price=0, cuts_to_floor=1)
    everywhere = FreightRule(("",), first=1, first_fee=0, next=1, next_fee=0)
    stack.shop.promotions.put_freight_template(FreightTemplate("post", "包邮", FreightUnit.PIECES, (everywhere,)))
    launch = alice.post("/bargain/launches", {"activity_id": "free"})["launch_id"]
    order = alice.order(("cup-01", 1), campaign={"kind": "bargain", "activity_id": "free", "group_id": launch})
    assert (order["state"], order["payable"]) == ("PAID", 0)
    assert refused(alice, order, ("cup-01", 1)) == "AFTERSALE_NOT_POSSIBLE"  # its bargain has not answered yet
    stack.drain(1)
    case = apply(alice, order, ("cup-01", 1))
    assert decide(stack, alice, case, "agree")["state"] == "DONE"
    assert (now(alice, order)["state"], stack.stock("cup-01"), arrived(stack)) == ("REFUNDED", 100, [])


def test_the_staff_sees_what_waits_the_most_urgent_first(stack: Stack, alice: Shopper) -> None:
    person, order = stack.staff(StaffRole.SERVICE), alice.buy(("tea-01", 3))
    cases = []
    for _ in range(3):
        cases.append(apply(alice, order, ("tea-01", 1)))
        stack.clock.forward(minutes=1)
    decide(stack, alice, cases[0], "agree")
    waiting = person.get("/staff/aftersales?state=APPLIED")["items"]
    assert [each["case_id"] for each in waiting] == [cases[1]["case_id"], cases[2]["case_id"]]
    assert waiting[0]["due_at"] == "2026-11-25T02:01:00Z"
    assert [each["case_id"] for each in person.get("/staff/aftersales?state=REFUNDING")["items"]] == [
        cases[0]["case_id"]
    ]
    assert len(person.get("/staff/aftersales?limit=1")["items"]) == 1
    one = person.get(f"/staff/aftersales/{alice.member_id}/{cases[1]['case_id']}")
    assert one["member_id"] == alice.member_id


def test_what_the_shopper_writes_is_kept_sealed(stack: Stack, alice: Shopper) -> None:
    from chalicelib.aftersales.store import CaseRow

    case = apply(alice, alice.buy(("tea-01", 1)), ("tea-01", 1), description="我住在科技园1号")
    row = CaseRow.get(alice.member_id, case["case_id"])
    assert "科技园" not in (row.description or "")
    assert alice.get(f"/aftersales/{case['case_id']}")["description"] == "我住在科技园1号"


def test_a_case_whose_words_cannot_be_opened_goes_on(
    stack: Stack, alice: Shopper, caplog: pytest.LogCaptureFixture
) -> None:
    from chalicelib.aftersales.store import CaseRow

    case = apply(alice, alice.buy(("tea-01", 1)), ("tea-01", 1), description="不想要了")
    row = CaseRow.get(alice.member_id, case["case_id"])
    row.update(actions=[CaseRow.description.set("gone." + (row.description or "").partition(".")[2])])
    with caplog.at_level(logging.INFO, "jishi"):
        assert decide(stack, alice, case, "agree")["description"] == ""
    assert any(getattr(record, "alarm", "") == "data_key_missing" for record in caplog.records)


def test_an_order_is_not_received_or_finished_by_time_while_a_case_is_open(stack: Stack, alice: Shopper) -> None:
    order = alice.buy(("tea-01", 2))
    stack.drain(1)
    stack.ship(alice.member_id, order["order_id"])
    later(alice, days=9)
    case = apply(alice, order, ("tea-01", 1), **BACK)
    later(alice, days=2)
    stack.shop.orders.receiving.receive_due(stack.clock())
    assert now(alice, order)["state"] == "SHIPPED"
    decide(stack, alice, case, "reject", why="请提供照片")
    later(alice, days=1)
    stack.shop.orders.receiving.receive_due(stack.clock())
    assert now(alice, order)["state"] == "COMPLETED"
    late = apply(alice, order, ("tea-01", 1), **BACK)
    later(alice, days=16)
    stack.shop.orders.receiving.finish_due(stack.clock())
    assert not now(alice, order)["finished"]
    act(alice, late, "cancel")
    later(alice, days=1)
    stack.shop.orders.receiving.finish_due(stack.clock())
    assert now(alice, order)["finished"]
