"""Platform certificates, fetched from WeChat Pay before the old one ends: it is asked twice a day, as it wishes, and
names the next one well before it signs with it.

What it names is sealed with the APIv3 key, which only WeChat Pay and the merchant have, and signed with a key that is
known here or comes with the answer.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from .callbacks import opened
from .errors import PayRefused, PayUnverified
from .keys import PlatformKeys
from .pay_types import Fields, Malformed
from .signing import Undecryptable, certificate, public_key
from .transport import Transport

ASSOCIATED_DATA: Final = "certificate"


def refresh(transport: Transport, platform: PlatformKeys, apiv3_keys: Collection[str], now: datetime) -> int:
    """Fetch, and keep them beside those that are not over yet. How many are kept then.

    Nothing happens for merchants that have public keys alone, or whose migration to one is over, so that WeChat Pay
    has no certificates for them any more. Raises PayError; what was kept stays.
    """
    if not platform.certificate_mode:
        return 0
    try:
        fetched = fetch(transport, platform, apiv3_keys)
    except PayRefused as error:
        if platform.preferred and error.is_code("RESOURCE_NOT_EXISTS"):
            return 0
        raise
    known = {**platform.fetched(now), **fetched}
    kept = {name: pem for name, pem in known.items() if certificate(pem).not_valid_after_utc > now}
    platform.learn(kept, now)
    return len(kept)


def fetch(transport: Transport, platform: PlatformKeys, apiv3_keys: Collection[str]) -> dict[str, str]:
    """The certificates that WeChat Pay names now: id -> PEM. Raises PayError."""
    answer = transport.send("GET", "/v3/certificates")
    try:
        pems = dict(_read(entry, apiv3_keys) for entry in Fields.parse(answer.data).inners("data"))
    except (Malformed, Undecryptable, ValueError) as error:
        reason = "undecryptable" if isinstance(error, Undecryptable) else "no certificates"
        raise PayUnverified("MALFORMED", status=answer.status, hint=reason) from error
    transport.read(answer, platform.joined_by(pems))
    return pems


def _read(entry: Fields, apiv3_keys: Collection[str]) -> tuple[str, str]:
    sealed = entry.inner("encrypt_certificate")
    if sealed.text("associated_data") != ASSOCIATED_DATA:
        raise Malformed("associated_data")
    serial, pem = entry.text("serial_no").upper(), opened(sealed, apiv3_keys).decode()
    public_key(pem)
    if certificate(pem).serial_number != int(serial, 16):
        raise Malformed("serial_no")
    return serial, pem
