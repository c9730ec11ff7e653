"""Routes of fulfilment: what staff send and hand over, and what shoppers see of it."""

from collections.abc import Sequence

from ..kernel.paging import BadCursor
from ..kernel.staff import StaffRole
from ..orders import Order
from ..orders.progress import TooManySent
from ..orders.rules import OrderHeld, OrderNotFound, OrderStateRefused
from ..pickup.rules import PickupCodeNotFound, PickupCodeUsed
from ..storage.writes import StorageBusy
from ..web import Call, Routes
from .rules import (
    CarrierUnknown,
    CaseOpen,
    FetchedByShopper,
    LastParcel,
    NothingToSend,
    NumberCorrected,
    Parcel,
    ParcelNotFound,
    ParcelReused,
    TooManyParcels,
    TrackingNumberNeeded,
    TrackingNumberUsed,
    UploadNotFound,
)
from .shapes import (
    HandingView,
    MostQuery,
    NumberBody,
    ParcelBody,
    ParcelsView,
    SentView,
    StaffOrderView,
    ToShipPage,
    ToShipQuery,
    UploadsView,
    UploadView,
    handing_view,
    parcel_view,
    sent_view,
    staff_order_view,
    to_ship_view,
    upload_view,
)

routes = Routes(__name__)

NUMBERING = (CarrierUnknown, TrackingNumberNeeded, TrackingNumberUsed)


@routes.endpoint(
    "GET",
    "/orders/{order_id}/parcels",
    summary="Parcels of an order, and where they are",
    answers=ParcelsView,
    errors=(OrderNotFound,),
    reads=lambda call: call.shop.fulfilment.sending.reads(call.member_id, call.path["order_id"]),
)
def parcels(call: Call[None], order: Order, found: Sequence[Parcel]) -> ParcelsView:
    """Carriers are asked on a schedule, not when this is called."""
    return ParcelsView([parcel_view(parcel) for parcel in found])


@routes.endpoint(
    "GET",
    "/staff/orders/to-ship",
    summary="Paid orders that are to be sent, or fetched",
    query=ToShipQuery,
    answers=ToShipPage,
    errors=(BadCursor, StorageBusy),
    staff=StaffRole.FULFILMENT,
)
def to_ship(call: Call[None]) -> ToShipPage:
    """Overdue ones come first, among themselves by when they are alarmed for again."""
    query = call.query
    page = call.shop.fulfilment.sending.to_send(query.pickup, query.cursor, query.limit, call.now)
    return ToShipPage([to_ship_view(order) for order in page.rows], page.next_cursor)


@routes.endpoint(
    "GET",
    "/staff/orders/{member_id}/{order_id}",
    summary="One order in full, for staff",
    answers=StaffOrderView,
    errors=(OrderNotFound,),
    staff=StaffRole.FULFILMENT,
    reads=lambda call: call.shop.fulfilment.sending.reads(call.path["member_id"], call.path["order_id"]),
)
def staff_order(call: Call[None], order: Order, found: list[Parcel]) -> StaffOrderView:
    return staff_order_view(order, found)


@routes.endpoint(
    "POST",
    "/staff/orders/{member_id}/{order_id}/parcels",
    summary="Send an order, or a part of it",
    body=ParcelBody,
    answers=SentView,
    status=201,
    errors=(
        OrderNotFound,
        OrderStateRefused,
        OrderHeld,
        FetchedByShopper,
        *NUMBERING,
        NothingToSend,
        TooManySent,
        LastParcel,
        TooManyParcels,
        ParcelReused,
        StorageBusy,
    ),
    staff=StaffRole.FULFILMENT,
    signed=True,
    idempotent=True,
)
def send(call: Call[ParcelBody]) -> SentView:
    """WeChat is told of it within a minute. The same Idempotency-Key answers the same parcel.

    The order is SHIPPED once nothing is left to be sent; until then it stays PAID.
    """
    member_id, order_id = call.path["member_id"], call.path["order_id"]
    asked, key = call.body.consignment(), call.idempotency_key
    return sent_view(*call.shop.fulfilment.sending.send(member_id, order_id, asked, key, call.member_id, call.now))


@routes.endpoint(
    "PUT",
    "/staff/orders/{member_id}/{order_id}/parcels/{parcel_id}",
    summary="Correct a parcel's tracking number",
    body=NumberBody,
    answers=SentView,
    errors=(OrderNotFound, ParcelNotFound, OrderStateRefused, NumberCorrected, *NUMBERING, StorageBusy),
    staff=StaffRole.FULFILMENT,
    signed=True,
)
def correct(call: Call[NumberBody]) -> SentView:
    """Once for an order, since WeChat takes one correction."""
    path, right = call.path, call.body
    return sent_view(
        *call.shop.fulfilment.sending.correct(
            path["member_id"],
            path["order_id"],
            path["parcel_id"],
            right.carrier,
            right.tracking_no,
            call.member_id,
            call.now,
        )
    )


@routes.endpoint(
    "GET",
    "/staff/pickups/{code}",
    summary="Whose goods a pickup code is for",
    answers=HandingView,
    errors=(PickupCodeNotFound, OrderNotFound),
    staff=StaffRole.FULFILMENT,
)
def look(call: Call[None]) -> HandingView:
    """To be looked at before anything is handed over; the code stays good."""
    order, code = call.shop.fulfilment.handing.look(call.path["code"])
    return handing_view(order, code.used_at)


@routes.endpoint(
    "POST",
    "/staff/pickups/{code}",
    summary="Hand over what a pickup code is for",
    answers=HandingView,
    errors=(
        PickupCodeNotFound, PickupCodeUsed, OrderNotFound, OrderStateRefused, OrderHeld, CaseOpen, NothingToSend,
        StorageBusy,
    ),
    staff=StaffRole.FULFILMENT,
    signed=True,
)  # fmt: skip
def hand_over(call: Call[None]) -> HandingView:
    """Once; the order is COMPLETED by it, and WeChat is told."""
    order = call.shop.fulfilment.handing.hand_over(call.path["code"], call.member_id, call.now)
    return handing_view(order, order.completed_at)


@routes.endpoint(
    "GET",
    "/staff/shipping-uploads",
    summary="Deliveries that WeChat refuses to take note of",
    query=MostQuery,
    answers=UploadsView,
    errors=(StorageBusy,),
    staff=StaffRole.FULFILMENT,
)
def uploads(call: Call[None]) -> UploadsView:
    """WeChat keeps the money of an order until it knows of its delivery. Each is tried again once a day."""
    found = call.shop.fulfilment.uploading.stuck(call.now, call.query.limit)
    return UploadsView([upload_view(upload) for upload in found])


@routes.endpoint(
    "POST",
    "/staff/shipping-uploads/{order_id}/retry",
    summary="Tell WeChat of a delivery once more",
    answers=UploadView,
    errors=(UploadNotFound, StorageBusy),
    staff=StaffRole.FULFILMENT,
    signed=True,
)
def retry(call: Call[None]) -> UploadView:
    """Within a minute, after what was wrong has been put right."""
    return upload_view(call.shop.fulfilment.uploading.retry(call.path["order_id"], call.now))
