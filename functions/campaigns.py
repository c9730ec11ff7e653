"""Schedule of campaigns."""

from typing import Any

from chalice.app import Blueprint, Rate

from chalicelib.shop import open_shop

jobs = Blueprint(__name__)


@jobs.schedule(Rate(1, unit=Rate.MINUTES))
def move_groups_on(event: Any) -> int:
    """Fail overdue teams and refund their members; expire launches."""
    shop = open_shop()
    return shop.campaigns.sweep(shop.clock())
