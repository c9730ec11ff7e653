"""The secret beside the environment: how it is read and joined, and that nothing which is said shows a value."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from moto import mock_aws

from chalicelib import outside, vault
from chalicelib.kernel.errors import Unavailable
from chalicelib.settings import Settings, SettingsError, from_environment, secret_names
from tests.test_settings import KEY, environment
from tests.wechat.known import private_pem, public_pem
from tests.wechat.platform import Answer, Peer, key, listening, says

NAME, REGION = "jishi/prod", "cn-north-1"
PLANTED = "planted-0f3c9a"
"""Stands in every secret that a test breaks, and must stand in nothing that is said about it."""


def plain() -> dict[str, str]:
    """The environment of a deployed function: nothing secret, and where the rest is."""
    return {n: value for n, value in environment().items() if n not in secret_names()} | {"JISHI_SECRET": NAME}


def secret(**changes: Any) -> dict[str, Any]:
    whole = {name: value for name, value in environment().items() if name in secret_names()}
    return changed(whole, changes)


def changed(whole: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def joined(held: Any, **more: str) -> Settings:
    text = held if isinstance(held, str) else json.dumps(held)
    return from_environment({**plain(), **more}, lambda name, region: text if (name, region) == (NAME, REGION) else "")


def test_what_is_secret_is_what_settings_do_not_show() -> None:
    assert secret_names() == {
        f"JISHI_{name}"
        for name in (
            "WECHAT_SECRET", "WECHAT_MERCHANT_KEY", "WECHAT_APIV3_KEY", "WECHAT_APIV3_KEY_PREVIOUS", "SESSION_KEYS",
            "WECHAT_PLATFORM_KEYS", "DATA_KEYS", "WECHAT_PUSH_TOKEN", "WECHAT_PUSH_AES_KEY", "KUAIDI100_KEY",
        )
    }  # fmt: skip


def test_a_secret_and_an_environment_make_the_same_settings_as_an_environment_alone() -> None:
    alone = from_environment(environment())
    assert replace(joined(secret()), secret="") == alone
    as_json = secret(JISHI_SESSION_KEYS={"a": KEY}, JISHI_WECHAT_PLATFORM_KEYS=json.loads(
        environment()["JISHI_WECHAT_PLATFORM_KEYS"]
    ))  # fmt: skip
    assert replace(joined(as_json), secret="") == alone


def test_names_that_a_newer_release_put_into_the_secret_do_not_stop_this_one() -> None:
    assert joined(secret(JISHI_OF_TOMORROW="x", note="y", JISHI_SECRET="z")) == joined(secret())


def test_an_empty_value_is_none_in_both_places() -> None:
    assert joined(secret(JISHI_WECHAT_PUSH_TOKEN=""), JISHI_WECHAT_PUSH_TOKEN="t").wechat_push_token == "t"
    assert joined(secret(), JISHI_WECHAT_SECRET="").wechat_secret == "app-secret-value"


@pytest.mark.parametrize("variable", ["JISHI_WECHAT_SECRET", "JISHI_WECHAT_SECRET_FILE"])
def test_a_name_in_both_places_is_refused(variable: str) -> None:
    with pytest.raises(SettingsError, match=r"jishi/prod and the environment both set \['JISHI_WECHAT_SECRET'\]"):
        joined(secret(), **{variable: "another"})


def test_a_setting_moves_between_the_two_by_standing_in_both_for_a_while() -> None:
    templates = '{"order_paid": "t-1",  "refund_done": {"id": "t-2"}}'
    both = {"JISHI_WECHAT_MERCHANT_SERIAL": environment()["JISHI_WECHAT_MERCHANT_SERIAL"]}
    both["JISHI_MESSAGE_TEMPLATES"] = templates
    held = secret(**{**both, "JISHI_MESSAGE_TEMPLATES": json.loads(templates)})
    assert joined(held, **both) == joined(secret(), **both)
    with pytest.raises(SettingsError, match="MERCHANT_SERIAL"):
        joined(held, **{**both, "JISHI_WECHAT_MERCHANT_SERIAL": "AB" * 20})


BROKEN: dict[str, Any] = {
    # A text in the secret's place, or what is changed in a good one.
    "no JSON": f'{{"JISHI_WECHAT_SECRET": "{PLANTED}"',
    "a list": json.dumps([PLANTED]),
    "a text": json.dumps(PLANTED),
    "nothing": "",
    "a name missing": {"JISHI_WECHAT_SECRET": PLANTED, "JISHI_DATA_KEYS": None},
    "a number": {"JISHI_WECHAT_SECRET": 4711, "JISHI_WECHAT_APIV3_KEY": PLANTED},
    "an object for a text": {"JISHI_WECHAT_SECRET": {"value": PLANTED}},
    "no keys": {"JISHI_DATA_KEYS": PLANTED},
    "keys of another kind": {"JISHI_DATA_KEYS": {"a": PLANTED}},
    "keys in a list": {"JISHI_SESSION_KEYS": [PLANTED]},
    "another length": {"JISHI_WECHAT_APIV3_KEY": PLANTED},
    "no key in PEM": {"JISHI_WECHAT_MERCHANT_KEY": PLANTED},
    "no platform key": {"JISHI_WECHAT_PLATFORM_KEYS": {"PUB_KEY_ID_1": PLANTED}},
    "a mark among keys": {"JISHI_WECHAT_PUSH_AES_KEY": PLANTED},
}


@pytest.mark.parametrize("held", BROKEN.values(), ids=BROKEN)
def test_a_secret_that_is_wrong_is_told_of_without_its_values(held: Any) -> None:
    with pytest.raises(SettingsError) as told:
        joined(held if isinstance(held, str) else secret(**held))
    said = "".join(traceback.format_exception(told.value)) + repr(told.value)
    assert PLANTED not in said
    assert "4711" not in said
    assert NAME in said or "JISHI_" in said


UNUSABLE: dict[str, dict[str, Any]] = {
    "WECHAT_MERCHANT_KEY": {"wechat_merchant_key": f"-----BEGIN PRIVATE KEY-----\n{PLANTED}\n"},
    "WECHAT_PLATFORM_KEYS": {"wechat_platform_keys": {"PUB_KEY_ID_1": f"-----BEGIN PUBLIC KEY-----\n{PLANTED}"}},
    "WECHAT_APIV3_KEY": {"wechat_apiv3_key": PLANTED + "é" * 9},
    "MESSAGE_TEMPLATES": {"message_templates": {"unknown": "t"}},
}


def whole() -> Settings:
    return replace(
        joined(secret()),
        wechat_merchant_key=private_pem(key("merchant")),
        wechat_platform_keys={"PUB_KEY_ID_1": public_pem(key("platform"))},
    )


def test_settings_that_are_whole_are_proved() -> None:
    outside.prove(whole())


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_key_that_only_its_use_shows_to_be_wrong_is_found_and_not_shown(name: str) -> None:
    with pytest.raises(SettingsError, match=f"JISHI_{name}") as told:
        outside.prove(replace(whole(), **UNUSABLE[name]))
    assert PLANTED not in "".join(traceback.format_exception(told.value))


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """A Secrets Manager that answers as it is told; nothing is waited for between two attempts."""
    vault._client.cache_clear()
    with listening() as peer:
        monkeypatch.setenv("AWS_ENDPOINT_URL", peer.base_url)
        monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
        yield peer
    vault._client.cache_clear()


def holds(held: Any) -> Answer:
    return says({"Name": NAME, "SecretString": held if isinstance(held, str) else json.dumps(held)})


def test_the_current_version_is_read_by_name(manager: Peer) -> None:
    manager.will(holds({"a": PLANTED}))
    assert vault.read(NAME, REGION) == json.dumps({"a": PLANTED})
    (asked,) = manager.requests
    assert asked.headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert asked.json() == {"SecretId": NAME}


def test_logs_of_everything_do_not_hold_the_secret(manager: Peer, caplog: pytest.LogCaptureFixture) -> None:
    """Lambda sets the level of the root logger, if a function's logging says DEBUG."""
    manager.will(holds({"a": PLANTED}))
    with caplog.at_level(logging.DEBUG):
        vault.read(NAME, REGION)
    assert caplog.records, "others still tell"
    assert PLANTED not in caplog.text


