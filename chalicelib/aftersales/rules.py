"""What an after-sale case is, which ways it can go, how long each step may take, and why it may be refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..kernel.errors import Conflict, NotFound, Refused
from ..kernel.trail import Actor, Event
from ..orders.progress import Claim

TOMORROW = timedelta(days=1)


class Kind(StrEnum):
    """REFUND: money alone. RETURN: goods, then money. EXCHANGE: goods for the same goods."""

    REFUND = "REFUND"
    RETURN = "RETURN"
    EXCHANGE = "EXCHANGE"


class Reason(StrEnum):
    QUALITY = "QUALITY"
    WRONG_GOODS = "WRONG_GOODS"
    MISSING = "MISSING"
    DAMAGED = "DAMAGED"
    NOT_AS_DESCRIBED = "NOT_AS_DESCRIBED"
    LATE = "LATE"
    CANNOT_DELIVER = "CANNOT_DELIVER"
    NO_REASON = "NO_REASON"
    CHANGED_MIND = "CHANGED_MIND"
    WRONG_ORDER = "WRONG_ORDER"
    NEGOTIATED = "NEGOTIATED"


class CaseState(StrEnum):
    """AGREED: the goods are to be sent back. RETURNED: they are on their way. RECEIVED: the shop has them and owes a
    replacement, which is under way when RESENT. REFUSED: the shop did not take what came back.
    """

    APPLIED = "APPLIED"
    AGREED = "AGREED"
    RETURNED = "RETURNED"
    RECEIVED = "RECEIVED"
    RESENT = "RESENT"
    REFUNDING = "REFUNDING"
    DONE = "DONE"
    REJECTED = "REJECTED"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"


# Straight to DONE goes what has no money to return.
TRANSITIONS: Mapping[CaseState, frozenset[CaseState]] = {
    CaseState.APPLIED: frozenset(
        {CaseState.AGREED, CaseState.REFUNDING, CaseState.DONE, CaseState.REJECTED, CaseState.CANCELLED}
    ),
    CaseState.AGREED: frozenset({CaseState.RETURNED, CaseState.CANCELLED}),
    CaseState.RETURNED: frozenset({CaseState.RECEIVED, CaseState.REFUNDING, CaseState.DONE, CaseState.REFUSED}),
    # An exchange for which there are no goods ends with the money.
    CaseState.RECEIVED: frozenset({CaseState.RESENT, CaseState.REFUNDING, CaseState.DONE}),
    CaseState.RESENT: frozenset({CaseState.DONE}),
    CaseState.REFUNDING: frozenset({CaseState.DONE}),
    CaseState.DONE: frozenset(),
    CaseState.REJECTED: frozenset(),
    CaseState.REFUSED: frozenset(),
    CaseState.CANCELLED: frozenset(),
}
IN_VAIN = frozenset({CaseState.REJECTED, CaseState.REFUSED, CaseState.CANCELLED})


class CaseNotFound(NotFound):
    code = "AFTERSALE_NOT_FOUND"
    message = "售后单不存在"


class CaseStateRefused(Refused):
    """`details.state` is the state that the case is in."""

    code = "AFTERSALE_STATE_REFUSED"
    message = "售后单当前状态不能进行此操作"


class CaseChanged(Conflict):
    """Never leaves the services: the case moved on meanwhile, and is decided anew."""

    code = "AFTERSALE_CHANGED"
    message = "售后单状态已变化，请刷新后再试"


class AftersaleNotPossible(Refused):
    """Nothing can be claimed of an order in this state, or not in this way; `details.state`."""

    code = "AFTERSALE_NOT_POSSIBLE"
    message = "订单当前状态不能申请此类售后"


class AftersaleOver(Refused):
    """The time for after-sale cases is over; `details.until`."""

    code = "AFTERSALE_OVER"
    message = "已超过售后申请期限"


class ReasonNotFitting(Refused):
    """`details.reasons` are those that fit."""

    code = "AFTERSALE_REASON_NOT_FITTING"
    message = "请选择与售后类型相符的原因"


class NoReasonOver(Refused):
    """The product may not be returned without a reason, or no longer; `details`: sku_id, days."""

    code = "NO_REASON_OVER"
    message = "该商品不支持无理由退货，或已超过无理由退货期限"


class AmountRefused(Refused):
    """`details.least` and `details.most`: what may be asked for, in fen."""

    code = "AFTERSALE_AMOUNT_REFUSED"
    message = "申请金额超出可退范围"


class TooManyCases(Refused):
    """`details.limit`: cases of an order, or applications in vain for one line."""

    code = "TOO_MANY_AFTERSALES"
    message = "申请售后次数过多，请联系客服"


class AftersaleKeyReused(Refused):
    """The same Idempotency-Key came with another application."""

    code = "AFTERSALE_KEY_REUSED"
    message = "重复的请求标识对应了不同的售后申请"


class TooManyCorrections(Refused):
    """The number of a parcel may be corrected a few times."""

    code = "TOO_MANY_CORRECTIONS"
    message = "退货单号修改次数过多，请联系客服"


@dataclass(frozen=True)
class Part:
    """Pieces of one line, with the most that can be returned for them, and how the line was called."""

    claim: Claim
    title: str
    image: str
    spec: str


@dataclass(frozen=True)
class Parcel:
    carrier: str
    tracking_no: str


@dataclass(frozen=True)
class Doer:
    """`who` is the member id of a member of staff."""

    by: Actor
    who: str = ""


SHOPPER, SCHEDULE, WECHAT = Doer(Actor.SHOPPER), Doer(Actor.SCHEDULE), Doer(Actor.WECHAT)


@dataclass(frozen=True)
class Case:
    """`parts` are of one order, and all sent before the case began or none. `amount` in fen is what was asked for; for
    an exchange, what would be returned in its stead. `restock`: what came back can be sold again. `told`: the
    shopper was told that the money arrived.
    """

    case_id: str
    member_id: str
    order_id: str
    kind: Kind
    state: CaseState
    reason: Reason
    parts: tuple[Part, ...]
    amount: int
    description: str = field(default="", repr=False)
    pictures: tuple[str, ...] = ()
    return_to: str = ""
    parcel: Parcel | None = None
    replacement: Parcel | None = None
    restock: bool = False
    told: bool = False
    timeline: tuple[Event, ...] = ()

    @property
    def claims(self) -> tuple[Claim, ...]:
        return tuple(part.claim for part in self.parts)

    @property
    def sent(self) -> bool:
        return self.parts[0].claim.sent

    @property
    def pieces(self) -> dict[str, int]:
        """By SKU."""
        return {claim.sku_id: claim.pieces for claim in self.claims}

    @property
    def since(self) -> datetime:
        """When it came into its state."""
        return next(event.at for event in reversed(self.timeline) if event.was != event.now)

    @property
    def points(self) -> int:
        """The points that go back with the money, in proportion where less money was asked for."""
        points, goods = sum(claim.points for claim in self.claims), sum(claim.goods for claim in self.claims)
        return points if self.amount >= goods else points * self.amount // goods


class Job(StrEnum):
    """What a case may wait for."""

    DECIDE = "aftersale-decide"
    RETURN = "aftersale-return"
    CHECK = "aftersale-check"
    RESEND = "aftersale-resend"
    ARRIVE = "aftersale-arrive"
    REFUND = "aftersale-refund"
    TELL = "aftersale-tell"


JOBS: Mapping[CaseState, Job] = {
    CaseState.APPLIED: Job.DECIDE,
    CaseState.AGREED: Job.RETURN,
    CaseState.RETURNED: Job.CHECK,
    CaseState.RECEIVED: Job.RESEND,
    CaseState.RESENT: Job.ARRIVE,
    CaseState.REFUNDING: Job.REFUND,
    CaseState.DONE: Job.TELL,
}


@dataclass(frozen=True)
class Periods:
    """How long each side has: the shop to decide, the shopper to send back, the shop to look at what came and to send
    a replacement, the shopper to say that it arrived.
    """

    decide: timedelta = timedelta(hours=72)
    send_back: timedelta = timedelta(days=7)
    check: timedelta = timedelta(days=7)
    resend: timedelta = timedelta(hours=48)
    receive: timedelta = timedelta(days=10)


def waits_for(case: Case, periods: Periods) -> tuple[Job, datetime] | None:
    """What is due next for the case, and when; None when nothing is, since it is over."""
    waits = {
        CaseState.APPLIED: periods.decide,
        CaseState.AGREED: periods.send_back,
        CaseState.RETURNED: periods.check,
        CaseState.RECEIVED: periods.resend,
        CaseState.RESENT: periods.receive,
        CaseState.REFUNDING: TOMORROW,
    }
    if case.state is CaseState.DONE and case.amount and case.kind is not Kind.EXCHANGE and not case.told:
        return Job.TELL, case.since
    return (JOBS[case.state], case.since + waits[case.state]) if case.state in waits else None


def moved(case: Case, at: datetime, doer: Doer, why: str, *, to: CaseState | None = None, **changes: Any) -> Case:
    """The case after a change, with its entry in the timeline. Raises CaseStateRefused if it cannot go there."""
    to = to or case.state
    if to is not case.state and to not in TRANSITIONS[case.state]:
        raise CaseStateRefused(state=case.state)
    event = Event(at.replace(microsecond=0), doer.by, case.state, to, why, doer.who)
    return replace(case, state=to, timeline=(*case.timeline, event), **changes)


def still_to_do(case: Case, begin: frozenset[CaseState], end: frozenset[CaseState]) -> bool:
    """Whether a step from one of `begin` to one of `end` is to be made: False if it was made before, so that its
    repetition changes nothing. Raises CaseStateRefused if it cannot be made.
    """
    if case.state in begin:
        return True
    if any(event.was in begin and event.now in end for event in case.timeline):
        return False
    raise CaseStateRefused(state=case.state)
