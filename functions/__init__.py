"""The ways into the shop that are not HTTP: schedules and streams. One blueprint per file, handlers of a few lines.

Lambda imports `functions.<file>` and never app.py, so nothing here uses the app: `open_shop()` is the one way in.
None of them is reachable over HTTP.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalicelib.shop import Shop, open_shop
from chalicelib.storage.due import at_pace


def run(event: Any, job: Callable[[Shop, datetime], int]) -> int:
    """One run of a schedule's job. The last fifth of the function's time is for what was begun before; a run that comes
    to it is told of, since there is more to do than it can.
    """
    shop = open_shop()
    with at_pace(shop.settings.sweep_workers, _most_milliseconds(event.context)):
        return job(shop, shop.clock())


def _most_milliseconds(context: Any) -> int | None:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html; outside of Lambda there is no end."""
    return context.get_remaining_time_in_millis() * 4 // 5 if context else None
