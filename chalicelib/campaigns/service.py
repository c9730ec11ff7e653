"""Applies what the campaign kinds decide: each outcome once, whoever calls, however often."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..kernel.errors import Conflict, NotFound, Refused
from ..kernel.paging import Page, decode_cursor
from ..log import logger
from ..orders import Order, Orders, OrderState, campaign_order
from ..orders.rules import Actor, Event, OrderChanged
from ..payments import Payments
from ..stock import Stock
from ..storage.writes import Write, commit
from .base import Activity, CampaignOrder, Kind, Lost, OrderRef, Outcome, Refund, Ship, UnknownCampaign
from .store import Activities

LATE = "late-payment"
PLACES_TO_TRY = 3


class Campaigns:
    def __init__(
        self, activities: Activities, kinds: Mapping[str, Kind], orders: Orders, payments: Payments, stock: Stock
    ) -> None:
        self.activities = activities
        self.kinds = kinds
        self._orders = orders
        self._payments = payments
        self._stock = stock

    def cards(self, product_id: str, now: datetime) -> list[dict[str, Any]]:
        """What runs for a product: the activity's fields and, as `facts`, what is special to its kind."""
        running = self.activities.running(product_id, now)
        return [{**vars(activity), "facts": self.kinds[activity.kind].card(activity, now)} for activity in running]

    def page(self, kind: str, cursor: str | None, limit: int) -> Page[Activity]:
        if kind not in self.kinds:
            raise UnknownCampaign(kinds=sorted(self.kinds))
        return self.activities.page(kind, decode_cursor(cursor), limit)

    def paid(self, order: Order, now: datetime) -> None:
        """A paid order takes its place in its group; whatever follows for others is applied too."""
        assert order.campaign is not None
        kind = self.kinds[order.campaign.kind]
        for outcome in kind.on_paid(campaign_order(order), now):
            self._apply(outcome, now)

    def paid_late(self, order: Order, now: datetime) -> None:
        """A closed order that was paid after all: another place if there is one, otherwise the money back."""
        if order.campaign is not None:
            self._find_place(Lost(campaign_order(order), LATE, "付款时订单已关闭"), now)
        else:
            self._refund(OrderRef(order.member_id, order.order_id), LATE, "付款时订单已关闭", now)

    def sweep(self, now: datetime) -> int:
        """Move overdue groups of every kind on. One group's failure leaves the others unharmed."""
        done = 0
        for kind in self.kinds.values():
            for group_id in kind.due(now):
                try:
                    for outcome in kind.expire(group_id, now):
                        self._apply(outcome, now)
                    kind.settled(group_id, now)
                    done += 1
                except Exception:
                    logger.exception("group not moved on", kind=kind.name, group_id=group_id, alarm="group_failed")
        return done

    def _apply(self, outcome: Outcome, now: datetime) -> None:
        match outcome:
            case Ship(refs):
                self._ship(refs, now)
            case Refund(refs, cause, reason):
                self._refund_all(refs, cause, reason, now)
            case Lost():
                self._find_place(outcome, now)

    def _ship(self, refs: Sequence[OrderRef], now: datetime) -> None:
        for order in self._orders.store.many([(ref.member_id, ref.order_id) for ref in refs]):
            if not order.held:
                continue
            event = Event(now, Actor.SCHEDULE, order.state, order.state, "拼团成功")
            try:
                commit(self._orders.store.released_from_hold(order, event))
            except OrderChanged:
                continue  # another run was faster, or it was refunded

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

    def _find_place(self, lost: Lost, now: datetime) -> None:
        """Try the places that the kind knows, then give up and pay back. The transaction decides, not the looking."""
        order = self._orders.get(lost.order.member_id, lost.order.order_id)
        kind = self.kinds[lost.order.kind]
        if order.refund_state is not None or not _still(order, lost.order):
            return
        for _ in range(PLACES_TO_TRY):  # a team found free may be full by now, and the next one not
            place = kind.rescue(lost.order, now)
            if place is None:
                break
            if self._move(order, place, now):
                return
        self._refund(OrderRef(order.member_id, order.order_id), lost.cause, lost.reason, now)

    def _move(self, order: Order, place: CampaignOrder, now: datetime) -> bool:
        event = Event(now, Actor.SCHEDULE, order.state, OrderState.PAID, "付款到账时原活动名额已释放，已为您重新安排")
        kind, store = self.kinds[place.kind], self._orders.store
        writes: list[Write] = [store.regrouped(order, place.group_id, event, now, held=kind.holds)]
        if order.state is OrderState.CLOSED:
            writes += [self._stock.reserve(line.sku_id, line.quantity) for line in order.lines]
        try:
            commit(*writes, *kind.claims(place, now))
        except OrderChanged:
            return True  # another run decided meanwhile
        except (Refused, Conflict, NotFound) as refusal:
            logger.info("no other place", order_id=order.order_id, code=refusal.code)
            return False
        return True


def _still(order: Order, lost: CampaignOrder) -> bool:
    """Whether the order is still in the group that was lost, and still waits for a decision."""
    waits = order.state is OrderState.PAID or (order.state is OrderState.CLOSED and order.late_payment)
    return waits and order.campaign is not None and order.campaign.group_id == lost.group_id
