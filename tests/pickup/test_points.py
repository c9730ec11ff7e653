"""Pickup points: staff keep them, everybody sees those that are open."""

import pytest

from chalicelib.kernel.staff import StaffRole
from chalicelib.pickup import PickupPoint
from chalicelib.pickup.rules import MOST_POINTS, TooManyPickupPoints
from tests.shop import Stack

POINT = {
    "point_id": "nanshan",
    "name": "南山店",
    "address": "科技园1号",
    "phone": "0755-12345678",
    "hours": "9:00-21:00",
}


def test_points_are_opened_changed_and_closed_by_staff(stack: Stack) -> None:
    sam, alice = stack.staff(StaffRole.FULFILMENT), stack.shopper("alice")
    assert sam.post("/staff/pickup-points", POINT) == {**POINT, "open": True}
    assert alice.get("/pickup-points")["items"] == [POINT]
    sam.post("/staff/pickup-points", {**POINT, "name": "南山二店"})
    assert alice.get("/pickup-points")["items"] == [{**POINT, "name": "南山二店"}]
    sam.post("/staff/pickup-points", {**POINT, "open": False})
    assert alice.get("/pickup-points")["items"] == []
    assert [each["open"] for each in sam.get("/staff/pickup-points")["items"]] == [False]


def test_there_are_no_more_than_the_list_shows(stack: Stack) -> None:
    pickups = stack.shop.pickups
    for n in range(MOST_POINTS):
        pickups.put_point(PickupPoint(f"p{n:03d}", "店", "街", "", ""))
    with pytest.raises(TooManyPickupPoints):
        pickups.put_point(PickupPoint("one-more", "店", "街", "", ""))
    pickups.put_point(PickupPoint("p007", "新店", "街", "", ""))
    assert len(pickups.points()) == MOST_POINTS


def test_codes_are_drawn_anew_each_time(stack: Stack) -> None:
    codes = {stack.shop.pickups.draw() for _ in range(200)}
    assert len(codes) == 200
    assert {len(code) for code in codes} == {12}
