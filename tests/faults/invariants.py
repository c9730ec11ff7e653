"""What must be true of the shop and of WeChat's books once nothing is due any more, whatever happened before.

Everything is read from the tables as they are, and from the sandbox WeChat, never from what the shop says of itself.
Each check yields sentences about what is broken.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.orders.rules import TRANSITIONS, OrderState
from tests.faults.driver import waiting
from tests.faults.world import World

Item = dict[str, Any]
OVER = frozenset({"CLOSED", "REFUNDED"})


def broken(world: World) -> list[str]:
    """What does not hold; empty if all is well."""
    books = Books(world)
    return [f"{check.__name__}: {sentence}" for check in CHECKS for sentence in check(books)]


class Books:
    """The tables and WeChat's books, read once."""

    def __init__(self, world: World) -> None:
        self.world, self.now = world, world.clock().timestamp()
        self.orders: list[Item] = self.table("orders")
        for order in self.orders:
            order["sold"] = json.loads(order["sold"])
            order["events"] = [json.loads(text) for text in order["timeline"]]
        self.live = [order for order in self.orders if order["state"] not in OVER]
        self.by_id = {order["order_id"]: order for order in self.orders}
        self.payments: list[Item] = self.table("payments")
        self.refunds: list[Item] = self.table("refunds")
        self.trades: list[Item] = world.control("GET", "payments")
        self.returned: list[Item] = world.control("GET", "refunds")

    def table(self, name: str) -> list[Item]:
        return [plain(item) for item in self.world.stage.engine.items(name)]


def plain(item: Any) -> Item:
    """An item as DynamoDB writes it, as Python values."""
    return {name: _value(value) for name, value in item.items()}


def _value(typed: Any) -> Any:
    ((kind, value),) = typed.items()
    match kind:
        case "N":
            return int(float(value))
        case "L":
            return [_value(each) for each in value]
        case "M":
            return plain(value)
        case "NULL":
            return None
    return value


def units(books: Books) -> Iterator[str]:
    """Sold or reserved, and available, are what was there at first."""
    held: Counter[str] = Counter()
    for order in books.live:
        for line in order["sold"]["lines"]:
            held[line["sku_id"]] += line["quantity"]
    first = {row["sku_id"]: row["available"] for row in map(plain, _first(books, "stock"))}
    for row in books.table("stock"):
        if row["available"] < 0:
            yield f"{row['sku_id']} has {row['available']} units"
        if row["available"] + held[row["sku_id"]] != first[row["sku_id"]]:
            yield f"{row['sku_id']}: {row['available']} available and {held[row['sku_id']]} held of {first[row['sku_id']]}"


def _first(books: Books, table: str) -> list[Any]:
    """The table as every life begins with it."""
    from tests.faults.engine import PREFIX

    held = books.world.stage.items[PREFIX + table]["items"]
    return [item for group in held.values() for item in group.values()]


def money(books: Books) -> Iterator[str]:
    """Each payment is kept by exactly one live order, or has gone back, exactly once and no fen more."""
    back: Counter[str] = Counter()
    for refund in books.returned:
        if refund["status"] == "SUCCESS":
            back[refund["out_trade_no"]] += refund["amount"]["refund"]
        elif refund["status"] == "PROCESSING":
            yield f"refund {refund['out_refund_no']} is still under way at WeChat"
    keeper = Counter(order["trade_no"] for order in books.live if order.get("trade_no"))
    taken = {trade["out_trade_no"]: trade for trade in books.trades if trade["trade_state"] in ("SUCCESS", "REFUND")}
    for number, trade in taken.items():
        owed = 0 if keeper[number] else trade["amount"]["total"]
        owed = owed or sum(order.get("refunded", 0) for order in books.live if order.get("trade_no") == number)
        if keeper[number] > 1 or back[number] != owed:
            yield f"{number}: {keeper[number]} orders keep it, {back[number]} of {owed} fen went back"
    for order in books.live:
        number = order.get("trade_no")
        if order["state"] != "AWAITING_PAYMENT" and order["payable"] and number not in taken:
            yield f"order {order['order_id']} is {order['state']} and nobody paid for it"
        if number in taken and taken[number]["amount"]["total"] != order["payable"]:
            yield f"order {order['order_id']} was paid with another amount"


def refunds_agree(books: Books) -> Iterator[str]:
    """What WeChat did is what the shop knows; none is left half-way without being due."""
    theirs = {refund["out_refund_no"]: refund for refund in books.returned}
    ours = {refund["out_refund_no"]: refund for refund in books.refunds}
    for number in theirs.keys() - ours.keys():
        yield f"WeChat refunded {number}, of which the shop knows nothing"
    for number, refund in ours.items():
        final = refund["state"] in ("SUCCESS", "CLOSED")
        if not final:
            yield f"refund {number} is {refund['state']}" + ("" if "due_at" in refund else " and nothing is due")
        elif number not in theirs or theirs[number]["status"] != refund["state"]:
            yield f"refund {number} is {refund['state']} here and another thing at WeChat"


