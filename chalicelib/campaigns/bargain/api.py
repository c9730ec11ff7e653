"""Routes of bargains: launch, share, cut. A reached launch is bought by POST /orders with `campaign`."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ...kernel.paging import BadCursor
from ...storage.writes import StorageBusy
from ...web import Call, NextCursor, PageQuery, Routes
from ..base import ActivityNotFound, ActivityNotRunning, CampaignLimit
from .rules import (
    AlreadyHelped,
    BargainSoldOut,
    Cut,
    CutTooSoon,
    DailyCutLimit,
    HelperLimit,
    Launch,
    LaunchExists,
    LaunchNotFound,
    LaunchOver,
    LaunchState,
    OwnLaunch,
)
from .terms import BuyAt

routes = Routes(__name__)

LaunchId = Annotated[str, Meta(description="Unguessable; share it.", examples=["01JDA3X5G8Q0V7M2K4N6P8R0T2"])]
ActivityId = Annotated[str, Meta(min_length=1, max_length=64, description="A bargain activity.", examples=["A002"])]
Price = Annotated[int, Meta(description="What the launcher would pay now, in fen.", examples=[5660])]
StateOfLaunch = Annotated[
    LaunchState,
    Meta(
        description="As of now. RUNNING: can be cut. REACHED: at the floor. ORDERED: being bought. EXPIRED: over.",
        examples=["RUNNING"],
    ),
]
PeopleLeft = Annotated[int, Meta(description="How many people are missing to the floor.", examples=[4])]
Nickname = Annotated[str, Meta(description="For display.", examples=["小明"])]
Avatar = Annotated[str, Meta(description="Picture's address; may be empty.", examples=["https://img.example/a.png"])]


class NewLaunch(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    activity_id: ActivityId


class LaunchCard(msgspec.Struct, frozen=True):
    """A launch as a list shows it."""

    launch_id: LaunchId
    activity_id: ActivityId
    product_id: Annotated[str, Meta(description="Product.", examples=["P001"])]
    sku_id: Annotated[str, Meta(description="The SKU that takes part.", examples=["P001-01"])]
    title: Annotated[str, Meta(description="The activity's title when launched.", examples=["砍价得龙井"])]
    state: StateOfLaunch
    start_price: Annotated[int, Meta(description="Fen.", examples=[9900])]
    floor_price: Annotated[int, Meta(description="Fen; 0 is free.", examples=[1900])]
    price: Price
    buy_at: Annotated[BuyAt, Meta(description="Whether it may be bought before the floor.", examples=["FLOOR_ONLY"])]
    cuts: Annotated[int, Meta(description="People who cut, the launcher among them.", examples=[3])]
    people_left: PeopleLeft
    started_at: Annotated[datetime, Meta(description="When it was launched.", examples=["2026-11-22T02:00:00Z"])]
    ends_at: Annotated[datetime, Meta(description="Cut and bought before then.", examples=["2026-11-23T02:00:00Z"])]
    order_id: Annotated[str | None, Meta(description="Shown to the launcher alone.", examples=[None])]


class CutView(msgspec.Struct, frozen=True):
    nickname: Nickname
    avatar_url: Avatar
    amount: Annotated[int, Meta(description="Fen taken off.", examples=[1234])]
    at: Annotated[datetime, Meta(description="When.", examples=["2026-11-22T02:05:00Z"])]


class LaunchView(LaunchCard, frozen=True):
    """A launch as whoever got its card sees it: names and pictures, no ids of members."""

    nickname: Annotated[str, Meta(description="The launcher's.", examples=["小红"])]
    avatar_url: Annotated[str, Meta(description="The launcher's.", examples=["https://img.example/b.png"])]
    mine: Annotated[bool, Meta(description="The member who asks launched it.", examples=[False])]
    helped: Annotated[bool, Meta(description="The member who asks has cut it.", examples=[False])]
    helpers: Annotated[list[CutView], Meta(description="All cuts, latest first; the launcher's own is the first made.")]


class LaunchPage(msgspec.Struct, frozen=True):
    items: Annotated[list[LaunchCard], Meta(description="Newest first.")]
    next_cursor: NextCursor


class CutDone(msgspec.Struct, frozen=True):
    amount: Annotated[int, Meta(description="Fen that this cut took off.", examples=[1234])]
    price: Price
    state: StateOfLaunch
    people_left: PeopleLeft
    as_new_member: Annotated[bool, Meta(description="It had the weight of a new member's cut.", examples=[False])]


@routes.endpoint(
    "POST",
    "/bargain/launches",
    summary="Start a bargain",
    body=NewLaunch,
    answers=LaunchCard,
    status=201,
    errors=(ActivityNotFound, ActivityNotRunning, LaunchExists, CampaignLimit, BargainSoldOut, StorageBusy),
    signed=True,
)
def launch(call: Call[NewLaunch]) -> LaunchCard:
    """The launcher's own cut is made with it. Repeating is refused with the id of the launch that lives."""
    launched = call.shop.bargain.launch(call.body.activity_id, call.session, call.now)
    return LaunchCard(**_card(launched, call))


