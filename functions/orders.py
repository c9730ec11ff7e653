"""Schedules of orders and money."""

from typing import Any

from chalice.app import Blueprint, Rate

from chalicelib.shop import open_shop

jobs = Blueprint(__name__)


@jobs.schedule(Rate(1, unit=Rate.MINUTES))
def close_unpaid(event: Any) -> int:
    """Close orders whose 15 minutes are over, after asking WeChat."""
    shop = open_shop()
    return shop.payments.closing.close_due(shop.clock())


@jobs.schedule(Rate(1, unit=Rate.MINUTES))
def advance_refunds(event: Any) -> int:
    """Send refunds that are not accepted yet, ask after those on their way."""
    shop = open_shop()
    return shop.payments.refunding.advance_due(shop.clock())


@jobs.schedule(Rate(1, unit=Rate.MINUTES))
def finish_effects(event: Any) -> int:
    """Effects that the stream started and did not finish."""
    shop = open_shop()
    return shop.effects.run_due(shop.clock())
