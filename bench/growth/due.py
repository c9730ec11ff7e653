"""Each schedule with so many rows due, whatever lies behind: what a run costs, and what each row adds to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bench.jobs import settled
from bench.meter import Cost, Meter
from bench.tour import LINES, ONE_DAY, Tour
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
from tests.shop import Shopper

MANY = 40
Scene = Callable[[Tour, int], object]
SCENES: list[tuple[Any, Scene]] = []


def costs(tour: Tour, meter: Meter) -> Iterator[tuple[str, dict[str, Cost]]]:
    """The name of each schedule and what its run costs with `one` row due and with `many`."""
    for sku_id, _ in LINES:
        tour.shop.stock.add(sku_id, 100 * MANY)
    for job, make_due in SCENES:
        runs: dict[str, Cost] = {}
        for case, rows in (("one", 1), ("many", MANY)):
            make_due(tour, rows)
            with meter.counting() as cost:
                done = tour.run(job)
            assert done == rows, f"{job.func.__name__} saw {done} rows, not {rows}"
            runs[case] = cost
        yield job.func.__name__, runs


def scene(job: Any) -> Callable[[Scene], Scene]:
    def declare(make_due: Scene) -> Scene:
        SCENES.append((job, make_due))
        return make_due

    return declare


def guests(tour: Tour, rows: int) -> list[Shopper]:
    return [tour.someone() for _ in range(rows)]


def shipped(tour: Tour, rows: int) -> None:
    for guest in guests(tour, rows):
        tour.stack.ship(guest.member_id, tour.to_send(guest))


@scene(close_unpaid)
def overdue(tour: Tour, rows: int) -> None:
    tour.pass_time(minutes=20)
    for guest in guests(tour, rows):
        tour.sheet(guest)
    tour.stack.clock.forward(minutes=16)


@scene(advance_refunds)
def refunds_owed(tour: Tour, rows: int) -> None:
    tour.pass_time(minutes=20)
    for guest in guests(tour, rows):
        tour.owe(guest, tour.bought(guest))


@scene(finish_effects)
def effects_lost(tour: Tour, rows: int) -> None:
    tour.pass_time(minutes=20)
    for guest in guests(tour, rows):
        tour.bought(guest)
    tour.stack.clock.forward(minutes=3)


@scene(upload_shipping)
def untold(tour: Tour, rows: int) -> None:
    tour.pass_time(minutes=20)
    shipped(tour, rows)


@scene(retry_refused_uploads)
def refused(tour: Tour, rows: int) -> None:
    tour.pass_time(hours=25)
    fault = {"match": "upload_shipping_info", "do": "errcode", "errcode": 10060003, "times": rows}
    tour.stack.control("POST", "faults", [fault])
    shipped(tour, rows)
    tour.run(upload_shipping)
    tour.stack.clock.forward(hours=25)


@scene(track_parcels)
def under_way(tour: Tour, rows: int) -> None:
    tour.pass_time(hours=9)
    for guest in guests(tour, rows):
        order_id = tour.to_send(guest)
        tour.stack.ship(guest.member_id, order_id)
        tour.stack.control("POST", f"parcels/YT{order_id}", {"com": "yuantong", "state": "0", "context": "运输中"})
    tour.stack.clock.forward(hours=2)


@scene(move_groups_on)
def teams_failed(tour: Tour, rows: int) -> None:
    tour.pass_time(hours=25)
    for guest in guests(tour, rows):
        tour.open_team(guest)
    tour.stack.clock.forward(hours=25)


@scene(remind_of_coupons)
def coupons_end(tour: Tour, rows: int) -> None:
    tour.pass_time(minutes=20)
    for guest in guests(tour, rows):
        tour.coupon(tour.agrees_to(guest, "coupon_expiring"), ONE_DAY)


@scene(expire_coupons)
def coupons_ended(tour: Tour, rows: int) -> None:
    tour.pass_time(hours=25)
    for guest in guests(tour, rows):
        tour.coupon(guest, ONE_DAY)
    tour.run(remind_of_coupons)
    tour.stack.clock.forward(hours=25)


@scene(receive_orders)
def long_sent(tour: Tour, rows: int) -> None:
    settled(tour, days=11)
    shipped(tour, rows)
    tour.stack.clock.forward(days=10, minutes=1)


@scene(finish_orders)
def long_received(tour: Tour, rows: int) -> None:
    settled(tour, days=17)
    for guest in guests(tour, rows):
        tour.delivered(guest)
    tour.pass_time(days=14, hours=23)
    tour.stack.clock.forward(hours=2)


@scene(alarm_unsent)
def not_sent(tour: Tour, rows: int) -> None:
    settled(tour, days=3)
    for guest in guests(tour, rows):
        tour.to_send(guest)
    tour.pass_time(hours=47)
    tour.stack.clock.forward(hours=2)


@scene(move_cases_on)
def undecided(tour: Tour, rows: int) -> None:
    settled(tour, days=11)
    for guest in guests(tour, rows):
        tour.applied(guest, "REFUND")
    tour.pass_time(hours=71)
    tour.stack.clock.forward(hours=2)
