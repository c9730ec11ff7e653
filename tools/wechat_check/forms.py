"""What can be said of the settings without asking anybody: whether each has the form of what it should be."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from chalicelib.parts import NOTIFY_PATH
from chalicelib.settings import LOCAL, Settings
from tools.wechat_check.finding import Finding, fails, holds, skipped

PORTAL = "商户平台 → 账户中心 → API安全"
SOON = timedelta(days=30)


def forms(settings: Settings, now: datetime) -> Iterator[Finding]:
    yield _plain("JISHI_WECHAT_APPID", settings.wechat_appid, r"wx[0-9a-f]{16}", "wx and 16 digits or letters a-f")
    yield _plain("JISHI_WECHAT_MCHID", settings.wechat_mchid, r"[0-9]{8,10}", "8 to 10 digits")
    yield _merchant_key(settings)
    yield _merchant_serial(settings)
    for key_id, pem in settings.wechat_platform_keys.items():
        yield _platform_key(settings, key_id, pem, now)
    yield _apiv3_key("JISHI_WECHAT_APIV3_KEY", settings.wechat_apiv3_key)
    if settings.wechat_apiv3_key_previous:
        yield _apiv3_key("JISHI_WECHAT_APIV3_KEY_PREVIOUS", settings.wechat_apiv3_key_previous)
    yield _notify_url(settings)
    yield _push(settings)


def _plain(variable: str, value: str, form: str, told: str) -> Finding:
    if re.fullmatch(form, value):
        return holds(f"{variable} has its form")
    return fails(f"{variable} has not its form", f"It should be {told}.", "Copy it again, without blanks.")


def _merchant_key(settings: Settings) -> Finding:
    what, pem = "JISHI_WECHAT_MERCHANT_KEY", settings.wechat_merchant_key
    do = f"Take the whole text of apiclient_key.pem ({PORTAL} → 商户API证书), with its line ends."
    try:
        key: object = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        return fails(f"{what} is locked with a password", "The shop cannot open it.", do)
    except (ValueError, UnsupportedAlgorithm):
        return fails(f"{what} cannot be read", "It is no whole private key in PEM form.", do)
    if not isinstance(key, RSAPrivateKey) or key.key_size != 2048:
        return fails(f"{what} is of another kind", "WeChat Pay takes RSA keys of 2048 bits only.", do)
    return holds(f"{what} is an RSA key of 2048 bits")


def _merchant_serial(settings: Settings) -> Finding:
    what, serial = "JISHI_WECHAT_MERCHANT_SERIAL", settings.wechat_merchant_serial
    do = "openssl x509 -noout -serial -in apiclient_cert.pem shows the right one."
    if re.fullmatch(r"[0-9A-Fa-f]{40}", serial):
        return holds(f"{what} has the form of a serial")
    if serial.upper().startswith("PUB_KEY_ID_"):
        return fails(f"{what} is WeChat Pay's, not yours", "It names the WeChat Pay public key.", do)
    return fails(f"{what} is no serial", "It should be the 40 hex digits of your own API certificate.", do)


def _platform_key(settings: Settings, key_id: str, pem: str, now: datetime) -> Finding:
    what = f"JISHI_WECHAT_PLATFORM_KEYS: {_shown(key_id)}"
    do = f"Take the file again from {PORTAL} → 微信支付公钥, and its ID from the same page."
    if "PRIVATE KEY" in pem:
        return fails(f"{what} is a private key", "WeChat Pay never gives its own away: this is yours.", do)
    is_public_key = key_id.upper().startswith("PUB_KEY_ID_")
    if not re.fullmatch(r"PUB_KEY_ID_[0-9]+" if is_public_key else r"[0-9A-F]{16,40}", key_id.upper()):
        return fails(f"{what} is no ID", "It should be PUB_KEY_ID_ and digits, or a certificate's hex serial.", do)
    if is_public_key == ("BEGIN CERTIFICATE" in pem):
        mixed = "A public key's ID stands with a certificate, or a certificate's serial with a public key."
        return fails(f"{what} and its text do not belong together", mixed, do)
    try:
        certificate = None if is_public_key else x509.load_pem_x509_certificate(pem.encode())
        key: object = certificate.public_key() if certificate else load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return fails(f"{what} cannot be read", "The PEM text is not whole; often its line ends are lost.", do)
    if not isinstance(key, RSAPublicKey):
        return fails(f"{what} is of another kind", "WeChat Pay's keys are RSA keys.", do)
    if key == _own_public_key(settings):
        return fails(f"{what} is your own key", "Here belongs WeChat Pay's, which proves that WeChat Pay answers.", do)
    return _certificate(what, key_id, certificate, now) if certificate else holds(f"{what} is a public key")


def _certificate(what: str, key_id: str, certificate: x509.Certificate, now: datetime) -> Finding:
    do = f"Change to the WeChat Pay public key: {PORTAL} → 微信支付公钥. It never ends."
    if int(key_id, 16) != certificate.serial_number:
        return fails(f"{what} is another certificate's serial", "The text beside it has another one.", do)
    ends = f"It ends on {certificate.not_valid_after_utc:%Y-%m-%d}."
    if certificate.not_valid_after_utc <= now:
        return fails(f"{what} is over", ends, do)
    soon = certificate.not_valid_after_utc - now < SOON
    return holds(f"{what} is a certificate", ends + (" The shop fetches the next one by itself." if soon else ""))


def _own_public_key(settings: Settings) -> object:
    try:
        return load_pem_private_key(settings.wechat_merchant_key.encode(), password=None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None  # said already


def _apiv3_key(variable: str, key: str) -> Finding:
    if re.fullmatch(r"[0-9A-Za-z]{32}", key):
        return holds(f"{variable} has its form", "Only a callback, or a certificate's arrival, proves it.")
    why = "It should be 32 digits and letters, not the AppSecret and not a key of API V2."
    return fails(f"{variable} has not its form", why, f"Set it anew: {PORTAL} → APIv3密钥.")


def _notify_url(settings: Settings) -> Finding:
    url = settings.public_url + NOTIFY_PATH
    what, parts = f"callbacks go to {url}", urlsplit(url)
    do = "Set JISHI_PUBLIC_URL to the address under which the internet reaches the shop."
    if LOCAL.match(settings.wechat_pay_url) and LOCAL.match(url):
        return holds(what, "A WeChat on this machine can reach it.")
    if parts.scheme != "https":
        return fails(what, "WeChat Pay wants https.", do)
    if parts.query or parts.fragment or len(url) > 255:
        return fails(what, "WeChat Pay takes no query and 255 characters at most.", do)
    if not _is_public(parts.hostname or ""):
        return fails(what, "WeChat Pay cannot reach that address from the internet.", do)
    return holds(what, "The domain needs an ICP filing if the server stands in the mainland.")


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".localhost", ".test", ".invalid", ".example"))


def _push(settings: Settings) -> Finding:
    what, token, key = "message push", settings.wechat_push_token, settings.wechat_push_aes_key
    do = "小程序后台 → 开发管理 → 消息推送: mode 安全模式, format JSON; copy Token and EncodingAESKey."
    if not token:
        return skipped(f"{what} is off", "Without JISHI_WECHAT_PUSH_TOKEN the shop refuses all messages.", do)
    if not re.fullmatch(r"[0-9A-Za-z]{3,32}", token):
        return fails(f"{what}: the token has not its form", "It should be 3 to 32 digits and letters.", do)
    if not key:
        return skipped(f"{what} is in plain mode", "Nothing proves the words of a message then.", do)
    try:
        good = re.fullmatch(r"[0-9A-Za-z]{43}", key) is not None and len(b64decode(key + "=")) == 32
    except Base64Error:
        good = False
    if not good:
        return fails(f"{what}: the EncodingAESKey has not its form", "It should be 43 digits and letters.", do)
    return holds(f"{what}: token and key have their form")


def _shown(key_id: str) -> str:
    """Ids are public; but whatever stands in the place of one may be a key by mistake."""
    return key_id if re.fullmatch(r"[0-9A-Za-z_]{1,80}", key_id) else "(no ID)"
