"""Applies what the campaign kinds decide: each outcome once, whoever calls, however often."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from ..kernel.errors import Conflict, NotFound, Refused, ShopError
from ..kernel.paging import Page, decode_cursor
from ..kernel.trail import Actor
from ..log import logger
from ..orders import Order, Orders, OrderState, campaign_order
from ..orders.rules import OrderChanged, moved
from ..payments import Payments
from ..stock import Stock
from ..storage.due import side_by_side
from ..storage.reads import Search, fetch
from ..storage.table import STORAGE_FAILURES
from ..storage.writes import StorageBusy, commit
from .base import Activity, CampaignOrder, Kind, Lost, OrderRef, Outcome, Refund, Ship, UnknownCampaign
from .store import Activities

LATE, LATE_REASON = "late-payment", "付款时订单已关闭"
# Longer than the stream and the schedule under it take to count a payment.
COUNTED_BY_THEN = timedelta(minutes=5)
PLACES_TO_TRY = 3
TRIES = 6


class Campaigns:
    def __init__(
        self, activities: Activities, kinds: Mapping[str, Kind], orders: Orders, payments: Payments, stock: Stock
    ) -> None:
        self.activities = activities
        self.kinds = kinds
        self._orders = orders
        self._payments = payments
        self._stock = stock

    def cards(self, product_id: str, now: datetime) -> Search[list[dict[str, Any]]]:
        """What runs for a product: the activity's fields and, as `facts`, what is special to its kind."""

        def made(running: list[Activity]) -> list[dict[str, Any]]:
            return [{**vars(activity), "facts": self.kinds[activity.kind].card(activity, now)} for activity in running]

        return self.activities.running(product_id, now).then(made)

    def page(self, kind: str, cursor: str | None, limit: int) -> Page[Activity]:
        if kind not in self.kinds:
            raise UnknownCampaign(kinds=sorted(self.kinds))
        return self.activities.page(kind, decode_cursor(cursor), limit)

    def paid(self, order: Order, now: datetime) -> bool:
        """A paid order takes its place in its group; whatever follows for others is applied too.

        False if its place was gone: it got another one or its money back, a change that has effects of its own.
        """
        assert order.campaign is not None
        placed = True
        for outcome in self.kinds[order.campaign.kind].on_paid(campaign_order(order), now):
            if isinstance(outcome, Lost):
                self._find_place(order, outcome, now)
                placed = False
            else:
                self._apply(outcome, now)
        return placed

    def paid_late(self, order: Order, now: datetime) -> None:
        """A closed order that was paid after all: another place if there is one, otherwise the money back."""
        if order.campaign is not None:
            self._find_place(order, Lost(campaign_order(order), LATE, LATE_REASON), now)
        else:
            self._pay_back(order, LATE, LATE_REASON, now)

    def sweep(self, now: datetime) -> int:
        """Move overdue groups of every kind on. One group's failure leaves the others unharmed.

        Groups are judged as of some minutes ago: by now everybody who paid in time has been counted.
        """
        return sum(self._sweep_kind(kind, now - COUNTED_BY_THEN, now) for kind in self.kinds.values())

    def _sweep_kind(self, kind: Kind, as_of: datetime, now: datetime) -> int:
        try:
            return side_by_side(kind.due(as_of), lambda group_id: self._move_on(kind, group_id, as_of, now))
        except STORAGE_FAILURES:
            logger.exception("groups not found", kind=kind.name, alarm="group_failed")
            return 0

    def _move_on(self, kind: Kind, group_id: str, as_of: datetime, now: datetime) -> bool:
        try:
            for outcome in kind.expire(group_id, as_of):
                self._apply(outcome, now)
            kind.settled(group_id, now)
        except Exception:
            logger.exception("group not moved on", kind=kind.name, group_id=group_id, alarm="group_failed")
            with suppress(ShopError, *STORAGE_FAILURES):  # then it is the next run's, as it is
                kind.put_off(group_id, now)
            return False
        return True

    def _apply(self, outcome: Outcome, now: datetime) -> None:
        match outcome:
            case Ship(refs):
                self._ship(refs, now)
            case Refund(refs, cause, reason):
                self._refund_all(refs, cause, reason, now)
            case Lost(lost):
                self._find_place(self._orders.get(lost.member_id, lost.order_id), outcome, now)

    def _ship(self, refs: Sequence[OrderRef], now: datetime) -> None:
        """None stays held: of a team that is formed, nobody may ask again."""
        keys = [(ref.member_id, ref.order_id) for ref in refs]
        for _ in range(TRIES):
            changed = [order for order in self._orders.store.many(keys) if order.held and not self._shipped(order, now)]
            if not changed:
                return
            keys = [(order.member_id, order.order_id) for order in changed]
        raise StorageBusy

    def _shipped(self, order: Order, now: datetime) -> bool:
        after = moved(order, now, Actor.SCHEDULE, "拼团成功", held=False, effects_due=True)
        try:
            commit(self._orders.store.becomes(order, after))
        except OrderChanged:
            return False  # another run was faster, it was refunded, or something else happened: look again
        return True

    def _refund_all(self, refs: Sequence[OrderRef], cause: str, reason: str, now: datetime) -> None:
        """Every member gets the money back, also when one refund cannot be written now: that one stays due."""
        failures: list[Exception] = []
        for ref in refs:
            try:
                self._refund(ref, cause, reason, now)
            except Exception as error:
                logger.exception("refund not decided", order_id=ref.order_id, alarm="refund_failed")
                failures.append(error)
        if failures:
            raise failures[0]

    def _refund(self, ref: OrderRef, cause: str, reason: str, now: datetime) -> None:
        self._payments.refunding.refund_in_full(ref.member_id, ref.order_id, cause, reason, now)

    def _pay_back(self, order: Order, cause: str, reason: str, now: datetime) -> None:
        """For the order as it was judged, or not at all."""
        self._payments.refunding.refund_in_full(order.member_id, order.order_id, cause, reason, now, judged=order)

    def _find_place(self, order: Order, lost: Lost, now: datetime) -> None:
        """Try the places that the kind knows, then give up and pay back. The transaction decides, not the looking.

        Every write holds only for the order as it was judged: two runs at once make one decision.
        """
        kind = self.kinds[lost.order.kind]
        for _ in range(PLACES_TO_TRY):  # a team found free may be full by now, and the next one not
            place = kind.rescue(lost.order, now)
            if place is None:
                break
            if self._move(order, place, now):
                return
        self._pay_back(order, lost.cause, lost.reason, now)

    def _move(self, order: Order, place: CampaignOrder, now: datetime) -> bool:
        assert order.campaign is not None
        kind = self.kinds[place.kind]
        after = moved(
            order,
            now,
            Actor.SCHEDULE,
            "付款到账时原活动名额已释放，已为您重新安排",
            to=OrderState.PAID,
            campaign=replace(order.campaign, group_id=place.group_id),
            held=kind.holds,
            late_payment=False,
            effects_due=True,
            paid_at=now,
        )
        gone = {line.sku_id: line.quantity for line in order.lines} if order.state is OrderState.CLOSED else {}
        (known,) = fetch(kind.reads(place.choice, place.member_id, now))
        becomes = self._orders.store.becomes(order, after)
        try:
            self._stock.take(gone, partial(commit, becomes, *kind.claims(known, place, now)))
        except OrderChanged:
            return True  # another run decided meanwhile
        except (Refused, Conflict, NotFound) as refusal:
            logger.info("no other place", order_id=order.order_id, code=refusal.code)
            return False
        return True
