"""Acting on events."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ..identity.rules import member_id_of
from ..log import logger
from ..messaging import Messaging
from ..storage.once import first_time
from ..wechat.push import MessagePush
from .rules import read_event

KEPT = timedelta(days=1)


class Events:
    def __init__(self, push: MessagePush, messaging: Messaging, appid: str) -> None:
        self.push = push
        self._messaging = messaging
        self._appid = appid

    def hear(self, message: Mapping[str, Any], now: datetime) -> None:
        """Act on a verified message. Withdrawn consents are forgotten; other events are acknowledged and logged.

        Consents that shoppers give in a dialog come twice, by the client and as an event: only the client's count.
        """
        event = read_event(message)
        logger.info("event", kind=event.kind)
        if event.withdrawn and first_time(f"event:{event.key}", now, KEPT):
            self._messaging.withdraw(member_id_of(self._appid, event.openid), event.withdrawn)
