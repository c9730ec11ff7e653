"""Settings: the only reader of the environment. Checked whole, never a secret in an error or a repr.

Every variable is named JISHI_<FIELD>. A variable JISHI_<FIELD>_FILE names a file that holds the value (keys, PEM
texts). In the cloud JISHI_SECRET names a secret that holds more of them, since an environment is shown to whoever may
look at a function.
`docs/settings.md` says where each value is found in the merchant portal.
"""

import os
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from . import vault

LOCAL = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)")


class SettingsError(Exception):
    """Says which variables are missing or wrong, never their values."""


@dataclass(frozen=True)
class Settings:
    """Keys are maps of key id to key; the one named `current` makes new tokens and seals, the others are still
    accepted.
    """

    stage: str
    table_prefix: str
    region: str
    public_url: str
    wechat_appid: str
    wechat_mchid: str
    wechat_merchant_serial: str
    wechat_secret: str = field(repr=False)
    wechat_merchant_key: str = field(repr=False)
    wechat_apiv3_key: str = field(repr=False)
    wechat_platform_keys: Mapping[str, str] = field(repr=False)
    session_keys: Mapping[str, bytes] = field(repr=False)
    session_key_current: str
    data_keys: Mapping[str, bytes] = field(repr=False)
    data_key_current: str
    wechat_push_token: str = field(default="", repr=False)
    wechat_push_aes_key: str = field(default="", repr=False)
    wechat_api_url: str = "https://api.weixin.qq.com"
    wechat_pay_url: str = "https://api.mch.weixin.qq.com"
    dynamodb_url: str | None = None
    dynamodb_client: str = "lean"
    message_templates: Mapping[str, Any] = field(default_factory=dict)
    session_hours: int = 24 * 7
    require_signatures: bool = False
    requests_per_member: int = 600
    reservation_minutes: int = 15
    coupon_remind_hours: int = 24
    refund_retry_minutes: int = 2
    sweep_workers: int = 8
    owners: tuple[str, ...] = ()
    ship_hours: int = 48
    receive_days: int = 10
    extend_days: int = 5
    aftersale_days: int = 15
    aftersale_decide_hours: int = 72
    aftersale_return_days: int = 7
    aftersale_check_days: int = 7
    return_address: str = ""
    wechat_apiv3_key_previous: str = field(default="", repr=False)
    kuaidi100_customer: str = ""
    kuaidi100_key: str = field(default="", repr=False)
    kuaidi100_url: str = "https://poll.kuaidi100.com"
    secret: str = ""

    def __post_init__(self) -> None:
        wrong = dict.fromkeys(name for name, holds in _checks(self) if not holds)
        if wrong:
            raise SettingsError(f"these settings are missing or malformed: {', '.join(_variable(n) for n in wrong)}")


def from_environment(
    environment: Mapping[str, str] | None = None, read_secret: Callable[[str, str], str] = vault.read
) -> Settings:
    """The settings of the environment and of the secret that it names, read now.

    `read_secret` takes the secret's name and region. Raises SettingsError, naming every variable that is missing or
    malformed, and Unavailable.
    """
    source = os.environ if environment is None else environment
    name, region = source.get(_variable("secret")), source.get(_variable("region"))
    if name and region:
        source = _joined(source, name, read_secret(name, region))
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for name, spec in Settings.__dataclass_fields__.items():
        try:
            text = _text(source, _variable(name))
            if text is not None:
                values[name] = _PARSERS.get(name, _plain(spec.type))(text)
        except (ValueError, OSError, msgspec.MsgspecError, Base64Error):
            wrong.append(_variable(name))
    missing = [_variable(n) for n in _required() if n not in values and _variable(n) not in wrong]
    if missing or wrong:
        raise SettingsError(
            f"settings missing: {missing or 'none'}; malformed: {wrong or 'none'}. See docs/settings.md"
        )
    return Settings(**values)


def storage_of_this_function() -> tuple[str, str, str | None, str] | None:
    """Table prefix, region, endpoint and client, which the environment of a deployed function tells without any secret;
    None in a process that is no function, such as the one that packages.
    """
    region = os.environ.get(_variable("region"))
    if not region or "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        return None
    prefix, url, client = (
        os.environ.get(_variable(name)) for name in ("table_prefix", "dynamodb_url", "dynamodb_client")
    )
    return prefix or "", region, url or None, client or Settings.dynamodb_client


