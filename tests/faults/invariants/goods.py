"""Units, coupons, parcels: what is handed out is handed out once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from tests.faults.invariants.books import Books, Item, paid_back


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
    for sku_id, rows in _stocked(books).items():
        taken = books.world.stage.stock[sku_id] - sum(row["available"] for row in rows)
        if any(row["available"] < 0 for row in rows):
            yield f"{sku_id} has {[row['available'] for row in rows]} units"
        if taken != held[sku_id]:
            yield f"{sku_id}: {taken} units are gone and orders hold {held[sku_id]}"


def counters(books: Books) -> Iterator[str]:
    """What a head says of its counters is so: nobody looks elsewhere for units."""
    for sku_id, (head, *others) in _stocked(books).items():
        filled = sorted(row["counter"] for row in others if row["available"])
        if filled and (head.get("drained") or filled[-1] > head.get("counters", 0)):
            yield f"{sku_id} has units in the counters {filled} and says {head}"


def _stocked(books: Books) -> dict[str, list[Item]]:
    """The rows of each SKU, its head first."""
    found: dict[str, list[Item]] = {}
    for row in sorted(books.table("stock"), key=lambda row: row["counter"]):
        found.setdefault(row["sku_id"].partition("#")[0], []).append(row)
    return found


def _lost(case: Item) -> dict[str, int]:
    """Pieces that a case took out of the shop for good: what came back and cannot be sold, and replacements."""
    went = {(event["was"], event["now"]) for event in map(json.loads, case["timeline"])}
    came = any(was == "RETURNED" and now != "REFUSED" for was, now in went if was != now)
    resent = any(now == "RESENT" for _, now in went)
    paid_back = any(now in ("REFUNDING", "DONE") and was in ("RETURNED", "RECEIVED") for was, now in went)
    # Until its money is paid back, what came of an exchange is still the shopper's in the order's books.
    sign = int(resent) - int(came and case["restock"]) + int(paid_back)
    return {part["claim"]["sku_id"]: sign * part["claim"]["pieces"] for part in case["parts"]}


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


def sales(books: Books) -> Iterator[str]:
    """What shoppers read of a product's sales: never more than was sold."""
    sold: Counter[str] = Counter()
    for order in books.orders:
        for line in order["sold"]["lines"] if order.get("paid_at") else ():
            sold[line["product_id"]] += line["quantity"]
    counted: Counter[str] = Counter()
    for row in books.table("catalog"):
        counted[row["pk"]] += row.get("sales", 0)
    for product_id, count in counted.items():
        if count > sold[product_id]:
            yield f"{product_id} boasts of {count} sold, {sold[product_id]} were"


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
        if not mine or not order.get("trade_no") or paid_back(order) or order.get("refunded", 0):
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