@routes.endpoint(
    "GET", "/bargain/launches", summary="My bargains", query=PageQuery, answers=LaunchPage, errors=(BadCursor,)
)
def mine(call: Call[None]) -> LaunchPage:
    page = call.shop.bargain.launches(call.member_id, call.query.cursor, call.query.limit)
    return LaunchPage([LaunchCard(**_card(each, call)) for each in page.rows], page.next_cursor)


@routes.endpoint(
    "GET", "/bargain/launches/{launch_id}", summary="A shared bargain", answers=LaunchView, errors=(LaunchNotFound,),
    reads=lambda call: [call.shop.bargain.reads_shared(call.path["launch_id"])],
)  # fmt: skip
def show(call: Call[None], shared: tuple[Launch, list[Cut]]) -> LaunchView:
    """For the launcher and for everybody who was given the id: that is what sharing is."""
    found, cuts = shared
    return LaunchView(
        **_card(found, call),
        nickname=found.nickname,
        avatar_url=found.avatar_url,
        mine=found.launcher_id == call.member_id,
        helped=any(cut.member_id == call.member_id for cut in cuts),
        helpers=[_cut(cut) for cut in cuts],
    )


@routes.endpoint(
    "POST",
    "/bargain/launches/{launch_id}/cuts",
    summary="Cut a friend's price",
    answers=CutDone,
    status=201,
    errors=(
        LaunchNotFound, OwnLaunch, AlreadyHelped, LaunchOver, HelperLimit, DailyCutLimit, CutTooSoon, StorageBusy,
    ),
    signed=True,
)  # fmt: skip
def cut(call: Call[None]) -> CutDone:
    """Once per member and launch. Friends who cut at the same moment all count."""
    helped = call.shop.bargain.cut(call.path["launch_id"], call.session, call.now)
    after = helped.launch
    return CutDone(helped.amount, after.price, after.state, after.people_left, as_new_member=helped.weight > 1)


def _card(launch: Launch, call: Call[NewLaunch] | Call[None]) -> dict[str, Any]:
    terms = launch.terms
    return {
        "launch_id": launch.launch_id,
        "activity_id": launch.activity_id,
        "product_id": launch.product_id,
        "sku_id": launch.sku_id,
        "title": launch.title,
        "state": launch.state_at(call.now),
        "start_price": terms.start_price,
        "floor_price": terms.floor_price,
        "price": launch.price,
        "buy_at": terms.buy_at,
        "cuts": launch.cuts,
        "people_left": launch.people_left,
        "started_at": launch.started_at,
        "ends_at": launch.ends_at,
        "order_id": launch.order_id if launch.launcher_id == call.member_id else None,
    }


def _cut(cut: Cut) -> CutView:
    return CutView(cut.nickname, cut.avatar_url, cut.amount, cut.at)
