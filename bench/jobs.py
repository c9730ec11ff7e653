"""One run of every function that is no route: with nothing to do, and with one row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bench.tour import JOBS, ONE_DAY, TEAM_LINE, Act, Tour, Visit
from chalicelib.campaigns.base import Choice
from functions.aftersales import move_cases_on
from functions.campaigns import move_groups_on
from functions.coupons import expire_coupons, remind_of_coupons
from functions.fulfilment import retry_refused_uploads, track_parcels, upload_shipping
from functions.orders import (
    advance_refunds,
    alarm_unsent,
    close_unpaid,
    finish_effects,
    finish_orders,
    receive_orders,
)
from functions.reconciliation import reconcile
from functions.streams import on_order_change
from functions.wechat import refresh_certificates
from sandbox.local.seed import TEAM

FUNCTIONS: list[Visit] = []


def visit(function: Any, case: str) -> Callable[[Callable[[Tour], Act]], Callable[[Tour], Act]]:
    def declare(ready: Callable[[Tour], Act]) -> Callable[[Tour], Act]:
        FUNCTIONS.append(Visit(function.func.__name__, case, ready))
        return ready

    return declare


def nothing_due(job: Any) -> None:
    def ready(tour: Tour) -> Act:
        tour.pass_time(minutes=20)
        return lambda: _sees(tour, job, 0)

    FUNCTIONS.append(Visit(job.func.__name__, "nothing is due", ready))


def _sees(tour: Tour, job: Any, rows: int) -> None:
    seen = tour.run(job)
    assert seen == rows, f"{job.func.__name__} saw {seen} rows, not {rows}"


@visit(on_order_change, "an order was placed")
def placed(tour: Tour) -> Act:
    guest = tour.someone()
    order_id = tour.place(guest)
    return lambda: tour.tell_stream(guest, order_id)


@visit(on_order_change, "an order of two products was paid")
def paid(tour: Tour) -> Act:
    guest = tour.someone()
    order_id = tour.bought(guest)
    return lambda: tour.tell_stream(guest, order_id)


@visit(on_order_change, "paid, and the shopper wants to be told")
def paid_told(tour: Tour) -> Act:
    guest = tour.agrees_to(tour.someone(), "order_paid")
    order_id = tour.bought(guest)
    return lambda: tour.tell_stream(guest, order_id)


@visit(on_order_change, "paid: a team is opened")
def team_opened(tour: Tour) -> Act:
    guest = tour.someone()
    order_id = tour.bought(guest, TEAM_LINE, campaign=Choice("groupbuy", TEAM))
    return lambda: tour.tell_stream(guest, order_id)


@visit(on_order_change, "paid: a team of three is complete")
def team_formed(tour: Tour) -> Act:
    team_id = tour.open_team(tour.someone())
    tour.join(tour.someone(), team_id)
    last = tour.someone()
    order_id = tour.bought(last, TEAM_LINE, campaign=Choice("groupbuy", TEAM, team_id))
    return lambda: tour.tell_stream(last, order_id)


for each in JOBS:
    nothing_due(each)


@visit(close_unpaid, "one order, its payment begun")
def overdue(tour: Tour) -> Act:
    tour.pass_time(minutes=20)
    tour.sheet(tour.someone())
    tour.stack.clock.forward(minutes=16)
    return lambda: _sees(tour, close_unpaid, 1)


@visit(advance_refunds, "one refund to be sent")
def refund_owed(tour: Tour) -> Act:
    tour.pass_time(minutes=20)
    guest = tour.someone()
    tour.owe(guest, tour.bought(guest))
    return lambda: _sees(tour, advance_refunds, 1)


@visit(finish_effects, "one paid order that the stream lost")
def effects_lost(tour: Tour) -> Act:
    tour.pass_time(minutes=20)
    tour.bought(tour.someone())
    tour.stack.clock.forward(minutes=3)
    return lambda: _sees(tour, finish_effects, 1)


@visit(upload_shipping, "one order that was sent whole")
def untold(tour: Tour) -> Act:
    tour.pass_time(minutes=20)
    guest = tour.someone()
    tour.stack.ship(guest.member_id, tour.to_send(guest))
    return lambda: _sees(tour, upload_shipping, 1)


@visit(retry_refused_uploads, "one that WeChat refused yesterday")
def refused(tour: Tour) -> Act:
    tour.pass_time(hours=25)
    guest = tour.someone()
    tour.stack.control("POST", "faults", [{"match": "upload_shipping_info", "do": "errcode", "errcode": 10060003}])
    tour.stack.ship(guest.member_id, tour.to_send(guest))
    tour.run(upload_shipping)
    tour.stack.clock.forward(hours=25)
    return lambda: _sees(tour, retry_refused_uploads, 1)


@visit(track_parcels, "one parcel, on its way")
def under_way(tour: Tour) -> Act:
    tour.pass_time(hours=9)
    guest = tour.someone()
    order_id = tour.to_send(guest)
    tour.stack.ship(guest.member_id, order_id)
    tour.stack.control("POST", f"parcels/YT{order_id}", {"com": "yuantong", "state": "0", "context": "运输中"})
    tour.stack.clock.forward(hours=2)
    return lambda: _sees(tour, track_parcels, 1)


@visit(move_groups_on, "one team failed, two members to refund")
def team_failed(tour: Tour) -> Act:
    tour.pass_time(hours=25)
    tour.join(tour.someone(), tour.open_team(tour.someone()))
    tour.stack.clock.forward(hours=25)
    return lambda: _sees(tour, move_groups_on, 1)


@visit(remind_of_coupons, "one coupon, with consent")
def coupon_ends(tour: Tour) -> Act:
    tour.pass_time(minutes=20)
    tour.coupon(tour.agrees_to(tour.someone(), "coupon_expiring"), ONE_DAY)
    return lambda: _sees(tour, remind_of_coupons, 1)


@visit(expire_coupons, "one coupon")
def coupon_ended(tour: Tour) -> Act:
    tour.pass_time(hours=25)
    tour.coupon(tour.someone(), ONE_DAY)
    tour.run(remind_of_coupons)
    tour.stack.clock.forward(hours=25)
    return lambda: _sees(tour, expire_coupons, 1)


def settled(tour: Tour, **amount: float) -> None:
    """Time goes by, and once more for what begins only then."""
    for _ in range(2):
        tour.pass_time(**amount)


@visit(receive_orders, "one order")
def long_sent(tour: Tour) -> Act:
    settled(tour, days=11)
    guest = tour.someone()
    tour.stack.ship(guest.member_id, tour.to_send(guest))
    tour.stack.clock.forward(days=10, minutes=1)
    return lambda: _sees(tour, receive_orders, 1)


@visit(finish_orders, "one order")
def long_received(tour: Tour) -> Act:
    settled(tour, days=17)
    tour.delivered(tour.someone())
    tour.pass_time(days=14, hours=23)  # others wait for their cases, and are looked at each day
    tour.stack.clock.forward(hours=2)
    return lambda: _sees(tour, finish_orders, 1)


@visit(alarm_unsent, "one order")
def not_sent(tour: Tour) -> Act:
    settled(tour, days=3)
    tour.to_send(tour.someone())
    tour.pass_time(hours=47)  # others that are late are told of each day
    tour.stack.clock.forward(hours=2)
    return lambda: _sees(tour, alarm_unsent, 1)


@visit(move_cases_on, "one that nobody decided")
def undecided(tour: Tour) -> Act:
    settled(tour, days=11)
    tour.applied(tour.someone(), "REFUND")
    tour.pass_time(hours=71)  # others wait for an address, and are looked at each day
    tour.stack.clock.forward(hours=2)
    return lambda: _sees(tour, move_cases_on, 1)


def all_reconciled(tour: Tour) -> None:
    """It is noon in Beijing, and each day that has bills has its report."""
    now = tour.stack.clock()
    tour.pass_time(seconds=(now.replace(hour=4, minute=0, second=0) + timedelta(days=1) - now).total_seconds())
    for _ in range(8):
        tour.run(reconcile)


@visit(reconcile, "nothing is due")
def reconciled(tour: Tour) -> Act:
    all_reconciled(tour)
    return lambda: _sees(tour, reconcile, 0)


@visit(reconcile, "a day of one payment")
def a_day(tour: Tour) -> Act:
    all_reconciled(tour)
    tour.to_send(tour.someone())
    tour.stack.clock.forward(days=1)
    return lambda: _sees(tour, reconcile, 0)


@visit(refresh_certificates, "one platform certificate")
def certificates(tour: Tour) -> Act:
    return lambda: tour.run(refresh_certificates)
