"""Acting on events."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from ..fulfilment import Fulfilment
from ..identity.rules import member_id_of
from ..log import logger
from ..messaging import Messaging
from ..orders import Orders
from ..payments.rules import Payment, PaymentNotFound
from ..storage.once import find, first_time
from ..wechat.push import MessagePush
from .rules import Event, read_event

KEPT = timedelta(days=1)


class Ledger(Protocol):
    def payment(self, out_trade_no: str) -> Payment:
        """Raises PaymentNotFound."""


class Events:
    def __init__(
        self,
        push: MessagePush,
        messaging: Messaging,
        appid: str,
        payments: Ledger,
        orders: Orders,
        fulfilment: Fulfilment,
    ) -> None:
        self.push = push
        self._messaging = messaging
        self._appid = appid
        self._payments = payments
        self._orders = orders
        self._fulfilment = fulfilment

    def hear(self, message: Mapping[str, Any], now: datetime) -> None:
        """Act on a verified message; other events are acknowledged and logged. What is repeated changes nothing.

        Consents that shoppers give in a dialog come twice, by the client and as an event: only the client's count.
        """
        event = read_event(message)
        logger.info("event", kind=event.kind)
        match event.kind:
            case "subscribe_msg_change_event" if event.withdrawn:
                self._withdraw(event, now)
            case "trade_manage_order_settlement" | "trade_manage_remind_shipping":
                self._about_order(event, now)
            case "trade_manage_remind_access_api" | "wxa_trade_controlled":
                logger.error("WeChat is not content with the shop", kind=event.kind, alarm="wechat_warns")

    def _withdraw(self, event: Event, now: datetime) -> None:
        """Noted after it is done: a stop in between does it again, and a late repetition spares newer consents."""
        name = f"event:{event.key}"
        if find(name, now) is None:
            self._messaging.withdraw(member_id_of(self._appid, event.openid), event.withdrawn)
            first_time(name, now, KEPT)

    def _about_order(self, event: Event, now: datetime) -> None:
        """The platform has shipped, received and settled orders; it tells of settlements before they happen, too."""
        try:
            payment = self._payments.payment(event.trade_no) if event.trade_no else None
        except PaymentNotFound:
            payment = None
        if payment is None:
            logger.warning("event of an unknown order", kind=event.kind)
        elif event.kind == "trade_manage_remind_shipping":
            self._fulfilment.uploading.wanted_by_wechat(payment.order_id, now)
        elif event.received:
            self._orders.receiving.confirmed_at_wechat(payment.member_id, payment.order_id, now)
