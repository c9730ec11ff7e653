"""The cryptography of WeChat Pay API V3: what is signed, how it is checked, and how resources are encrypted.

Requests and payment sheets are signed with the merchant's private key, answers and callbacks with a key of WeChat Pay
that the Wechatpay-Serial header names. Both: RSASSA-PKCS1-v1_5, SHA-256, base64
(pay.weixin.qq.com/doc/v3/merchant/4012365336, 4012365342).
"""

import re
import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from ..kernel.clock import epoch

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

SIGNATURE_TYPE: Final = "WECHATPAY2-SHA256-RSA2048"
FRESHNESS: Final = 300
"""Seconds that a signature's time may differ from ours, in either direction (doc 4013053420)."""

_SECONDS = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[!-~]{1,128}")


class BadSignature(Exception):
    """`reason`: unsigned, unknown_signature_type, unknown_serial, stale or bad_signature."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Undecryptable(Exception):
    """Not encrypted with our key, or changed since."""


def request_message(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """`target` is the path and query exactly as sent; `body` the very bytes sent, empty for GET."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def answer_message(timestamp: str, nonce: str, body: bytes) -> bytes:
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def sheet_message(appid: str, timestamp: str, nonce: str, package: str) -> bytes:
    return f"{appid}\n{timestamp}\n{nonce}\n{package}\n".encode()


def new_nonce() -> str:
    return secrets.token_hex(16)


class MerchantKey:
    """The merchant's private key, parsed at first use. Raises ValueError then if the PEM is no RSA key."""

    def __init__(self, mchid: str, serial: str, private_key_pem: str) -> None:
        self._mchid = mchid
        self._serial = serial
        self._pem = private_key_pem

    @cached_property
    def _key(self) -> RSAPrivateKey:
        # Checking the primes takes 60 ms of every cold start; the key is our own and comes from our own settings.
        key = load_pem_private_key(self._pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("the merchant's private key is not an RSA key")
        return key

    def sign(self, message: bytes) -> str:
        return b64encode(self._key.sign(message, PKCS1v15(), SHA256())).decode()

    def authorization(self, method: str, target: str, body: bytes, now: datetime) -> str:
        """The Authorization header of one request, with a nonce of its own."""
        timestamp, nonce = str(epoch(now)), new_nonce()
        signature = self.sign(request_message(method, target, timestamp, nonce, body))
        return (
            f'{SIGNATURE_TYPE} mchid="{self._mchid}",nonce_str="{nonce}",timestamp="{timestamp}",'
            f'serial_no="{self._serial}",signature="{signature}"'
        )

    def decrypt_field(self, ciphertext: str) -> str:
        """A sensitive field of an answer. Raises Undecryptable."""
        try:
            return self._key.decrypt(b64decode(ciphertext, validate=True), _oaep()).decode()
        except ValueError as error:
            raise Undecryptable from error


def verify(
    headers: Mapping[str, str], raw_body: bytes, now: datetime, key_of: Callable[[str], RSAPublicKey | None]
) -> None:
    """Raises BadSignature unless these bytes were signed within 5 minutes of `now`, with the key that `key_of` knows
    under the serial in the headers.

    Header names may be in any case. WeChat Pay's own probes (`WECHATPAY/SIGNTEST/…`) fail like any wrong signature.
    """
    given = {name.lower(): value for name, value in headers.items()}
    timestamp, nonce, serial, signature = (
        given.get(f"wechatpay-{part}", "") for part in ("timestamp", "nonce", "serial", "signature")
    )
    if not (_SECONDS.fullmatch(timestamp) and _NONCE.fullmatch(nonce) and serial and signature):
        raise BadSignature("unsigned")
    if given.get("wechatpay-signature-type", SIGNATURE_TYPE) != SIGNATURE_TYPE:
        raise BadSignature("unknown_signature_type")
    key = key_of(serial)
    if key is None:
        raise BadSignature("unknown_serial")
    if abs(now.timestamp() - int(timestamp)) > FRESHNESS:
        raise BadSignature("stale")
    try:
        signed = b64decode(signature, validate=True)
        key.verify(signed, answer_message(timestamp, nonce, raw_body), PKCS1v15(), SHA256())
    except (Base64Error, ValueError, InvalidSignature) as error:
        raise BadSignature("bad_signature") from error


def encrypt_field(key: RSAPublicKey, text: str) -> str:
    """A sensitive field for WeChat Pay; the request must name the key's id in Wechatpay-Serial."""
    return b64encode(key.encrypt(text.encode(), _oaep())).decode()


def decrypt_resource(apiv3_key: str, nonce: str, ciphertext: str, associated_data: str) -> bytes:
    """The plaintext of an AEAD_AES_256_GCM resource; no associated data is an empty string. Raises Undecryptable."""
    try:
        sealed = b64decode(ciphertext, validate=True)
        return AESGCM(apiv3_key.encode()).decrypt(nonce.encode(), sealed, associated_data.encode())
    except (ValueError, InvalidTag) as error:
        raise Undecryptable from error


def public_key(pem: str) -> RSAPublicKey:
    """Of a public key or a certificate. Raises ValueError if it is neither, or not RSA."""
    key: object = certificate(pem).public_key() if "BEGIN CERTIFICATE" in pem else load_pem_public_key(pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise ValueError("a WeChat Pay key is not an RSA key")
    return key


def certificate(pem: str) -> "Certificate":
    """Raises ValueError if it is none."""
    from cryptography.x509 import load_pem_x509_certificate  # only in certificate mode

    return load_pem_x509_certificate(pem.encode())


def _oaep() -> OAEP:
    return OAEP(mgf=MGF1(SHA1()), algorithm=SHA1(), label=None)
