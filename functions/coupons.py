"""Schedules of coupons."""

from typing import Any

from chalice.app import Blueprint, Rate

from chalicelib.log import logger
from functions import run

jobs = Blueprint(__name__)


@jobs.schedule(Rate(5, unit=Rate.MINUTES))
def remind_of_coupons(event: Any) -> int:
    """Tell members of coupons that expire within a day, if they agreed to be told."""
    return run(event, lambda shop, now: shop.coupons.remind_due(now, _failed))


@jobs.schedule(Rate(5, unit=Rate.MINUTES))
def expire_coupons(event: Any) -> int:
    return run(event, lambda shop, now: shop.coupons.expire_due(now, _failed))


def _failed(coupon_id: str, error: Exception) -> None:
    logger.error("coupon job failed", coupon_id=coupon_id, error=type(error).__name__, alarm="coupon_failed")
