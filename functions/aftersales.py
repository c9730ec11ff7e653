"""Schedule of after-sale cases."""

from typing import Any

from chalice.app import Blueprint, Rate

from functions import run

jobs = Blueprint(__name__)


@jobs.schedule(Rate(5, unit=Rate.MINUTES))
def move_cases_on(event: Any) -> int:
    """What nobody decided, sent or looked at in time moves on by itself."""
    return run(event, lambda shop, now: shop.aftersales.deadlines.run(now))
