"""Callbacks of WeChat Pay: which of them are believed, and what they say."""

from collections.abc import Collection, Mapping
from datetime import datetime

from .errors import BadCallback
from .keys import PlatformKeys
from .pay_types import Fields, Malformed, Notification, RefundStatus, Trade, read_refund, read_trade
from .signing import BadSignature, Undecryptable, decrypt_resource


def read_callback(
    platform: PlatformKeys, apiv3_keys: Collection[str], headers: Mapping[str, str], raw_body: bytes, now: datetime
) -> Notification:
    """Believe a callback: signed by WeChat Pay over these very bytes, within 5 minutes, and decrypted with our key.

    Raises BadCallback otherwise.
    """
    try:
        platform.verify(headers, raw_body, now)
        return _notification(Fields.parse(raw_body), apiv3_keys)
    except BadSignature as error:
        raise BadCallback(error.reason) from error
    except Undecryptable as error:
        raise BadCallback("undecryptable") from error
    except Malformed as error:
        raise BadCallback("malformed") from error


def _notification(envelope: Fields, apiv3_keys: Collection[str]) -> Notification:
    notification_id, event_type = envelope.text("id"), envelope.text("event_type")
    plain = opened(envelope.inner("resource"), apiv3_keys)
    resource: Trade | RefundStatus | None = None
    if event_type.startswith("TRANSACTION."):
        resource = read_trade(Fields.parse(plain))
    elif event_type.startswith("REFUND."):
        fields = Fields.parse(plain)
        resource = read_refund(fields, fields.text("mchid"))
    return Notification(notification_id, event_type, resource)


def opened(sealed: Fields, apiv3_keys: Collection[str]) -> bytes:
    """What one of the keys opens. Raises Undecryptable if none does, Malformed."""
    if sealed.text("algorithm") != "AEAD_AES_256_GCM":
        raise Malformed("algorithm")
    nonce, ciphertext = sealed.text("nonce"), sealed.text("ciphertext")
    associated_data = sealed.text("associated_data", "")
    for key in apiv3_keys:
        try:
            return decrypt_resource(key, nonce, ciphertext, associated_data)
        except Undecryptable:
            continue
    raise Undecryptable
