"""Points over HTTP: the member's own, and what the staff gives."""

from typing import Any

from chalicelib.kernel.staff import StaffRole
from chalicelib.pricing import PointsRule
from tests.shop import Shopper, Stack


def adjust(person: Shopper, member_id: str, key: str, **body: Any) -> Any:
    answer = person.send("POST", f"/staff/points/{member_id}", body, **{"Idempotency-Key": key})
    return answer.json() if answer.ok else answer.json()["code"]


def test_a_member_sees_her_points_and_what_they_are_worth(stack: Stack) -> None:
    alice = stack.shopper("alice")
    assert alice.get("/points") == {"balance": 0, "rule": None}
    stack.shop.promotions.put_points_rule(PointsRule(1, 50, 100, 2))
    assert alice.get("/points") == {
        "balance": 0,
        "rule": {"value_fen": 1, "most_percent": 50, "least_points": 100, "earn_per_yuan": 2},
    }
    assert alice.get("/points/entries") == {"items": [], "next_cursor": None}
    assert alice.refused("GET", "/points/entries?cursor=nonsense") == "BAD_CURSOR"


def test_finance_gives_and_takes_points_and_the_member_reads_why_but_not_who(stack: Stack) -> None:
    alice, finance = stack.shopper("alice"), stack.staff(StaffRole.FINANCE)
    assert adjust(finance, alice.member_id, "gift-001", delta=500, why="发货延误补偿") == {"balance": 500}
    assert adjust(finance, alice.member_id, "gift-001", delta=500, why="发货延误补偿") == {"balance": 500}
    assert adjust(finance, alice.member_id, "gift-001", delta=900, why="发货延误补偿") == "ADJUSTMENT_REUSED"
    assert adjust(finance, alice.member_id, "take-001", delta=-501, why="误发收回") == "NOT_ENOUGH_POINTS"
    stack.clock.forward(seconds=1)
    assert adjust(finance, alice.member_id, "take-001", delta=-200, why="误发收回") == {"balance": 300}
    page = alice.get("/points/entries?limit=1")
    assert page["items"] == [
        {"kind": "ADJUSTED", "points": -200, "why": "误发收回", "cause_id": None, "at": "2026-11-22T02:00:01Z"}
    ]
    answer = alice.send("GET", f"/points/entries?cursor={page['next_cursor']}")
    assert [each["points"] for each in answer.json()["items"]] == [500]
    assert finance.member_id not in answer.text


def test_points_are_adjusted_by_finance_alone_and_for_members_alone(stack: Stack) -> None:
    alice, finance = stack.shopper("alice"), stack.staff(StaffRole.FINANCE)
    gift = {"delta": 500, "why": "补偿"}
    for person in (alice, stack.staff(StaffRole.FULFILMENT)):
        assert adjust(person, alice.member_id, "gift-001", **gift) == "STAFF_ONLY"
    assert adjust(finance, "nobody", "gift-001", **gift) == "MEMBER_NOT_FOUND"
    for wrong in ({"delta": 0}, {"delta": 10**8}, {"delta": "5"}, {"why": ""}, {"why": "字" * 61}, {"why": "a\u202eb"}):
        assert adjust(finance, alice.member_id, "gift-001", **(gift | wrong)) in ("INVALID", "MALFORMED")
    assert alice.get("/points")["balance"] == 0
