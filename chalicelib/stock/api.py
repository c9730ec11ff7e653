"""Routes of stock, for the merchant's people."""

from typing import Annotated

import msgspec
from msgspec import Meta

from ..kernel.staff import StaffRole
from ..storage.writes import StorageBusy
from ..web import Call, Routes
from .rules import MOST_COUNTERS, Level, NeverStocked

routes = Routes(__name__)

Counters = Annotated[
    int,
    Meta(ge=0, le=MOST_COUNTERS, description="How many counters the SKU is spread over; 0: none.", examples=[16]),
]


class StockView(msgspec.Struct, frozen=True):
    sku_id: Annotated[str, Meta(description="The SKU.", examples=["tee-white-01"])]
    available: Annotated[int, Meta(description="Pieces that nobody has reserved, wherever they are.", examples=[9800])]
    head: Annotated[int, Meta(description="Those in no counter: what arrived or came back since.", examples=[600])]
    counters: Counters
    held: Annotated[list[int], Meta(description="Pieces in each counter.", examples=[[575] * 16])]
    drained: Annotated[bool, Meta(description="Whether all counters are known to be empty.", examples=[False])]
    heat: Annotated[
        int, Meta(description="Orders that took pieces from the head in this minute, about.", examples=[12])
    ]


class Spreading(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    counters: Counters


@routes.endpoint(
    "GET",
    "/staff/stock/{sku_id}",
    summary="The stock of a SKU, and how it is spread",
    answers=StockView,
    errors=(NeverStocked,),
    staff=StaffRole.FULFILMENT,
)
def show(call: Call[None]) -> StockView:
    return _view(call, call.shop.stock.whole(call.path["sku_id"]))


@routes.endpoint(
    "PUT",
    "/staff/stock/{sku_id}",
    summary="Spread a SKU's stock over counters, or gather it",
    body=Spreading,
    answers=StockView,
    errors=(NeverStocked, StorageBusy),
    staff=StaffRole.FULFILMENT,
    signed=True,
)
def spread(call: Call[Spreading]) -> StockView:
    """Before a flash sale, and again when pieces have arrived: each counter takes as many orders a second as a SKU that
    is not spread. Changes no number of pieces. A SKU that many buy at once is spread by itself after some seconds.
    """
    return _view(call, call.shop.stock.spread(call.path["sku_id"], call.body.counters))


def _view(call: Call[None] | Call[Spreading], level: Level) -> StockView:
    return StockView(
        sku_id=level.sku_id,
        available=level.available,
        head=level.head,
        counters=level.counters,
        held=[level.seen.get(counter, 0) for counter in range(1, level.counters + 1)],
        drained=level.drained,
        heat=call.shop.stock.heat(level),
    )
