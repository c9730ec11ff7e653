"""Schedule of campaigns."""

from typing import Any

from chalice.app import Blueprint, Rate

from functions import run

jobs = Blueprint(__name__)


@jobs.schedule(Rate(1, unit=Rate.MINUTES))
def move_groups_on(event: Any) -> int:
    """Fail overdue teams and refund their members; expire launches."""
    return run(event, lambda shop, now: shop.campaigns.sweep(now))
