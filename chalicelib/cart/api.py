"""Routes of the cart. All answer the whole cart."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ..catalog import ProductNotFound
from ..pricing import Measure
from ..stock import SoldOut
from ..storage.reads import Read
from ..web import ID, Call, Routes
from .rules import MOST_LINES, MOST_PIECES, CartFull, CartLineNotFound, ChangeKind, Contents, TooManyPieces
from .view import CartView as Cart

routes = Routes(__name__)

SkuId = Annotated[str, Meta(pattern=ID, description="As product pages name it.", examples=["tee-white-01"])]
Pieces = Annotated[int, Meta(ge=1, le=MOST_PIECES, description="Pieces.", examples=[2])]
Fen = Annotated[int, Meta(description="In fen.", examples=[5900])]


class AddLine(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    sku_id: SkuId
    quantity: Pieces


class ChangeLine(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is left out stays as it is."""

    quantity: (
        Annotated[int, Meta(ge=1, le=MOST_PIECES, description="Pieces in all, not more pieces.", examples=[3])] | None
    ) = None
    selected: Annotated[bool | None, Meta(description="Whether it is to be ordered.", examples=[True])] = None


class LineSelection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    selected: Annotated[bool, Meta(description="For every line.", examples=[True])]


class LineRemoval(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    sku_ids: Annotated[
        list[SkuId],
        Meta(min_length=1, max_length=MOST_LINES, description="Lines to remove.", examples=[["tee-white-01"]]),
    ]


class CartChangeView(msgspec.Struct, frozen=True):
    kind: Annotated[ChangeKind, Meta(description="What happened.", examples=["PRICE_CHANGED"])]
    old: Annotated[int | None, Meta(description="Fen, with PRICE_CHANGED: when put in.", examples=[6900])]
    new: Annotated[int | None, Meta(description="Fen, with PRICE_CHANGED: now.", examples=[5900])]
    left: Annotated[int | None, Meta(description="Pieces, with LOW_STOCK.", examples=[None])]


class CartLineView(msgspec.Struct, frozen=True):
    sku_id: Annotated[str, Meta(description="The SKU.", examples=["tee-white-01"])]
    product_id: Annotated[str | None, Meta(description="Its product; null if it is gone.", examples=["tee-white"])]
    title: Annotated[str, Meta(description="Name of the product; empty if it is gone.", examples=["纯棉圆领T恤"])]
    image: Annotated[str, Meta(description="Picture; may be empty.", examples=["https://img.example.com/tee.jpg"])]
    spec: Annotated[str, Meta(description="The choices made; may be empty.", examples=["白 / L"])]
    price: Annotated[int | None, Meta(description="Fen a piece, now; null if it is gone.", examples=[5900])]
    struck_price: Annotated[int | None, Meta(description="Fen, to be shown struck through.", examples=[7900])]
    quantity: Pieces
    subtotal: Annotated[int | None, Meta(description="`price` times `quantity`, in fen.", examples=[11800])]
    available: Annotated[int, Meta(description="Pieces that can be bought now.", examples=[42])]
    selected: Annotated[bool, Meta(description="Counts in the totals and in an order of the cart.", examples=[True])]
    selectable: Annotated[bool, Meta(description="Can be bought as it stands.", examples=[True])]
    changes: Annotated[tuple[CartChangeView, ...], Meta(description="What to tell the shopper.")]


class CartCouponView(msgspec.Struct, frozen=True):
    coupon_id: Annotated[str, Meta(description="For the order.", examples=["01JDK3Q8ZJ8Q4S6V0Y2N5T7X9B"])]
    title: Annotated[str, Meta(description="For shoppers.", examples=["满100减10"])]
    saves: Annotated[int, Meta(description="In fen.", examples=[1000])]


class CartPointsView(msgspec.Struct, frozen=True):
    points: Annotated[int, Meta(description="Of the shopper's, so many can be spent on this.", examples=[500])]
    off: Annotated[int, Meta(description="Fen that they pay for.", examples=[500])]


class AdjustmentView(msgspec.Struct, frozen=True):
    kind: Annotated[str, Meta(description="PROMOTION, COUPON or POINTS.", examples=["PROMOTION"])]
    id: Annotated[str, Meta(description="Which one.", examples=["autumn"])]
    title: Annotated[str, Meta(description="For shoppers.", examples=["满199减30"])]
    amount: Annotated[int, Meta(description="Fen taken off.", examples=[3000])]
    lines: Annotated[
        dict[str, int], Meta(description="Fen by SKU; adds up to `amount`.", examples=[{"tee-white-01": 3000}])
    ]


class HintView(msgspec.Struct, frozen=True):
    kind: Annotated[str, Meta(description="PROMOTION or COUPON.", examples=["PROMOTION"])]
    id: Annotated[str, Meta(description="Which one.", examples=["autumn"])]
    measure: Annotated[Measure, Meta(description="What `missing` counts: fen or pieces.", examples=["AMOUNT"])]
    missing: Annotated[int, Meta(description="What is missing for it.", examples=[2000])]
    saves: Annotated[int, Meta(description="Fen that it would take off in all.", examples=[5000])]
    text: Annotated[str, Meta(description="For shoppers.", examples=["再买20元减50元"])]


class CartView(msgspec.Struct, frozen=True):
    """Totals are of the selected lines, without freight."""

    lines: Annotated[tuple[CartLineView, ...], Meta(description="What was put in last comes first.")]
    pieces: Annotated[int, Meta(description="Selected pieces.", examples=[2])]
    goods_total: Fen
    discount_total: Annotated[int, Meta(description="Fen taken off by promotions.", examples=[3000])]
    payable: Annotated[int, Meta(description="`goods_total` - `discount_total`, in fen.", examples=[8800])]
    coupon: Annotated[CartCouponView | None, Meta(description="The best of the shopper's coupons for this, if any.")]
    payable_with_coupon: Annotated[int, Meta(description="用券后, in fen.", examples=[7800])]
    points: Annotated[
        CartPointsView | None, Meta(description="What points could pay beside that coupon; in none of the totals.")
    ]
    saved: Annotated[int, Meta(description="Fen saved by promotions and that coupon.", examples=[4000])]
    adjustments: Annotated[tuple[AdjustmentView, ...], Meta(description="How `saved` comes about.")]
    hints: Annotated[tuple[HintView, ...], Meta(description="What is missing for the next saving.")]
    notes: Annotated[tuple[str, ...], Meta(description="For shoppers.", examples=[["运费将在选择收货地址后计算"]])]


def reads_cart(call: Call[Any]) -> Sequence[Read[Contents]]:
    return [call.shop.cart.reads(call.member_id)]


@routes.endpoint("GET", "/cart", summary="The cart", answers=CartView, reads=reads_cart)
def show(call: Call[None], seen: Contents) -> CartView:
    return _rendered(call.shop.cart.show(call.member_id, seen))


@routes.endpoint(
    "POST",
    "/cart/lines",
    summary="Add pieces of a SKU",
    body=AddLine,
    answers=CartView,
    errors=(ProductNotFound, SoldOut, CartFull, TooManyPieces),
    reads=reads_cart,
)
def add(call: Call[AddLine], seen: Contents) -> CartView:
    """Adds to what is in the cart already, and selects it. Nothing is reserved."""
    return _rendered(call.shop.cart.add(call.member_id, call.body.sku_id, call.body.quantity, seen))


@routes.endpoint(
    "PATCH",
    "/cart/lines/{sku_id}",
    summary="Change pieces or selection of a line",
    body=ChangeLine,
    answers=CartView,
    errors=(CartLineNotFound, ProductNotFound, SoldOut),
    reads=reads_cart,
)
def change(call: Call[ChangeLine], seen: Contents) -> CartView:
    """Fewer pieces than before are never refused for lack of stock."""
    wanted, sku_id = call.body, call.path["sku_id"]
    return _rendered(call.shop.cart.change(call.member_id, sku_id, wanted.quantity, wanted.selected, seen))


@routes.endpoint(
    "POST", "/cart/selection", summary="Select all lines, or none", body=LineSelection, answers=CartView,
    reads=reads_cart,
)  # fmt: skip
def select_all(call: Call[LineSelection], seen: Contents) -> CartView:
    return _rendered(call.shop.cart.select_all(call.member_id, seen, selected=call.body.selected))


@routes.endpoint("DELETE", "/cart/lines/{sku_id}", summary="Remove a line", answers=CartView)
def remove_line(call: Call[None]) -> CartView:
    """A line that is not there is gone already."""
    return _rendered(call.shop.cart.remove(call.member_id, [call.path["sku_id"]]))


@routes.endpoint("POST", "/cart/remove", summary="Remove several lines", body=LineRemoval, answers=CartView)
def remove(call: Call[LineRemoval]) -> CartView:
    """Lines that are not there are gone already."""
    return _rendered(call.shop.cart.remove(call.member_id, call.body.sku_ids))


@routes.endpoint("DELETE", "/cart", summary="Empty the cart", answers=CartView)
def clear(call: Call[None]) -> CartView:
    return _rendered(call.shop.cart.clear(call.member_id))


def _rendered(cart: Cart) -> CartView:
    return msgspec.convert(cart, CartView, from_attributes=True)
