"""The access token where all processes find it: table `wechat_tokens`, one row per appid."""

from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from ..kernel.clock import Clock, epoch, from_epoch
from ..storage.once import first_time
from ..storage.table import Row
from ..storage.writes import commit, put
from .tokens import StoredToken


class TokenRow(Row):
    class Meta:
        table_name = "wechat_tokens"

    appid = UnicodeAttribute(hash_key=True)
    token = UnicodeAttribute()
    expires_at = NumberAttribute()


class StoredTokens:
    """A TokenStore. The last one to save wins: a token that was overtaken is refused once and then replaced."""

    def __init__(self, appid: str, clock: Clock) -> None:
        self._appid = appid
        self._clock = clock

    def load(self) -> StoredToken | None:
        try:
            row = TokenRow.get(self._appid, consistent_read=True)
        except TokenRow.DoesNotExist:
            return None
        return StoredToken(row.token, from_epoch(row.expires_at))

    def save(self, token: StoredToken) -> None:
        commit(put(TokenRow(self._appid, token=token.value, expires_at=epoch(token.expires_at))))

    def try_lock(self, until: datetime) -> bool:
        now = self._clock()
        return first_time(f"wechat-token:{self._appid}", now, until - now)
