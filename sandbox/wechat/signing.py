"""How WeChat Pay signs answers and callbacks, and how it does not when told to forge."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.wechat import crypto
from sandbox.wechat.certificates import Certificates
from sandbox.wechat.faults import Fault
from sandbox.wechat.world import World

SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"


class Signer:
    def __init__(self, world: World, certificates: Certificates) -> None:
        keys = world.credentials
        self._world = world
        self._certificates = certificates
        self._public_id = keys.wechatpay_public_key_id
        self._public_key = crypto.private_key(keys.wechatpay_private_key)

    def knows(self, serial: str) -> bool:
        return self._key(serial) is not None

    def _key(self, serial: str) -> rsa.RSAPrivateKey | None:
        return self._public_key if serial == self._public_id else self._certificates.key(serial)

    def _default(self) -> str:
        return self._certificates.signing() if self._world.settings.certificate_mode else self._public_id

    def decrypt_field(self, serial: str, value: str) -> str:
        """A field that the merchant encrypted for the key with this id. ValueError if it did not."""
        key = self._key(serial or self._default())
        if key is None:
            raise ValueError("no such key")
        return crypto.decrypt_field(key, value)

    def headers(self, body: bytes, serial: str | None, faults: Mapping[str, Fault]) -> dict[str, str]:
        """The Wechatpay-* headers over the exact body, by the key with this serial, spoilt by the faults that hit."""
        serial = serial if serial and self.knows(serial) else self._default()
        if "certificate" in faults:
            serial = self._certificates.signing()
        if "public_key" in faults:
            serial = self._public_id
        key = self._key(serial)
        if key is None or "wrong_key" in faults:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if "unknown_serial" in faults:
            serial = faults["unknown_serial"]["serial"]
        age = faults["stale"]["age_seconds"] if "stale" in faults else 0
        timestamp, nonce = str(self._world.timestamp() - int(age)), crypto.random_text(32)
        signature = crypto.sign(key, f"{timestamp}\n{nonce}\n".encode() + body + b"\n")
        if "signtest" in faults:
            signature = "WECHATPAY/SIGNTEST/" + signature
        return {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": serial,
            "Wechatpay-Signature": signature,
            "Wechatpay-Signature-Type": SIGNATURE_TYPE,
        }
