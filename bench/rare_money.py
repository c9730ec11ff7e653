"""Ways seldom taken of what moves money: closing, refunds, cases, reconciliation.

`RARE` has these and those of rare.py.
"""

from __future__ import annotations

from datetime import timedelta

from bench.jobs import all_reconciled
from bench.rare import KINDS, RARE, campaign, own_team, run, visit
from bench.tour import Act, Tour
from bench.visits import ask
from chalicelib.campaigns.base import Choice
from chalicelib.kernel.clock import SHANGHAI
from chalicelib.kernel.staff import StaffRole
from chalicelib.payments.rows import PaymentRow
from chalicelib.payments.rules import refund_number, trade_number
from chalicelib.payments.store import PaymentStore
from chalicelib.reconciliation import ReconciliationStore
from chalicelib.reconciliation.rules import Detail, Finding, Outcome, Subject
from chalicelib.storage.writes import commit, update
from chalicelib.wechat.pay_types import Refund
from functions.aftersales import move_cases_on
from functions.campaigns import move_groups_on
from functions.orders import advance_refunds, close_unpaid
from functions.reconciliation import reconcile
from tests.shop import Shopper

__all__ = ["RARE"]

REFUNDS = "/v3/refund/domestic/refunds"


def money_moves(tour: Tour) -> None:
    """WeChat ends the refunds that it has accepted, in its own time."""
    tour.run(advance_refunds)
    tour.stack.clock.forward(hours=3)

    def ended() -> bool:
        return all(refund["status"] != "PROCESSING" for refund in tour.stack.control("GET", "refunds"))

    tour.until(ended, "the sandbox has not ended a refund")


def unpaid(tour: Tour) -> None:
    for kind in KINDS:
        guest = tour.someone()
        lines, more = campaign(tour, guest, kind)
        tour.sheet(guest, *lines, **more)


def other_money_than_the_orders(tour: Tour) -> None:
    """WeChat took what nobody here asked for, from orders that hold all that an order can hold."""
    for kind in KINDS:
        guest = tour.someone()
        lines, more = campaign(tour, guest, kind)
        order_id, sheet = tour.sheet(guest, *lines, **more)
        tour.lose_callback()
        tour.paid(guest, order_id, sheet, answer="dropped")
        row = PaymentRow(trade_number(order_id, 1))
        commit(update(row, PaymentRow.total.set(1), condition=PaymentRow.state.exists()))


def begun_and_denied_by_wechat(tour: Tour) -> None:
    tour.sheet(tour.someone())
    tour.stack.control(
        "POST", "faults", [{"match": "out-trade-no", "do": "status", "status": 404, "code": "ORDER_NOT_EXIST"}]
    )


def closed_by_wechat(tour: Tour) -> None:
    """The next attempt has another number."""
    guest = tour.someone()
    tour.owe(guest, tour.bought(guest))
    tour.stack.control("POST", "faults", [{"match": REFUNDS, "do": "refund_outcome", "outcome": "CLOSED"}])
    money_moves(tour)


def of_a_case(tour: Tour) -> None:
    agree(tour, tour.someone())
    money_moves(tour)


run(close_unpaid, unpaid, then={"minutes": 16})
run(close_unpaid, other_money_than_the_orders, then={"minutes": 16})
run(close_unpaid, begun_and_denied_by_wechat, then={"minutes": 16})
run(advance_refunds, closed_by_wechat, then={"hours": 2})
run(advance_refunds, of_a_case, then={"hours": 2})


def agree(tour: Tour, guest: Shopper) -> str:
    case_id = tour.applied(guest, "REFUND")
    service = tour.stack.staff(StaffRole.SERVICE)
    ask(service, "POST", f"/staff/aftersales/{guest.member_id}/{case_id}/agree", {})
    return case_id


def nothing_of_it_is_wanted(tour: Tour) -> None:
    for kind in KINDS:
        guest = tour.someone()
        lines, more = campaign(tour, guest, kind)
        if kind == "groupbuy":
            activity_id = own_team(tour, allow_fill=True, team_hours=1)
            more = {"campaign": Choice(kind, activity_id)}
        order_id = tour.bought(guest, *lines, **more)
        tour.tell_stream(guest, order_id)
        if kind == "groupbuy":
            tour.stack.clock.forward(hours=2)
            tour.run(move_groups_on)
            tour.tell_stream(guest, order_id)
        everything = [{"sku_id": sku_id, "quantity": pieces} for sku_id, pieces in lines]
        wanted = {**tour.wanted("REFUND"), "lines": everything}
        guest.post(f"/orders/{order_id}/aftersales", wanted, **{"Idempotency-Key": tour.key()})


def money_is_long_under_way(tour: Tour) -> None:
    agree(tour, tour.someone())


def money_has_arrived(tour: Tour) -> None:
    guest = tour.agrees_to(tour.someone(), "refund_done")
    agree(tour, guest)
    money_moves(tour)
    tour.run(advance_refunds)


run(move_cases_on, nothing_of_it_is_wanted, then={"hours": 73})
run(move_cases_on, money_is_long_under_way, then={"hours": 25})
run(move_cases_on, money_has_arrived, then={"minutes": 1})


def day_after(tour: Tour) -> None:
    tour.stack.clock.forward(days=1)


@visit("reconcile", "paid there and not here")
def paid_there(tour: Tour) -> Act:
    all_reconciled(tour)
    other_money_than_the_orders(tour)
    day_after(tour)
    return lambda: tour.run(reconcile)


@visit("reconcile", "a refund accepted there and not here")
def refunded_there(tour: Tour) -> Act:
    all_reconciled(tour)
    guest, books = tour.someone(), PaymentStore()
    case_id = agree(tour, guest)
    order_id = guest.get(f"/aftersales/{case_id}")["order_id"]
    owed = books.refund(refund_number(trade_number(order_id, 1), case_id))
    tour.shop.payments.wechat.refund(
        Refund(owed.out_refund_no, owed.out_trade_no, owed.amount, owed.total, owed.reason, tour.stack.api_url)
    )
    day_after(tour)
    return lambda: tour.run(reconcile)


@visit("reconcile", "a run that died while it mended what is well by now")
def died(tour: Tour) -> Act:
    all_reconciled(tour)
    day_after(tour)
    now, store = tour.stack.clock(), ReconciliationStore()
    run = store.begin([(now - timedelta(days=1)).astimezone(SHANGHAI).date()], now)
    assert run is not None
    store.mending(run, Finding(Subject.PAYMENT, Outcome.THEIRS_ONLY, "1-1", 100, None, Detail.UNKNOWN_HERE))
    store.put_off(run, "FAILED")
    return lambda: tour.run(reconcile)
