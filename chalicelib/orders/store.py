"""Orders as they are kept: finding them, and the writes that move them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import msgspec
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from ..kernel.errors import ShopError
from ..kernel.paging import Page, page_of
from ..log import logger
from ..storage.attributes import becoming, entered
from ..storage.cipher import SEALED_FOR_GOOD, Cipher
from ..storage.due import clear_due, due, first_due, place_of, set_due, sweep, wait_for
from ..storage.reads import Read, Search, fetch
from ..storage.spelled import Holds
from ..storage.writes import Write, commit, put, update
from .rows import OrderRow, changing, order_of, row_of
from .rules import Delivery, Job, Order, OrderChanged, OrderNotFound, OrderState, Periods, waits_for

Work = Callable[[str, str, datetime], object]
Failed = Callable[[str, Exception], None]


class OrderStore:
    def __init__(self, cipher: Cipher, periods: Periods = Periods()) -> None:  # noqa: B008 (it is frozen)
        self._cipher = cipher
        self.periods = periods

    def get(self, member_id: str, order_id: str) -> Order:
        (order,) = fetch(self.reads(member_id, order_id))
        return order

    def reads(self, member_id: str, order_id: str) -> Read[Order]:
        """Consistent. Raises OrderNotFound, also for another member's order."""

        def made(rows: list[OrderRow | None]) -> Order:
            (row,) = rows
            if row is None:
                raise OrderNotFound
            return self._order(row)

        return Read([OrderRow(member_id, order_id)], made, consistent=True)

    def many(self, keys: Sequence[tuple[str, str]]) -> list[Order]:
        (orders,) = fetch(self.reads_many(keys))
        return orders

    def reads_many(self, keys: Sequence[tuple[str, str]]) -> Read[list[Order]]:
        """Those that exist of these (member_id, order_id), consistent, in one round trip per hundred."""
        rows = [OrderRow(member_id, order_id) for member_id, order_id in keys]
        return Read(rows, lambda found: [self._order(row) for row in found if row is not None], consistent=True)

    def reads_page(
        self, member_id: str, state: OrderState | None, after: str | None, limit: int
    ) -> Search[Page[Order]]:
        """Newest first, consistent. `after` is the order id that the last page ended with."""

        def made(rows: list[OrderRow]) -> Page[Order]:
            orders = [self._order(row) for row in rows if row.order_id != after]
            return page_of(orders[: limit + 1], limit, lambda order: order.order_id)

        if state is None:
            older = OrderRow.order_id < after if after else None
            return Search(OrderRow, member_id, made, limit + 1, older, ascending=False, consistent=True)
        key = OrderRow.state_key
        within = key.between(f"{state}#", f"{state}#{after}") if after else key.startswith(f"{state}#")
        return Search(OrderRow.by_state, member_id, made, limit + 2, within, ascending=False, consistent=True)

    def placed(self, order: Order) -> Write:
        """The new order, waiting for its payment, or for its effects if there is nothing to pay."""
        wait = waits_for(order, self.periods)
        assert wait is not None
        return put(row_of(order, self._seal(order), **wait_for(OrderRow, wait[0], order.order_id, wait[1])), new=True)

    def becomes(self, before: Order, after: Order, *, otherwise: ShopError | None = None) -> Write:
        """The order as `after` has it, with the events that were added, if nothing has happened since it was read.

        Every change adds an entry to the timeline: as many entries as were read, and nothing has happened. Else
        OrderChanged: read it again and decide again.
        """
        old, new = changing(before), changing(after)
        assert len(after.timeline) > len(before.timeline), "a change that tells nobody"
        return update(
            OrderRow(before.member_id, before.order_id),
            entered(after.timeline[len(before.timeline) :]),
            *becoming(OrderRow, {name: value for name, value in new.items() if value != old[name]}),
            *self._waiting(before, after),
            condition=_as_read(before),
            otherwise=otherwise or OrderChanged(),
        )

    def attempted(self, order: Order, attempt: int) -> Write:
        """A payment attempt begins; only one of several at once."""
        return update(
            OrderRow(order.member_id, order.order_id),
            OrderRow.attempt.set(attempt),
            condition=(OrderRow.state == OrderState.AWAITING_PAYMENT) & _as_read(order),
            otherwise=OrderChanged(),
        )

    def effects_done(self, order: Order) -> Write:
        """The effects of the state that was read are done; the order waits for what its state calls for."""
        after = replace(order, effects_due=False)
        return update(
            OrderRow(order.member_id, order.order_id),
            OrderRow.effects_due.set(False),
            *self._waiting(order, after),
            condition=_as_read(order),
            otherwise=OrderChanged(),
        )

    def look_again(self, order: Order, at: datetime) -> None:
        """It still waits for the same, and is looked at again then; nothing, if it changed meanwhile."""
        wait = waits_for(order, self.periods)
        if wait is None:
            return
        with suppress(OrderChanged):
            later = set_due(OrderRow, wait[0], order.order_id, at)
            key = OrderRow(order.member_id, order.order_id)
            commit(update(key, *later, condition=_as_read(order), otherwise=OrderChanged()))

    def sweep(self, job: Job, now: datetime, work: Work, failed: Failed) -> int:
        """`work(member_id, order_id, now)` for each order whose `job` is due; `failed` for each that fails."""
        return sweep(
            due(OrderRow, job, now),
            lambda row: work(row.member_id, row.order_id, now),
            now,
            lambda row, error: failed(row.order_id, error),
        )

    def waiting(self, job: Job, until: datetime, after: str | None, limit: int) -> Page[Order]:
        """Orders that wait for `job`, the one due first in front. Raises BadCursor."""
        found = page_of(first_due(OrderRow, job, until, limit + 1, after), limit, place_of)
        return Page(self.many([(row.member_id, row.order_id) for row in found.rows]), found.next_cursor)

    def _waiting(self, before: Order, after: Order) -> list[Action]:
        wait = waits_for(after, self.periods)
        if wait == waits_for(before, self.periods):
            return []
        return set_due(OrderRow, wait[0], after.order_id, wait[1]) if wait else clear_due(OrderRow)

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


def _as_read(order: Order) -> Condition:
    """State and group alone would not tell, since a late payer may be given the same group anew. Attempts and effects
    leave no entry in the timeline, and decide what the order waits for.
    """
    return Holds(
        "size({timeline}) = {entries} AND {attempt} = {tried} AND {effects_due} = {due}",
        {"timeline": "timeline", "attempt": "attempt", "effects_due": "effects_due"},
        entries={"N": str(len(order.timeline))},
        tried={"N": str(order.attempt)},
        due={"BOOL": order.effects_due},
    )
