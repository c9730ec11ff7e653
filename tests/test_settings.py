"""Settings: read once, checked whole, silent about values."""

import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.settings import Settings, SettingsError, from_environment
from chalicelib.shop import build

KEY = b64encode(b"k" * 32).decode()


def environment(**changes: str | None) -> dict[str, str]:
    whole = {
        "JISHI_STAGE": "prod",
        "JISHI_TABLE_PREFIX": "jishi-",
        "JISHI_REGION": "cn-north-1",
        "JISHI_PUBLIC_URL": "https://shop.example.com",
        "JISHI_WECHAT_APPID": "wx1",
        "JISHI_WECHAT_SECRET": "app-secret-value",
        "JISHI_WECHAT_MCHID": "1900000001",
        "JISHI_WECHAT_MERCHANT_SERIAL": "ABCDEF",
        "JISHI_WECHAT_MERCHANT_KEY": "-----BEGIN PRIVATE KEY-----\nsecret\n",
        "JISHI_WECHAT_APIV3_KEY": "v" * 32,
        "JISHI_WECHAT_PLATFORM_KEYS": json.dumps({"PUB_KEY_ID_1": "-----BEGIN PUBLIC KEY-----"}),
        "JISHI_SESSION_KEYS": json.dumps({"a": KEY}),
        "JISHI_SESSION_KEY_CURRENT": "a",
        "JISHI_DATA_KEYS": json.dumps({"a": KEY}),
        "JISHI_DATA_KEY_CURRENT": "a",
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def test_a_whole_environment_is_read_with_defaults_for_the_rest() -> None:
    settings = from_environment(environment(JISHI_REQUIRE_SIGNATURES="true", JISHI_RESERVATION_MINUTES="20"))
    assert (settings.stage, settings.session_keys) == ("prod", {"a": b"k" * 32})
    assert (settings.require_signatures, settings.reservation_minutes, settings.coupon_remind_hours) == (True, 20, 24)
    assert settings.wechat_pay_url == "https://api.mch.weixin.qq.com"


def test_a_value_may_stand_in_a_file(tmp_path: Path) -> None:
    pem = tmp_path / "apiclient_key.pem"
    pem.write_text("-----BEGIN PRIVATE KEY-----\nfrom file\n")
    source = environment(JISHI_WECHAT_MERCHANT_KEY=None, JISHI_WECHAT_MERCHANT_KEY_FILE=str(pem))
    assert "from file" in from_environment(source).wechat_merchant_key


def test_everything_that_is_missing_or_malformed_is_named_at_once_and_no_value_is_told() -> None:
    source = environment(
        JISHI_STAGE=None, JISHI_SESSION_KEYS="not json", JISHI_RESERVATION_MINUTES="soon",
        JISHI_WECHAT_APPID="", JISHI_WECHAT_PLATFORM_KEYS_FILE="/nowhere",
    )  # fmt: skip
    with pytest.raises(SettingsError) as told:
        from_environment(source)
    text = str(told.value)
    for name in ("STAGE", "SESSION_KEYS", "RESERVATION_MINUTES", "WECHAT_APPID", "PLATFORM_KEYS"):
        assert name in text
    assert "not json" not in text
    assert "app-secret-value" not in text


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("JISHI_WECHAT_APIV3_KEY", "short"),
        ("JISHI_PUBLIC_URL", "https://shop.example.com/"),
        ("JISHI_PUBLIC_URL", "shop.example.com"),
        ("JISHI_PUBLIC_URL", "https://shop.example.com?x=1"),
        ("JISHI_SESSION_KEY_CURRENT", "b"),
        ("JISHI_DATA_KEYS", json.dumps({"a": b64encode(b"short").decode()})),
        ("JISHI_WECHAT_PLATFORM_KEYS", "{}"),
        ("JISHI_WECHAT_PUSH_AES_KEY", "short"),
        ("JISHI_RESERVATION_MINUTES", "0"),
        ("JISHI_TABLE_PREFIX", "a b"),
        ("JISHI_REQUIRE_SIGNATURES", "perhaps"),
        ("JISHI_PUBLIC_URL", "http://shop.example.com"),
        ("JISHI_WECHAT_MERCHANT_KEY", "junk"),
        ("JISHI_WECHAT_PLATFORM_KEYS", json.dumps({"PUB_KEY_ID_1": "junk"})),
        ("JISHI_DYNAMODB_URL", "nope"),
        ("JISHI_SESSION_HOURS", "99999999999"),
        ("JISHI_COUPON_REMIND_HOURS", "-5"),
        ("JISHI_REFUND_RETRY_MINUTES", "0"),
        ("JISHI_DYNAMODB_CLIENT", "boto3"),
        ("JISHI_SWEEP_WORKERS", "0"),
        ("JISHI_SWEEP_WORKERS", "11"),
    ],
)
def test_a_setting_that_cannot_be_right_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        from_environment(environment(**{variable: value}))


def test_no_secret_stands_in_the_text_of_the_settings() -> None:
    settings = from_environment(environment(JISHI_WECHAT_PUSH_TOKEN="push-token-value"))
    assert isinstance(settings, Settings)
    for secret in ("app-secret-value", "BEGIN PRIVATE", "vvvv", KEY, "kkkk", "push-token-value"):
        assert secret not in repr(replace(settings, stage="x"))


@pytest.mark.parametrize("templates", [{"unknown": "t"}, {"order_paid": {"template_id": ""}}, {"order_paid": 5}])
def test_message_templates_that_make_no_sense_are_a_setting_that_is_wrong(templates: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="JISHI_MESSAGE_TEMPLATES"):
        build(from_environment(environment(JISHI_MESSAGE_TEMPLATES=json.dumps(templates)))).complete()
