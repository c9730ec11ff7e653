"""Schedules of fulfilment."""

from typing import Any

from chalice.app import Blueprint, Rate

from functions import run

jobs = Blueprint(__name__)


@jobs.schedule(Rate(1, unit=Rate.MINUTES))
def upload_shipping(event: Any) -> int:
    """Tell WeChat of what left the shop."""
    return run(event, lambda shop, now: shop.fulfilment.uploading.upload_due(now))


@jobs.schedule(Rate(1, unit=Rate.HOURS))
def retry_refused_uploads(event: Any) -> int:
    """Try again, a day later, what WeChat refused."""
    return run(event, lambda shop, now: shop.fulfilment.uploading.retry_due(now))


@jobs.schedule(Rate(10, unit=Rate.MINUTES))
def track_parcels(event: Any) -> int:
    """Ask carriers where parcels are."""
    return run(event, lambda shop, now: shop.fulfilment.following.track_due(now))
