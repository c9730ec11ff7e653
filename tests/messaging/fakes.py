"""A platform that takes messages, or not, and a clock that stands still until it is told."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


class FakeClock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: int) -> datetime:
        self.now += timedelta(**by)
        return self.now


class FakeSender:
    """`fails` are raised by the next calls, in their order."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str, dict[str, str]]] = []
        self.asked = 0
        self.fails: list[Exception] = []

    def send_subscribe_message(self, openid: str, template_id: str, page: str, data: Mapping[str, str]) -> None:
        self.asked += 1
        if self.fails:
            raise self.fails.pop(0)
        self.sent.append((openid, template_id, page, dict(data)))
