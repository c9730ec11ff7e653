"""What follows shipping: receipt, by the shopper, by WeChat or by time; and the end of an order."""

from collections.abc import Callable
from datetime import datetime, timedelta

from ..kernel.trail import Actor
from ..log import logger
from ..storage.writes import StorageBusy, Write, commit
from .progress import to_send
from .rules import Job, Order, OrderChanged, OrderState, OrderStateRefused, ReceiptExtended, moved
from .store import OrderStore

TRIES = 4
TOMORROW = timedelta(days=1)

OnFinish = Callable[[Order, datetime], list[Write]]
"""What joins the end of an order: points earned by what was kept."""


class Receiving:
    def __init__(self, store: OrderStore, on_finish: OnFinish = lambda order, now: []) -> None:
        self._store = store
        self._on_finish = on_finish

    def confirm(self, order: Order, now: datetime) -> Order:
        """SHIPPED -> COMPLETED; a repetition is answered with the completed order. Raises OrderStateRefused."""
        return self._complete(order, Actor.SHOPPER, "确认收货", now)

    def confirmed_at_wechat(self, member_id: str, order_id: str, now: datetime) -> None:
        """WeChat says that the shopper confirmed receipt there, or that its own time was over."""
        order = self._store.get(member_id, order_id)
        if order.state is OrderState.SHIPPED:
            self._complete(order, Actor.WECHAT, "微信确认收货", now)

    def extend(self, order: Order, now: datetime) -> Order:
        """Once, the time to confirm receipt is made longer. Raises OrderStateRefused, ReceiptExtended."""
        after = None
        for _ in range(TRIES):
            if order == after:
                return order  # it was written, and only the answer was lost
            if order.state is not OrderState.SHIPPED or order.receive_by is None:
                raise OrderStateRefused(state=order.state)
            if order.extended:
                raise ReceiptExtended
            longer = order.receive_by + self._store.periods.extension
            after = moved(order, now, Actor.SHOPPER, "延长收货", extended=True, receive_by=longer)
            if self._stored(order, after):
                return after
            order = self._store.get(order.member_id, order.order_id)
        raise StorageBusy

    def receive_due(self, now: datetime) -> int:
        """Orders whose time to confirm is over count as received, unless an after-sale case is open."""
        return self._store.sweep(Job.RECEIVE, now, self._receive, _failed)

    def finish_due(self, now: datetime) -> int:
        """Orders whose time for after-sale cases is over are finished, once their last case is closed."""
        return self._store.sweep(Job.FINISH, now, self._finish, _failed)

    def alarm_unsent(self, now: datetime) -> int:
        """Paid orders that should have been sent or fetched by now are told of each day: the platform limits the shop
        that is late.
        """
        return sum(self._store.sweep(job, now, self._alarm, _failed) for job in (Job.SHIP, Job.PICKUP))

    def _receive(self, member_id: str, order_id: str, now: datetime) -> None:
        order = self._store.get(member_id, order_id)
        if order.state is not OrderState.SHIPPED or order.receive_by is None or order.receive_by > now:
            return
        if any(order.cases.values()):
            self._store.look_again(order, now + TOMORROW)
            return
        self._complete(order, Actor.SCHEDULE, "超时自动确认收货", now)

    def _complete(self, order: Order, by: Actor, why: str, now: datetime) -> Order:
        for _ in range(TRIES):
            if order.state is OrderState.COMPLETED:
                return order
            if order.state is not OrderState.SHIPPED:
                raise OrderStateRefused(state=order.state)
            after = moved(order, now, by, why, to=OrderState.COMPLETED, completed_at=now)
            if self._stored(order, after):
                return after
            order = self._store.get(order.member_id, order.order_id)
        raise StorageBusy

    def _finish(self, member_id: str, order_id: str, now: datetime) -> None:
        order = self._store.get(member_id, order_id)
        if order.state is not OrderState.COMPLETED or order.finished or order.effects_due:
            return
        if any(order.cases.values()):
            self._store.look_again(order, now + TOMORROW)
            return
        after = moved(order, now, Actor.SCHEDULE, "售后期结束，交易完成", finished=True)
        commit(self._store.becomes(order, after), *self._on_finish(after, now))

    def _alarm(self, member_id: str, order_id: str, now: datetime) -> None:
        order = self._store.get(member_id, order_id)
        if order.state is OrderState.PAID and not order.held and to_send(order):
            logger.error("order not sent in time", order_id=order_id, alarm="order_unsent")
        self._store.look_again(order, now + TOMORROW)

    def _stored(self, before: Order, after: Order) -> bool:
        try:
            commit(self._store.becomes(before, after))
        except OrderChanged:
            return False
        return True


def _failed(order_id: str, error: Exception) -> None:
    logger.error("order job failed", order_id=order_id, error=type(error).__name__, alarm="order_failed")
