"""Platform certificates: the first is of the merchant's credentials, further ones come by rotation.

During a rotation two are listed. The new one signs from its time on; the old one is listed a while longer, and signs
for whoever names its serial.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from sandbox.wechat import crypto
from sandbox.wechat.credentials import new_platform_certificate
from sandbox.wechat.state import Doc
from sandbox.wechat.world import World, rfc3339


@dataclass(frozen=True)
class Listed:
    """`signs_from` and `until`, the end of its listing, in epoch seconds."""

    serial: str
    certificate: str
    private_key: str
    signs_from: float = 0.0
    until: float | None = None


class Certificates:
    def __init__(self, world: World) -> None:
        self._world = world
        self._keys: dict[str, RSAPrivateKey] = {}

    def listed(self) -> list[Listed]:
        """Those that a merchant can have now, oldest first."""
        now = self._world.timestamp()
        return [each for each in self._all() if each.until is None or now < each.until]

    def signing(self) -> str:
        """The serial of the one that signs for merchants in certificate mode."""
        now = self._world.timestamp()
        return [each.serial for each in self._all() if each.signs_from <= now][-1]

    def key(self, serial: str) -> RSAPrivateKey | None:
        """The private key of a listed certificate."""
        for each in self.listed():
            if each.serial == serial:
                return self._keys.setdefault(serial, crypto.private_key(each.private_key))
        return None

    def rotate(self, signs_in: float, listed_for: float) -> Doc:
        """A new certificate, which signs from `signs_in` seconds on; the older ones are listed `listed_for` more."""
        state, now = self._world.state, self._world.now()
        serial, certificate, private_key = new_platform_certificate(now)
        signs_from = now.timestamp() + signs_in
        with state.transaction():
            for each in self.listed():
                until = min(signs_from + listed_for, each.until or float("inf"))
                state.put("certificate", each.serial, asdict(each) | {"until": until})
            state.put("certificate", serial, asdict(Listed(serial, certificate, private_key, signs_from)))
        old_until = rfc3339(signs_from + listed_for)
        return {
            "serial_no": serial,
            "certificate": certificate,
            "signs_from": rfc3339(signs_from),
            "old_listed_until": old_until,
        }

    def shown(self) -> list[Doc]:
        """What GET /v3/certificates lists."""
        shown = []
        for each in self.listed():
            known = x509.load_pem_x509_certificate(each.certificate.encode())
            sealed = crypto.seal(self._world.credentials.apiv3_key, each.certificate.encode(), "certificate")
            shown.append(
                {
                    "serial_no": each.serial,
                    "effective_time": rfc3339(known.not_valid_before_utc),
                    "expire_time": rfc3339(known.not_valid_after_utc),
                    "encrypt_certificate": sealed,
                }
            )
        return shown

    def _all(self) -> Iterator[Listed]:
        keys, rotated = self._world.credentials, self._world.state.every("certificate")
        if not rotated:
            yield Listed(keys.platform_serial, keys.platform_certificate, keys.platform_private_key)
        for doc in rotated:
            yield Listed(**doc)
