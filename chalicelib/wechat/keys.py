"""The keys that WeChat Pay signs with: public keys, named `PUB_KEY_ID_…`, which never change, and platform
certificates, named by their hex serial, which WeChat Pay replaces every few years.

Some stand in the settings. The certificates that follow them are fetched by a schedule (certificates.py) and kept in
the shop's own table, where every process finds them without being started anew.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from .signing import certificate, encrypt_field, public_key, verify

PUBLIC_KEY_ID: Final = "PUB_KEY_ID_"
REREAD: Final = timedelta(minutes=10)
LOOK_AGAIN: Final = timedelta(minutes=1)


class KeyStore(Protocol):
    """Where the fetched certificates are kept: id -> PEM."""

    def read(self) -> Mapping[str, str]: ...

    def write(self, pems: Mapping[str, str]) -> None: ...


class PlatformKeys:
    """By id; hex comes in either case, so ids are compared in upper case. Several may live at once, as a migration
    from certificates to public keys, or the change of a certificate, needs.

    An unknown id is refused. It makes nobody ask WeChat Pay: that would be a call on the word of an unproved header.
    Only the shop's own table is looked into then, at most once a minute, and otherwise every ten minutes.

    With no keys nothing verifies. Raises ValueError at a key's first use if its PEM is no RSA key or certificate, and
    what the store raises.
    """

    def __init__(self, pems: Mapping[str, str], store: KeyStore | None = None) -> None:
        self._configured = _upper(pems)
        self._store = store
        self._stored: Mapping[str, str] = {}
        self._read_at: datetime | None = None
        self._parsed: dict[str, RSAPublicKey] = {}

    @property
    def preferred(self) -> str | None:
        """The id that requests name, so that answers are signed with it: the first public key given."""
        return next((name for name in self._configured if name.startswith(PUBLIC_KEY_ID)), None)

    @property
    def certificate_mode(self) -> bool:
        """Whether WeChat Pay may sign with certificates, alone or until a migration to a public key is over."""
        return any(not name.startswith(PUBLIC_KEY_ID) for name in self._configured)

    def sealing(self, now: datetime) -> str | None:
        """The id of the key for secrets that only WeChat Pay shall read: the preferred one, else the certificate that
        began last.
        """
        if self.preferred:
            return self.preferred
        self._look(now, REREAD)
        held = {name: certificate(pem) for name, pem in {**self._stored, **self._configured}.items()}
        begun = {name for name, each in held.items() if each.not_valid_before_utc <= now} or held.keys()
        return max(begun, key=lambda name: held[name].not_valid_before_utc, default=None)

    def fetched(self, now: datetime) -> Mapping[str, str]:
        """The certificates that were fetched before, by any process: id -> PEM."""
        self._look(now, timedelta())
        return self._stored

    def learn(self, pems: Mapping[str, str], now: datetime) -> None:
        """From now on these are the fetched ones, for all processes."""
        if self._store and pems != self._stored:
            self._store.write(pems)
        self._stored, self._read_at = _upper(pems), now

    def joined_by(self, pems: Mapping[str, str]) -> "PlatformKeys":
        """These and all that are known here, for a look at an answer that may bring its own key."""
        return PlatformKeys({**_upper(pems), **self._stored, **self._configured})

    def verify(self, headers: Mapping[str, str], raw_body: bytes, now: datetime) -> None:
        """Raises BadSignature unless WeChat Pay signed these bytes within 5 minutes of `now`."""
        verify(headers, raw_body, now, lambda serial: self._key(serial, now))

    def encrypt_field(self, key_id: str, text: str, now: datetime) -> str:
        """A sensitive field for WeChat Pay; the request must name `key_id` in Wechatpay-Serial. Raises KeyError
        without it.
        """
        key = self._key(key_id, now)
        if key is None:
            raise KeyError(key_id)
        return encrypt_field(key, text)

    def _key(self, serial: str, now: datetime) -> RSAPublicKey | None:
        name = serial.upper()
        pem = self._configured.get(name)
        if pem is None:
            self._look(now, LOOK_AGAIN if name not in self._stored else REREAD)
            pem = self._stored.get(name)
        if pem is None:
            return None
        if pem not in self._parsed:
            self._parsed[pem] = public_key(pem)
        return self._parsed[pem]

    def _look(self, now: datetime, age: timedelta) -> None:
        """Into the store, unless that was done less than `age` ago."""
        if self._store and (self._read_at is None or now - self._read_at >= age):
            self._stored, self._read_at = _upper(self._store.read()), now


def _upper(pems: Mapping[str, str]) -> dict[str, str]:
    return {name.upper(): pem for name, pem in pems.items()}
