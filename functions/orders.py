"""Schedules of orders and money."""

from typing import Any

from chalice.app import Blueprint, Rate

from functions import run

jobs = Blueprint(__name__)


@jobs.schedule(Rate(1, unit=Rate.MINUTES))
def close_unpaid(event: Any) -> int:
    """Close orders whose 15 minutes are over, after asking WeChat."""
    return run(event, lambda shop, now: shop.payments.closing.close_due(now))


@jobs.schedule(Rate(1, unit=Rate.MINUTES))
def advance_refunds(event: Any) -> int:
    """Send refunds that are not accepted yet, ask after those on their way."""
    return run(event, lambda shop, now: shop.payments.refunding.advance_due(now))


@jobs.schedule(Rate(1, unit=Rate.MINUTES))
def finish_effects(event: Any) -> int:
    """Effects that the stream started and did not finish."""
    return run(event, lambda shop, now: shop.effects.run_due(now))


@jobs.schedule(Rate(10, unit=Rate.MINUTES))
def receive_orders(event: Any) -> int:
    """Count as received what was sent long enough ago."""
    return run(event, lambda shop, now: shop.orders.receiving.receive_due(now))


@jobs.schedule(Rate(10, unit=Rate.MINUTES))
def finish_orders(event: Any) -> int:
    """Finish orders whose time for after-sale cases is over."""
    return run(event, lambda shop, now: shop.orders.receiving.finish_due(now))


@jobs.schedule(Rate(10, unit=Rate.MINUTES))
def alarm_unsent(event: Any) -> int:
    """Tell of paid orders that should have been sent by now."""
    return run(event, lambda shop, now: shop.orders.receiving.alarm_unsent(now))
