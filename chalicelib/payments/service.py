"""Payments as the rest of the shop sees them: five use cases over one store."""

from dataclasses import dataclass
from datetime import datetime

from ..wechat.pay import WeChatPay
from ..wechat.pay_types import Notification, RefundStatus, Trade
from .close import Closing
from .money import Money
from .pay import Paying
from .refund import Refunding
from .settle import CALLBACK, Settling


@dataclass(frozen=True)
class Payments:
    paying: Paying
    settling: Settling
    closing: Closing
    refunding: Refunding
    money: Money
    wechat: WeChatPay

    def hear(self, notification: Notification, now: datetime) -> None:
        """Act on a verified callback; returns only after the write. Repetitions and other events change nothing."""
        said = notification.resource
        if isinstance(said, Trade) and said.trade_state == "SUCCESS":
            self.settling.settle(said, CALLBACK, now)
        elif isinstance(said, RefundStatus):
            self.refunding.record(said, now)
