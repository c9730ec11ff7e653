"""What a payment and a refund are; what must agree before money is believed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ..kernel.errors import Conflict, NotFound, Refused, Unavailable
from ..kernel.trail import Actor, Event

# WeChat Pay: a prepay_id is valid for 2 hours. The margin covers the shopper's hesitation before the sheet.
PREPAY_LIFE = timedelta(hours=2) - timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=1)
# A closed refund was impossible a moment ago: the next attempt waits longer, and longer still the one after it.
BEFORE_NEXT_ATTEMPT, LONGEST_BEFORE_NEXT = timedelta(minutes=10), timedelta(days=1)


class PaymentState(StrEnum):
    STARTED = "STARTED"
    PAID = "PAID"
    CLOSED = "CLOSED"


class TradeType(StrEnum):
    """JSAPI: the payment sheet in the mini-program. NATIVE: a code that anybody may scan and pay."""

    JSAPI = "JSAPI"
    NATIVE = "NATIVE"


class RefundState(StrEnum):
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    ABNORMAL = "ABNORMAL"
    CLOSED = "CLOSED"


PAYMENT_TRANSITIONS: Mapping[PaymentState, frozenset[PaymentState]] = {
    PaymentState.STARTED: frozenset({PaymentState.PAID, PaymentState.CLOSED}),
    # The money came although the trade had been closed here: it is recorded, never refused.
    PaymentState.CLOSED: frozenset({PaymentState.PAID}),
    PaymentState.PAID: frozenset(),
}

# WeChat promises no order between notifications, so a final state may be heard of before PROCESSING.
REFUND_TRANSITIONS: Mapping[RefundState, frozenset[RefundState]] = {
    RefundState.PENDING: frozenset(
        {RefundState.PROCESSING, RefundState.SUCCESS, RefundState.ABNORMAL, RefundState.CLOSED}
    ),
    RefundState.PROCESSING: frozenset({RefundState.SUCCESS, RefundState.ABNORMAL, RefundState.CLOSED}),
    # The merchant mends an abnormal refund in the portal; WeChat then says SUCCESS. A CLOSED one needs a new number.
    RefundState.ABNORMAL: frozenset({RefundState.SUCCESS, RefundState.CLOSED}),
    RefundState.SUCCESS: frozenset(),
    RefundState.CLOSED: frozenset(),
}


class PaymentNotFound(NotFound):
    code = "PAYMENT_NOT_FOUND"
    message = "支付单不存在"


class RefundNotFound(NotFound):
    code = "REFUND_NOT_FOUND"
    message = "退款单不存在"


class PaymentChanged(Conflict):
    """The payment moved on meanwhile: look at the order again."""

    code = "PAYMENT_CHANGED"
    message = "支付状态已变化，请刷新后再试"


class OrderAlreadyPaid(Refused):
    """The money has arrived: look at the order again."""

    code = "ORDER_ALREADY_PAID"
    message = "订单已支付"


class NothingToPay(Refused):
    """The order costs nothing, and is paid already."""

    code = "NOTHING_TO_PAY"
    message = "订单无需支付"


class PaymentMismatch(Refused):
    """WeChat speaks of other money than this order's; `details.fields` names what differs. Never paid, always
    alarmed.
    """

    code = "PAYMENT_MISMATCH"
    message = "支付信息不一致"


class WeChatPayBusy(Unavailable):
    """Nothing is lost: repeat the call; the payment keeps its number."""

    code = "WECHAT_PAY_BUSY"
    message = "微信支付繁忙，请稍后再试"


class WeChatPayMisconfigured(Unavailable):
    """WeChat Pay refuses the shop itself. Needs the merchant; repeating does not help."""

    code = "WECHAT_PAY_MISCONFIGURED"
    message = "支付暂不可用，请联系商家"


class RefundExceedsPayment(Refused):
    """More than was paid would go back in all; `details.left` is what can go back, in fen."""

    code = "REFUND_EXCEEDS_PAYMENT"
    message = "退款金额超过可退金额"


@dataclass(frozen=True)
class Payment:
    """One attempt to pay an order; `total` in fen. `notify_url`, `client_ip` and `attach` are kept so that a repeated
    prepay is identical. `attach` comes back with the trade: whose it is. `refunding`: fen that go back or went back,
    under `refund_nos`.
    """

    out_trade_no: str
    order_id: str
    member_id: str
    openid: str = field(repr=False)
    total: int
    state: PaymentState
    notify_url: str
    started_at: datetime
    trade_type: TradeType = TradeType.JSAPI
    client_ip: str = field(default="", repr=False)
    attach: str = ""
    prepay_id: str | None = field(default=None, repr=False)
    code_url: str | None = field(default=None, repr=False)
    prepaid_at: datetime | None = None
    transaction_id: str | None = None
    paid_at: datetime | None = None
    refunding: int = 0
    refund_nos: frozenset[str] = frozenset()
    timeline: tuple[Event, ...] = ()

    def ready(self, now: datetime) -> bool:
        """Whether the prepay_id or code at hand can still be paid with."""
        kept = self.prepay_id or self.code_url
        return bool(kept) and self.prepaid_at is not None and now < self.prepaid_at + PREPAY_LIFE


@dataclass(frozen=True)
class RefundOrder:
    """One attempt to give money back; `amount` of the payment's `total`, in fen. `tries` counts calls in vain.

    `cause` says what it is owed for; `case_id` names the after-sale case, if it is one.
    """

    out_refund_no: str
    out_trade_no: str
    order_id: str
    member_id: str
    amount: int
    total: int
    reason: str
    cause: str
    state: RefundState
    created_at: datetime
    case_id: str | None = None
    attempt: int = 1
    tries: int = 0
    refund_id: str | None = None
    last_error: str | None = None
    timeline: tuple[Event, ...] = ()

    def again(self, now: datetime) -> "RefundOrder":
        """The next attempt for the same cause, after WeChat closed this one."""
        number = refund_number(self.out_trade_no, self.case_id, self.attempt + 1)
        event = Event(now, Actor.SCHEDULE, None, RefundState.PENDING, "上次退款被关闭，重新发起")
        return replace(
            self,
            out_refund_no=number,
            state=RefundState.PENDING,
            created_at=now,
            attempt=self.attempt + 1,
            tries=0,
            refund_id=None,
            last_error=None,
            timeline=(event,),
        )


@dataclass(frozen=True)
class DayPayment:
    """A payment as the reconciliation of a day sees it; `total` in fen."""

    out_trade_no: str
    transaction_id: str
    total: int
    state: PaymentState


@dataclass(frozen=True)
class DayRefund:
    """A refund that WeChat accepted on a day; `amount` in fen."""

    out_refund_no: str
    out_trade_no: str
    amount: int
    state: RefundState


@dataclass(frozen=True)
class Expected:
    """Whose money it must be."""

    appid: str
    mchid: str


def trade_number(order_id: str, attempt: int) -> str:
    """out_trade_no of an attempt: 28 to 30 of the 32 characters that WeChat allows."""
    return f"{order_id}-{attempt}"


def order_id_of(out_trade_no: str) -> str:
    """The order of a `trade_number`."""
    return out_trade_no.rpartition("-")[0]


def refund_number(out_trade_no: str, case_id: str | None = None, attempt: int = 1) -> str:
    """out_refund_no, derived from its cause, so that no crash and no repetition can refund twice.

    A cause is the whole payment or one after-sale case of it. WeChat closes a refund that it cannot carry out, and
    wants another number then: the next attempt begins only in the transaction that records this. At most 64 characters.
    """
    number = f"R{out_trade_no}-{case_id}" if case_id else f"R{out_trade_no}"
    return number if attempt == 1 else f"{number}*{attempt}"


def differences(
    expected: Expected, payment: Payment, *, appid: str, mchid: str, total: int, currency: str, openid: str
) -> list[str]:
    """Names of what does not agree between the payment and what WeChat says. Anybody may scan and pay a code."""
    pairs = {
        "appid": (expected.appid, appid),
        "mchid": (expected.mchid, mchid),
        "total": (payment.total, total),
        "currency": ("CNY", currency),
        "openid": (payment.openid, openid if payment.trade_type is TradeType.JSAPI else payment.openid),
    }
    return [name for name, (ours, theirs) in pairs.items() if ours != theirs]


def wait_after(tries: int, first: timedelta, longest: timedelta = LONGEST_WAIT) -> timedelta:
    """How long to wait before the next try: doubling, at most an hour."""
    return min(first * (1 << min(tries, 10)), longest)
