"""What a member and the staff do with orders that exist."""

from collections.abc import Mapping
from datetime import datetime

from ..campaigns.base import Kind
from ..coupons import Coupons
from ..kernel.paging import Page, decode_cursor
from ..stock import Stock
from ..storage.writes import Write, commit
from .place import Placing, campaign_order
from .rules import Actor, Event, Order, OrderState, after, must_be_able
from .store import OrderStore


class Orders:
    """`placing` has preview and place. Closing and refunding belong to payments, which ask WeChat first."""

    def __init__(
        self, store: OrderStore, placing: Placing, stock: Stock, coupons: Coupons, kinds: Mapping[str, Kind]
    ) -> None:
        self.store = store
        self.placing = placing
        self._stock = stock
        self._coupons = coupons
        self._kinds = kinds

    def get(self, member_id: str, order_id: str) -> Order:
        """Raises OrderNotFound, also for another member's order."""
        return self.store.get(member_id, order_id)

    def page(self, member_id: str, state: OrderState | None, cursor: str | None, limit: int) -> Page[Order]:
        return self.store.page(member_id, state, decode_cursor(cursor), limit)

    def confirm_receipt(self, member_id: str, order_id: str, now: datetime) -> Order:
        """SHIPPED -> COMPLETED; a repetition is answered with the completed order."""
        order = self.store.get(member_id, order_id)
        if order.state is OrderState.COMPLETED:
            return order
        must_be_able(order, OrderState.COMPLETED)
        event = Event(now, Actor.SHOPPER, order.state, OrderState.COMPLETED, "确认收货")
        commit(self.store.moved(order, OrderState.COMPLETED, event))
        return after(order, event)

    def ship(self, member_id: str, order_id: str, tracking: str, now: datetime) -> Order:
        """PAID -> SHIPPED by staff. Raises OrderHeld while a team is open. A repetition changes nothing."""
        order = self.store.get(member_id, order_id)
        if order.state is OrderState.SHIPPED:
            return order
        must_be_able(order, OrderState.SHIPPED)
        event = Event(now, Actor.STAFF, order.state, OrderState.SHIPPED, f"商家已发货 {tracking}".strip())
        commit(self.store.shipped(order, event, now, tracking))
        return self.store.get(member_id, order_id)

    def gives_back(self, order: Order, now: datetime, *, paid: bool) -> list[Write]:
        """What the order took, returned: stock, coupon, campaign place. Joins the closing or the full refund."""
        writes = [self._stock.release(line.sku_id, line.quantity) for line in order.lines]
        if order.coupon_id:
            writes.append(self._coupons.give_back(order.member_id, order.coupon_id, order.order_id, now))
        if order.campaign:
            writes += self._kinds[order.campaign.kind].releases(campaign_order(order), now, paid=paid)
        return writes

    def holds(self, order: Order) -> bool:
        """Whether the order, once paid, waits for its group."""
        return order.campaign is not None and self._kinds[order.campaign.kind].holds
