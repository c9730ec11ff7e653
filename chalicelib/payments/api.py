"""Routes of payments: the shopper's, and the one that WeChat Pay calls."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from chalice.app import Response

from ..kernel.paging import BadCursor
from ..kernel.staff import StaffRole
from ..log import logger
from ..orders import Order, OrderState
from ..orders.rules import OrderChanged, OrderNotFound, OrderStateRefused
from ..orders.shapes import OrderView, StaffEventView, order_view, reads_order, staff_event_view
from ..storage.writes import StorageBusy
from ..web import Call, NextCursor, PageQuery, Routes
from ..wechat.errors import BadCallback
from .rules import (
    NothingToPay,
    OrderAlreadyPaid,
    PaymentChanged,
    PaymentMismatch,
    PaymentNotFound,
    PaymentState,
    RefundState,
    WeChatPayBusy,
    WeChatPayMisconfigured,
)

routes = Routes(__name__)
EXAMPLE_ORDER = "01K0000000000000000000000A"

PAYING = (
    OrderNotFound, OrderAlreadyPaid, OrderStateRefused, OrderChanged, NothingToPay, PaymentChanged, WeChatPayBusy,
    WeChatPayMisconfigured, PaymentMismatch, StorageBusy,
)  # fmt: skip


class PaymentSheetView(msgspec.Struct, frozen=True):
    """The arguments of wx.requestPayment, in its own spelling. Its success proves nothing: check afterwards."""

    timeStamp: Annotated[str, msgspec.Meta(description="Seconds.", examples=["1795310022"])]
    nonceStr: Annotated[str, msgspec.Meta(description="Nonce.", examples=["593BEC0C930BF1AFEB40B4A08C8FB242"])]
    package: Annotated[
        str, msgspec.Meta(description="prepay_id=…", examples=["prepay_id=wx201410272009395522657a690389285100"])
    ]
    signType: Annotated[str, msgspec.Meta(description="Always RSA.", examples=["RSA"])]
    paySign: Annotated[str, msgspec.Meta(description="Signature of the merchant.", examples=["mI35pfNEQV6777ke=="])]


@routes.endpoint(
    "POST",
    "/orders/{order_id}/payment",
    summary="Start or resume paying an order",
    answers=PaymentSheetView,
    errors=PAYING,
    signed=True,
    reads=reads_order,
)
def pay(call: Call[None], order: Order) -> PaymentSheetView:
    """May be repeated: one transaction at WeChat, one number, the same prepay_id for two hours."""
    sheet = call.shop.payments.paying.start(order, call.now, call.client_ip)
    return PaymentSheetView(sheet.timeStamp, sheet.nonceStr, sheet.package, sheet.signType, sheet.paySign)


class NativeView(msgspec.Struct, frozen=True):
    code_url: Annotated[
        str,
        msgspec.Meta(
            description="Show it as a QR code; good for 2 hours.", examples=["weixin://wxpay/bizpayurl?pr=p4"]
        ),
    ]


@routes.endpoint(
    "POST",
    "/orders/{order_id}/payment/native",
    summary="Start or resume paying an order by a code to scan",
    answers=NativeView,
    errors=PAYING,
    signed=True,
    reads=reads_order,
)
def pay_native(call: Call[None], order: Order) -> NativeView:
    """For a screen or a friend: whoever scans the code with WeChat may pay. Ends a payment sheet that is open."""
    paying = call.shop.payments.paying
    return NativeView(paying.start_native(order, call.now, call.client_ip))


@routes.endpoint(
    "POST",
    "/orders/{order_id}/payment/check",
    summary="Ask WeChat whether the order is paid",
    answers=OrderView,
    errors=(OrderNotFound, WeChatPayBusy, WeChatPayMisconfigured, PaymentMismatch, StorageBusy),
    reads=reads_order,
)
def check(call: Call[None], order: Order) -> OrderView:
    """For the moment when the payment sheet has closed and the callback has not arrived yet."""
    return order_view(call.shop.payments.paying.check(order, call.now))


@routes.endpoint(
    "POST",
    "/orders/{order_id}/cancel",
    summary="Cancel an unpaid order",
    answers=OrderView,
    errors=(OrderNotFound, OrderAlreadyPaid, OrderStateRefused, WeChatPayBusy, PaymentMismatch, StorageBusy),
    signed=True,
    reads=reads_order,
)
def cancel(call: Call[None], order: Order) -> OrderView:
    """WeChat is asked and told to close before anything is released, so an order that is being paid is not lost."""
    return order_view(call.shop.payments.closing.cancel(order, call.now))


class MovementView(msgspec.Struct, frozen=True):
    number: Annotated[str, msgspec.Meta(description="out_trade_no or out_refund_no.", examples=[f"{EXAMPLE_ORDER}-1"])]
    amount: Annotated[int, msgspec.Meta(description="Fen; a refund is negative.", examples=[8800])]
    state: Annotated[str, msgspec.Meta(description="Of the payment or the refund.", examples=["PAID"])]
    cause: Annotated[str, msgspec.Meta(description="JSAPI or NATIVE; or what is refunded for.", examples=["JSAPI"])]
    counts: Annotated[bool, msgspec.Meta(description="Whether this money moved, or will.", examples=[True])]
    problem: Annotated[str, msgspec.Meta(description="What WeChat last said against it.", examples=["NOT_ENOUGH"])]
    timeline: Annotated[list[StaffEventView], msgspec.Meta(description="Every change, oldest first.")]


class MoneyView(msgspec.Struct, frozen=True):
    """Fen. `difference` = received - sent_back - under_way - undecided - kept, and always 0."""

    order_id: Annotated[str, msgspec.Meta(description="Order.", examples=[EXAMPLE_ORDER])]
    state: Annotated[OrderState, msgspec.Meta(description="Of the order.", examples=["PAID"])]
    payable: Annotated[int, msgspec.Meta(description="What the order costs.", examples=[8800])]
    received: Annotated[int, msgspec.Meta(description="What came in.", examples=[8800])]
    sent_back: Annotated[int, msgspec.Meta(description="What went back and arrived.", examples=[0])]
    under_way: Annotated[int, msgspec.Meta(description="What goes back.", examples=[0])]
    undecided: Annotated[int, msgspec.Meta(description="What came in after closing.", examples=[0])]
    kept: Annotated[int, msgspec.Meta(description="What the order says is the shop's.", examples=[8800])]
    difference: Annotated[int, msgspec.Meta(description="Anything but 0 is a fault.", examples=[0])]
    movements: Annotated[list[MovementView], msgspec.Meta(description="Payments, then refunds.")]


@routes.endpoint(
    "GET",
    "/staff/orders/{member_id}/{order_id}/money",
    summary="The money of an order, added up",
    answers=MoneyView,
    errors=(OrderNotFound, StorageBusy),
    staff=StaffRole.FINANCE,
)
def money(call: Call[None]) -> MoneyView:
    """Payments and refunds held against the order and its after-sale cases."""
    report = call.shop.payments.money.report(call.path["member_id"], call.path["order_id"])
    movements = [
        MovementView(
            m.number, m.amount, m.state, m.cause, m.counts, m.problem, [staff_event_view(e) for e in m.timeline]
        )
        for m in report.movements
    ]
    return MoneyView(
        report.order_id,
        report.state,
        report.payable,
        report.received,
        report.sent_back,
        report.under_way,
        report.undecided,
        report.kept,
        report.difference,
        movements,
    )


class OpenRefundView(msgspec.Struct, frozen=True):
    out_refund_no: Annotated[str, msgspec.Meta(description="At WeChat.", examples=[f"R{EXAMPLE_ORDER}-1"])]
    member_id: Annotated[str, msgspec.Meta(description="Whose.", examples=["MIKWR2HULQ37NLX43GDWS6H6SG"])]
    order_id: Annotated[str, msgspec.Meta(description="Order.", examples=[EXAMPLE_ORDER])]
    amount: Annotated[int, msgspec.Meta(description="Fen.", examples=[8800])]
    state: Annotated[RefundState, msgspec.Meta(description="ABNORMAL needs staff in WeChat's portal.")]
    cause: Annotated[str, msgspec.Meta(description="What it is owed for.", examples=["aftersale"])]
    case_id: Annotated[str | None, msgspec.Meta(description="After-sale case, if it is one.", examples=[None])]
    tries: Annotated[int, msgspec.Meta(description="Looks in vain.", examples=[3])]
    problem: Annotated[str | None, msgspec.Meta(description="What WeChat last said.", examples=["NOT_ENOUGH"])]
    created_at: Annotated[datetime, msgspec.Meta(description="Since when.", examples=["2026-11-22T02:00:00Z"])]


class OpenRefunds(msgspec.Struct, frozen=True):
    items: Annotated[list[OpenRefundView], msgspec.Meta(description="What is looked at next in front.")]
    next_cursor: NextCursor


@routes.endpoint(
    "GET",
    "/staff/refunds",
    summary="Refunds that have not arrived yet",
    query=PageQuery,
    answers=OpenRefunds,
    errors=(BadCursor,),
    staff=StaffRole.FINANCE,
)
def open_refunds(call: Call[None]) -> OpenRefunds:
    """Most arrive within minutes; `problem` and `tries` tell which do not: an empty account, a closed one, a bank."""
    page = call.shop.payments.money.refunds_open(call.query.cursor, call.query.limit, call.now)
    items = [
        OpenRefundView(
            r.out_refund_no,
            r.member_id,
            r.order_id,
            r.amount,
            r.state,
            r.cause,
            r.case_id,
            r.tries,
            r.last_error,
            r.created_at,
        )
        for r in page.rows
    ]
    return OpenRefunds(items, page.next_cursor)


class PaymentOwnerView(msgspec.Struct, frozen=True):
    member_id: Annotated[str, msgspec.Meta(description="Whose.", examples=["MIKWR2HULQ37NLX43GDWS6H6SG"])]
    order_id: Annotated[str, msgspec.Meta(description="Order.", examples=[EXAMPLE_ORDER])]
    total: Annotated[int, msgspec.Meta(description="Fen.", examples=[8800])]
    state: Annotated[PaymentState, msgspec.Meta(description="Of this attempt to pay.")]
    transaction_id: Annotated[str | None, msgspec.Meta(description="WeChat's number.", examples=[None])]


@routes.endpoint(
    "GET",
    "/staff/payments/{out_trade_no}",
    summary="Whose payment a number of WeChat's is",
    answers=PaymentOwnerView,
    errors=(PaymentNotFound,),
    staff=StaffRole.FINANCE,
)
def payment_owner(call: Call[None]) -> PaymentOwnerView:
    """From a bill, a finding or an alarm to the order: `<order id>-<attempt>`. A refund's number holds it after `R`."""
    found = call.shop.payments.money.payment(call.path["out_trade_no"])
    return PaymentOwnerView(found.member_id, found.order_id, found.total, found.state, found.transaction_id)


