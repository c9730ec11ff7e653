"""What must be true of the shop and of WeChat's books once nothing is due any more, whatever happened before.

Everything is read from the tables as they are, and from the sandbox WeChat, never from what the shop says of itself.
Each check yields sentences about what is broken.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chalicelib.aftersales.rules import TRANSITIONS as CASE_TRANSITIONS
from chalicelib.orders.rules import TRANSITIONS
from chalicelib.payments.rules import PAYMENT_TRANSITIONS, REFUND_TRANSITIONS
from tests.faults.driver import waiting
from tests.faults.world import World

Item = dict[str, Any]
OVER = frozenset({"CLOSED", "REFUNDED"})
UNDECIDED = frozenset({"APPLIED", "AGREED", "RETURNED", "RECEIVED", "RESENT"})


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
            order["progress"] = json.loads(order.get("progress") or "{}")
            order["cases"] = json.loads(order.get("cases") or "{}")
        self.live = [order for order in self.orders if order["state"] not in OVER]
        self.by_id = {order["order_id"]: order for order in self.orders}
        self.cases: list[Item] = self.table("aftersales")
        for case in self.cases:
            case["parts"] = json.loads(case["parts"])
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
    for order in books.orders:
        if order["state"] == "CLOSED" or (order["state"] == "REFUNDED" and order.get("refund_state")):
            continue  # all of it is the shop's again
        for line in order["sold"]["lines"]:
            held[line["sku_id"]] += line["quantity"] - order["progress"].get(line["sku_id"], {}).get("back", 0)
    for case in books.cases:
        held.update(_lost(case))
    first = {row["sku_id"]: row["available"] for row in map(plain, _first(books, "stock"))}
    for row in books.table("stock"):
        taken = first[row["sku_id"]] - row["available"]
        if row["available"] < 0:
            yield f"{row['sku_id']} has {row['available']} units"
        if taken != held[row["sku_id"]]:
            yield f"{row['sku_id']}: {taken} units are gone and orders hold {held[row['sku_id']]}"


def _lost(case: Item) -> dict[str, int]:
    """Pieces that a case took out of the shop for good: what came back and cannot be sold, and replacements."""
    went = {(event["was"], event["now"]) for event in map(json.loads, case["timeline"])}
    came = any(was == "RETURNED" and now != "REFUSED" for was, now in went if was != now)
    resent = any(now == "RESENT" for _, now in went)
    paid_back = any(now in ("REFUNDING", "DONE") and was in ("RETURNED", "RECEIVED") for was, now in went)
    # Until its money is paid back, what came of an exchange is still the shopper's in the order's books.
    sign = int(resent) - int(came and case["restock"]) + int(paid_back)
    return {part["claim"]["sku_id"]: sign * part["claim"]["pieces"] for part in case["parts"]}


def _first(books: Books, table: str) -> list[Any]:
    """The table as every life begins with it."""
    from tests.faults.engine import PREFIX

    held = books.world.stage.items[PREFIX + table]["items"]
    return [item for group in held.values() for item in group.values()]


def money(books: Books) -> Iterator[str]:
    """Each payment is kept by exactly one order, but for what it decided to return; or it has gone back as a whole."""
    back: Counter[str] = Counter()
    for refund in books.returned:
        if refund["status"] == "SUCCESS":
            back[refund["out_trade_no"]] += refund["amount"]["refund"]
        elif refund["status"] == "PROCESSING":
            yield f"refund {refund['out_refund_no']} is still under way at WeChat"
    taken = {trade["out_trade_no"]: trade for trade in books.trades if trade["trade_state"] in ("SUCCESS", "REFUND")}
    kept = {order["trade_no"]: order for order in books.orders if order.get("trade_no") and not _paid_back(order)}
    for number, trade in taken.items():
        owed = kept[number].get("refunded", 0) if number in kept else trade["amount"]["total"]
        if back[number] != owed:
            yield f"{number}: {back[number]} of {owed} fen went back, {'kept' if number in kept else 'not kept'}"
    for order in books.live:
        number = order.get("trade_no")
        if order["state"] != "AWAITING_PAYMENT" and order["payable"] and number not in taken:
            yield f"order {order['order_id']} is {order['state']} and nobody paid for it"
        if number in taken and taken[number]["amount"]["total"] != order["payable"]:
            yield f"order {order['order_id']} was paid with another amount"
    for order in books.orders:
        report = books.world.shop.payments.money.report(order["member_id"], order["order_id"])
        if report.difference or report.under_way or report.undecided:
            yield f"order {order['order_id']} does not add up: {report}"


def _paid_back(order: Item) -> bool:
    """Whether the shop itself gave all of the money back."""
    return order["state"] == "CLOSED" or order.get("refund_state") is not None


def payments_agree(books: Books) -> Iterator[str]:
    """What WeChat took and gave back is what the shop knows, number by number; nothing is left half-way."""
    theirs = {refund["out_refund_no"]: refund for refund in books.returned}
    ours = {refund["out_refund_no"]: refund for refund in books.refunds}
    for number in theirs.keys() - ours.keys():
        yield f"WeChat refunded {number}, of which the shop knows nothing"
    for number, refund in ours.items():
        if refund["state"] not in ("SUCCESS", "CLOSED"):
            yield f"refund {number} is {refund['state']}" + ("" if "due_at" in refund else " and nothing is due")
        elif number not in theirs or theirs[number]["status"] != refund["state"]:
            yield f"refund {number} is {refund['state']} here and another thing at WeChat"
    taken = {trade["out_trade_no"] for trade in books.trades if trade["trade_state"] in ("SUCCESS", "REFUND")}
    for payment in books.payments:
        number = payment["out_trade_no"]
        mine = [refund for refund in books.refunds if refund["out_trade_no"] == number]
        if (payment["state"] == "PAID") != (number in taken):
            yield f"payment {number} is {payment['state']} here and another thing at WeChat"
        if {refund["out_refund_no"] for refund in mine} != set(payment.get("refund_nos") or ()):
            yield f"payment {number} knows {payment.get('refund_nos')} as its refunds"
        counted = sum(refund["amount"] for refund in mine if refund["state"] != "CLOSED")
        if payment.get("refunding", 0) != counted:
            yield f"payment {number} counts {payment.get('refunding')} fen going back, {counted} do"


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
        if order["state"] == "REFUNDED" and order.get("refund_state") is None and not order["cases"]:
            yield f"{name} is refunded without a refund"


def timelines(books: Books) -> Iterator[str]:
    """Every change is told, each begins where the last one ended, and all are allowed."""
    told: list[tuple[str, Mapping[Any, Any], list[Item]]] = [
        ("order_id", TRANSITIONS, books.orders),
        ("out_trade_no", PAYMENT_TRANSITIONS, books.payments),
        ("out_refund_no", REFUND_TRANSITIONS, books.refunds),
        ("case_id", CASE_TRANSITIONS, books.cases),
    ]
    for key, allowed, rows in told:
        for row in rows:
            name, state = row[key], None
            for event in map(json.loads, row["timeline"]):
                was, now = event["was"], event["now"]
                if was != state:
                    yield f"{name}: {state} is followed by a change from {was}"
                if was is not None and was != now and now not in allowed[was]:
                    yield f"{name} went from {was} to {now}"
                state = now
            if state != row["state"]:
                yield f"{name} is {row['state']} and its timeline ends with {state}"


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
        ordered = row.get("row") == "launch" and row["state"] == "ORDERED"
        if ordered and books.by_id.get(row["order_id"], {}).get("state", "CLOSED") == "CLOSED":
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


def points(books: Books) -> Iterator[str]:
    """A balance is the sum of its entries and never below zero; what orders spent is spent, once, and no other."""
    rows = books.table("points")
    for row in rows:
        mine = [each for each in rows if each["member_id"] == row["member_id"] and each["entry"] != "#"]
        if row["entry"] == "#" and (row["balance"] < 0 or row["balance"] != sum(each["points"] for each in mine)):
            yield f"{row['member_id']} has {row['balance']} points, entries say {sum(each['points'] for each in mine)}"
    spent = {row["cause_id"]: -row["points"] for row in rows if row.get("kind") == "SPENT"}
    returned = {row["cause_id"]: row["points"] for row in rows if row.get("kind") == "RETURNED"}
    for order in books.orders:
        order_id, points = order["order_id"], order["sold"].get("points", 0)
        if spent.get(order_id, 0) != points:
            yield f"order {order_id} took {points} points, {spent.get(order_id, 0)} were spent"
        back = sum(returned.get(cause, 0) for cause in (order_id, *order["cases"]))
        if (back != points) if order["state"] in OVER else (back > points):
            yield f"{order['state']} order {order_id} gave back {back} of {points} points"


def cases(books: Books) -> Iterator[str]:
    """Each is open to its order until it is decided; what was decided has arrived, to the fen."""
    for case in books.cases:
        name, order = f"case {case['case_id']}", books.by_id[case["order_id"]]
        if order["cases"].get(case["case_id"]) is not (case["state"] in UNDECIDED):
            yield f"{name} is {case['state']}, its order says {order['cases'].get(case['case_id'])}"
        if case["state"] == "REFUNDING":
            yield f"{name} still waits for its money"
        mine = [refund for refund in books.refunds if refund.get("case_id") == case["case_id"]]
        arrived = sum(refund["amount"] for refund in mine if refund["state"] == "SUCCESS")
        if arrived != (case["amount"] if case["state"] == "DONE" and _paid(case) else 0):
            yield f"{name} is {case['state']} over {case['amount']} fen, {arrived} went back"
    for order in books.orders:
        mine = [case for case in books.cases if case["order_id"] == order["order_id"]]
        if {case["case_id"] for case in mine} != set(order["cases"]):
            yield f"order {order['order_id']} knows {order['cases']}"
        decided = sum(case["amount"] for case in mine if _paid(case))
        if order.get("refunded", 0) != decided:
            yield f"order {order['order_id']} returns {order.get('refunded')} fen, its cases decided {decided}"
        for line in order["sold"]["lines"]:
            done = order["progress"].get(line["sku_id"], {})
            if not 0 <= done.get("sent", 0) + done.get("withheld", 0) <= line["quantity"] or any(
                n < 0 for n in done.values()
            ):
                yield f"order {order['order_id']} has lost count of {line['sku_id']}: {done}"


def _paid(case: Item) -> bool:
    return any(json.loads(text)["now"] == "REFUNDING" for text in case["timeline"])


def shipping(books: Books) -> Iterator[str]:
    """Parcels hold what the orders say was sent; WeChat knows of each, whole orders as whole."""
    parcels = books.table("parcels")
    uploads = {upload["order_id"]: upload for upload in books.table("shipping_uploads")}
    trades = {trade.get("transaction_id"): trade["out_trade_no"] for trade in books.trades}
    known = {trades[doc["transaction_id"]]: doc for doc in books.world.uploads()}
    for order in books.orders:
        name, sent = f"order {order['order_id']}", Counter[str]()
        mine = [parcel for parcel in parcels if parcel["order_id"] == order["order_id"]]
        for parcel in mine:
            sent.update(json.loads(parcel["pieces"]))
        said = {sku_id: done["sent"] for sku_id, done in order["progress"].items() if done["sent"]}
        if dict(sent) != said:
            yield f"{name} says {order['progress']} of what was sent, its parcels hold {dict(sent)}"
        upload, told = uploads.get(order["order_id"]), known.get(order.get("trade_no") or "")
        if upload and upload["state"] != "DONE" and "due_at" not in upload:
            yield f"{name} is not told to WeChat and nothing is due"
        if not mine or not order.get("trade_no") or _paid_back(order) or order.get("refunded", 0):
            continue
        if upload is None or told is None:
            yield f"{name} was sent and WeChat was not told"
        elif upload["state"] == "DONE" and not told["finished"]:
            yield f"{name} is told as a whole, and WeChat waits for more"
        elif len(told["parcels"]) != len(mine):
            yield f"{name} has {len(mine)} parcels, WeChat knows {len(told['parcels'])}"


def pickups(books: Books) -> Iterator[str]:
    """A code is used by the one handing over of its order."""
    for code in books.table("pickup_codes"):
        order = books.by_id.get(code["order_id"], {})
        done = order.get("completed_at") is not None
        if done != (code.get("used_at") is not None):
            yield f"the code of {code['order_id']} is {'used' if code.get('used_at') else 'unused'}: {order['state']}"


def at_any_moment(books: Books) -> Iterator[str]:
    """Nothing was ever sold, seated, spent or returned beyond what there was, not for a moment."""
    yield from sorted(books.world.overdrawn)


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
    units, money, payments_agree, orders_rest, timelines, coupons, teams, bargains, points, cases, shipping, pickups,
    sales, at_any_moment, keys, messages, somebody_comes,
)  # fmt: skip
