"""Time: aware UTC inside, epoch seconds in storage, Asia/Shanghai for people. Rules take `now`; nobody asks the
system.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

Clock = Callable[[], datetime]

# China has kept one zone without daylight saving since 1991, so a fixed offset spares Lambda the tz database.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


def system_clock() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def epoch(moment: datetime) -> int:
    """Whole seconds since 1970, as stored."""
    return int(moment.timestamp())


def from_epoch(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def beijing(moment: datetime) -> str:
    """RFC 3339 with +08:00 and whole seconds, the form that WeChat Pay asks for."""
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds")


def beijing_text(moment: datetime) -> str:
    """`2026年11月22日 10:00`, the form that shoppers read in messages."""
    local = moment.astimezone(SHANGHAI)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


def beijing_date(moment: datetime) -> str:
    """`2026-11-22`: the day in Beijing, for daily limits."""
    return moment.astimezone(SHANGHAI).date().isoformat()
