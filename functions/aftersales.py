"""Schedule of after-sale cases."""

from typing import Any

from chalice.app import Blueprint, Rate

from chalicelib.shop import open_shop

jobs = Blueprint(__name__)


@jobs.schedule(Rate(5, unit=Rate.MINUTES))
def move_cases_on(event: Any) -> int:
    """What nobody decided, sent or looked at in time moves on by itself."""
    shop = open_shop()
    return shop.aftersales.deadlines.run(shop.clock())
