"""Orders as they are kept: finding them, and the writes that move them."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from ..kernel.clock import epoch
from ..kernel.errors import ShopError
from ..kernel.paging import Page, page_of
from ..log import logger
from ..storage.cipher import SEALED_FOR_GOOD, Cipher
from ..storage.due import clear_due, due, set_due, sweep, wait_for
from ..storage.reads import read
from ..storage.writes import Write, put, update
from .rows import OrderRow, order_of, packed, row_of
from .rules import Delivery, Event, Order, OrderChanged, OrderNotFound, OrderState

Work = Callable[[str, str], object]
Failed = Callable[[str, Exception], None]

CLOSE = "order-close"
EFFECTS = "order-effects"
# The stream works on effects at once; the schedule finds those that it did not finish.
EFFECTS_GRACE = timedelta(minutes=2)


class OrderStore:
    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    def get(self, member_id: str, order_id: str) -> Order:
        """Consistent. Raises OrderNotFound, also for another member's order."""
        try:
            return self._order(OrderRow.get(member_id, order_id, consistent_read=True))
        except OrderRow.DoesNotExist as error:
            raise OrderNotFound from error

    def many(self, keys: Sequence[tuple[str, str]]) -> list[Order]:
        """Those that exist of these (member_id, order_id), consistent, in one round trip per hundred."""
        rows = read(*(OrderRow(member_id, order_id) for member_id, order_id in keys), consistent=True)
        return [self._order(row) for row in rows if row is not None]

    def page(self, member_id: str, state: OrderState | None, after: str | None, limit: int) -> Page[Order]:
        """Newest first, consistent. `after` is the order id that the last page ended with."""
        if state is None:
            older = OrderRow.order_id < after if after else None
            rows = OrderRow.query(member_id, older, consistent_read=True, scan_index_forward=False, limit=limit + 1)
        else:
            key = OrderRow.state_key
            within = key.between(f"{state}#", f"{state}#{after}") if after else key.startswith(f"{state}#")
            rows = OrderRow.by_state.query(
                member_id, within, consistent_read=True, scan_index_forward=False, limit=limit + 2
            )
        orders = [self._order(row) for row in rows if row.order_id != after]
        return page_of(orders[: limit + 1], limit, lambda order: order.order_id)

    def placed(self, order: Order) -> Write:
        """The new order, waiting for its payment, or for its effects if there is nothing to pay."""
        waiting = order.state is OrderState.AWAITING_PAYMENT
        job, at = (CLOSE, order.expires_at) if waiting else (EFFECTS, order.placed_at + EFFECTS_GRACE)
        return put(row_of(order, self._seal(order), **wait_for(job, order.order_id, at)), new=True)

    def moved(
        self,
        order: Order,
        to: OrderState,
        event: Event,
        *actions: Action,
        condition: Condition | None = None,
        otherwise: ShopError | None = None,
    ) -> Write:
        """The order in state `to`, if it is still in the state that was read. Adds the event; OrderChanged
        otherwise.
        """
        unchanged = (OrderRow.state == order.state) & (OrderRow.attempt == order.attempt)
        return update(
            OrderRow(order.member_id, order.order_id),
            OrderRow.state.set(to),
            OrderRow.state_key.set(f"{to}#{order.order_id}"),
            OrderRow.timeline.set(OrderRow.timeline.append([packed(event)])),
            *actions,
            condition=unchanged if condition is None else unchanged & condition,
            otherwise=otherwise or OrderChanged(),
        )

    def becomes_paid(self, order: Order, event: Event, now: datetime, trade_no: str, *, held: bool) -> Write:
        return self.moved(
            order,
            OrderState.PAID,
            event,
            OrderRow.held.set(held),
            OrderRow.trade_no.set(trade_no),
            OrderRow.paid_at.set(epoch(now)),
            OrderRow.late_payment.set(False),
            OrderRow.effects_due.set(True),
            *set_due(OrderRow, EFFECTS, order.order_id, now + EFFECTS_GRACE),
        )

    def becomes_closed(self, order: Order, event: Event) -> Write:
        return self.moved(order, OrderState.CLOSED, event, *clear_due(OrderRow))

    def paid_too_late(self, order: Order, event: Event, now: datetime, trade_no: str) -> Write:
        """Stays closed; the effects decide whether it gets another place or its money back."""
        return self.moved(
            order,
            order.state,
            event,
            OrderRow.late_payment.set(True),
            OrderRow.trade_no.set(trade_no),
            OrderRow.effects_due.set(True),
            *set_due(OrderRow, EFFECTS, order.order_id, now + EFFECTS_GRACE),
            condition=OrderRow.trade_no.does_not_exist(),
        )

    def becomes_refunded(self, order: Order, event: Event, refund_state: str, cause: str) -> Write:
        """REFUNDED, or still CLOSED for a late payment; either way nothing is owed but the money."""
        to = OrderState.CLOSED if order.state is OrderState.CLOSED else OrderState.REFUNDED
        return self.moved(
            order,
            to,
            event,
            OrderRow.refund_state.set(refund_state),
            OrderRow.refund_cause.set(cause),
            OrderRow.held.set(False),
            OrderRow.effects_due.set(False),
            OrderRow.late_payment.set(False),
            *clear_due(OrderRow),
            condition=OrderRow.refund_state.does_not_exist() & _nothing_since(order),
        )

    def noted(self, order: Order, event: Event) -> Write:
        """Only an entry in the timeline."""
        return self.moved(order, order.state, event)

    def refund_moved(self, order: Order, refund_state: str, event: Event) -> Write:
        return self.moved(order, order.state, event, OrderRow.refund_state.set(refund_state))

    def regrouped(self, order: Order, group_id: str, event: Event, now: datetime, *, held: bool) -> Write:
        """Paid, in another group than before."""
        return self.moved(
            order,
            OrderState.PAID,
            event,
            OrderRow.group_id.set(group_id),
            OrderRow.held.set(held),
            OrderRow.late_payment.set(False),
            OrderRow.effects_due.set(True),
            OrderRow.paid_at.set(epoch(now)),
            *set_due(OrderRow, EFFECTS, order.order_id, now + EFFECTS_GRACE),
            condition=_nothing_since(order),
        )

    def released_from_hold(self, order: Order, event: Event) -> Write:
        return self.moved(
            order,
            order.state,
            event,
            OrderRow.held.set(False),
            OrderRow.effects_due.set(True),
            *set_due(OrderRow, EFFECTS, order.order_id, event.at + EFFECTS_GRACE),
            condition=OrderRow.held == True,  # noqa: E712
        )

    def attempted(self, order: Order, attempt: int) -> Write:
        """A payment attempt begins; only one of several at once."""
        return update(
            OrderRow(order.member_id, order.order_id),
            OrderRow.attempt.set(attempt),
            condition=(OrderRow.state == OrderState.AWAITING_PAYMENT) & (OrderRow.attempt == order.attempt),
            otherwise=OrderChanged(),
        )

    def effects_done(self, order: Order) -> Write:
        """Nothing is due any more for the state that was read."""
        return update(
            OrderRow(order.member_id, order.order_id),
            OrderRow.effects_due.set(False),
            *clear_due(OrderRow),
            condition=(OrderRow.effects_due == True) & _nothing_since(order),  # noqa: E712
            otherwise=OrderChanged(),
        )

    def shipped(self, order: Order, event: Event, now: datetime, tracking: str) -> Write:
        return self.moved(
            order,
            OrderState.SHIPPED,
            event,
            OrderRow.shipped_at.set(epoch(now)),
            OrderRow.tracking.set(tracking),
            condition=OrderRow.held == False,  # noqa: E712
        )

    def sweep_unpaid(self, now: datetime, work: Work, failed: Failed) -> int:
        """`work(member_id, order_id)` for each order whose time to pay is over; `failed` for each that fails."""
        return self._sweep(CLOSE, now, work, failed)

    def sweep_effects(self, now: datetime, work: Work, failed: Failed) -> int:
        """The same for orders whose effects should have been done by now."""
        return self._sweep(EFFECTS, now, work, failed)

    def _sweep(self, job: str, now: datetime, work: Work, failed: Failed) -> int:
        return sweep(
            due(OrderRow, job, now),
            lambda row: work(row.member_id, row.order_id),
            now,
            lambda row, error: failed(row.order_id, error),
        )

    def _seal(self, order: Order) -> str | None:
        if order.delivery is None:
            return None
        return self._cipher.seal(msgspec.json.encode(order.delivery).decode(), f"order:{order.order_id}")

    def _order(self, row: OrderRow) -> Order:
        if row.delivery is None:
            return order_of(row, None)
        try:
            opened = self._cipher.open(row.delivery, f"order:{row.order_id}")
        except SEALED_FOR_GOOD:
            # Without its data key an order cannot be sent anywhere; its money must move all the same.
            logger.error("delivery cannot be opened", order_id=row.order_id, alarm="data_key_missing")
            return order_of(row, None)
        return order_of(row, msgspec.json.decode(opened, type=Delivery))


def _nothing_since(order: Order) -> Condition:
    """Every change adds an entry to the timeline: as many entries as were read, and nothing has happened since.

    State and group alone would not tell, since a late payer may be given the same group anew.
    """
    unchanged: Condition = size("timeline") == len(order.timeline)
    return unchanged
