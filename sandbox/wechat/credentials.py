"""The keys of a demo merchant, both halves: what the shop holds and what WeChat holds."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sandbox.wechat.crypto import random_text

_INDEX = "credentials.json"


@dataclass(frozen=True)
class Credentials:
    """A merchant and its mini-program. Keys and certificates are PEM text; serials are upper-case hex.

    The shop needs: appid, secret, mchid, merchant_serial, merchant_private_key, apiv3_key, one or both of
    (wechatpay_public_key_id, wechatpay_public_key) and (platform_serial, platform_certificate), push_token and
    encoding_aes_key; kuaidi100_customer and kuaidi100_key are an account for asking where parcels are. The sandbox
    never uses merchant_private_key; the shop never gets WeChat's private keys.
    """

    appid: str
    original_id: str
    mchid: str
    merchant_serial: str
    wechatpay_public_key_id: str
    platform_serial: str
    merchant_public_key: str
    wechatpay_public_key: str
    platform_certificate: str
    secret: str = field(repr=False)
    apiv3_key: str = field(repr=False)
    push_token: str = field(repr=False)
    kuaidi100_customer: str
    kuaidi100_key: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)
    merchant_private_key: str = field(repr=False)
    wechatpay_private_key: str = field(repr=False)
    platform_private_key: str = field(repr=False)


_PEM_FIELDS = tuple(
    f.name
    for f in fields(Credentials)
    if f.name.endswith(("_key", "_certificate")) and f.name not in ("apiv3_key", "encoding_aes_key", "kuaidi100_key")
)


def make_credentials(directory: Path | str) -> Credentials:
    """The demo merchant of this directory: made at the first call, the same ever after.

    Each key and certificate stands in `<field name>.pem`, the rest in `credentials.json`; all files are mode 0600.
    A set that was not finished is made anew; one that was made before there were parcels gets an account for them.
    """
    folder = Path(directory)
    if (folder / _INDEX).exists():
        return _load(folder)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = _generate()
    for name in _PEM_FIELDS:
        _write_private(folder / f"{name}.pem", getattr(made, name))
    plain = {f.name: getattr(made, f.name) for f in fields(made) if f.name not in _PEM_FIELDS}
    _write_private(folder / _INDEX, json.dumps(plain, indent=2))
    return made


def _load(folder: Path) -> Credentials:
    keys = {name: (folder / f"{name}.pem").read_text() for name in _PEM_FIELDS}
    plain: dict[str, str] = json.loads((folder / _INDEX).read_text())
    if missing := {name: text for name, text in _courier_account().items() if name not in plain}:
        plain |= missing
        _write_private(folder / _INDEX, json.dumps(plain, indent=2))
    return Credentials(**plain, **keys)


def _write_private(path: Path, text: str) -> None:
    part = path.with_suffix(path.suffix + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    os.replace(part, path)


def _generate() -> Credentials:
    merchant, wechatpay, platform = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3))
    certificate = _certificate(platform, datetime.now(UTC) - timedelta(days=30))
    mchid = "16" + random_text(8, "0123456789")
    return Credentials(
        appid="wx" + secrets.token_hex(8),
        original_id="gh_" + secrets.token_hex(6),
        mchid=mchid,
        merchant_serial=secrets.token_hex(20).upper(),
        wechatpay_public_key_id="PUB_KEY_ID_0" + mchid + random_text(24, "0123456789"),
        platform_serial=_serial(certificate),
        merchant_public_key=_public_pem(merchant.public_key()),
        wechatpay_public_key=_public_pem(wechatpay.public_key()),
        platform_certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        secret=secrets.token_hex(16),
        apiv3_key=secrets.token_hex(16),
        push_token=secrets.token_hex(8),
        **_courier_account(),
        encoding_aes_key=random_text(42) + random_text(1, "AEIMQUYcgkosw048"),
        merchant_private_key=_private_pem(merchant),
        wechatpay_private_key=_private_pem(wechatpay),
        platform_private_key=_private_pem(platform),
    )


def _courier_account() -> dict[str, str]:
    return {"kuaidi100_customer": secrets.token_hex(16).upper(), "kuaidi100_key": random_text(12)}


def _public_pem(key: rsa.RSAPublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def _private_pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def new_platform_certificate(start: datetime) -> tuple[str, str, str]:
    """Serial, certificate and private key, for a rotation."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = _certificate(key, start)
    return _serial(certificate), certificate.public_bytes(serialization.Encoding.PEM).decode(), _private_pem(key)


def _serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:040X}"


def _certificate(key: rsa.RSAPrivateKey, start: datetime) -> x509.Certificate:
    """A platform certificate as WeChat gives them: five years. Nobody checks its chain."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com sign (sandbox)")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=5 * 365))
    return builder.sign(key, hashes.SHA256())
