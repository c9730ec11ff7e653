"""How far each line of an order has come: what was sent, what is disputed, what can still go back. Pure.

After-sale cases claim pieces of a line, and with them their share of its money; no piece and no fen is claimed twice,
whatever is claimed, withdrawn and claimed again. Shares are cut from what is left, so the last piece takes the rest
exactly.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..kernel.errors import Refused
from ..kernel.money import share
from ..kernel.trail import Actor
from .rules import Order, OrderLine, OrderState, Periods, Progress, moved

NONE = Progress()


class NotClaimable(Refused):
    """More pieces than are left; `details`: sku_id, left (pieces)."""

    code = "NOT_CLAIMABLE"
    message = "可申请售后的数量不足"


class TooManySent(Refused):
    """More pieces than are to be sent; `details`: sku_id, left (pieces)."""

    code = "TOO_MANY_SENT"
    message = "发货数量超过待发数量"


@dataclass(frozen=True)
class Claim:
    """Pieces of one line in an after-sale case, with the most that can be returned for them. `sent`: they were sent
    before the case began.
    """

    sku_id: str
    pieces: int
    sent: bool
    goods: int
    freight: int
    points: int


def progress_of(order: Order, sku_id: str) -> Progress:
    return order.progress.get(sku_id, NONE)


def line_of(order: Order, sku_id: str) -> OrderLine | None:
    return next((line for line in order.lines if line.sku_id == sku_id), None)


def claimable(order: Order, sku_id: str, *, sent: bool) -> int:
    """Pieces that a new case may take, of those sent or of those not sent yet."""
    line, done = line_of(order, sku_id), progress_of(order, sku_id)
    if line is None:
        return 0
    return done.sent - done.disputed if sent else line.quantity - done.sent - done.withheld


def most(order: Order, sku_id: str, pieces: int, *, sent: bool) -> Claim:
    """The most that can go back for these pieces. Raises NotClaimable."""
    line, left = line_of(order, sku_id), claimable(order, sku_id, sent=sent)
    if line is None or not 1 <= pieces <= left:
        raise NotClaimable(sku_id=sku_id, left=left)
    done = progress_of(order, sku_id)
    unclaimed = line.quantity - done.withheld - done.disputed
    goods = line.payable - line.freight - done.goods
    points = _points(order)[sku_id] - done.points
    parts = [fen * pieces // unclaimed for fen in (goods, line.freight - done.freight, points)]
    return Claim(sku_id, pieces, sent, *parts)


def with_claim(order: Order, claim: Claim) -> Mapping[str, Progress]:
    return _claimed(order, claim, 1)


def without_claim(order: Order, claim: Claim) -> Mapping[str, Progress]:
    """A case that came to nothing, or an exchange that is done: its pieces are the shopper's as before."""
    return _claimed(order, claim, -1)


def with_back(order: Order, claim: Claim) -> Mapping[str, Progress]:
    """The pieces of a case are the shop's again: they were returned, or never sent."""
    done = progress_of(order, claim.sku_id)
    return {**order.progress, claim.sku_id: replace(done, back=done.back + claim.pieces)}


def to_send(order: Order) -> dict[str, int]:
    """Pieces by SKU that are paid for, not withheld by a case, and not sent yet."""
    left = {line.sku_id: claimable(order, line.sku_id, sent=False) for line in order.lines}
    return {sku_id: pieces for sku_id, pieces in left.items() if pieces > 0}


def with_sent(order: Order, pieces: Mapping[str, int]) -> Mapping[str, Progress]:
    """Raises TooManySent."""
    left = to_send(order)
    after = dict(order.progress)
    for sku_id, n in pieces.items():
        if not 1 <= n <= left.get(sku_id, 0):
            raise TooManySent(sku_id=sku_id, left=left.get(sku_id, 0))
        done = progress_of(order, sku_id)
        after[sku_id] = replace(done, sent=done.sent + n)
    return after


def state_after(order: Order) -> OrderState:
    """The state that an order's progress calls for.

    All of it came back, goods or money: REFUNDED. Not for the money alone while goods that were sent are in no case or
    in an undecided one: the coupon that paid for them would be given back too. A PAID order of which everything left
    was sent, with no case open about the rest: SHIPPED.
    """
    done = [progress_of(order, line.sku_id) for line in order.lines]
    sent, undecided = any(each.sent for each in done), any(order.cases.values())
    kept = (sent and undecided) or any(each.sent > each.disputed for each in done)
    paid_back = order.payable > 0 and order.refunded == order.payable and not kept
    if paid_back or all(each.back == line.quantity for each, line in zip(done, order.lines, strict=True)):
        return OrderState.REFUNDED
    withheld = undecided and any(each.withheld > 0 for each in done)
    if order.state is OrderState.PAID and sent and not to_send(order) and not withheld:
        return OrderState.SHIPPED
    return order.state


def advanced(
    order: Order, now: datetime, by: Actor, why: str, periods: Periods, *, who: str = "", **changes: Any
) -> Order:
    """The order after changes of its progress, in the state that they call for, with the entry in its timeline."""
    to = state_after(replace(order, **changes))
    if order.state is OrderState.PAID and to is OrderState.SHIPPED:
        changes |= {"shipped_at": now, "receive_by": now + periods.receive}
    if to is OrderState.REFUNDED:
        changes |= {"held": False, "effects_due": False}
    return moved(order, now, by, why, to=to, who=who, **changes)


def _claimed(order: Order, claim: Claim, sign: int) -> Mapping[str, Progress]:
    done = progress_of(order, claim.sku_id)
    after = replace(
        done,
        withheld=done.withheld + (0 if claim.sent else sign * claim.pieces),
        disputed=done.disputed + (sign * claim.pieces if claim.sent else 0),
        goods=done.goods + sign * claim.goods,
        freight=done.freight + sign * claim.freight,
        points=done.points + sign * claim.points,
    )
    return {**order.progress, claim.sku_id: after}


def _points(order: Order) -> dict[str, int]:
    """The points spent, shared over the lines like the money that they took off."""
    off = next((adjustment.lines for adjustment in order.adjustments if adjustment.kind == "POINTS"), {})
    weights = [off.get(line.sku_id, 0) for line in order.lines]
    shares = share(order.points, weights) if order.points and sum(weights) else [0] * len(weights)
    return {line.sku_id: points for line, points in zip(order.lines, shares, strict=True)}