def orders_rest(books: Books) -> Iterator[str]:
    """No order is left in a state that is to be left by itself."""
    for order in books.orders:
        name = f"order {order['order_id']}"
        if order["state"] == "AWAITING_PAYMENT" and order["pay_by"] < books.now - 600:
            yield f"{name} still waits for its payment"
        if order.get("effects_due"):
            yield f"{name} has effects due"
        if order.get("late_payment"):
            yield f"{name} was paid late and nothing came of it"
        if order.get("refund_state") in ("PENDING", "PROCESSING"):
            yield f"{name} shows a refund that is {order['refund_state']}"
        if order["state"] == "REFUNDED" and order.get("refund_state") is None:
            yield f"{name} is refunded without a refund"


def timelines(books: Books) -> Iterator[str]:
    """Every change is told, each begins where the last one ended, and all are allowed."""
    for order in books.orders:
        name, state = f"order {order['order_id']}", None
        for event in order["events"]:
            was, now = event["was"], event["now"]
            if was != state:
                yield f"{name}: {state} is followed by a change from {was}"
            if was is not None and was != now and OrderState(now) not in TRANSITIONS[OrderState(was)]:
                yield f"{name} went from {was} to {now}"
            state = now
        if state != order["state"]:
            yield f"{name} is {order['state']} and its timeline ends with {state}"


def coupons(books: Books) -> Iterator[str]:
    """Used by the one live order that took it, or not used; claimed as often as counted."""
    users = Counter(order["coupon_id"] for order in books.live if order.get("coupon_id"))
    held = books.table("coupons")
    for coupon in held:
        name, used = f"coupon {coupon['coupon_id']}", coupon["state"] == "USED"
        if users[coupon["coupon_id"]] != int(used):
            yield f"{name} is {coupon['state']} and {users[coupon['coupon_id']]} live orders use it"
        if used and books.by_id.get(coupon["order_id"], {}).get("coupon_id") != coupon["coupon_id"]:
            yield f"{name} is used by an order that did not take it"
    made = Counter(coupon["template_id"] for coupon in held)
    for template in books.table("coupon_templates"):
        if template["claimed"] != made[template["template_id"]]:
            yield f"{made[template['template_id']]} coupons of {template['template_id']}, {template['claimed']} counted"
    mine = Counter((coupon["member_id"], coupon["template_id"]) for coupon in held)
    for count in books.table("coupon_counts"):
        if count["claimed"] != mine[count["member_id"], count["template_id"]]:
            yield f"a member has {mine[count['member_id'], count['template_id']]} coupons, {count['claimed']} counted"


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
            mine = {o for o, order in in_teams.items() if f"M#{order['member_id']}" == row["pk"]
                    and f"A#{order['activity_id']}" == row["sk"]}  # fmt: skip
            if set(row.get("order_ids") or ()) != mine:
                yield f"standing {row['pk']} {row['sk']} counts {row.get('order_ids')}, live are {mine}"


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
        if row.get("row") == "launch" and row["state"] == "ORDERED":
            if books.by_id.get(row["order_id"], {}).get("state", "CLOSED") == "CLOSED":
                yield f"launch {activity} is ordered by an order that is closed"
        if row.get("row") == "launch":
            cuts = [cut for cut in rows if cut["pk"] == row["pk"] and cut.get("row") == "cut"]
            terms = json.loads(row["terms"])
            if row["cuts"] != len(cuts) or row["price"] != terms["start_price"] - sum(cut["amount"] for cut in cuts):
                yield f"launch {activity}: {row['cuts']} cuts to {row['price']}, rows say otherwise"


def sales(books: Books) -> Iterator[str]:
    """What shoppers read of a product's sales: never more than was sold."""
    sold: Counter[str] = Counter()
    for order in books.orders:
        for line in order["sold"]["lines"] if order.get("paid_at") else ():
            sold[line["product_id"]] += line["quantity"]
    for row in books.table("catalog"):
        if row.get("sales", 0) > sold[row["pk"]]:
            yield f"{row['pk']} boasts of {row['sales']} sold, {sold[row['pk']]} were"


def keys(books: Books) -> Iterator[str]:
    """One key, one order."""
    placed = Counter(order["member_id"] for order in books.orders)
    for member_id, number in placed.items():
        if number > len(books.world.keys.get(member_id, ())):
            yield f"{number} orders of one member for {len(books.world.keys.get(member_id, ()))} keys"


def messages(books: Books) -> Iterator[str]:
    """Nobody is told the same thing twice, and nobody's consent is overdrawn."""
    told = Counter((m["touser"], m["template_id"], m["page"]) for m in books.world.control("GET", "messages"))
    yield from (f"{key} was told {n} times" for key, n in told.items() if n > 1)
    yield from (f"consent {row}" for row in books.table("consents") if row["left"] < 0)


def somebody_comes(books: Books) -> Iterator[str]:
    """Whatever waits, waits for a job that a schedule asks for."""
    for _, table, job, key in waiting(books.world):
        if (table, job) not in books.world.asked_jobs:
            yield f"{table} {key} waits for {job!r}, which no schedule does"


CHECKS: tuple[Callable[[Books], Iterator[str]], ...] = (
    units, money, refunds_agree, orders_rest, timelines, coupons, teams, bargains, sales, keys, messages, somebody_comes,
)  # fmt: skip
