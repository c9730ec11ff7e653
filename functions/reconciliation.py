"""Schedule of reconciliation."""

from typing import Any

from chalice.app import Blueprint, Rate

from chalicelib.shop import open_shop

jobs = Blueprint(__name__)


@jobs.schedule(Rate(30, unit=Rate.MINUTES))
def reconcile(event: Any) -> int:
    """Hold one day's bills against the books, if one is still to be held: from 10:00 in Beijing on."""
    shop = open_shop()
    return shop.reconciliation.run(shop.clock())