def ahead_of_traffic() -> bool:
    """Whether this process starts before there is a request for it (provisioned concurrency), so that nobody waits for
    what it loads. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "provisioned-concurrency"


def names() -> frozenset[str]:
    """All variables that are settings, without their forms with _FILE."""
    return frozenset(_variable(name) for name in Settings.__dataclass_fields__)


def secret_names() -> frozenset[str]:
    """The variables that no deployed environment may hold: theirs is the secret."""
    return frozenset(_variable(field.name) for field in Settings.__dataclass_fields__.values() if not field.repr)


def told_twice(source: Mapping[str, str], held: Mapping[str, Any]) -> list[str]:
    """Names of which an environment and what a secret holds say different things. The same thing may stand in both, so
    that a setting can move from one to the other while functions start.
    """
    return [
        name
        for name, value in held.items()
        if value not in ("", None)
        and (source.get(f"{name}_FILE") or (source.get(name) and not _same(source[name], _as_text(value))))
    ]


def _same(one: str, other: str) -> bool:
    if one.strip() == other.strip():
        return True
    try:
        return bool(msgspec.json.decode(one) == msgspec.json.decode(other))
    except (msgspec.MsgspecError, UnicodeError):
        return False


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _joined(source: Mapping[str, str], secret: str, text: str) -> dict[str, str]:
    """The environment with what the secret adds. Names that are no settings are passed over, so that a release that
    does not know a newer one still starts.
    """
    try:
        held = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError):
        raise SettingsError(f"secret {secret} is no JSON object of settings. See docs/settings.md") from None
    known = {_variable(name): name in _JSON for name in Settings.__dataclass_fields__ if name != "secret"}
    added = {name: value for name, value in held.items() if name in known and value not in ("", None)}
    if twice := told_twice(source, added):
        raise SettingsError(f"secret {secret} and the environment both set {twice}: take them out of one of the two")
    wrong = [name for name, value in added.items() if not isinstance(value, str) and not known[name]]
    if wrong:
        raise SettingsError(f"secret {secret}: {wrong} must be text. See docs/settings.md")
    return {**source, **{name: _as_text(value) for name, value in added.items()}}


def _variable(name: str) -> str:
    return f"JISHI_{name.upper()}"


def _text(source: Mapping[str, str], variable: str) -> str | None:
    path = source.get(f"{variable}_FILE")
    if path:
        return Path(path).read_text(encoding="utf-8")
    return source.get(variable) or None


def _required() -> list[str]:
    from dataclasses import MISSING

    fields = Settings.__dataclass_fields__.values()
    return [f.name for f in fields if f.default is MISSING and f.default_factory is MISSING]


def _plain(kind: Any) -> Callable[[str], Any]:
    if kind is int:
        return int
    if kind is bool:
        return lambda text: {"true": True, "false": False}.get(text.lower(), text)
    return str.strip


def _keys(text: str) -> dict[str, bytes]:
    """`{"k1": "<base64 of 32 bytes>"}`"""
    return {
        key_id: b64decode(key, validate=True) for key_id, key in msgspec.json.decode(text, type=dict[str, str]).items()
    }


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "session_keys": _keys,
    "data_keys": _keys,
    "wechat_platform_keys": lambda text: msgspec.json.decode(text, type=dict[str, str]),
    "message_templates": lambda text: msgspec.json.decode(text, type=dict[str, str | dict[str, Any]]),
    "wechat_merchant_key": str,
    "owners": lambda text: tuple(name.strip() for name in text.split(",") if name.strip()),
}
_JSON = frozenset({"session_keys", "data_keys", "wechat_platform_keys", "message_templates"})


def _checks(settings: Settings) -> list[tuple[str, bool]]:
    url = re.compile(r"https?://[^\s?#]+")
    keys = [("session_keys", settings.session_keys, settings.session_key_current)]
    keys.append(("data_keys", settings.data_keys, settings.data_key_current))
    return [
        ("require_signatures", isinstance(settings.require_signatures, bool)),
        ("table_prefix", bool(re.fullmatch(r"[A-Za-z0-9_.\-]{0,80}", settings.table_prefix))),
        ("public_url", bool(url.fullmatch(settings.public_url)) and not settings.public_url.endswith("/")),
        ("public_url", settings.public_url.startswith("https://") or bool(LOCAL.match(settings.public_url))),
        ("dynamodb_url", settings.dynamodb_url is None or bool(url.fullmatch(settings.dynamodb_url))),
        ("dynamodb_client", settings.dynamodb_client in ("lean", "botocore")),
        ("wechat_merchant_key", "PRIVATE KEY-----" in settings.wechat_merchant_key),
        ("wechat_platform_keys", all("-----BEGIN" in key for key in settings.wechat_platform_keys.values())),
        ("coupon_remind_hours", 0 <= settings.coupon_remind_hours <= 24 * 30),
        ("refund_retry_minutes", 1 <= settings.refund_retry_minutes <= 60),
        ("sweep_workers", 1 <= settings.sweep_workers <= 10),  # the connections that each client keeps
        ("wechat_api_url", bool(url.fullmatch(settings.wechat_api_url))),
        ("wechat_pay_url", bool(url.fullmatch(settings.wechat_pay_url))),
        ("wechat_apiv3_key", len(settings.wechat_apiv3_key.encode()) == 32),
        ("wechat_platform_keys", bool(settings.wechat_platform_keys)),
        ("wechat_apiv3_key_previous", len(settings.wechat_apiv3_key_previous.encode()) in (0, 32)),
        ("owners", all(re.fullmatch(r"M[A-Z2-7]{25}", owner) for owner in settings.owners)),
        ("ship_hours", 1 <= settings.ship_hours <= 24 * 330),
        ("receive_days", 7 <= settings.receive_days <= 60),
        ("extend_days", 1 <= settings.extend_days <= 30),
        ("aftersale_days", 7 <= settings.aftersale_days <= 365),
        ("aftersale_decide_hours", 1 <= settings.aftersale_decide_hours <= 24 * 7),
        ("aftersale_return_days", 1 <= settings.aftersale_return_days <= 30),
        ("aftersale_check_days", 1 <= settings.aftersale_check_days <= 30),
        ("return_address", len(settings.return_address) <= 200 and settings.return_address.isprintable()),
        ("kuaidi100_url", bool(url.fullmatch(settings.kuaidi100_url))),
        ("kuaidi100_key", bool(settings.kuaidi100_key) == bool(settings.kuaidi100_customer)),
        ("wechat_push_aes_key", len(settings.wechat_push_aes_key) in (0, 43)),
        ("requests_per_member", 0 <= settings.requests_per_member <= 100_000),
        ("session_hours", 1 <= settings.session_hours <= 24 * 365),
        ("reservation_minutes", 1 <= settings.reservation_minutes <= 120),
        *((name, all(len(key) == 32 for key in ring.values())) for name, ring, _ in keys),
        *((f"{name[:-1]}_current", current in ring) for name, ring, current in keys),
    ]
