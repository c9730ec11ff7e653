"""What an order is, which ways it can go, and why it may be refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..kernel.errors import Conflict, NotFound, Refused
from ..kernel.trail import Actor, Event

EFFECTS_GRACE = timedelta(minutes=2)
"""The stream works on effects at once; the schedule finds those that it did not finish."""


class OrderState(StrEnum):
    AWAITING_PAYMENT = "AWAITING_PAYMENT"
    PAID = "PAID"
    SHIPPED = "SHIPPED"
    COMPLETED = "COMPLETED"
    CLOSED = "CLOSED"
    REFUNDED = "REFUNDED"


# CLOSED -> PAID happens only when a late payer of a group-buy is given another place; PAID -> COMPLETED when goods are
# handed over at a pickup point.
TRANSITIONS: Mapping[OrderState, frozenset[OrderState]] = {
    OrderState.AWAITING_PAYMENT: frozenset({OrderState.PAID, OrderState.CLOSED}),
    OrderState.PAID: frozenset({OrderState.SHIPPED, OrderState.COMPLETED, OrderState.REFUNDED}),
    OrderState.SHIPPED: frozenset({OrderState.COMPLETED, OrderState.REFUNDED}),
    OrderState.COMPLETED: frozenset({OrderState.REFUNDED}),
    OrderState.CLOSED: frozenset({OrderState.PAID}),
    OrderState.REFUNDED: frozenset(),
}


class OrderNotFound(NotFound):
    code = "ORDER_NOT_FOUND"
    message = "订单不存在"


class OrderStateRefused(Refused):
    """`details.state` is the state that the order is in."""

    code = "ORDER_STATE_REFUSED"
    message = "订单当前状态不能进行此操作"


class OrderChanged(Conflict):
    """The order moved on meanwhile: look at it again."""

    code = "ORDER_CHANGED"
    message = "订单状态已变化，请刷新后再试"


class ReceiptExtended(Refused):
    """The time to confirm can be made longer once."""

    code = "RECEIPT_EXTENDED"
    message = "已延长过一次收货时间"


class OrderHeld(Refused):
    """It is paid, and waits for its team."""

    code = "ORDER_HELD"
    message = "拼团成功后才能进行此操作"


@dataclass(frozen=True)
class OrderLine:
    """One SKU as it was sold. `payable` = unit_price * quantity - discount + freight, all in fen.

    `no_reason_days`: how long it may be returned without a reason, as the product said when it was ordered.
    """

    sku_id: str
    product_id: str
    title: str
    image: str
    spec: str
    quantity: int
    unit_price: int
    discount: int
    freight: int
    payable: int
    no_reason_days: int = 0


@dataclass(frozen=True)
class OrderAdjustment:
    """One discount and how it was shared over the lines (fen by SKU)."""

    kind: str
    id: str
    title: str
    amount: int
    lines: Mapping[str, int]


@dataclass(frozen=True)
class OrderCampaign:
    """`group_id` is the team or the launch; it changes only when a late payer is given another place."""

    kind: str
    activity_id: str
    group_id: str
    title: str


@dataclass(frozen=True)
class Delivery:
    """Where it goes, as it stood in the address book when the order was placed."""

    name: str
    phone: str
    province: str
    city: str
    district: str
    detail: str
    region_code: str


@dataclass(frozen=True)
class PickupPlace:
    """Where the shopper fetches the goods, as it stood when the order was placed, and the code that proves whose they
    are.
    """

    point_id: str
    name: str
    address: str
    phone: str
    hours: str
    code: str = field(default="", repr=False)


@dataclass(frozen=True)
class Progress:
    """What became of one line's pieces and money since it was ordered. Cases are after-sale cases.

    `sent`: pieces on their way or handed over. `withheld`: pieces in cases that began before these were sent, which
    are not sent any more; `disputed`: in cases that began later. `back`: pieces of both that are the shop's again, for
    good. `goods`, `freight` (fen) and `points`: the most that these cases may return.
    """

    sent: int = 0
    withheld: int = 0
    disputed: int = 0
    back: int = 0
    goods: int = 0
    freight: int = 0
    points: int = 0


@dataclass(frozen=True)
class Order:
    """`attempt` counts payment attempts, the last one is live; `trade_no` is the out_trade_no that brought the money;
    `late_payment` marks a closed order that was paid after all and waits for a decision.

    `refund_state` and `refund_cause` tell of a refund of the whole order by the shop itself; `refunded` counts the fen
    that after-sale cases decided to return. `cases` maps their ids to whether they are still open. `points` were spent
    on it, for `points_off` fen. `finished`: the time for after-sale cases is over.
    """

    order_id: str
    member_id: str
    openid: str = field(repr=False)
    state: OrderState
    lines: tuple[OrderLine, ...]
    goods_total: int
    discount_total: int
    freight: int
    payable: int
    adjustments: tuple[OrderAdjustment, ...]
    placed_at: datetime
    expires_at: datetime
    delivery: Delivery | None = field(default=None, repr=False)
    pickup: PickupPlace | None = None
    coupon_id: str | None = None
    points: int = 0
    points_off: int = 0
    campaign: OrderCampaign | None = None
    remark: str = field(default="", repr=False)
    nickname: str = field(default="", repr=False)
    avatar_url: str = field(default="", repr=False)
    held: bool = False
    attempt: int = 0
    late_payment: bool = False
    effects_due: bool = False
    refund_state: str | None = None
    refund_cause: str | None = None
    trade_no: str | None = None
    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    receive_by: datetime | None = None
    extended: bool = False
    completed_at: datetime | None = None
    finished: bool = False
    progress: Mapping[str, Progress] = field(default_factory=dict)
    refunded: int = 0
    cases: Mapping[str, bool] = field(default_factory=dict)
    timeline: tuple[Event, ...] = ()

    @property
    def title(self) -> str:
        """What WeChat shows on the bill, at most 127 characters."""
        first = self.lines[0].title
        text = first if len(self.lines) == 1 else f"{first}等{len(self.lines)}件商品"
        return text[:120]


class Job(StrEnum):
    """What an order may wait for."""

    CLOSE = "order-close"
    EFFECTS = "order-effects"
    SHIP = "order-ship"
    PICKUP = "order-pickup"
    RECEIVE = "order-receive"
    FINISH = "order-finish"


@dataclass(frozen=True)
class Periods:
    """How long the shop has to send, the shopper to look before receipt counts as confirmed (the platform wants 7 days
    at least), how much longer when asked, and until when after-sale cases may be opened once goods were received.
    """

    ship: timedelta = timedelta(hours=48)
    receive: timedelta = timedelta(days=10)
    extension: timedelta = timedelta(days=5)
    aftersale: timedelta = timedelta(days=15)


def waits_for(order: Order, periods: Periods) -> tuple[Job, datetime] | None:
    """What is due next for the order, and when; None when nothing is, since it is over or its group decides."""
    if order.effects_due:
        return Job.EFFECTS, order.timeline[-1].at + EFFECTS_GRACE
    match order.state:
        case OrderState.AWAITING_PAYMENT:
            return Job.CLOSE, order.expires_at
        case OrderState.PAID if not order.held and order.paid_at:
            return Job.PICKUP if order.pickup else Job.SHIP, order.paid_at + periods.ship
        case OrderState.SHIPPED if order.receive_by:
            return Job.RECEIVE, order.receive_by
        case OrderState.COMPLETED if order.completed_at and not order.finished:
            return Job.FINISH, aftersale_until(order, order.completed_at, periods)
        case _:
            return None


def aftersale_until(order: Order, completed_at: datetime, periods: Periods) -> datetime:
    """Until when after-sale cases may be opened: as long as anything may be returned without a reason, at least. Those
    days are counted from the day after receipt.
    """
    longest = timedelta(days=1 + max(line.no_reason_days for line in order.lines))
    return completed_at + max(periods.aftersale, longest)


def moved(
    order: Order, at: datetime, by: Actor, why: str, *, to: OrderState | None = None, who: str = "", **changes: Any
) -> Order:
    """The order after a change, with its entry in the timeline. Raises OrderStateRefused if it cannot go there."""
    to = to or order.state
    if to is not order.state and to not in TRANSITIONS[order.state]:
        raise OrderStateRefused(state=order.state)
    event = Event(at.replace(microsecond=0), by, order.state, to, why, who)
    return replace(order, state=to, timeline=(*order.timeline, event), **changes)


def must_be_sendable(order: Order) -> None:
    """Raises OrderStateRefused, or OrderHeld while its group is open."""
    if order.state is not OrderState.PAID:
        raise OrderStateRefused(state=order.state)
    if order.held:
        raise OrderHeld


def must_await_payment(order: Order, now: datetime) -> None:
    """Whether a payment may be started. The last seconds are too late: WeChat gives every transaction a minute at
    least.
    """
    if order.state is not OrderState.AWAITING_PAYMENT or now >= order.expires_at:
        raise OrderStateRefused(state=order.state)


def expiry(now: datetime, pay_within: timedelta | None, reservation: timedelta) -> datetime:
    return now + (pay_within or reservation)
