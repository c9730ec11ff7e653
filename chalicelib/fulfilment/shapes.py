"""Parcels, pickups and uploads as HTTP shows them, and what staff send."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ..orders.progress import to_send
from ..orders.rules import Order, OrderState
from ..orders.shapes import (
    EXAMPLE_TIME,
    OrderId,
    OrderLineView,
    OrderView,
    StaffEventView,
    order_view,
    staff_event_view,
)
from ..web import ID, NextCursor, PageQuery
from .carriers import CARRIERS
from .rules import Consignment, Parcel, Tracking, Upload, UploadState, Way

MemberId = Annotated[str, Meta(description="Whose order it is.", examples=["MXJ4ZK2P7Q5A3B6C7D2E4F5G6H"])]
ParcelId = Annotated[str, Meta(description="Parcel of the order.", examples=["9F86D081884C7D659A2FEAA0C5"])]
Pieces = Annotated[dict[str, int], Meta(description="Pieces by SKU.", examples=[{"tee-white-01": 2}])]
CarrierCode = Annotated[
    str,
    Meta(
        max_length=16,
        description="WeChat's code of the carrier, express only: " + ", ".join(CARRIERS) + ".",
        examples=["SF"],
    ),
]
TrackingNo = Annotated[
    str,
    Meta(
        max_length=40,
        pattern=r"^[A-Za-z0-9\-]*$(?!\n)",
        description="The carrier's, or the rider's order number.",
        examples=["SF1234567890123"],
    ),
]


class ParcelLine(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    sku_id: Annotated[str, Meta(pattern=ID, description="SKU.", examples=["tee-white-01"])]
    quantity: Annotated[int, Meta(ge=1, le=999, description="Pieces.", examples=[1])]


class ParcelBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What leaves the shop together."""

    way: Annotated[
        Literal["EXPRESS", "LOCAL"],
        Meta(description="By a carrier, or brought within the city.", examples=["EXPRESS"]),
    ]
    carrier: CarrierCode = ""
    tracking_no: TrackingNo = ""
    lines: Annotated[
        tuple[ParcelLine, ...], Meta(max_length=50, description="What is in it; empty: all that is to be sent.")
    ] = ()

    def consignment(self) -> Consignment:
        pieces: dict[str, int] = {}
        for line in self.lines:
            pieces[line.sku_id] = pieces.get(line.sku_id, 0) + line.quantity
        return Consignment(Way(self.way), self.carrier, self.tracking_no, pieces)


class NumberBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The right number of a parcel."""

    carrier: CarrierCode
    tracking_no: TrackingNo


class ScanView(msgspec.Struct, frozen=True):
    at: Annotated[datetime, Meta(description="When.", examples=[EXAMPLE_TIME])]
    text: Annotated[str, Meta(description="The carrier's words.", examples=["【深圳市】快件已揽收"])]


class ParcelView(msgspec.Struct, frozen=True):
    parcel_id: ParcelId
    way: Annotated[Way, Meta(description="How it goes.", examples=["EXPRESS"])]
    carrier: Annotated[str, Meta(description="WeChat's code of the carrier; empty if it has none.", examples=["SF"])]
    carrier_name: Annotated[str, Meta(description="For people.", examples=["顺丰速运"])]
    tracking_no: Annotated[str, Meta(description="To ask the carrier with.", examples=["SF1234567890123"])]
    pieces: Pieces
    sent_at: Annotated[datetime, Meta(description="When it left the shop.", examples=[EXAMPLE_TIME])]
    tracking: Annotated[Tracking, Meta(description="Where it is, as far as it is known.", examples=["UNDER_WAY"])]
    scans: Annotated[list[ScanView], Meta(description="What the carrier tells, newest first; asked some times a day.")]


class StaffParcelView(ParcelView, frozen=True):
    """For the staff's eyes."""

    who: Annotated[str, Meta(description="Member id of who sent it.", examples=["MXJ4ZK2P7Q5A3B6C7D2E4F5G6H"])]
    corrected: Annotated[bool, Meta(description="Whether its number was corrected.", examples=[False])]


class ParcelsView(msgspec.Struct, frozen=True):
    items: Annotated[list[ParcelView], Meta(description="In the order in which they left; 15 at most.")]


class SentView(msgspec.Struct, frozen=True):
    parcel: Annotated[StaffParcelView, Meta(description="The parcel.")]
    state: Annotated[OrderState, Meta(description="Of the order: SHIPPED once all has left.", examples=["SHIPPED"])]
    to_send: Annotated[dict[str, int], Meta(description="Pieces that are still to be sent, by SKU.", examples=[{}])]


class ToShipView(msgspec.Struct, frozen=True):
    """An order that waits to be sent or fetched. Where it goes stands in the order itself."""

    order_id: OrderId
    member_id: MemberId
    paid_at: Annotated[datetime | None, Meta(description="When it was paid.", examples=[EXAMPLE_TIME])]
    lines: Annotated[list[OrderLineView], Meta(description="What was ordered.")]
    to_send: Pieces
    remark: Annotated[str, Meta(description="Words of the shopper.", examples=[""])]
    pickup_point_id: Annotated[str | None, Meta(description="Where it is fetched, if it is.", examples=[None])]


