"""Starting a payment. The attempt is stored before WeChat hears of it, so that an answer that is lost on the way can
still be settled; a repetition uses the same number and the same words.
"""

from dataclasses import replace
from datetime import datetime

from ..kernel.trail import Actor, Event
from ..log import logger
from ..orders import Order, Orders, OrderState
from ..orders.rules import OrderChanged, must_await_payment
from ..storage.writes import commit
from ..wechat.errors import PayError, PayMisconfigured, PayRefused
from ..wechat.pay import WeChatPay
from ..wechat.pay_types import Goods, PaymentSheet, Prepay, Trade
from .rules import (
    NothingToPay,
    OrderAlreadyPaid,
    Payment,
    PaymentState,
    TradeType,
    WeChatPayBusy,
    WeChatPayMisconfigured,
    trade_number,
)
from .settle import Settling
from .store import PaymentStore


class Paying:
    def __init__(
        self, store: PaymentStore, orders: Orders, wechat: WeChatPay, settling: Settling, notify_url: str
    ) -> None:
        self._store = store
        self._orders = orders
        self._wechat = wechat
        self._settling = settling
        self._notify_url = notify_url

    def start(self, order: Order, now: datetime, client_ip: str = "") -> PaymentSheet:
        """What wx.requestPayment needs. May be called again and again: one transaction at WeChat, one number.

        Raises OrderAlreadyPaid, OrderStateRefused, NothingToPay, WeChatPayBusy (repeat),
        WeChatPayMisconfigured.
        """
        payment = self._ready(order, TradeType.JSAPI, now, client_ip)
        assert payment.prepay_id is not None
        return self._wechat.payment_sheet(payment.prepay_id)

    def start_native(self, order: Order, now: datetime, client_ip: str = "") -> str:
        """The text of a code that anybody may scan with WeChat and pay. Like `start`, and raises the same.

        A payment is begun in one way at a time: the attempt of the other way is closed at WeChat first.
        """
        payment = self._ready(order, TradeType.NATIVE, now, client_ip)
        assert payment.code_url is not None
        return payment.code_url

    def _ready(self, order: Order, way: TradeType, now: datetime, client_ip: str) -> Payment:
        if order.payable == 0:
            raise NothingToPay
        if order.paid_at is not None:
            raise OrderAlreadyPaid
        must_await_payment(order, now)
        payment = self._attempt(order, way, now, client_ip)
        if payment.trade_type is not way:
            payment = self._other_way(order, payment, way, now)
        return payment if payment.ready(now) else self._prepay(order, payment, now)

    def check(self, order: Order, now: datetime) -> Order:
        """Ask WeChat, since the shopper is back before the callback; the order as it stands then."""
        if order.attempt == 0 or order.trade_no or order.state not in (OrderState.AWAITING_PAYMENT, OrderState.CLOSED):
            return order
        try:
            trade = self._wechat.query(trade_number(order.order_id, order.attempt))
        except PayError as error:
            raise _refusal(error, order.order_id) from error
        if trade is None or trade.trade_state != "SUCCESS":
            return order
        self._settling.settle(trade, "query", now)
        return self._orders.get(order.member_id, order.order_id)

    def _attempt(self, order: Order, way: TradeType, now: datetime, client_ip: str) -> Payment:
        """The live attempt; the first one is begun here. Two taps at once begin one."""
        if order.attempt == 0:
            payment = self._new(order, 1, way, now, client_ip)
            try:
                commit(self._orders.store.attempted(order, 1), self._store.started(payment))
                return payment
            except OrderChanged:
                order = self._orders.get(order.member_id, order.order_id)
                must_await_payment(order, now)
        return self._store.payment(trade_number(order.order_id, order.attempt))

    def _new(self, order: Order, attempt: int, way: TradeType, now: datetime, client_ip: str) -> Payment:
        return Payment(
            out_trade_no=trade_number(order.order_id, attempt),
            order_id=order.order_id,
            member_id=order.member_id,
            openid=order.openid,
            total=order.payable,
            state=PaymentState.STARTED,
            notify_url=self._notify_url,
            started_at=now,
            trade_type=way,
            client_ip=client_ip,
            attach=order.member_id,
        )

    def _prepay(self, order: Order, payment: Payment, now: datetime) -> Payment:
        try:
            return self._asked(order, payment, now)
        except PayRefused:
            # WeChat has closed or finished this number: settle it, or begin a new one. Only a query tells which.
            trade = self._query(payment, now)
            if trade is None or trade.trade_state != "CLOSED":
                raise WeChatPayBusy from None
            payment = self._following(order, payment, payment.trade_type, "交易已关闭，重新发起支付", now)
        except PayError as error:
            raise _refusal(error, order.order_id) from error
        try:
            return self._asked(order, payment, now)
        except PayError as error:
            raise _refusal(error, order.order_id) from error

    def _asked(self, order: Order, payment: Payment, now: datetime) -> Payment:
        prepay = _prepay(order, payment)
        if payment.trade_type is TradeType.NATIVE:
            payment = replace(payment, code_url=self._wechat.prepay_native(prepay), prepaid_at=now)
        else:
            payment = replace(payment, prepay_id=self._wechat.prepay(prepay), prepaid_at=now)
        commit(self._store.prepaid(payment))
        return payment

    def _other_way(self, order: Order, payment: Payment, way: TradeType, now: datetime) -> Payment:
        """Never two that can be paid: the attempt in the other way is closed at WeChat before this one begins."""
        trade = self._query(payment, now)
        if trade is not None and trade.trade_state != "CLOSED":
            # First, so that nobody is handed what can no longer be paid with, should this process die after closing.
            commit(self._store.sheet_ended(payment))
            try:
                self._wechat.close(payment.out_trade_no)
            except PayError as error:
                raise _refusal(error, order.order_id) from error
        elif trade is None and payment.ready(now):
            raise WeChatPayBusy  # an answer that need not be signed, while there is something to pay with
        return self._following(order, payment, way, "改用其他方式支付", now)

    def _query(self, payment: Payment, now: datetime) -> Trade | None:
        """Raises OrderAlreadyPaid, once that is settled."""
        try:
            trade = self._wechat.query(payment.out_trade_no)
        except PayError as error:
            raise _refusal(error, payment.order_id) from error
        if trade is not None and trade.trade_state == "SUCCESS":
            self._settling.settle(trade, "query", now)
            raise OrderAlreadyPaid
        return trade

    def _following(self, order: Order, payment: Payment, way: TradeType, why: str, now: datetime) -> Payment:
        following = self._new(order, order.attempt + 1, way, now, payment.client_ip)
        closed = Event(now, Actor.SHOPPER, PaymentState.STARTED, PaymentState.CLOSED, why)
        commit(
            self._orders.store.attempted(order, order.attempt + 1),
            self._store.becomes_closed(payment.out_trade_no, closed),
            self._store.started(following),
        )
        return following


def _prepay(order: Order, payment: Payment) -> Prepay:
    native = payment.trade_type is TradeType.NATIVE
    return Prepay(
        out_trade_no=payment.out_trade_no,
        description=order.title,
        openid="" if native else payment.openid,
        total=payment.total,
        notify_url=payment.notify_url,
        time_expire=order.expires_at,
        client_ip=payment.client_ip,
        attach=payment.attach,
        goods=tuple(Goods(line.sku_id, line.title, line.quantity, line.unit_price) for line in order.lines),
    )


def _refusal(error: PayError, order_id: str) -> WeChatPayBusy | WeChatPayMisconfigured:
    logger.warning("wechat pay failed", order_id=order_id, wechat_code=error.code, wechat_request=error.request_id)
    if isinstance(error, PayMisconfigured):
        logger.error("wechat pay refuses the shop's settings", wechat_code=error.code, alarm="wechat_pay_misconfigured")
        return WeChatPayMisconfigured()
    return WeChatPayBusy()
