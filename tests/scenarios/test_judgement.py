"""Payments that are counted late, and two runs that judge the same order: one decision, and nobody's money is kept."""

from datetime import datetime
from typing import Any

import pytest

from chalicelib.campaigns.base import CampaignOrder
from chalicelib.orders import Order, OrderState
from chalicelib.storage.writes import StorageBusy
from tests.shop import Shopper, Stack, put_team_activity


def in_team(team_id: str | None = None) -> dict[str, Any]:
    return {"campaign": {"kind": "groupbuy", "activity_id": "team", "group_id": team_id}}


def as_it_is(stack: Stack, shopper: Shopper, order_id: str) -> Order:
    return stack.shop.orders.get(shopper.member_id, order_id)


def run_effects(stack: Stack, shopper: Shopper, order_id: str) -> None:
    stack.shop.effects.run(shopper.member_id, order_id, stack.clock())


def test_an_opener_who_is_counted_only_after_the_team_failed_ends_in_a_team_or_with_the_money(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1), **in_team())["order_id"]
    alice.pay(order_id)
    stack.clock.forward(hours=25)
    stack.shop.campaigns.sweep(stack.clock())
    stack.drain()
    order = as_it_is(stack, alice, order_id)
    assert (order.state, order.held) == (OrderState.PAID, True)
    assert stack.shop.groupbuy.team(order_id)[0].paid_count == 1
    stack.clock.forward(hours=25)
    stack.drain()
    order = as_it_is(stack, alice, order_id)
    assert (order.state, order.refund_state) == (OrderState.REFUNDED, "SUCCESS")


def test_a_team_whose_last_member_paid_in_time_forms_although_the_schedule_was_faster(stack: Stack) -> None:
    put_team_activity(stack.shop, team_size=2)
    alice, bob = stack.shopper("alice"), stack.shopper("bob")
    opened = alice.buy(("tea-01", 1), **in_team())["order_id"]
    stack.drain(1)
    stack.clock.forward(hours=23, minutes=55)
    joined = bob.order(("tea-01", 1), **in_team(opened))["order_id"]
    stack.clock.forward(minutes=4, seconds=50)
    bob.pay(joined)
    stack.clock.forward(seconds=20)
    stack.shop.campaigns.sweep(stack.clock())
    stack.drain()
    ends = [as_it_is(stack, alice, opened), as_it_is(stack, bob, joined)]
    assert [(order.state, order.held) for order in ends] == [(OrderState.PAID, False)] * 2


