"""Schedules of coupons."""

from typing import Any

from chalice.app import Blueprint, Rate

from chalicelib.log import logger
from chalicelib.shop import open_shop

jobs = Blueprint(__name__)


@jobs.schedule(Rate(5, unit=Rate.MINUTES))
def remind_of_coupons(event: Any) -> int:
    """Tell members of coupons that expire within a day, if they agreed to be told."""
    shop = open_shop()
    return shop.coupons.remind_due(shop.clock(), _failed)


@jobs.schedule(Rate(5, unit=Rate.MINUTES))
def expire_coupons(event: Any) -> int:
    shop = open_shop()
    return shop.coupons.expire_due(shop.clock(), _failed)


def _failed(coupon_id: str, error: Exception) -> None:
    logger.error("coupon job failed", coupon_id=coupon_id, error=type(error).__name__, alarm="coupon_failed")
