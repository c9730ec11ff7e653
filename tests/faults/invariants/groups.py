"""Teams and bargains."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from tests.faults.invariants.books import OVER, Books, Item


def teams(books: Books) -> Iterator[str]:
    """Seats, counts and orders tell the same story."""
    rows = books.table("groupbuy")
    all_teams = {row["pk"][2:]: row for row in rows if row["sk"] == "#"}
    seats = [row for row in rows if row["sk"].startswith("M#")]
    for team_id, team in all_teams.items():
        mine = [seat for seat in seats if seat["pk"] == f"T#{team_id}"]
        paid = sum(seat["state"] == "PAID" for seat in mine)
        taken = sum(seat["state"] in ("PAID", "TAKEN") for seat in mine)
        if team["state"] == "OPEN" and (team["seats_taken"], team["paid_count"]) != (taken, paid):
            yield f"team {team_id} counts {team['seats_taken']}/{team['paid_count']}, has {taken}/{paid}"
        if paid > team["size"]:
            yield f"team {team_id} is overfull"
        if team["state"] == "FORMED" and paid + team.get("waived", 0) < team["size"] and not _left(mine):
            yield f"team {team_id} formed with {paid} of {team['size']}"
        if team["state"] == "OPEN" and team["expires_at"] < books.now - 900:
            yield f"team {team_id} is open after its end"
    in_teams = {order["order_id"]: order for order in books.live if order.get("campaign_kind") == "groupbuy"}
    held = Counter(seat["order_id"] for seat in seats if seat["state"] in ("PAID", "TAKEN"))
    for order_id, order in in_teams.items():
        team = all_teams[order["group_id"]]
        if held[order_id] != 1:
            yield f"order {order_id} holds {held[order_id]} seats"
        if order["state"] != "AWAITING_PAYMENT" and order["held"] != (team["state"] == "OPEN"):
            yield f"order {order_id} is {'held' if order['held'] else 'free'} and its team is {team['state']}"
        if order["state"] != "AWAITING_PAYMENT" and team["state"] == "FAILED":
            yield f"order {order_id} lives in a failed team"
    for order_id in held.keys() - in_teams.keys():
        yield f"order {order_id} is over and holds a seat"
    for row in rows:
        if row["sk"].startswith("A#"):
            live = {o for o, order in in_teams.items() if f"M#{order['member_id']}" == row["pk"]
                    and f"A#{order['activity_id']}" == row["sk"]}  # fmt: skip
            if set(row.get("order_ids") or ()) != live:
                yield f"standing {row['pk']} {row['sk']} counts {row.get('order_ids')}, live are {live}"


def _left(seats: list[Item]) -> bool:
    """Whether somebody was refunded after the team had formed."""
    return any(seat["state"] == "REFUNDED" for seat in seats)


def bargains(books: Books) -> Iterator[str]:
    """Pieces sold, pieces of each member, and launches, as the orders have them."""
    rows = books.table("bargain")
    mine = [order for order in books.orders if order.get("campaign_kind") == "bargain"]
    sold = Counter(order["activity_id"] for order in mine if order["state"] not in OVER)
    # Once paid a launch is used up, whatever becomes of the money.
    bought = Counter((order["activity_id"], order["member_id"]) for order in mine if order["state"] != "CLOSED")
    for row in rows:
        activity = row["pk"][2:]
        if row["sk"] == "#sold" and row["n"] != sold[activity]:
            yield f"{activity} counts {row['n']} sold, has {sold[activity]}"
        if row["sk"].startswith("C#") and row["n"] != bought[activity, row["sk"][2:]]:
            yield f"a member counts {row['n']} bought of {activity}, has {bought[activity, row['sk'][2:]]}"
        ordered = row.get("row") == "launch" and row["state"] == "ORDERED"
        if ordered and books.by_id.get(row["order_id"], {}).get("state", "CLOSED") == "CLOSED":
            yield f"launch {activity} is ordered by an order that is closed"
        if row.get("row") == "launch":
            cuts = [cut for cut in rows if cut["pk"] == row["pk"] and cut.get("row") == "cut"]
            terms = json.loads(row["terms"])
            if row["cuts"] != len(cuts) or row["price"] != terms["start_price"] - sum(cut["amount"] for cut in cuts):
                yield f"launch {activity}: {row['cuts']} cuts to {row['price']}, rows say otherwise"
