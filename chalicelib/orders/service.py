"""Orders that exist, as members see them, and what an order gives back. What moves them on stands in receiving.py, and
in the domains above.
"""

from collections.abc import Mapping
from datetime import datetime

from ..campaigns.base import Kind
from ..coupons import Coupons
from ..kernel.paging import Page, decode_cursor
from ..points import Points
from ..pricing import Promotions
from ..stock import Stock
from ..storage.reads import Read, Search
from ..storage.writes import Write
from .place import Placing
from .receiving import Receiving
from .rules import Order, OrderState
from .snapshot import campaign_order
from .store import OrderStore


class Orders:
    """`placing` has preview and place, `receiving` what follows shipping. Closing and refunding belong to payments,
    which ask WeChat first.
    """

    def __init__(
        self,
        store: OrderStore,
        placing: Placing,
        stock: Stock,
        coupons: Coupons,
        points: Points,
        promotions: Promotions,
        kinds: Mapping[str, Kind],
    ) -> None:
        self.store = store
        self.placing = placing
        self.receiving = Receiving(store, self.earns)
        self._stock = stock
        self._coupons = coupons
        self._points = points
        self._promotions = promotions
        self._kinds = kinds

    def get(self, member_id: str, order_id: str) -> Order:
        """Raises OrderNotFound, also for another member's order."""
        return self.store.get(member_id, order_id)

    def reads(self, member_id: str, order_id: str) -> Read[Order]:
        """`get`, to be read together with other things."""
        return self.store.reads(member_id, order_id)

    def reads_page(
        self, member_id: str, state: OrderState | None, cursor: str | None, limit: int
    ) -> Search[Page[Order]]:
        """The member's orders, newest first. Raises BadCursor."""
        return self.store.reads_page(member_id, state, decode_cursor(cursor), limit)

    def gives_back(self, order: Order, now: datetime, *, paid: bool) -> list[Write]:
        """All that the order took, returned: it joins the closing, or the refund of an order that sent nothing yet."""
        pieces = {line.sku_id: line.quantity for line in order.lines}
        return [*self.puts_back(pieces), *self.lets_go(order, now, paid=paid)]

    def puts_back(self, pieces: Mapping[str, int]) -> list[Write]:
        """Pieces by SKU that can be sold again."""
        return [self._stock.release(sku_id, n) for sku_id, n in pieces.items()]

    def lets_go(self, order: Order, now: datetime, *, paid: bool) -> list[Write]:
        """What the order held beside its goods: coupon, campaign place, and the points that no after-sale case took.
        For an order that ends without a sale.
        """
        points = order.points - sum(done.points for done in order.progress.values())
        writes = self._points.give_back(order.member_id, points, order.order_id, now)
        if order.coupon_id:
            writes.append(self._coupons.give_back(order.member_id, order.coupon_id, order.order_id, now))
        if order.campaign:
            writes += self._kinds[order.campaign.kind].releases(campaign_order(order), now, paid=paid)
        return writes

    def earns(self, order: Order, now: datetime) -> list[Write]:
        """The points for what the shop keeps of an order's money; joins the order's end."""
        rule = self._promotions.rules().points
        points = rule.earned(order.payable - order.refunded) if rule else 0
        return self._points.earn(order.member_id, points, order.order_id, now)

    def holds(self, order: Order) -> bool:
        """Whether the order, once paid, waits for its group."""
        return order.campaign is not None and self._kinds[order.campaign.kind].holds
