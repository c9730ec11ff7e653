"""Schedules of fulfilment."""

from typing import Any

from chalice.app import Blueprint, Rate

from chalicelib.shop import open_shop

jobs = Blueprint(__name__)


@jobs.schedule(Rate(1, unit=Rate.MINUTES))
def upload_shipping(event: Any) -> int:
    """Tell WeChat of what left the shop."""
    shop = open_shop()
    return shop.fulfilment.uploading.upload_due(shop.clock())


@jobs.schedule(Rate(1, unit=Rate.HOURS))
def retry_refused_uploads(event: Any) -> int:
    """Try again, a day later, what WeChat refused."""
    shop = open_shop()
    return shop.fulfilment.uploading.retry_due(shop.clock())


@jobs.schedule(Rate(10, unit=Rate.MINUTES))
def track_parcels(event: Any) -> int:
    """Ask carriers where parcels are."""
    shop = open_shop()
    return shop.fulfilment.following.track_due(shop.clock())
