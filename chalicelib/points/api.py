"""Routes of points: what a member holds and why, and what the staff gives or takes."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ..identity.rules import MemberNotFound
from ..kernel.errors import Invalid
from ..kernel.paging import BadCursor, Page
from ..kernel.staff import StaffRole
from ..web import LINE, Call, NextCursor, PageQuery, Routes
from .rules import AdjustmentReused, Entry, Movement, NotEnoughPoints

routes = Routes(__name__)

MOST = 10_000_000
Balance = Annotated[int, Meta(description="Points that the member holds.", examples=[1280])]


class PointsRuleView(msgspec.Struct, frozen=True):
    value_fen: Annotated[int, Meta(description="Fen that one point pays for.", examples=[1])]
    most_percent: Annotated[
        int, Meta(description="Percent of the goods that points pay for at most; 0: none.", examples=[50])
    ]
    least_points: Annotated[int, Meta(description="The fewest that an order takes.", examples=[100])]
    earn_per_yuan: Annotated[int, Meta(description="Points earned by each yuan that is kept.", examples=[1])]


class PointsView(msgspec.Struct, frozen=True):
    balance: Balance
    rule: Annotated[PointsRuleView | None, Meta(description="What they are worth; null: not to be spent now.")]


class PointsEntryView(msgspec.Struct, frozen=True):
    kind: Annotated[Movement, Meta(description="What moved them.", examples=["SPENT"])]
    points: Annotated[int, Meta(description="Negative for what went away.", examples=[-500])]
    why: Annotated[str, Meta(description="For shoppers.", examples=["下单抵扣"])]
    cause_id: Annotated[
        str | None,
        Meta(description="The order or after-sale case; null if ADJUSTED.", examples=["01K0000000000000000000000A"]),
    ]
    at: Annotated[datetime, Meta(description="When.", examples=["2026-11-22T02:00:00Z"])]


class PointsEntriesView(msgspec.Struct, frozen=True):
    items: Annotated[list[PointsEntryView], Meta(description="Newest first.")]
    next_cursor: NextCursor


class PointsAdjustment(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    delta: Annotated[
        int, Meta(ge=-MOST, le=MOST, description="Points to give; negative: to take. Not 0.", examples=[200])
    ]
    why: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=60,
            pattern=LINE,
            description="The reason, which the member reads; no control characters.",
            examples=["发货延误补偿"],
        ),
    ]


class BalanceView(msgspec.Struct, frozen=True):
    balance: Balance


@routes.endpoint(
    "GET", "/points", summary="My points", answers=PointsView,
    reads=lambda call: [call.shop.points.reads(call.member_id), call.shop.promotions.reads_rules()],
)  # fmt: skip
def mine(call: Call[None], balance: int, rules: Any) -> PointsView:
    rule = msgspec.convert(rules.points, PointsRuleView, from_attributes=True) if rules.points else None
    return PointsView(balance, rule)


@routes.endpoint(
    "GET", "/points/entries", summary="How my points moved", query=PageQuery, answers=PointsEntriesView,
    errors=(BadCursor,),
    reads=lambda call: [call.shop.points.page(call.member_id, call.query.cursor, call.query.limit)],
)  # fmt: skip
def entries(call: Call[None], page: Page[Entry]) -> PointsEntriesView:
    return PointsEntriesView([_entry(each) for each in page.rows], page.next_cursor)


@routes.endpoint(
    "POST",
    "/staff/points/{member_id}",
    summary="Give or take points",
    body=PointsAdjustment,
    answers=BalanceView,
    errors=(Invalid, MemberNotFound, NotEnoughPoints, AdjustmentReused),
    staff=StaffRole.FINANCE,
    signed=True,
    idempotent=True,
)
def adjust(call: Call[PointsAdjustment]) -> BalanceView:
    """Answers the balance after it. The same key again changes nothing."""
    wanted, member_id = call.body, call.path["member_id"]
    return BalanceView(
        call.shop.points.adjust(member_id, wanted.delta, wanted.why, call.member_id, call.idempotency_key, call.now)
    )


def _entry(entry: Entry) -> PointsEntryView:
    cause_id = None if entry.kind is Movement.ADJUSTED else entry.cause_id
    return PointsEntryView(entry.kind, entry.points, entry.why, cause_id, entry.at)