FAILURES = {
    "down": Answer(503),
    "cut off": Answer(hang_up=True),
    "nonsense": Answer(200, b"<html>"),
    "half": Answer(200, f'{{"SecretString": "{PLANTED}'.encode()),
    "bytes": says({"Name": NAME, "SecretBinary": "eA=="}),
    "throttled": says({"__type": "ThrottlingException"}, 400),
    "refused": says({"__type": "AccessDeniedException", "Message": "not you"}, 400),
    "gone": says({"__type": "ResourceNotFoundException"}, 400),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_vault_that_does_not_answer_is_unavailable_after_two_attempts_at_most(manager: Peer, failure: Answer) -> None:
    manager.will(failure)
    with pytest.raises(Unavailable) as told:
        vault.read(NAME, REGION)
    assert isinstance(told.value, Unavailable)
    assert PLANTED not in "".join(traceback.format_exception(told.value))
    assert len(manager.requests) <= 2


def test_the_platforms_own_form_is_understood() -> None:
    vault._client.cache_clear()
    with mock_aws():
        client = vault._client(REGION)
        client.create_secret(Name=NAME, SecretString="1")
        client.put_secret_value(SecretId=NAME, SecretString="2")
        assert vault.read(NAME, REGION) == "2"
    vault._client.cache_clear()
