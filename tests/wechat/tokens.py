"""An in-memory token store: the fake of StoredTokens."""

from datetime import datetime

from chalicelib.kernel.clock import Clock
from chalicelib.wechat.tokens import StoredToken


class InMemoryTokens:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.token: StoredToken | None = None
        self.locked_until: datetime | None = None
        self.loads = 0

    def load(self) -> StoredToken | None:
        self.loads += 1
        return self.token

    def save(self, token: StoredToken) -> None:
        self.token = token

    def try_lock(self, until: datetime) -> bool:
        if self.locked_until and self.locked_until > self._clock():
            return False
        self.locked_until = until
        return True
