"""What a shopper wants to order, and what it would come to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..addresses import Address
from ..campaigns.base import CampaignPrice, Choice
from ..catalog import Offer
from ..coupons import Coupon, CouponNotUsable
from ..pickup import PickupPoint
from ..pricing import CouponOffer, Priced, coupon_offer
from ..stock import Level
from .entry import AddressOrPickup, CouponNotWithCampaign


@dataclass(frozen=True)
class Wanted:
    """`lines` are (sku_id, pieces); empty means what is selected in the cart. Up to `points` are spent, as far as the
    member has them and the price takes them. `expected_payable` in fen, if agreed to.
    """

    lines: tuple[tuple[str, int], ...] = ()
    address_id: str | None = None
    pickup_point_id: str | None = None
    coupon_id: str | None = None
    points: int = 0
    campaign: Choice | None = None
    remark: str = ""
    expected_payable: int | None = None

    def must_make_sense(self) -> None:
        """Raises CouponNotWithCampaign, AddressOrPickup."""
        if self.campaign and self.coupon_id:
            raise CouponNotWithCampaign
        if self.address_id and self.pickup_point_id:
            raise AddressOrPickup


@dataclass(frozen=True)
class Preview:
    """What would be ordered at which price; nothing is held."""

    offers: Mapping[str, Offer]
    levels: Mapping[str, Level]
    priced: Priced
    campaign: CampaignPrice | None
    known: Any
    address: Address | None
    pickup: PickupPoint | None
    from_cart: bool


def usable(coupon: Coupon | None, now: datetime) -> CouponOffer | None:
    if coupon is None:
        return None
    if not coupon.usable(now):
        raise CouponNotUsable(coupon_id=coupon.coupon_id)
    return coupon_offer(coupon)
