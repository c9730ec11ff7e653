"""Routes of pricing: the promotions that run, for shoppers to see."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from ..web import Call, Routes
from .rules import Measure, ScopeKind

routes = Routes(__name__)

# Seconds that a CDN may keep the list.
KEPT = 60


class TierView(msgspec.Struct, frozen=True):
    reach: Annotated[int, Meta(description="From so many fen or pieces on, as `measure` says.", examples=[19900])]
    off: Annotated[int, Meta(description="Fen taken off; 0 if `percent_off` counts.", examples=[3000])]
    percent_off: Annotated[int, Meta(description="Percent taken off (15 is 8.5折); 0 if `off` counts.", examples=[0])]


class ScopeView(msgspec.Struct, frozen=True):
    kind: Annotated[ScopeKind, Meta(description="What takes part.", examples=["CATEGORY"])]
    ids: Annotated[tuple[str, ...], Meta(description="Categories or products; empty for ALL.", examples=[["clothes"]])]


class PromotionView(msgspec.Struct, frozen=True):
    promotion_id: Annotated[str, Meta(description="Stable.", examples=["autumn"])]
    title: Annotated[str, Meta(description="For shoppers.", examples=["满199减30"])]
    scope: Annotated[ScopeView, Meta(description="What takes part.")]
    measure: Annotated[Measure, Meta(description="What tiers count: fen or pieces.", examples=["AMOUNT"])]
    tiers: Annotated[tuple[TierView, ...], Meta(description="The best one that is reached counts.")]
    starts_at: Annotated[datetime, Meta(description="Start.", examples=["2026-11-01T00:00:00Z"])]
    ends_at: Annotated[datetime, Meta(description="End.", examples=["2026-11-30T16:00:00Z"])]


class PromotionsView(msgspec.Struct, frozen=True):
    items: Annotated[list[PromotionView], Meta(description="All promotions that run now.")]


@routes.endpoint("GET", "/promotions", summary="Running promotions", answers=PromotionsView, public=True, cache=KEPT)
def promotions(call: Call[None]) -> PromotionsView:
    running = call.shop.promotions.rules().promotions
    return PromotionsView([msgspec.convert(promotion, PromotionView, from_attributes=True) for promotion in running])
