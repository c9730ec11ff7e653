"""Starting a payment. The attempt is stored before WeChat hears of it, so that an answer that is lost on the way can
still be settled; a repetition uses the same number and the same words.
"""

from dataclasses import replace
from datetime import datetime

from ..log import logger
from ..orders import Order, Orders, OrderState
from ..orders.rules import OrderChanged, must_await_payment
from ..storage.writes import commit
from ..wechat.errors import PayError, PayMisconfigured, PayRefused
from ..wechat.pay import WeChatPay
from ..wechat.pay_types import PaymentSheet, Prepay
from .rules import (
    NothingToPay,
    OrderAlreadyPaid,
    Payment,
    PaymentState,
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

    def start(self, member_id: str, order_id: str, now: datetime) -> PaymentSheet:
        """What wx.requestPayment needs. May be called again and again: one transaction at WeChat, one number.

        Raises OrderNotFound, OrderAlreadyPaid, OrderStateRefused, NothingToPay, WeChatPayBusy (repeat),
        WeChatPayMisconfigured.
        """
        order = self._orders.get(member_id, order_id)
        if order.payable == 0:
            raise NothingToPay
        if order.paid_at is not None:
            raise OrderAlreadyPaid
        must_await_payment(order, now)
        payment = self._attempt(order, now)
        if not payment.sheet_ready(now):
            payment = self._prepay(order, payment, now)
        assert payment.prepay_id is not None
        return self._wechat.payment_sheet(payment.prepay_id)

    def check(self, member_id: str, order_id: str, now: datetime) -> Order:
        """Ask WeChat, since the shopper is back before the callback; the order as it stands then."""
        order = self._orders.get(member_id, order_id)
        if order.attempt == 0 or order.trade_no or order.state not in (OrderState.AWAITING_PAYMENT, OrderState.CLOSED):
            return order
        try:
            trade = self._wechat.query(trade_number(order_id, order.attempt))
        except PayError as error:
            raise _refusal(error, order_id) from error
        if trade is None or trade.trade_state != "SUCCESS":
            return order
        self._settling.settle(trade, "query", now)
        return self._orders.get(member_id, order_id)

    def _attempt(self, order: Order, now: datetime) -> Payment:
        """The live attempt; the first one is begun here. Two taps at once begin one."""
        if order.attempt == 0:
            payment = self._new(order, 1, now)
            try:
                commit(self._orders.store.attempted(order, 1), self._store.started(payment))
                return payment
            except OrderChanged:
                order = self._orders.get(order.member_id, order.order_id)
                must_await_payment(order, now)
        return self._store.payment(trade_number(order.order_id, order.attempt))

    def _new(self, order: Order, attempt: int, now: datetime) -> Payment:
        return Payment(
            out_trade_no=trade_number(order.order_id, attempt),
            order_id=order.order_id,
            member_id=order.member_id,
            openid=order.openid,
            total=order.payable,
            state=PaymentState.STARTED,
            notify_url=self._notify_url,
            started_at=now,
        )

    def _prepay(self, order: Order, payment: Payment, now: datetime) -> Payment:
        try:
            prepay_id = self._wechat.prepay(_prepay(order, payment))
        except PayRefused:
            payment = self._after_refusal(order, payment, now)
            try:
                prepay_id = self._wechat.prepay(_prepay(order, payment))
            except PayError as error:
                raise _refusal(error, order.order_id) from error
        except PayError as error:
            raise _refusal(error, order.order_id) from error
        commit(self._store.prepaid(payment, prepay_id, now))
        return replace(payment, prepay_id=prepay_id, prepaid_at=now)

    def _after_refusal(self, order: Order, payment: Payment, now: datetime) -> Payment:
        """WeChat has closed or finished this number: settle it, or begin a new one. Only a query tells which."""
        try:
            trade = self._wechat.query(payment.out_trade_no)
        except PayError as error:
            raise _refusal(error, order.order_id) from error
        if trade is not None and trade.trade_state == "SUCCESS":
            self._settling.settle(trade, "query", now)
            raise OrderAlreadyPaid
        if trade is None or trade.trade_state != "CLOSED":
            raise WeChatPayBusy
        following = self._new(order, order.attempt + 1, now)
        commit(
            self._orders.store.attempted(order, order.attempt + 1),
            self._store.becomes_closed(payment.out_trade_no),
            self._store.started(following),
        )
        return following


def _prepay(order: Order, payment: Payment) -> Prepay:
    return Prepay(
        out_trade_no=payment.out_trade_no,
        description=order.title,
        openid=payment.openid,
        total=payment.total,
        notify_url=payment.notify_url,
        time_expire=order.expires_at,
    )


def _refusal(error: PayError, order_id: str) -> WeChatPayBusy | WeChatPayMisconfigured:
    logger.warning("wechat pay failed", order_id=order_id, wechat_code=error.code, wechat_request=error.request_id)
    if isinstance(error, PayMisconfigured):
        logger.error("wechat pay refuses the shop's settings", wechat_code=error.code, alarm="wechat_pay_misconfigured")
        return WeChatPayMisconfigured()
    return WeChatPayBusy()
