"""What a payment and a refund are; what must agree before money is believed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ..kernel.errors import Conflict, NotFound, Refused, Unavailable

# WeChat Pay: a prepay_id is valid for 2 hours. The margin covers the shopper's hesitation before the sheet.
PREPAY_LIFE = timedelta(hours=2) - timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=1)


class PaymentState(StrEnum):
    STARTED = "STARTED"
    PAID = "PAID"
    CLOSED = "CLOSED"


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
    # The merchant mends an abnormal refund in the portal; WeChat then says SUCCESS.
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


@dataclass(frozen=True)
class Payment:
    """One attempt to pay an order; `total` in fen. `notify_url` is kept so that a repeated prepay is identical."""

    out_trade_no: str
    order_id: str
    member_id: str
    openid: str = field(repr=False)
    total: int
    state: PaymentState
    notify_url: str
    started_at: datetime
    prepay_id: str | None = field(default=None, repr=False)
    prepaid_at: datetime | None = None
    transaction_id: str | None = None
    paid_at: datetime | None = None

    def sheet_ready(self, now: datetime) -> bool:
        """Whether the prepay_id at hand can still be paid with."""
        return self.prepay_id is not None and self.prepaid_at is not None and now < self.prepaid_at + PREPAY_LIFE


@dataclass(frozen=True)
class RefundOrder:
    """Money to give back. `tries` counts failed calls; `amount` and `total` in fen."""

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
    tries: int = 0
    refund_id: str | None = None
    last_error: str | None = None


@dataclass(frozen=True)
class Expected:
    """Whose money it must be."""

    appid: str
    mchid: str


def trade_number(order_id: str, attempt: int) -> str:
    """out_trade_no of an attempt: 28 to 30 of the 32 characters that WeChat allows."""
    return f"{order_id}-{attempt}"


def refund_number(out_trade_no: str) -> str:
    """out_refund_no of the full refund of a payment: derived, so that no crash can refund twice."""
    return f"R{out_trade_no}"


def differences(
    expected: Expected, payment: Payment, *, appid: str, mchid: str, total: int, currency: str, openid: str
) -> list[str]:
    """Names of what does not agree between the payment and what WeChat says."""
    pairs = {
        "appid": (expected.appid, appid),
        "mchid": (expected.mchid, mchid),
        "total": (payment.total, total),
        "currency": ("CNY", currency),
        "openid": (payment.openid, openid),
    }
    return [name for name, (ours, theirs) in pairs.items() if ours != theirs]


def wait_after(tries: int, first: timedelta) -> timedelta:
    """How long to wait before the next try: doubling, at most an hour."""
    return min(first * (1 << min(tries, 10)), LONGEST_WAIT)
