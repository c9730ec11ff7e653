"""The one way in which an order becomes paid. Callback, active query and closing all end here, at once or again."""

from dataclasses import replace
from datetime import datetime

from ..kernel.trail import Actor
from ..log import logger
from ..orders import Order, Orders, OrderState
from ..orders.rules import OrderChanged, moved
from ..storage.reads import fetch
from ..storage.writes import StorageBusy, Write, commit
from ..wechat.pay_types import Trade
from .refund import Refunding
from .rules import Expected, Payment, PaymentChanged, PaymentMismatch, PaymentState, differences, order_id_of
from .store import PaymentStore

TRIES = 6
CALLBACK = "callback"
# What may differ about money that is in the shop's own account.
RETURNABLE = frozenset({"total", "openid"})


class Settling:
    def __init__(self, store: PaymentStore, orders: Orders, refunding: Refunding, expected: Expected) -> None:
        self._store = store
        self._orders = orders
        self._refunding = refunding
        self._expected = expected

    def settle(self, trade: Trade, heard_by: str, now: datetime) -> None:
        """Record a successful trade and move its order, in one transaction.

        An order that is closed by now is marked for the effects, which find it another place or send the money back.
        A second payment for one order goes back at once. So does other money than the order's, and the order is closed
        over it: but only if WeChat says so when asked. A callback that says so is refused, and asked after by closing.
        Raises PaymentNotFound, PaymentMismatch (recorded and alarmed, never paid), StorageBusy. Repeating it changes
        nothing.
        """
        for _ in range(TRIES):
            payment, order = self._read(trade)
            wrong = self._differences(trade, payment)
            if wrong and (
                heard_by == CALLBACK or payment.state is PaymentState.PAID or not RETURNABLE.issuperset(wrong)
            ):
                raise PaymentMismatch(fields=wrong)
            if payment.state is PaymentState.PAID:
                return
            order = order or self._orders.get(payment.member_id, payment.order_id)
            moves = self._returns if wrong else self._moves
            try:
                commit(*moves(trade, payment, order, heard_by, now))
            except (OrderChanged, PaymentChanged):
                continue  # someone else was faster: look again
            logger.info("paid", order_id=order.order_id, heard_by=heard_by)
            if order.state is not OrderState.AWAITING_PAYMENT:
                alarm = "paid_twice" if order.trade_no else "paid_late"
                logger.error("paid without a need", order_id=order.order_id, alarm=alarm)
            return
        raise StorageBusy

    def _read(self, trade: Trade) -> tuple[Payment, Order | None]:
        """The payment, and its order too if the trade says whose it is. An attempt without such words, or with others
        than ours, says nothing: then the payment alone tells.
        """
        key = (trade.attach, order_id_of(trade.out_trade_no))
        wanted = [key] if all(key) else []
        payment, orders = fetch(self._store.reads(trade.out_trade_no), self._orders.store.reads_many(wanted))
        return payment, next((order for order in orders if key == (payment.member_id, payment.order_id)), None)

    def _moves(self, trade: Trade, payment: Payment, order: Order, heard_by: str, now: datetime) -> list[Write]:
        refund = None
        if order.state is OrderState.AWAITING_PAYMENT:
            after = moved(
                order,
                now,
                Actor.WECHAT,
                "支付成功",
                to=OrderState.PAID,
                held=self._orders.holds(order),
                trade_no=payment.out_trade_no,
                paid_at=now,
                late_payment=False,
                effects_due=True,
            )
        elif order.state is OrderState.CLOSED and order.trade_no is None:
            # It stays closed; the effects decide whether it gets another place or its money back.
            after = moved(
                order,
                now,
                Actor.WECHAT,
                "订单关闭后收到付款",
                late_payment=True,
                trade_no=payment.out_trade_no,
                effects_due=True,
            )
        else:
            refund = self._refunding.owed(payment, payment.total, "paid-twice", "重复付款退回", now)
            after = moved(order, now, Actor.WECHAT, "重复付款，自动退款")
        received = self._store.becomes_paid(payment, trade, heard_by, now, refund)
        return [*received, self._orders.store.becomes(order, after)]

    def _returns(self, trade: Trade, payment: Payment, order: Order, heard_by: str, now: datetime) -> list[Write]:
        """Money that is not the order's: it goes back as it came, and an order that waited for it is closed."""
        payment = replace(payment, total=trade.total, openid=trade.openid)
        refund = self._refunding.owed(payment, trade.total, "mismatch", "支付信息不一致退回", now)
        received = self._store.becomes_paid(payment, trade, heard_by, now, refund)
        why = "支付信息不一致，款项自动退回"
        if order.state is not OrderState.AWAITING_PAYMENT:
            return [*received, self._orders.store.becomes(order, moved(order, now, Actor.WECHAT, why))]
        closed = moved(order, now, Actor.WECHAT, why, to=OrderState.CLOSED)
        back = self._orders.gives_back(order, now, paid=False)
        return [*received, self._orders.store.becomes(order, closed), *back]

    def _differences(self, trade: Trade, payment: Payment) -> list[str]:
        wrong = differences(
            self._expected,
            payment,
            appid=trade.appid,
            mchid=trade.mchid,
            total=trade.total,
            currency=trade.currency,
            openid=trade.openid,
        )
        if wrong:
            logger.error("payment mismatch", order_id=payment.order_id, fields=wrong, alarm="payment_mismatch")
            self._store.note_mismatch(payment.out_trade_no, ",".join(wrong))
        return wrong