class ToShipPage(msgspec.Struct, frozen=True):
    items: Annotated[list[ToShipView], Meta(description="What should have left first in front.")]
    next_cursor: NextCursor


class StaffOrderView(msgspec.Struct, frozen=True):
    member_id: MemberId
    order: Annotated[OrderView, Meta(description="As its shopper sees it, less the pickup code.")]
    to_send: Annotated[dict[str, int], Meta(description="Pieces that are still to be sent, by SKU.", examples=[{}])]
    parcels: Annotated[list[StaffParcelView], Meta(description="What has left.")]
    timeline: Annotated[list[StaffEventView], Meta(description="Every change with who made it, oldest first.")]


class HandingView(msgspec.Struct, frozen=True):
    """An order that is fetched, by its code."""

    order_id: OrderId
    member_id: MemberId
    state: Annotated[OrderState, Meta(description="Only a PAID order that is not held is handed over.")]
    held: Annotated[bool, Meta(description="It waits for its team.", examples=[False])]
    pickup_point_id: Annotated[str | None, Meta(description="Where the shopper wanted it.", examples=["nanshan-01"])]
    lines: Annotated[list[OrderLineView], Meta(description="What was ordered.")]
    to_hand_over: Pieces
    cases: Annotated[dict[str, bool], Meta(description="After-sale cases: open or not, by id.", examples=[{}])]
    used_at: Annotated[datetime | None, Meta(description="When it was handed over, if it was.", examples=[None])]


class UploadView(msgspec.Struct, frozen=True):
    order_id: OrderId
    member_id: MemberId
    state: Annotated[UploadState, Meta(description="STAFF: WeChat refuses it, and people must look.")]
    errcode: Annotated[int | None, Meta(description="WeChat's last word.", examples=[10060003])]
    tries: Annotated[int, Meta(description="In vain so far.", examples=[1])]
    since: Annotated[datetime, Meta(description="When there was something to tell.", examples=[EXAMPLE_TIME])]


class UploadsView(msgspec.Struct, frozen=True):
    items: Annotated[list[UploadView], Meta(description="The longest waiting first.")]


class MostQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100, description="At most so many.", examples=[50])] = 50


class ToShipQuery(PageQuery, frozen=True, kw_only=True):
    pickup: Annotated[bool, Meta(description="Those that are fetched, in place of those that are sent.")] = False


def parcel_view(parcel: Parcel) -> ParcelView:
    return ParcelView(**_parcel(parcel))


def staff_parcel_view(parcel: Parcel) -> StaffParcelView:
    return StaffParcelView(**_parcel(parcel), who=parcel.who, corrected=parcel.corrected)


def _parcel(parcel: Parcel) -> dict[str, Any]:
    carrier = CARRIERS.get(parcel.carrier)
    return {
        "parcel_id": parcel.parcel_id,
        "way": parcel.way,
        "carrier": parcel.carrier,
        "carrier_name": carrier.name if carrier else "",
        "tracking_no": parcel.tracking_no,
        "pieces": dict(parcel.pieces),
        "sent_at": parcel.sent_at,
        "tracking": parcel.tracking,
        "scans": [ScanView(scan.at, scan.text) for scan in parcel.scans],
    }


def sent_view(order: Order, parcel: Parcel) -> SentView:
    return SentView(staff_parcel_view(parcel), order.state, to_send(order))


def to_ship_view(order: Order) -> ToShipView:
    point_id = order.pickup.point_id if order.pickup else None
    lines = order_view(order).lines
    return ToShipView(order.order_id, order.member_id, order.paid_at, lines, to_send(order), order.remark, point_id)


def staff_order_view(order: Order, parcels: list[Parcel]) -> StaffOrderView:
    return StaffOrderView(
        order.member_id,
        order_view(without_code(order)),
        to_send(order),
        [staff_parcel_view(parcel) for parcel in parcels],
        [staff_event_view(event) for event in order.timeline],
    )


def without_code(order: Order) -> Order:
    return replace(order, pickup=replace(order.pickup, code="")) if order.pickup else order


def handing_view(order: Order, used_at: datetime | None) -> HandingView:
    return HandingView(
        order_id=order.order_id,
        member_id=order.member_id,
        state=order.state,
        held=order.held,
        pickup_point_id=order.pickup.point_id if order.pickup else None,
        lines=order_view(order).lines,
        to_hand_over=to_send(order),
        cases=dict(order.cases),
        used_at=used_at,
    )


def upload_view(upload: Upload) -> UploadView:
    return UploadView(upload.order_id, upload.member_id, upload.state, upload.errcode, upload.tries, upload.since)
