"""Routes of orders: preview, place, list, detail, receipt."""

from collections.abc import Sequence
from typing import Any

from ..addresses.rules import AddressNotFound
from ..campaigns.base import ActivityNotFound, ActivityNotRunning, CampaignLimit, NotInActivity, UnknownCampaign
from ..campaigns.kinds import KINDS
from ..cart import CartLine
from ..coupons.rules import CouponNotFound, CouponNotUsable
from ..kernel.errors import ShopError
from ..kernel.paging import BadCursor, Page
from ..pickup.rules import PickupPointNotFound
from ..points.rules import NotEnoughPoints
from ..pricing.rules import NotDeliverable
from ..stock import SoldOut
from ..storage.reads import Read, Search
from ..storage.writes import StorageBusy
from ..web import Call, Routes
from .asking import WantedOrder, Wish
from .entry import (
    AddressNeeded,
    AddressOrPickup,
    CampaignTakesOneSku,
    CouponNotWithCampaign,
    IdempotencyKeyReused,
    NothingToOrder,
    PriceChanged,
    SkuNotForSale,
    TooManyLines,
)
from .rules import Order, OrderChanged, OrderNotFound, OrderStateRefused, ReceiptExtended
from .shapes import OrderPage, OrderQuery, OrderView, PreviewView, order_card, order_view, preview_view, reads_order

routes = Routes(__name__)

CHOOSING: tuple[type[ShopError], ...] = (
    NothingToOrder, TooManyLines, SkuNotForSale, SoldOut, AddressNotFound, CouponNotFound, CouponNotUsable,
    CouponNotWithCampaign, CampaignTakesOneSku, UnknownCampaign, ActivityNotFound, ActivityNotRunning, NotInActivity,
    CampaignLimit, NotDeliverable, AddressOrPickup, PickupPointNotFound,
    *(refusal for kind in KINDS.values() for refusal in kind.refusals),
)  # fmt: skip


def reads_selected(call: Call[WantedOrder]) -> Sequence[Read[Any]]:
    return [call.shop.orders.placing.reads(call.member_id, call.body.wanted())]


def reads_before_placing(call: Call[WantedOrder]) -> Sequence[Read[Any]]:
    placed = call.shop.orders.placing.reads_placed(call.member_id, call.idempotency_key, call.now)
    return [*reads_selected(call), placed]


@routes.endpoint(
    "POST",
    "/orders/preview",
    summary="Price what would be ordered",
    body=Wish,
    answers=PreviewView,
    errors=CHOOSING,
    reads=reads_selected,
)
def preview(call: Call[WantedOrder], selected: Sequence[CartLine]) -> PreviewView:
    """Nothing is held. Without an address the freight is not known and counts as 0."""
    return preview_view(call.shop.orders.placing.preview(call.member_id, call.body.wanted(), selected, call.now))


@routes.endpoint(
    "POST",
    "/orders",
    summary="Place an order",
    body=Wish,
    answers=OrderView,
    status=201,
    errors=(*CHOOSING, AddressNeeded, PriceChanged, NotEnoughPoints, IdempotencyKeyReused, OrderChanged, StorageBusy),
    signed=True,
    idempotent=True,
    reads=reads_before_placing,
)
def place(call: Call[WantedOrder], selected: Sequence[CartLine], placed: Any) -> OrderView:
    """Stock, coupon, points, campaign place and order in one transaction. The same Idempotency-Key answers the same
    order.

    The goods are reserved until `expires_at`; an order with nothing to pay is PAID at once.
    """
    if call.body.address_id is None and call.body.pickup_point_id is None:
        raise AddressNeeded
    placing, wanted = call.shop.orders.placing, call.body.wanted()
    return order_view(placing.place(call.session, wanted, call.idempotency_key, call.now, selected, placed))


def reads_page(call: Call[None]) -> Sequence[Search[Page[Order]]]:
    query = call.query
    return [call.shop.orders.reads_page(call.member_id, query.state, query.cursor, query.limit)]


@routes.endpoint(
    "GET", "/orders", summary="List own orders", query=OrderQuery, answers=OrderPage, errors=(BadCursor,),
    reads=reads_page,
)  # fmt: skip
def show_all(call: Call[None], page: Page[Order]) -> OrderPage:
    return OrderPage([order_card(order) for order in page.rows], page.next_cursor)


@routes.endpoint(
    "GET", "/orders/{order_id}", summary="One order with its timeline", answers=OrderView, errors=(OrderNotFound,),
    reads=reads_order,
)  # fmt: skip
def show(call: Call[None], order: Order) -> OrderView:
    return order_view(order)


@routes.endpoint(
    "POST",
    "/orders/{order_id}/receipt",
    summary="Confirm that the goods arrived",
    answers=OrderView,
    errors=(OrderNotFound, OrderStateRefused, StorageBusy),
    signed=True,
    reads=reads_order,
)
def confirm_receipt(call: Call[None], order: Order) -> OrderView:
    return order_view(call.shop.orders.receiving.confirm(order, call.now))


@routes.endpoint(
    "POST",
    "/orders/{order_id}/receipt/extension",
    summary="Take longer to confirm receipt, once",
    answers=OrderView,
    errors=(OrderNotFound, OrderStateRefused, ReceiptExtended, StorageBusy),
    signed=True,
    reads=reads_order,
)
def extend_receipt(call: Call[None], order: Order) -> OrderView:
    return order_view(call.shop.orders.receiving.extend(order, call.now))