class CallbackAnswer(msgspec.Struct, frozen=True):
    """WeChat Pay's own form of an answer."""

    code: Annotated[str, msgspec.Meta(description="SUCCESS or FAIL.", examples=["SUCCESS"])]
    message: Annotated[str, msgspec.Meta(description="Why it failed.", examples=[""])] = ""


@routes.raw(
    "POST",
    "/wechat/pay/notify",
    summary="Callback of WeChat Pay for payments and refunds",
    answers=CallbackAnswer,
    content_types=("application/json", "text/plain", "application/octet-stream", "*/*"),
)
def notify(call: Call[Any]) -> Response:
    """API V3. 200 only after the write; 401 for what WeChat Pay did not sign; 500 for everything else, so that WeChat
    sends it again.
    """
    try:
        notification = call.shop.payments.wechat.read_callback(call.headers, call.raw_body)
    except BadCallback as error:
        logger.warning("callback refused", reason=error.reason)
        return _heard(401, "FAIL", "signature or content refused")
    try:
        call.shop.payments.hear(notification, call.now)
    except Exception as error:
        logger.exception("callback not processed", notification_id=notification.id, error=type(error).__name__)
        return _heard(500, "FAIL", "try again")
    return _heard(200, "SUCCESS")


def _heard(status: int, code: str, message: str = "") -> Response:
    body = msgspec.json.encode(CallbackAnswer(code, message)).decode()
    return Response(body, {"Content-Type": "application/json"}, status)
