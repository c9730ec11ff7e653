"""Money and points, to the fen and to the point."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from tests.faults.invariants.books import OVER, Books, Item, paid_back

UNDECIDED = frozenset({"APPLIED", "AGREED", "RETURNED", "RECEIVED", "RESENT"})


def money(books: Books) -> Iterator[str]:
    """Each payment is kept by exactly one order, but for what it decided to return; or it has gone back as a whole."""
    back: Counter[str] = Counter()
    for refund in books.returned:
        if refund["status"] == "SUCCESS":
            back[refund["out_trade_no"]] += refund["amount"]["refund"]
        elif refund["status"] == "PROCESSING":
            yield f"refund {refund['out_refund_no']} is still under way at WeChat"
    taken = {trade["out_trade_no"]: trade for trade in books.trades if trade["trade_state"] in ("SUCCESS", "REFUND")}
    kept = {order["trade_no"]: order for order in books.orders if order.get("trade_no") and not paid_back(order)}
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
