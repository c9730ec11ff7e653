"""What an order is, which ways it can go, and why it may be refused."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ..kernel.errors import Conflict, Invalid, NotFound, Refused

MOST_LINES = 50
MOST_PIECES = 999


class OrderState(StrEnum):
    AWAITING_PAYMENT = "AWAITING_PAYMENT"
    PAID = "PAID"
    SHIPPED = "SHIPPED"
    COMPLETED = "COMPLETED"
    CLOSED = "CLOSED"
    REFUNDED = "REFUNDED"


# CLOSED -> PAID happens only when a late payer of a group-buy is given another place.
TRANSITIONS: Mapping[OrderState, frozenset[OrderState]] = {
    OrderState.AWAITING_PAYMENT: frozenset({OrderState.PAID, OrderState.CLOSED}),
    OrderState.PAID: frozenset({OrderState.SHIPPED, OrderState.REFUNDED}),
    OrderState.SHIPPED: frozenset({OrderState.COMPLETED, OrderState.REFUNDED}),
    OrderState.COMPLETED: frozenset({OrderState.REFUNDED}),
    OrderState.CLOSED: frozenset({OrderState.PAID}),
    OrderState.REFUNDED: frozenset(),
}


class Actor(StrEnum):
    SHOPPER = "SHOPPER"
    STAFF = "STAFF"
    WECHAT = "WECHAT"
    SCHEDULE = "SCHEDULE"


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


class OrderHeld(Refused):
    code = "ORDER_HELD"
    message = "拼团成功后才能进行此操作"


class IdempotencyKeyReused(Refused):
    """The same Idempotency-Key came with another request."""

    code = "IDEMPOTENCY_KEY_REUSED"
    message = "重复的请求标识对应了不同的订单内容"


class AlreadyPlaced(Conflict):
    """Never leaves the service: the same key placed an order before, which is then answered."""

    code = "ALREADY_PLACED"


class PriceChanged(Refused):
    """The shopper agreed to another amount; `details.payable` is the amount of now, in fen."""

    code = "PRICE_CHANGED"
    message = "价格已变化，请确认后重新提交"


class AddressNeeded(Invalid):
    """A preview does without an address, an order does not."""

    code = "ADDRESS_NEEDED"
    message = "请选择收货地址"


class NothingToOrder(Refused):
    """No lines were given, and nothing is selected in the cart."""

    code = "NOTHING_TO_ORDER"
    message = "请选择要购买的商品"


class TooManyLines(Refused):
    """More different SKUs than one order takes."""

    code = "TOO_MANY_LINES"
    message = "一次最多购买50种商品"


class SkuNotForSale(Refused):
    """`details.sku_ids`: gone or off the shelf."""

    code = "SKU_NOT_FOR_SALE"
    message = "部分商品已下架"


class CampaignTakesOneSku(Invalid):
    """A campaign is bought with one SKU alone in the order."""

    code = "CAMPAIGN_TAKES_ONE_SKU"
    message = "活动商品请单独购买"


class CouponNotWithCampaign(Refused):
    """Campaign prices and coupons do not add up."""

    code = "COUPON_NOT_WITH_CAMPAIGN"
    message = "活动商品不可使用优惠券"


@dataclass(frozen=True)
class OrderLine:
    """One SKU as it was sold. `payable` = unit_price * quantity - discount + freight, all in fen."""

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
class Event:
    """One entry of the timeline. `was` is None for the first."""

    at: datetime
    by: Actor
    was: OrderState | None
    now: OrderState
    why: str


@dataclass(frozen=True)
class Order:
    """`attempt` counts payment attempts, the last one is live; `trade_no` is the out_trade_no that brought the money;
    `late_payment` marks a closed order that was paid after all and waits for a decision.
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
    coupon_id: str | None = None
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
    tracking: str | None = None
    timeline: tuple[Event, ...] = ()

    @property
    def title(self) -> str:
        """What WeChat shows on the bill, at most 127 characters."""
        first = self.lines[0].title
        text = first if len(self.lines) == 1 else f"{first}等{len(self.lines)}件商品"
        return text[:120]


def must_be_able(order: Order, to: OrderState) -> None:
    """Raises OrderStateRefused, or OrderHeld for shipping what is held."""
    if to not in TRANSITIONS[order.state]:
        raise OrderStateRefused(state=order.state)
    if order.held and to is OrderState.SHIPPED:
        raise OrderHeld


def must_await_payment(order: Order, now: datetime) -> None:
    """Whether a payment may be started. The last seconds are too late: WeChat gives every transaction a minute at
    least.
    """
    if order.state is not OrderState.AWAITING_PAYMENT or now >= order.expires_at:
        raise OrderStateRefused(state=order.state)


def expiry(now: datetime, pay_within: timedelta | None, reservation: timedelta) -> datetime:
    return now + (pay_within or reservation)


def paid(order: Order, now: datetime, *, held: bool) -> Order:
    return replace(order, state=OrderState.PAID, held=held, paid_at=now, effects_due=True)


def after(order: Order, event: Event) -> Order:
    """The order once this event, which changed nothing but its state, is stored."""
    return replace(order, state=event.now, timeline=(*order.timeline, event))


def merged(wanted: tuple[tuple[str, int], ...]) -> dict[str, int]:
    """Pieces per SKU; the same SKU named twice is one line. Raises NothingToOrder, TooManyLines, Invalid."""
    pieces: dict[str, int] = {}
    for sku_id, quantity in wanted:
        if quantity < 1:
            raise Invalid(field="quantity")
        pieces[sku_id] = pieces.get(sku_id, 0) + quantity
    if not pieces:
        raise NothingToOrder
    if len(pieces) > MOST_LINES:
        raise TooManyLines(limit=MOST_LINES)
    if max(pieces.values()) > MOST_PIECES:
        raise Invalid(field="quantity", limit=MOST_PIECES)
    return pieces


def digest(*parts: object) -> str:
    """Tells whether a repeated Idempotency-Key came with the same request."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
