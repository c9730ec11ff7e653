"""Effects of an order's change."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from ..campaigns.service import Campaigns
from ..catalog import Catalog
from ..log import logger
from ..messaging import Message, Messaging
from ..orders import Order, OrderNotFound, Orders, OrderState
from ..orders.rules import Job, OrderChanged
from ..payments import Payments
from ..payments.rules import RefundState, refund_number
from ..storage.once import AlreadyDone, claim
from ..storage.writes import commit
from .rules import messages_for

REMEMBERED = timedelta(days=30)


class Effects:
    def __init__(
        self, orders: Orders, payments: Payments, campaigns: Campaigns, catalog: Catalog, messaging: Messaging
    ) -> None:
        self._orders = orders
        self._payments = payments
        self._campaigns = campaigns
        self._catalog = catalog
        self._messaging = messaging

    def run(self, member_id: str, order_id: str, now: datetime) -> None:
        """Whatever is due for this order as it stands now. What cannot be done raises, and is tried again."""
        try:
            order = self._orders.get(member_id, order_id)
        except OrderNotFound:
            return
        if order.effects_due:
            self._settle_in(order, now)
            order = self._orders.get(member_id, order_id)
        if order.refund_state == RefundState.PENDING and order.trade_no:
            self._harmless(order, partial(self._payments.refunding.advance, refund_number(order.trade_no), now))
        for name, message in messages_for(order):
            self._harmless(order, partial(self._tell, order, name, message))

    def run_due(self, now: datetime) -> int:
        """The safety net under the stream. Returns how many orders were dealt with."""
        return self._orders.store.sweep(Job.EFFECTS, now, self.run, _failed)

    def _settle_in(self, order: Order, now: datetime) -> None:
        if order.state is OrderState.CLOSED:
            self._campaigns.paid_late(order, now)
            return
        if order.campaign and not self._campaigns.paid(order, now):
            return
        if not order.held:  # a team that fails has sold nothing
            self._count_sales(order, now)
        with suppress(OrderChanged):  # what has changed since has effects of its own
            commit(self._orders.store.effects_done(order))

    def _count_sales(self, order: Order, now: datetime) -> None:
        """Each product once per order, whoever repeats what: claim and count are one step."""
        pieces: dict[str, int] = {}
        for line in order.lines:
            pieces[line.product_id] = pieces.get(line.product_id, 0) + line.quantity
        for product_id, sold in pieces.items():
            once = claim(f"sales:{order.order_id}:{product_id}", now, REMEMBERED, AlreadyDone())
            with suppress(AlreadyDone):
                self._catalog.add_sales(product_id, sold, once)

    def _tell(self, order: Order, name: str, message: Message) -> None:
        delivery = self._messaging.send(order.member_id, message, once=f"{name}:{order.order_id}")
        logger.info("told", order_id=order.order_id, about=name, delivery=delivery)

    def _harmless(self, order: Order, effect: Callable[[], object]) -> None:
        """Refunds are due by themselves and messages are a courtesy: neither may hold up the stream of all orders."""
        try:
            effect()
        except Exception as error:
            logger.exception("effect left undone", order_id=order.order_id, error=type(error).__name__)


def _failed(order_id: str, error: Exception) -> None:
    logger.error("effects failed", order_id=order_id, error=type(error).__name__, alarm="effects_failed")
