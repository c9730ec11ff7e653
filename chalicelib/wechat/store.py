"""What all processes share: the access token, one row per appid in table `wechat_tokens`, and the fetched platform
certificates, one row per merchant in table `wechat_keys`.
"""

from collections.abc import Mapping
from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from ..kernel.clock import Clock, epoch, from_epoch
from ..storage.attributes import Packed
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


class KeysRow(Row):
    class Meta:
        table_name = "wechat_keys"

    mchid = UnicodeAttribute(hash_key=True)
    pems = Packed[dict[str, str]](dict[str, str])


class StoredKeys:
    """A KeyStore. The last one to write wins; all write what WeChat Pay named a moment ago."""

    def __init__(self, mchid: str) -> None:
        self._mchid = mchid

    def read(self) -> Mapping[str, str]:
        try:
            return KeysRow.get(self._mchid).pems
        except KeysRow.DoesNotExist:
            return {}

    def write(self, pems: Mapping[str, str]) -> None:
        commit(put(KeysRow(self._mchid, pems=dict(pems))))
