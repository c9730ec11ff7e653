"""Routes common to all kinds of campaigns."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from ..kernel.paging import BadCursor
from ..web import Call, NextCursor, PageQuery, Routes
from .base import Activity, ActivityNotFound, UnknownCampaign

routes = Routes(__name__)


class ActivityView(msgspec.Struct, frozen=True):
    activity_id: Annotated[str, msgspec.Meta(description="Activity.", examples=["A001"])]
    kind: Annotated[str, msgspec.Meta(description="groupbuy or bargain.", examples=["groupbuy"])]
    product_id: Annotated[str, msgspec.Meta(description="Product.", examples=["P001"])]
    title: Annotated[str, msgspec.Meta(description="Title.", examples=["龙井茶三人团"])]
    starts_at: Annotated[datetime, msgspec.Meta(description="Start.", examples=["2026-11-20T02:00:00Z"])]
    ends_at: Annotated[datetime, msgspec.Meta(description="End.", examples=["2027-11-20T02:00:00Z"])]
    running: Annotated[bool, msgspec.Meta(description="Whether it runs now.", examples=[True])]
    prices: Annotated[dict[str, int], msgspec.Meta(description="Fen by SKU.", examples=[{"P001-01": 9900}])]
    facts: Annotated[
        dict[str, Any], msgspec.Meta(description="What is special to the kind.", examples=[{"team_size": 3}])
    ]


class ActivityPage(msgspec.Struct, frozen=True):
    items: Annotated[list[ActivityView], msgspec.Meta(description="Newest first.")]
    next_cursor: NextCursor


class ActivityQuery(PageQuery, frozen=True, kw_only=True):
    kind: Annotated[str, msgspec.Meta(max_length=32, description="groupbuy or bargain.", examples=["groupbuy"])]


@routes.endpoint(
    "GET",
    "/campaigns",
    summary="Activities of a kind",
    query=ActivityQuery,
    answers=ActivityPage,
    errors=(UnknownCampaign, BadCursor),
    public=True,
    cache=30,
)
def show_all(call: Call[None]) -> ActivityPage:
    page = call.shop.campaigns.page(call.query.kind, call.query.cursor, call.query.limit)
    return ActivityPage([_view(call, activity) for activity in page.rows], page.next_cursor)


@routes.endpoint(
    "GET",
    "/campaigns/{activity_id}",
    summary="One activity",
    answers=ActivityView,
    errors=(ActivityNotFound,),
    public=True,
    cache=30,
)
def show(call: Call[None]) -> ActivityView:
    return _view(call, call.shop.campaigns.activities.get(call.path["activity_id"]))


def _view(call: Call[None], activity: Activity) -> ActivityView:
    return ActivityView(
        activity_id=activity.activity_id,
        kind=activity.kind,
        product_id=activity.product_id,
        title=activity.title,
        starts_at=activity.starts_at,
        ends_at=activity.ends_at,
        running=activity.running(call.now),
        prices=dict(activity.prices),
        facts=call.shop.campaigns.kinds[activity.kind].card(activity, call.now),
    )
