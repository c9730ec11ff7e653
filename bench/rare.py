"""Ways that functions take seldom: visited once and not measured, to see what a function may ever ask for.

Here what follows a payment, campaigns, parcels and single routes; rare_money.py has what moves money.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench.tour import BARGAIN_LINE, LINES, TEAM_LINE, Act, Tour, Visit, into
from bench.visits import ask
from chalicelib.campaigns.base import Choice
from chalicelib.kernel.staff import StaffRole
from chalicelib.storage.writes import commit
from functions.campaigns import move_groups_on
from functions.fulfilment import track_parcels, upload_shipping
from functions.orders import finish_effects
from functions.release import check_release
from sandbox.local.seed import BARGAIN, TEAM
from tests.shop import Shopper

SCARCE = "longjing-02"
RARE: list[Visit] = []
visit = into(RARE)
Placed = tuple[Shopper, str]
"""A shopper and the id of an order."""
Scene = Callable[[Tour], Placed]


def run(job: Any, ready: Callable[[Tour], object], *, then: dict[str, float]) -> None:
    """The job runs once, so long after the scene is set; nothing else runs meanwhile."""

    def set_scene(tour: Tour) -> Act:
        tour.pass_time(minutes=20)
        ready(tour)
        tour.stack.clock.forward(**then)
        return lambda: tour.run(job)

    RARE.append(Visit(job.func.__name__, ready.__name__.replace("_", " "), set_scene))


def campaign(tour: Tour, guest: Shopper, kind: str) -> tuple[tuple[tuple[str, int], ...], dict[str, Any]]:
    """What is ordered in a campaign of this kind; without one, everything that an order can take."""
    if kind == "groupbuy":
        return (TEAM_LINE,), {"campaign": Choice(kind, TEAM)}
    if kind == "bargain":
        launch_id = tour.launch(guest)
        tour.cut_to_floor(launch_id)
        return (BARGAIN_LINE,), {"campaign": Choice(kind, BARGAIN, launch_id)}
    tour.points(guest, 100)
    return LINES, {"coupon_id": tour.coupon(guest), "points": 100}


KINDS = ("", "groupbuy", "bargain")


def own_team(tour: Tour, **config: Any) -> str:
    """A group-buy in which nobody else takes part; its id."""
    activities = tour.shop.campaigns.activities
    known, activity_id = activities.get(TEAM), f"team-{tour.number()}"
    activities.put(replace(known, activity_id=activity_id, config=replace(known.config, **config)))
    return activity_id


def late(tour: Tour, guest: Shopper, *lines: tuple[str, int], **more: Any) -> Placed:
    """Paid after it was cancelled."""
    order_id, sheet = tour.sheet(guest, *lines, **more)
    guest.post(f"/orders/{order_id}/cancel")
    guest.pay(order_id, sheet, late=True)
    return guest, order_id


def effects(scene: Scene) -> Scene:
    """What follows a payment, heard of by the stream, and found by the sweep under it."""

    @visit("on_order_change", scene.__name__.replace("_", " "))
    def by_stream(tour: Tour) -> Act:
        tour.stack.clock.forward(hours=3)  # the platform's token is no more
        guest, order_id = scene(tour)
        return lambda: tour.tell_stream(guest, order_id)

    def by_sweep(tour: Tour) -> None:
        tour.stack.clock.forward(hours=3)
        scene(tour)

    by_sweep.__name__ = scene.__name__
    run(finish_effects, by_sweep, then={"minutes": 3})
    return scene


@effects
def shopper_is_told(tour: Tour) -> Placed:
    guest = tour.agrees_to(tour.someone(), "order_paid")
    return guest, tour.bought(guest)


@effects
def paid_late(tour: Tour) -> Placed:
    return late(tour, tour.someone(), *LINES)


@effects
def team_paid_late_and_opened_anew(tour: Tour) -> Placed:
    return late(tour, tour.someone(), TEAM_LINE, campaign=Choice("groupbuy", own_team(tour)))


@effects
def team_paid_late_and_another_joined(tour: Tour) -> Placed:
    activity_id = own_team(tour)
    leader = tour.someone()
    opened = tour.bought(leader, TEAM_LINE, campaign=Choice("groupbuy", activity_id))
    tour.tell_stream(leader, opened)
    return late(tour, tour.someone(), TEAM_LINE, campaign=Choice("groupbuy", activity_id))


@effects
def team_paid_late_and_sold_out(tour: Tour) -> Placed:
    """There is nothing left to join with: the money goes back."""
    stock = tour.shop.stock
    stock.add(SCARCE, 1)
    placed = late(tour, tour.someone(), (SCARCE, 1), campaign=Choice("groupbuy", own_team(tour)))
    stock.take(stock.levels([SCARCE]), commit)
    return placed


@effects
def team_failed_before_its_payment_was_counted(tour: Tour) -> Placed:
    """And the activity is over: the money goes back."""
    guest, activity_id = tour.someone(), own_team(tour, team_hours=1)
    order_id = tour.bought(guest, TEAM_LINE, campaign=Choice("groupbuy", activity_id))
    tour.stack.clock.forward(hours=2)
    tour.run(move_groups_on)
    activities = tour.shop.campaigns.activities
    activities.put(replace(activities.get(activity_id), ends_at=tour.stack.clock()))
    return guest, order_id


@effects
def bargain_paid(tour: Tour) -> Placed:
    guest = tour.someone()
    lines, more = campaign(tour, guest, "bargain")
    return guest, tour.bought(guest, *lines, **more)


@effects
def bargain_paid_late(tour: Tour) -> Placed:
    guest = tour.someone()
    lines, more = campaign(tour, guest, "bargain")
    return late(tour, guest, *lines, **more)


def team_filled_up_by_the_shop(tour: Tour) -> None:
    leader = tour.someone()
    chosen = Choice("groupbuy", own_team(tour, allow_fill=True))
    tour.tell_stream(leader, tour.bought(leader, TEAM_LINE, campaign=chosen))


def launch_without_an_order(tour: Tour) -> None:
    tour.launch(tour.someone())


run(move_groups_on, team_filled_up_by_the_shop, then={"hours": 25})
run(move_groups_on, launch_without_an_order, then={"days": 3})


def all_signed_for(tour: Tour) -> None:
    guest = tour.someone()
    order_id = tour.to_send(guest)
    tour.stack.ship(guest.member_id, order_id)
    tour.run(upload_shipping)
    tour.stack.control("POST", f"parcels/YT{order_id}", {"com": "yuantong", "state": "3", "context": "已签收"})


run(track_parcels, all_signed_for, then={"hours": 3})


@visit("GET /staff/shipping-uploads", "one that WeChat refused")
def list_stuck(tour: Tour) -> Act:
    guest, packer = tour.someone(), tour.stack.staff(StaffRole.FULFILMENT)
    tour.stack.control("POST", "faults", [{"match": "upload_shipping_info", "do": "errcode", "errcode": 10060003}])
    tour.stack.ship(guest.member_id, tour.to_send(guest))
    tour.run(upload_shipping)
    return lambda: ask(packer, "GET", "/staff/shipping-uploads")


@visit("GET /products", "the best sold first")
def best_sold(tour: Tour) -> Act:
    return lambda: ask(tour.alice, "GET", "/products?sort=sales")


@visit("POST /cart/lines", "the first of a member")
def first_line(tour: Tour) -> Act:
    guest = tour.someone()
    return lambda: ask(guest, "POST", "/cart/lines", {"sku_id": "mango-02", "quantity": 1})


@visit("POST /orders/{order_id}/cancel", "a place in a team")
def cancel_team(tour: Tour) -> Act:
    guest = tour.someone()
    order_id = tour.place(guest, TEAM_LINE, campaign=Choice("groupbuy", TEAM))
    return lambda: ask(guest, "POST", f"/orders/{order_id}/cancel")


@visit("check_release")
def release(tour: Tour) -> Act:
    return lambda: check_release({}, None)