def test_a_late_payer_whom_one_run_gives_a_place_is_not_refunded_by_another(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = stack.shopper("alice")
    launch_id = alice.post("/bargain/launches", {"activity_id": "bargain"})["launch_id"]
    for friend in ("bob", "carol"):
        stack.shopper(friend).post(f"/bargain/launches/{launch_id}/cuts")
    choice = {"kind": "bargain", "activity_id": "bargain", "group_id": launch_id}
    order_id = alice.order(("cup-01", 1), campaign=choice)["order_id"]
    sheet = alice.open_sheet(order_id)
    alice.post(f"/orders/{order_id}/cancel")
    alice.pay(order_id, sheet, late=True)
    kind = stack.shop.campaigns.kinds["bargain"]
    genuine = kind.rescue

    def interrupted(order: CampaignOrder, now: datetime) -> CampaignOrder | None:
        monkeypatch.setattr(kind, "rescue", genuine)
        run_effects(stack, alice, order_id)  # the other run, whole, between two reads of this one
        return genuine(order, now)

    monkeypatch.setattr(kind, "rescue", interrupted)
    run_effects(stack, alice, order_id)
    order = as_it_is(stack, alice, order_id)
    assert (order.state, order.refund_state) == (OrderState.PAID, None)


def test_a_late_payer_is_not_moved_out_of_the_team_that_another_run_found(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = stack.shopper("alice"), stack.shopper("bob")
    order_id = alice.order(("tea-01", 1), **in_team())["order_id"]
    sheet = alice.open_sheet(order_id)
    alice.post(f"/orders/{order_id}/cancel")
    alice.pay(order_id, sheet, late=True)
    campaigns = stack.shop.campaigns
    genuine = campaigns.paid_late

    def interrupted(order: Order, now: datetime) -> None:
        monkeypatch.setattr(campaigns, "paid_late", genuine)
        run_effects(stack, alice, order_id)  # the other run opens her own team anew
        run_effects(stack, alice, order_id)  # and counts her payment
        other = bob.buy(("tea-01", 1), **in_team())["order_id"]
        run_effects(stack, bob, other)
        genuine(order, now)

    monkeypatch.setattr(campaigns, "paid_late", interrupted)
    run_effects(stack, alice, order_id)
    stack.drain()
    team, seats = stack.shop.groupbuy.team(order_id)
    order = as_it_is(stack, alice, order_id)
    assert order.campaign is not None
    assert (order.state, order.campaign.group_id, team.paid_count, len(seats)) == (OrderState.PAID, order_id, 1, 1)


def test_a_group_that_gives_trouble_lets_the_others_come_first(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = stack.shopper("alice")
    order_id = alice.buy(("tea-01", 1), **in_team())["order_id"]
    stack.drain(1)
    stack.clock.forward(hours=25)
    kind = stack.shop.campaigns.kinds["groupbuy"]

    def broken(*_: Any) -> None:
        raise RuntimeError("this team cannot be read")

    with monkeypatch.context() as patch:
        patch.setattr(kind, "expire", broken)
        assert stack.shop.campaigns.sweep(stack.clock()) == 0
    assert list(kind.due(stack.clock())) == []
    stack.clock.forward(minutes=11)
    stack.drain()
    assert as_it_is(stack, alice, order_id).state is OrderState.REFUNDED


def test_a_group_that_cannot_even_be_put_off_does_not_stop_the_others(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = stack.shopper("alice"), stack.shopper("bob")
    teams = [alice.buy(("tea-01", 1), **in_team())["order_id"], bob.buy(("tea-01", 1), **in_team())["order_id"]]
    stack.drain(1)
    stack.clock.forward(hours=25)
    kind = stack.shop.campaigns.kinds["groupbuy"]
    genuine = kind.expire

    def broken_for_one(group_id: str, now: datetime) -> Any:
        if group_id == teams[0]:
            raise RuntimeError("this team cannot be read")
        return genuine(group_id, now)

    def busy(*_: Any) -> None:
        raise StorageBusy

    monkeypatch.setattr(kind, "expire", broken_for_one)
    monkeypatch.setattr(kind, "put_off", busy)
    assert stack.shop.campaigns.sweep(stack.clock()) == 1
    assert as_it_is(stack, bob, teams[1]).state is OrderState.REFUNDED


def test_what_a_lost_answer_makes_botocore_repeat_is_not_counted_twice(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.storage import writes

    kinds = []
    genuine = writes._transaction
    monkeypatch.setattr(writes, "_transaction", lambda batch: kinds.append(len(batch)) or genuine(batch))
    stack.shop.stock.add("tea-01", 10)
    assert (stack.stock("tea-01"), kinds) == (110, [1]), "a transaction carries a token, a plain ADD does not"


def test_sales_count_a_team_once_it_has_formed_and_never_one_that_failed(stack: Stack) -> None:
    put_team_activity(stack.shop, team_size=2)
    alice, bob, carol = (stack.shopper(name) for name in ("alice", "bob", "carol"))
    opened = alice.buy(("tea-01", 1), **in_team())["order_id"]
    stack.drain()
    assert stack.shop.catalog.product("tea").sales == 0
    bob.buy(("tea-01", 1), **in_team(opened))
    stack.drain()
    assert stack.shop.catalog.product("tea").sales == 2
    carol.buy(("tea-01", 1), **in_team())
    stack.drain()
    stack.clock.forward(hours=25)
    stack.drain()
    assert stack.shop.catalog.product("tea").sales == 2


def test_an_order_whose_delivery_cannot_be_opened_still_moves_its_money(stack: Stack) -> None:
    from chalicelib.storage.cipher import Cipher

    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.shop.orders.store._cipher = Cipher({"other": b"o" * 32}, "other")
    assert alice.get(f"/orders/{order_id}")["delivery"] is None
    alice.pay(order_id)
    assert as_it_is(stack, alice, order_id).state is OrderState.PAID
