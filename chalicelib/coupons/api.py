"""Routes of coupons: what can be claimed, and what the member holds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from ..kernel.paging import BadCursor, Page
from ..storage.reads import Search
from ..web import Call, NextCursor, PageQuery, Routes
from .rules import (
    ClaimableTemplate,
    Coupon,
    CouponClaimEnded,
    CouponKind,
    CouponLimit,
    CouponsGone,
    CouponState,
    CouponTemplateNotFound,
    ScopeKind,
)

routes = Routes(__name__)

TemplateId = Annotated[str, Meta(description="Stable.", examples=["newyear-20"])]
Kind = Annotated[
    CouponKind,
    Meta(
        description="AMOUNT and PERCENT take `value` (fen, percent) off the goods, FREIGHT fen off the freight.",
        examples=["AMOUNT"],
    ),
]
Title = Annotated[str, Meta(description="For shoppers.", examples=["满100减20"])]
Amount = Annotated[int, Meta(description="Fen, or percent taken off (15 is 8.5折).", examples=[2000])]
Threshold = Annotated[int, Meta(description="Fen that the goods in scope must come to.", examples=[10000])]
Cap = Annotated[int | None, Meta(description="PERCENT: the most it takes off, in fen.", examples=[None])]
Scope = Annotated[ScopeKind, Meta(description="Which goods count.", examples=["ALL"])]
ScopeIds = Annotated[list[str], Meta(description="Ids of categories or products; empty for ALL.", examples=[[]])]


class TemplateView(msgspec.Struct, frozen=True):
    template_id: TemplateId
    kind: Kind
    title: Title
    value: Amount
    threshold: Threshold
    cap: Cap
    scope_kind: Scope
    scope_ids: ScopeIds
    valid_days: Annotated[int | None, Meta(description="Days that it counts after claiming, or", examples=[7])]
    valid_from: Annotated[datetime | None, Meta(description="from when", examples=[None])]
    valid_until: Annotated[datetime | None, Meta(description="to before when it counts.", examples=[None])]
    per_member: Annotated[int, Meta(description="How many one member may claim.", examples=[1])]
    claimed: Annotated[int, Meta(description="How many the member has claimed.", examples=[0])]
    gone: Annotated[bool, Meta(description="All have been claimed.", examples=[False])]
    claimable: Annotated[bool, Meta(description="The member may claim one now.", examples=[True])]


class TemplatesView(msgspec.Struct, frozen=True):
    items: Annotated[list[TemplateView], Meta(description="Newest first, at most 40.")]


class CouponView(msgspec.Struct, frozen=True):
    coupon_id: Annotated[str, Meta(description="What goes into an order.", examples=["01JDA3X5G8Q0V7M2K4N6P8R0T2"])]
    template_id: TemplateId
    kind: Kind
    title: Title
    value: Amount
    threshold: Threshold
    cap: Cap
    scope_kind: Scope
    scope_ids: ScopeIds
    state: Annotated[CouponState, Meta(description="As of now.", examples=["UNUSED"])]
    valid_from: Annotated[datetime, Meta(description="It counts from then on.", examples=["2026-11-22T02:00:00Z"])]
    expires_at: Annotated[datetime, Meta(description="It counts until before then.", examples=["2026-11-29T02:00:00Z"])]
    used_at: Annotated[datetime | None, Meta(description="When it was spent.", examples=[None])]
    order_id: Annotated[str | None, Meta(description="The order that it was spent on.", examples=[None])]


class CouponsView(msgspec.Struct, frozen=True):
    items: Annotated[
        list[CouponView],
        Meta(description="Unused: the first to expire in front; used and expired: the latest in front."),
    ]
    next_cursor: NextCursor


class Mine(PageQuery, frozen=True, kw_only=True):
    state: Annotated[CouponState, Meta(description="Which coupons.", examples=["UNUSED"])] = CouponState.UNUSED


@routes.endpoint("GET", "/coupon-templates", summary="Coupons that can be claimed", answers=TemplatesView)
def claimable(call: Call[None]) -> TemplatesView:
    return TemplatesView([_template(each) for each in call.shop.coupons.claimable(call.member_id)])


@routes.endpoint(
    "POST",
    "/coupon-templates/{template_id}/claim",
    summary="Claim a coupon",
    answers=CouponView,
    errors=(CouponTemplateNotFound, CouponClaimEnded, CouponsGone, CouponLimit),
    signed=True,
)
def claim(call: Call[None]) -> CouponView:
    return _coupon(call.shop.coupons.claim(call.member_id, call.path["template_id"]), call.now)


def reads_page(call: Call[None]) -> Sequence[Search[Page[Coupon]]]:
    asked: Mine = call.query
    return [call.shop.coupons.mine(call.member_id, asked.state, asked.cursor, asked.limit)]


@routes.endpoint(
    "GET", "/coupons", summary="My coupons", query=Mine, answers=CouponsView, errors=(BadCursor,), reads=reads_page
)
def mine(call: Call[None], page: Page[Coupon]) -> CouponsView:
    return CouponsView([_coupon(each, call.now) for each in page.rows], page.next_cursor)


def _template(each: ClaimableTemplate) -> TemplateView:
    template, terms = each.template, each.template.terms
    return TemplateView(
        template_id=template.template_id,
        kind=terms.kind,
        title=terms.title,
        value=terms.value,
        threshold=terms.threshold,
        cap=terms.cap,
        scope_kind=terms.scope_kind,
        scope_ids=list(terms.scope_ids),
        valid_days=template.valid_days,
        valid_from=template.valid_from,
        valid_until=template.valid_until,
        per_member=template.per_member,
        claimed=each.claimed_by_member,
        gone=template.gone,
        claimable=each.claimable,
    )


def _coupon(coupon: Coupon, now: datetime) -> CouponView:
    terms = coupon.terms
    return CouponView(
        coupon_id=coupon.coupon_id,
        template_id=coupon.template_id,
        kind=terms.kind,
        title=terms.title,
        value=terms.value,
        threshold=terms.threshold,
        cap=terms.cap,
        scope_kind=terms.scope_kind,
        scope_ids=list(terms.scope_ids),
        state=coupon.state_at(now),
        valid_from=coupon.valid_from,
        expires_at=coupon.expires_at,
        used_at=coupon.used_at,
        order_id=coupon.order_id,
    )
