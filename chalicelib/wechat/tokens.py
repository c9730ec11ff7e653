"""The app's access token: one for all processes, renewed by one of them.

The platform's stable token is the same for everybody who asks until it nears its end, 10,000 questions a minute;
forcing a new one kills the old, 20 times a day and at least 30 seconds apart. So a plain renewal is harmless at any
time and the lock only spares needless calls; forcing needs the lock, which lasts 30 seconds and is never given back
early.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from ..kernel.clock import Clock
from ..kernel.errors import Unavailable

RENEW_BEFORE: Final = timedelta(minutes=5)
"""The platform hands out the next token 5 minutes before the end of this one; both work meanwhile."""

LOCK: Final = timedelta(seconds=30)
CACHE: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class StoredToken:
    value: str = field(repr=False)
    expires_at: datetime


class TokenStore(Protocol):
    def load(self) -> StoredToken | None: ...

    def save(self, token: StoredToken) -> None: ...

    def try_lock(self, until: datetime) -> bool:
        """Take the renewal lock until that moment, unless somebody holds it now. It lapses; nobody gives it back."""
        ...


class AccessTokens:
    """`fetch(force)` asks the platform. Its errors pass through when there is no usable token without it."""

    def __init__(self, fetch: Callable[[bool], StoredToken], store: TokenStore, clock: Clock) -> None:
        self._fetch = fetch
        self._store = store
        self._clock = clock
        self._cached: tuple[StoredToken, datetime] | None = None

    def current(self) -> str:
        now = self._clock()
        cached = self._cached
        if cached and now < cached[1]:
            return cached[0].value
        stored = self._store.load()
        if stored is None or stored.expires_at <= now:
            return self._keep(self._renew(now), now)
        if stored.expires_at - now <= RENEW_BEFORE and self._store.try_lock(now + LOCK):
            stored = self._renew_early(stored)
        return self._keep(stored, now)

    def replace(self, refused: str) -> str:
        """Another token than the one the platform just refused. The same again if somebody else is forcing one right
        now.
        """
        self._cached = None
        now = self._clock()
        stored = self._store.load()
        if stored and stored.value != refused and stored.expires_at > now:
            return self._keep(stored, now)
        locked = self._store.try_lock(now + LOCK)
        token = self._fetch(False)
        if token.value == refused and locked:
            token = self._fetch(True)
        if locked:
            self._store.save(token)
        return self._keep(token, now) if token.value != refused else refused

    def _renew(self, now: datetime) -> StoredToken:
        locked = self._store.try_lock(now + LOCK)
        token = self._fetch(False)
        if locked:
            self._store.save(token)
        return token

    def _renew_early(self, usable: StoredToken) -> StoredToken:
        try:
            token = self._fetch(False)
        except Unavailable:
            return usable
        self._store.save(token)
        return token

    def _keep(self, token: StoredToken, now: datetime) -> str:
        self._cached = (token, min(now + CACHE, token.expires_at))
        return token.value
