"""Routes of pickup points."""

from typing import Annotated

import msgspec
from msgspec import Meta

from ..kernel.staff import StaffRole
from ..storage.writes import StorageBusy
from ..web import ID, LINE, Call, Routes
from .rules import PickupPoint, TooManyPickupPoints

routes = Routes(__name__)

PointId = Annotated[str, Meta(pattern=ID, description="Point; of the shop's own choosing.", examples=["nanshan-01"])]
Name = Annotated[
    str, Meta(min_length=1, max_length=60, pattern=LINE, description="What it is called.", examples=["南山店"])
]
Address = Annotated[
    str,
    Meta(
        min_length=1, max_length=120, pattern=LINE, description="Where it is.", examples=["深圳市南山区科技园1号一楼"]
    ),
]
Phone = Annotated[
    str, Meta(max_length=20, pattern=r"^[0-9 +\-]*$(?!\n)", description="To be called.", examples=["0755-12345678"])
]
Hours = Annotated[str, Meta(max_length=60, pattern=LINE, description="When it is open.", examples=["每天 9:00-21:00"])]


class PickupPointView(msgspec.Struct, frozen=True):
    point_id: PointId
    name: Name
    address: Address
    phone: Phone
    hours: Hours


class StaffPickupPointView(PickupPointView, frozen=True):
    """For the staff's eyes."""

    open: Annotated[bool, Meta(description="Whether it takes new orders.", examples=[True])]


class PickupPointsView(msgspec.Struct, frozen=True):
    items: Annotated[list[PickupPointView], Meta(description="Those that are open; 100 at most.")]


class StaffPickupPointsView(msgspec.Struct, frozen=True):
    items: Annotated[list[StaffPickupPointView], Meta(description="All of them; 100 at most.")]


class PickupPointBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A pickup point as it is to be."""

    point_id: PointId
    name: Name
    address: Address
    phone: Phone = ""
    hours: Hours = ""
    open: Annotated[bool, Meta(description="Whether it takes new orders.", examples=[True])] = True


@routes.endpoint(
    "GET", "/pickup-points", summary="Where goods can be fetched", answers=PickupPointsView, public=True, cache=60
)
def points(call: Call[None]) -> PickupPointsView:
    return PickupPointsView(
        [
            PickupPointView(each.point_id, each.name, each.address, each.phone, each.hours)
            for each in call.shop.pickups.points()
            if each.open
        ]
    )


@routes.endpoint(
    "GET",
    "/staff/pickup-points",
    summary="All pickup points",
    answers=StaffPickupPointsView,
    staff=StaffRole.FULFILMENT,
)
def all_points(call: Call[None]) -> StaffPickupPointsView:
    return StaffPickupPointsView([_view(each) for each in call.shop.pickups.points()])


@routes.endpoint(
    "POST",
    "/staff/pickup-points",
    summary="Open, change or close a pickup point",
    body=PickupPointBody,
    answers=StaffPickupPointView,
    errors=(TooManyPickupPoints, StorageBusy),
    staff=StaffRole.FULFILMENT,
    signed=True,
)
def put_point(call: Call[PickupPointBody]) -> StaffPickupPointView:
    """In place of the one with the same id. Orders keep the point as it was when they were placed."""
    point = msgspec.convert(call.body, PickupPoint, from_attributes=True)
    call.shop.pickups.put_point(point)
    return _view(point)


def _view(point: PickupPoint) -> StaffPickupPointView:
    return msgspec.convert(point, StaffPickupPointView, from_attributes=True)
