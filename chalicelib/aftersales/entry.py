"""What may be applied for: which reasons fit, whose fault they are, until when, and for how much. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from ..kernel.clock import SHANGHAI
from ..kernel.errors import Invalid, ShopError
from ..orders.progress import Claim, claimable, line_of, most
from ..orders.rules import Order, OrderHeld, OrderLine, OrderState, Periods, aftersale_until
from .rules import (
    IN_VAIN,
    AftersaleNotPossible,
    AftersaleOver,
    AmountRefused,
    Case,
    Kind,
    NoReasonOver,
    Part,
    Reason,
    ReasonNotFitting,
    TooManyCases,
)

MOST_CASES = 50
"""WeChat Pay refunds one payment fifty times at most."""
MOST_IN_VAIN = 3

TEXTS: Mapping[Reason, str] = {
    Reason.QUALITY: "质量问题",
    Reason.WRONG_GOODS: "商家发错货",
    Reason.MISSING: "少件或漏发",
    Reason.DAMAGED: "运输中破损",
    Reason.NOT_AS_DESCRIBED: "与描述不符",
    Reason.LATE: "未按时送达",
    Reason.CANNOT_DELIVER: "商家无法发货",
    Reason.NO_REASON: "七天无理由退货",
    Reason.CHANGED_MIND: "不想要了",
    Reason.WRONG_ORDER: "拍错或多拍",
    Reason.NEGOTIATED: "与商家协商一致",
}
SHOPS_FAULT = frozenset(
    {
        Reason.QUALITY, Reason.WRONG_GOODS, Reason.MISSING, Reason.DAMAGED, Reason.NOT_AS_DESCRIBED, Reason.LATE,
        Reason.CANNOT_DELIVER,
    }
)  # fmt: skip
FOR_THE_SHOP_TO_SAY = frozenset({Reason.CANNOT_DELIVER})

_GOODS = (Reason.QUALITY, Reason.WRONG_GOODS, Reason.DAMAGED, Reason.NOT_AS_DESCRIBED)
FITTING: Mapping[tuple[Kind, bool], tuple[Reason, ...]] = {
    (Kind.REFUND, False): (Reason.CHANGED_MIND, Reason.WRONG_ORDER, Reason.LATE, Reason.CANNOT_DELIVER),
    (Kind.REFUND, True): (Reason.MISSING, *_GOODS, Reason.LATE, Reason.NEGOTIATED),
    (Kind.RETURN, True): (
        Reason.NO_REASON, *_GOODS, Reason.LATE, Reason.CHANGED_MIND, Reason.WRONG_ORDER, Reason.NEGOTIATED,
    ),
    (Kind.EXCHANGE, True): (*_GOODS, Reason.WRONG_ORDER, Reason.NEGOTIATED),
}  # fmt: skip
"""Reasons by kind and by whether the pieces were sent; what stands nowhere here cannot be had."""


@dataclass(frozen=True)
class Wanted:
    """`lines` are (sku_id, pieces). `amount` in fen, if less than the most is asked for."""

    kind: Kind
    reason: Reason
    lines: tuple[tuple[str, int], ...]
    sent: bool = False
    amount: int | None = None
    description: str = ""
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Option:
    """What can be applied for with one line: up to `pieces`, and the fen for all of them by reason."""

    kind: Kind
    sent: bool
    pieces: int
    most: Mapping[Reason, int]


def must_be_open(order: Order, now: datetime, periods: Periods) -> None:
    """Raises OrderHeld, AftersaleNotPossible, AftersaleOver."""
    if order.held:
        raise OrderHeld
    if order.state not in (OrderState.PAID, OrderState.SHIPPED, OrderState.COMPLETED):
        raise AftersaleNotPossible(state=order.state)
    if order.campaign and order.effects_due:
        # Its group has not said yet whether there is a place for it; without one, all of the money goes back.
        raise AftersaleNotPossible(state=order.state)
    until = aftersale_until(order, order.completed_at, periods) if order.completed_at else None
    if order.finished or (until and now >= until):
        raise AftersaleOver(until=until.isoformat() if until else None)


def parts_of(order: Order, wanted: Wanted, now: datetime) -> tuple[Part, ...]:
    """What is claimed. Raises NotClaimable, AftersaleNotPossible, ReasonNotFitting, NoReasonOver, Invalid."""
    reasons = FITTING.get((wanted.kind, wanted.sent))
    if reasons is None:
        raise AftersaleNotPossible(state=order.state)
    if wanted.reason not in reasons:
        raise ReasonNotFitting(reasons=[reason for reason in reasons if reason not in FOR_THE_SHOP_TO_SAY])
    if len({sku_id for sku_id, _ in wanted.lines}) != len(wanted.lines):
        raise Invalid(field="lines", problem="a SKU stands there twice")
    parts = []
    for sku_id, pieces in wanted.lines:
        claim, line = most(order, sku_id, pieces, sent=wanted.sent), line_of(order, sku_id)
        assert line is not None
        if wanted.reason is Reason.NO_REASON and not without_reason(order, line, now):
            raise NoReasonOver(sku_id=sku_id, days=line.no_reason_days)
        parts.append(Part(claim, line.title, line.image, line.spec))
    return tuple(parts)


def without_reason(order: Order, line: OrderLine, now: datetime) -> bool:
    """Whether the goods may go back without a reason now."""
    until = no_reason_until(order, line)
    return line.no_reason_days > 0 and (until is None or now < until)


def no_reason_until(order: Order, line: OrderLine) -> datetime | None:
    """The end of the time for it; None before receipt, when it has not begun.

    The days are counted from the day after receipt, in Beijing (SAIC rules on seven-day no-reason returns, 2017).
    """
    if order.completed_at is None:
        return None
    last = order.completed_at.astimezone(SHANGHAI).date() + timedelta(days=line.no_reason_days + 1)
    return datetime.combine(last, time(), SHANGHAI)


def most_fen(claims: Sequence[Claim], reason: Reason) -> int:
    """The most that may be asked for. The freight to the shopper goes back if nothing was sent, or if it is the shop's
    fault; the way back is the shopper's own where it is not (Consumer Law, Art. 25).
    """
    freight = reason in SHOPS_FAULT or not all(claim.sent for claim in claims)
    return sum(claim.goods + (claim.freight if freight else 0) for claim in claims)


def amount_of(wanted: Wanted, claims: Sequence[Claim]) -> int:
    """In fen. Less may be asked for goods that were sent. Raises AmountRefused."""
    limit = most_fen(claims, wanted.reason)
    if wanted.amount is None:
        return limit
    least = min(1, limit) if wanted.sent and wanted.kind is not Kind.EXCHANGE else limit
    if not least <= wanted.amount <= limit:
        raise AmountRefused(least=least, most=limit)
    return wanted.amount


def must_not_be_too_many(wanted: Wanted, before: Sequence[Case]) -> None:
    """Raises TooManyCases. `before` are all cases of the order."""
    for sku_id, _ in wanted.lines:
        if sum(case.state in IN_VAIN and sku_id in case.pieces for case in before) >= MOST_IN_VAIN:
            raise TooManyCases(limit=MOST_IN_VAIN)


def options(order: Order, line: OrderLine, now: datetime) -> list[Option]:
    """What can be applied for with a line of an order that is open for it."""
    found = []
    for (kind, sent), fitting in FITTING.items():
        pieces = claimable(order, line.sku_id, sent=sent)
        if pieces < 1:
            continue
        claim = most(order, line.sku_id, pieces, sent=sent)
        reasons = [
            reason
            for reason in fitting
            if reason not in FOR_THE_SHOP_TO_SAY
            and (reason is not Reason.NO_REASON or without_reason(order, line, now))
        ]
        found.append(Option(kind, sent, pieces, {reason: most_fen([claim], reason) for reason in reasons}))
    return found


def refusal(order: Order, now: datetime, periods: Periods) -> str | None:
    """The code of why nothing can be applied for; None if something can."""
    try:
        must_be_open(order, now, periods)
    except ShopError as error:
        return error.code
    return None
