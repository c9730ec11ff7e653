"""A small account of a shop: what each step must bring about, in whole numbers, without any of the shop's own code.

Steps of people are told beforehand: the code of the refusal, or None. What the shop does by itself, when it likes, is
checked afterwards: `explains` says whether it may, and books what follows from it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

PRICES = {"tea-01": 5000, "cup-01": 3000, "cup-02": 6000}
STOCK = {"tea-01": 7, "cup-01": 6, "cup-02": 3}
TEAM_PRICE, TEAM_SIZE, TEAM_HOURS = 3900, 2, 24
BARGAIN_PRICE = 900
COUPON, COUPON_FROM = 500, 5000
POINTS_AT_FIRST, MOST_PERCENT = 3000, 50
FIRST_PIECE, NEXT_PIECE, FREE_FROM = 600, 100, 9900
PAY_WITHIN = timedelta(minutes=15)
NONE = timedelta(0)
RECEIVE, EXTENSION, AFTERSALE = timedelta(days=10), timedelta(days=5), timedelta(days=15)
DECIDE, SEND_BACK, CHECK, ARRIVE = timedelta(hours=72), timedelta(days=7), timedelta(days=7), timedelta(days=10)
MOST_IN_VAIN = 3
OPEN = frozenset({"APPLIED", "AGREED", "RETURNED", "RECEIVED", "RESENT"})
IN_VAIN = frozenset({"REJECTED", "REFUSED", "CANCELLED"})
SHOPS_FAULT = frozenset({"QUALITY"})


@dataclass
class Trade:
    """One attempt to pay, as WeChat has it. `heard`: the shop knows that it was paid."""

    number: str
    amount: int
    way: str
    handle: str
    state: str = "NOTPAY"
    heard: bool = False


@dataclass
class Line:
    """`goods` and `freight` in fen, `points` spent on it."""

    pieces: int
    goods: int
    freight: int
    points: int = 0
    sent: int = 0
    back: int = 0


@dataclass
class Claim:
    pieces: int
    goods: int
    freight: int
    points: int


@dataclass
class Case:
    case_id: str
    kind: str
    claims: dict[str, Claim]
    sent: bool
    amount: int
    state: str
    since: datetime
    history: set[tuple[str, str]] = field(default_factory=set)

    @property
    def holds(self) -> bool:
        """Whether its pieces and their money are its own: not once it came to nothing, or the goods were exchanged."""
        return self.state not in IN_VAIN and not (self.state == "DONE" and self.kind == "EXCHANGE")


@dataclass
class Order:
    """`decided`: fen of after-sale cases; `returned_whole`: the shop itself gave everything back."""

    order_id: str
    member: str
    lines: dict[str, Line]
    payable: int
    expires_at: datetime
    key: str
    wish: dict[str, Any]
    state: str = "AWAITING_PAYMENT"
    coupon: str | None = None
    points: int = 0
    team: str | None = None
    activity: str | None = None
    pickup: bool = False
    held: bool = False
    late: bool = False
    trades: list[Trade] = field(default_factory=list)
    trade_no: str | None = None
    decided: int = 0
    returning: int = 0
    returned_whole: bool = False
    receive_by: datetime | None = None
    extended: bool = False
    completed_at: datetime | None = None
    finished: bool = False
    cases: dict[str, Case] = field(default_factory=dict)

    @property
    def received(self) -> int:
        return sum(trade.amount for trade in self.trades if trade.heard)

    @property
    def live(self) -> bool:
        return self.state not in ("CLOSED", "REFUNDED")

    @property
    def open_cases(self) -> list[Case]:
        return [case for case in self.cases.values() if case.state in OPEN]

    def claimed(self, sku_id: str, sent: bool | None = None) -> int:
        claims = [c.claims[sku_id] for c in self.cases.values()
                  if c.holds and sku_id in c.claims and sent in (None, c.sent)]  # fmt: skip
        return sum(claim.pieces for claim in claims)

    def claimable(self, sku_id: str, sent: bool) -> int:
        line = self.lines[sku_id]
        return line.sent - self.claimed(sku_id, True) if sent else self.to_send(sku_id)

    def to_send(self, sku_id: str) -> int:
        return self.lines[sku_id].pieces - self.lines[sku_id].sent - self.claimed(sku_id, False)

    def share(self, sku_id: str, pieces: int) -> Claim:
        """What is left of the line's money, by the pieces that are left."""
        line, held = self.lines[sku_id], Claim(0, 0, 0, 0)
        for case in self.cases.values():
            if case.holds and sku_id in case.claims:
                claim = case.claims[sku_id]
                held = Claim(held.pieces + claim.pieces, held.goods + claim.goods, held.freight + claim.freight,
                             held.points + claim.points)  # fmt: skip
        left = line.pieces - held.pieces
        parts = (line.goods - held.goods, line.freight - held.freight, line.points - held.points)
        return Claim(pieces, *(part * pieces // left for part in parts))


class Wrong(AssertionError):
    """The shop did what the model does not allow."""


class Model:
    """What is in the shop. `coupons` maps each coupon to the order that uses it; `counted` are orders whose payment
    their team knows of.
    """

    def __init__(self, coupons: dict[str, list[str]], members: list[str]) -> None:
        self.stock = dict(STOCK)
        self.orders: dict[str, Order] = {}
        self.owned = coupons
        self.coupons: dict[str, str | None] = {coupon: None for mine in coupons.values() for coupon in mine}
        self.points = dict.fromkeys(members, POINTS_AT_FIRST)

    # -- placing -----------------------------------------------------------------------------------------------------

    def price(self, wish: dict[str, Any], member: str) -> tuple[int, int]:
        """(payable, points used)."""
        payable, goods = self._payable(wish)
        most = 0 if wish.get("campaign") else min(goods * MOST_PERCENT // 100, payable - 1)
        used = min(wish.get("points", 0), self.points[member], most)
        return payable - used, used

    def _payable(self, wish: dict[str, Any]) -> tuple[int, int]:
        """Before points; and the goods' part of it."""
        pieces = {line["sku_id"]: line["quantity"] for line in wish["lines"]}
        special = {"groupbuy": TEAM_PRICE, "bargain": BARGAIN_PRICE}.get((wish.get("campaign") or {}).get("kind", ""))
        goods = sum((special or PRICES[sku_id]) * n for sku_id, n in pieces.items())
        goods -= COUPON if wish.get("coupon_id") else 0
        freight = FIRST_PIECE + NEXT_PIECE * (sum(pieces.values()) - 1)
        if goods >= FREE_FROM or wish.get("pickup_point_id"):
            freight = 0
        return goods + freight, goods

    def refuses(self, wish: dict[str, Any]) -> set[str]:
        """Codes, any of which is right; empty if it must be placed. Campaigns are judged by `Teams` and the caller."""
        codes = set()
        pieces = {line["sku_id"]: line["quantity"] for line in wish["lines"]}
        if any(self.stock[sku_id] < n for sku_id, n in pieces.items()):
            codes.add("SOLD_OUT")
        if coupon := wish.get("coupon_id"):
            goods = sum(PRICES[sku_id] * n for sku_id, n in pieces.items())
            dearer = self._payable(wish) >= self._payable(wish | {"coupon_id": None})  # it may cost the free freight
            if self.coupons[coupon] is not None or goods < COUPON_FROM or dearer:
                codes.add("COUPON_NOT_USABLE")
        return codes

    def placed(self, order: Order) -> None:
        self.orders[order.order_id] = order
        for sku_id, line in order.lines.items():
            self.stock[sku_id] -= line.pieces
        if order.coupon:
            self.coupons[order.coupon] = order.order_id
        self.points[order.member] -= order.points

    # -- money -------------------------------------------------------------------------------------------------------

    def hear(self, order: Order, trade: Trade) -> None:
        """The shop learns that a trade was paid."""
        if trade.heard:
            return
        trade.heard = True
        if order.state == "AWAITING_PAYMENT":
            order.state, order.held, order.trade_no = "PAID", order.activity == "pair", trade.number
        elif order.state == "CLOSED" and order.trade_no is None:
            order.late, order.trade_no = True, trade.number
        else:  # paid twice: this one goes back
            order.returning += trade.amount

    def close(self, order: Order) -> None:
        order.state = "CLOSED"
        if order.trades:
            order.trades[-1].state = "CLOSED"
        self._give_back(order)

    def cancel(self, order: Order) -> set[str]:
        if order.state == "CLOSED":
            return set()
        if order.state != "AWAITING_PAYMENT":
            return {"ORDER_ALREADY_PAID"}
        if order.trades and order.trades[-1].state == "SUCCESS":
            self.hear(order, order.trades[-1])
            return {"ORDER_ALREADY_PAID"}
        self.close(order)
        return set()

    def pays_back(self, order: Order) -> None:
        """All of the order's money, by the shop itself."""
        whole = order.state != "CLOSED"
        order.returning += order.payable
        order.late = order.held = False
        order.returned_whole = True
        if whole:
            order.state = "REFUNDED"
            self._give_back(order)

    def _give_back(self, order: Order) -> None:
        for sku_id, line in order.lines.items():
            self.stock[sku_id] += line.pieces
        self._let_go(order)

    def _let_go(self, order: Order) -> None:
        if order.coupon:
            self.coupons[order.coupon] = None
        taken = sum(claim.points for case in order.cases.values() if case.holds for claim in case.claims.values())
        self.points[order.member] += order.points - taken

    # -- goods -------------------------------------------------------------------------------------------------------

    def ship(self, order: Order, pieces: dict[str, int], now: datetime) -> set[str]:
        """All that is to be sent, or these pieces."""
        if order.state != "PAID":
            return {"ORDER_STATE_REFUSED"}
        if order.held:
            return {"ORDER_HELD"}
        if order.pickup:
            return {"FETCHED_BY_SHOPPER"}
        all_of_it = {sku_id: n for sku_id in order.lines if (n := order.to_send(sku_id))}
        pieces = pieces or all_of_it
        if not pieces:
            return {"NOTHING_TO_SEND"}
        if any(n > all_of_it.get(sku_id, 0) for sku_id, n in pieces.items()):
            return {"TOO_MANY_SENT"}
        for sku_id, n in pieces.items():
            order.lines[sku_id].sent += n
        self._moves_on(order, now)
        return set()

    def hand_over(self, order: Order, now: datetime) -> set[str]:
        if order.completed_at:
            return {"PICKUP_CODE_USED"}
        if order.state != "PAID":
            return {"ORDER_STATE_REFUSED"}
        if order.held:
            return {"ORDER_HELD"}
        if order.open_cases:
            return {"CASE_OPEN"}
        for line_sku in order.lines:
            order.lines[line_sku].sent += order.to_send(line_sku)
        order.state, order.completed_at = "COMPLETED", now
        return set()

    def confirm(self, order: Order, now: datetime) -> set[str]:
        if order.state == "SHIPPED":
            order.state, order.completed_at = "COMPLETED", now
        return set() if order.state == "COMPLETED" else {"ORDER_STATE_REFUSED"}

    def extend(self, order: Order) -> set[str]:
        if order.state != "SHIPPED" or order.receive_by is None:
            return {"ORDER_STATE_REFUSED"}
        if order.extended:
            return {"RECEIPT_EXTENDED"}
        order.extended, order.receive_by = True, order.receive_by + EXTENSION
        return set()

    def _moves_on(self, order: Order, now: datetime) -> None:
        """The state that follows from pieces and money."""
        every = order.lines.values()
        if order.decided == order.payable or all(line.back == line.pieces for line in every):
            order.state, order.held = "REFUNDED", False
            self._let_go(order)
        elif order.state == "PAID" and any(line.sent for line in every):
            waits = any(not case.sent for case in order.open_cases)
            if not waits and not any(order.to_send(sku_id) for sku_id in order.lines):
                order.state, order.receive_by = "SHIPPED", now + RECEIVE

    # -- after-sales -------------------------------------------------------------------------------------------------

    def refuses_case(self, order: Order, kind: str, sent: bool, pieces: dict[str, int], now: datetime) -> set[str]:
        """Codes, any of which is right; empty if the case must be opened."""
        if order.held:
            return {"ORDER_HELD"}
        if order.state not in ("PAID", "SHIPPED", "COMPLETED"):
            return {"AFTERSALE_NOT_POSSIBLE"}
        if order.finished or (order.completed_at and now >= order.completed_at + AFTERSALE):
            return {"AFTERSALE_OVER"}
        codes = set()
        if not sent and kind != "REFUND":
            codes.add("AFTERSALE_NOT_POSSIBLE")
        if any(n > order.claimable(sku_id, sent) for sku_id, n in pieces.items()):
            codes.add("NOT_CLAIMABLE")
        vain = Counter(s for case in order.cases.values() if case.state in IN_VAIN for s in case.claims)
        if any(vain[sku_id] >= MOST_IN_VAIN for sku_id in pieces):
            codes.add("TOO_MANY_CASES")
        return codes

    def apply(self, order: Order, case: Case) -> None:
        order.cases[case.case_id] = case

    def amount(self, claims: dict[str, Claim], reason: str, sent: bool) -> int:
        freight = not sent or reason in SHOPS_FAULT
        return sum(claim.goods + (claim.freight if freight else 0) for claim in claims.values())

    def step(self, order: Order, case: Case, step: str, now: datetime, restock: bool = False) -> set[str]:
        """One step of a case. A repetition of the step that was made changes nothing."""
        begins, ends = STEPS[step]
        if case.state not in begins:
            made = any((was, ends(case)) in case.history for was in begins)
            return set() if made else {"AFTERSALE_STATE_REFUSED"}
        if step == "resend":
            if any(self.stock[sku_id] < claim.pieces for sku_id, claim in case.claims.items()):
                return {"SOLD_OUT"}
            for sku_id, claim in case.claims.items():
                self.stock[sku_id] -= claim.pieces
        was, case.state, case.since = case.state, ends(case), now
        case.history.add((was, case.state))
        if restock:
            self._restock(case)
        if case.state == "REFUNDING":
            self._pay(order, case, was, now)
        elif case.state not in OPEN:
            self._moves_on(order, now)
        return set()

    def _restock(self, case: Case) -> None:
        for sku_id, claim in case.claims.items():
            self.stock[sku_id] += claim.pieces

    def _pay(self, order: Order, case: Case, was: str, now: datetime) -> None:
        before = order.state
        order.decided += case.amount
        order.returning += case.amount
        if not case.sent:
            self._restock(case)
        for sku_id, claim in case.claims.items():
            self.points[order.member] += claim.points
            if not case.sent or was in ("RETURNED", "RECEIVED"):
                order.lines[sku_id].back += claim.pieces
        if before != "REFUNDED":
            self._moves_on(order, now)

    # -- what the shop does by itself --------------------------------------------------------------------------------

    def explains(self, order: Order, seen: dict[str, Any], now: datetime, team: Any) -> bool:
        """Whether the shop may have done a step by itself that leads to what is seen; it is booked then."""
        if told := [trade for trade in order.trades if trade.number in seen["heard"] and not trade.heard]:
            if told[0].state != "SUCCESS":
                raise Wrong(f"{told[0].number} counts as paid, and nobody paid")
            self.hear(order, told[0])
        elif order.state == "AWAITING_PAYMENT" and seen["state"] == "CLOSED" and now >= order.expires_at:
            if order.trades and order.trades[-1].state == "SUCCESS":
                raise Wrong(f"{order.order_id} was closed over money")
            self.close(order)
        elif order.late and not seen["late"]:
            self._decides(order, seen)
        elif order.held and not seen["held"]:
            if seen["state"] == "PAID" and team.state == "FORMED":
                order.held = False
            elif seen["state"] == "REFUNDED" and self.over(order, team):
                self.pays_back(order)
            else:
                return False
        elif order.held and seen["group"] != order.team and self.over(order, team):
            order.team = seen["group"]  # its team ended before the payment was counted: another place
        elif order.state == "SHIPPED" and seen["state"] == "COMPLETED":
            # WeChat's own time is not longer because the shop's is, and does not wait for cases.
            wechats = seen["confirmed_by"] == "WECHAT"
            if order.receive_by is None or now < order.receive_by - (EXTENSION if order.extended and wechats else NONE):
                return False
            if order.open_cases and not wechats:
                return False
            order.state, order.completed_at = "COMPLETED", now
        elif order.state == "COMPLETED" and seen["finished"] and not order.finished and order.completed_at:
            if now < order.completed_at + AFTERSALE or order.open_cases:
                return False
            order.finished = True
            self.points[order.member] += (order.payable - order.decided) // 100
        else:
            return any(self._explains_case(order, case, seen["cases"], now) for case in order.cases.values())
        return True

    def _decides(self, order: Order, seen: dict[str, Any]) -> None:
        """A late payment: another place in a campaign, or the money goes back."""
        if order.activity and seen["state"] != "CLOSED":
            order.state, order.late, order.team = "PAID", False, seen["group"]
            order.held = order.activity == "pair"
            for sku_id, line in order.lines.items():
                self.stock[sku_id] -= line.pieces
        else:
            self.pays_back(order)

    def over(self, order: Order, team: Any) -> bool:
        return bool(team is None or team.state == "FAILED")

    def _explains_case(self, order: Order, case: Case, seen: dict[str, str], now: datetime) -> bool:
        """Nobody did anything for too long; or the money arrived."""
        if case.state == seen[case.case_id]:
            return False
        if case.state == "REFUNDING" and seen[case.case_id] == "DONE":
            case.state = "DONE"
            return True
        step, within = BY_TIME.get(case.state, ("", timedelta.max))
        if not step or now < case.since + within:
            return False
        return not self.step(order, case, step, now)


def _agreed(case: Case) -> str:
    return "REFUNDING" if case.kind == "REFUND" else "AGREED"


def _taken(case: Case) -> str:
    return "RECEIVED" if case.kind == "EXCHANGE" else "REFUNDING"


STEPS: dict[str, tuple[frozenset[str], Any]] = {
    "agree": (frozenset({"APPLIED"}), _agreed),
    "reject": (frozenset({"APPLIED"}), lambda case: "REJECTED"),
    "cancel": (frozenset({"APPLIED", "AGREED"}), lambda case: "CANCELLED"),
    "return": (frozenset({"AGREED"}), lambda case: "RETURNED"),
    "receive": (frozenset({"RETURNED"}), _taken),
    "refuse": (frozenset({"RETURNED"}), lambda case: "REFUSED"),
    "resend": (frozenset({"RECEIVED"}), lambda case: "RESENT"),
    "refund": (frozenset({"RECEIVED"}), lambda case: "REFUNDING"),
    "received": (frozenset({"RESENT"}), lambda case: "DONE"),
}
BY_TIME = {
    "APPLIED": ("agree", DECIDE),
    "AGREED": ("cancel", SEND_BACK),
    "RETURNED": ("receive", CHECK),
    "RESENT": ("received", ARRIVE),
}
