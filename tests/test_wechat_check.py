"""`make wechat-check` against the sandbox: all is well, and then one thing after the other is not."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sandbox.local.place import Place
from sandbox.wechat import Credentials, SandboxWeChat, running
from sandbox.wechat.world import Settings as Behaviour
from tests.wechat.known import private_pem, public_pem
from tests.wechat.platform import Answer, certificate_pem, key, listening, says
from tools.wechat_check.__main__ import check, main
from tools.wechat_check.finding import Finding

ANOTHER_ID = "PUB_KEY_ID_0160000000000000000000000000000001"
LOCAL_URL = re.compile(r"http://127\.0\.0\.1:\d+")


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Bench:
    """The settings of a shop that is all right, and the platform they are for."""

    wechat: SandboxWeChat
    url: str
    credentials: Credentials
    environment: dict[str, str]
    behind: timedelta = field(default_factory=timedelta)

    def findings(self, **changes: str) -> list[Finding]:
        environment = {**self.environment, **{f"JISHI_{name}": value for name, value in changes.items()}}
        found = list(check(environment, lambda: now() - self.behind))
        self.no_secret_shows(environment, "\n".join(map(str, found)))
        return found

    def failure(self, **changes: str) -> str:
        """The one thing that fails, in its words."""
        failed = [str(finding) for finding in self.findings(**changes) if finding.mark == "✗"]
        assert len(failed) == 1, failed
        assert "→ " in failed[0], "every failure says what to do next"
        return failed[0]

    def fault(self, do: str, match: str, **more: Any) -> None:
        body = {"do": do, "match": match, **more}
        requests.post(f"{self.url}/_sandbox/faults", json=body, timeout=10).raise_for_status()

    def platform_keys(self, **changes: str) -> str:
        return json.dumps({self.credentials.wechatpay_public_key_id: self.credentials.wechatpay_public_key, **changes})

    @staticmethod
    def no_secret_shows(environment: Mapping[str, str], shown: str) -> None:
        for name in ("SECRET", "APIV3_KEY", "PUSH_TOKEN", "PUSH_AES_KEY"):
            secret = environment[f"JISHI_WECHAT_{name}"]
            assert not secret or secret[:12] not in shown, name
        assert "BEGIN" not in shown
        assert not re.search(r"[A-Za-z0-9+/=]{60,}", shown), "no key, no token"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("local"), 8700, 8701, 8702)


@pytest.fixture(params=[False], ids=["public-key"])
def bench(place: Place, request: pytest.FixtureRequest) -> Iterator[Bench]:
    merchant = place.credentials()
    wechat = SandboxWeChat(merchant, settings=Behaviour(certificate_mode=request.param))
    with wechat, running(wechat.wsgi_app) as url:
        public_key = json.dumps({merchant.wechatpay_public_key_id: merchant.wechatpay_public_key})
        environment = place.environment() | {"JISHI_WECHAT_PLATFORM_KEYS": public_key}
        environment |= {"JISHI_WECHAT_PAY_URL": url, "JISHI_WECHAT_API_URL": url}
        yield Bench(wechat, url, merchant, environment)


def test_settings_that_are_right_pass_every_step(bench: Bench) -> None:
    found = bench.findings()
    assert {finding.mark for finding in found} == {"✓"}, "\n".join(map(str, found))
    told = "\n".join(finding.what for finding in found)
    for step in (
        "complete",
        "2048",
        "serial",
        "public key",
        "callbacks",
        "clock",
        "echo",
        "secret",
        "token",
        "deliver",
    ):
        assert step in told, step


@pytest.mark.parametrize("bench", [True], indirect=True, ids=["certificate"])
def test_certificate_mode_passes_and_proves_the_apiv3_key(bench: Bench) -> None:
    keys = bench.credentials
    certificates = json.dumps({keys.platform_serial: keys.platform_certificate})
    found = bench.findings(WECHAT_PLATFORM_KEYS=certificates)
    assert {finding.mark for finding in found} == {"✓"}, "\n".join(map(str, found))
    assert any("the APIv3 key opens them" in finding.what for finding in found)
    wrong = bench.failure(WECHAT_PLATFORM_KEYS=certificates, WECHAT_APIV3_KEY="x" * 32)
    assert "JISHI_WECHAT_APIV3_KEY does not open them" in wrong


def test_a_migration_that_is_over_says_so(bench: Bench) -> None:
    keys = bench.credentials
    both = bench.platform_keys(**{keys.platform_serial: keys.platform_certificate})
    skipped = [str(finding) for finding in bench.findings(WECHAT_PLATFORM_KEYS=both) if finding.mark == "–"]
    assert len(skipped) == 1
    assert "Take the certificates out" in skipped[0]


def test_certificates_that_wechat_pay_does_not_give_any_more_are_a_failure(bench: Bench) -> None:
    keys = bench.credentials
    bench.fault("certificate", "/v3/security/echo", times=5)
    wrong = bench.failure(WECHAT_PLATFORM_KEYS=json.dumps({keys.platform_serial: keys.platform_certificate}))
    assert "Apply for the WeChat Pay public key" in wrong


WRONG_FORM = [
    ("WECHAT_APPID", "wx123", "JISHI_WECHAT_APPID has not its form"),
    ("WECHAT_MCHID", "16 00", "JISHI_WECHAT_MCHID has not its form"),
    ("WECHAT_MERCHANT_KEY", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "no whole private key"),
    ("WECHAT_MERCHANT_SERIAL", ANOTHER_ID, "is WeChat Pay's, not yours"),
    ("WECHAT_MERCHANT_SERIAL", "4F 2A", "is no serial"),
    ("WECHAT_APIV3_KEY", "x" * 31, "settings are not complete"),
    ("WECHAT_APIV3_KEY", "-" * 32, "JISHI_WECHAT_APIV3_KEY has not its form"),
    ("WECHAT_APIV3_KEY_PREVIOUS", "-" * 32, "JISHI_WECHAT_APIV3_KEY_PREVIOUS has not its form"),
    ("WECHAT_PUSH_TOKEN", "a b", "the token has not its form"),
    ("WECHAT_PUSH_AES_KEY", "!" * 43, "the EncodingAESKey has not its form"),
    ("WECHAT_SECRET", "", "JISHI_WECHAT_SECRET"),
    ("WECHAT_PLATFORM_KEYS", "{}", "JISHI_WECHAT_PLATFORM_KEYS"),
    ("PUBLIC_URL", "shop.example.com", "JISHI_PUBLIC_URL"),
]


@pytest.mark.parametrize(("variable", "value", "told"), WRONG_FORM)
def test_a_setting_without_its_form_is_named_and_nobody_is_asked(
    bench: Bench, variable: str, value: str, told: str
) -> None:
    assert told in bench.failure(**{variable: value, "WECHAT_PAY_URL": "http://127.0.0.1:9"})


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://localhost:8700", "wants https"),
        ("https://192.168.1.5", "cannot reach that address"),
        ("https://localhost", "cannot reach that address"),
        ("https://shop.internal", "cannot reach that address"),
        ("https://shop.example.com/" + "-x" * 128, "255 characters"),
    ],
)
def test_callbacks_need_an_address_that_the_internet_reaches(bench: Bench, url: str, told: str) -> None:
    assert told in bench.failure(PUBLIC_URL=url, WECHAT_PAY_URL="https://api.mch.weixin.qq.com")


def pem_of(private: Any, **how: Any) -> str:
    protection = how.get("protection", serialization.NoEncryption())
    form = serialization.PrivateFormat.PKCS8
    return str(private.private_bytes(serialization.Encoding.PEM, form, protection).decode())


def test_a_private_key_of_another_kind_is_refused(bench: Bench) -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    short = rsa.generate_private_key(65537, 1024)
    locked = pem_of(key("merchant"), protection=serialization.BestAvailableEncryption(b"password"))
    assert "another kind" in bench.failure(WECHAT_MERCHANT_KEY=pem_of(curve))
    assert "another kind" in bench.failure(WECHAT_MERCHANT_KEY=pem_of(short))
    assert "locked with a password" in bench.failure(WECHAT_MERCHANT_KEY=locked)


def test_a_platform_key_that_cannot_be_one_is_explained(bench: Bench) -> None:
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    curve_pem = curve.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    own = key("own")
    old = certificate_pem("over", "5F1C72E2A8931B73", timedelta(days=-9000), timedelta(days=-8000))
    wrong = {
        "is a private key": (ANOTHER_ID, private_pem(own)),
        "is no ID": ("pub_key.pem", public_pem(own)),
        "do not belong together": (ANOTHER_ID, certificate_pem()),
        "cannot be read": (ANOTHER_ID, "-----BEGIN PUBLIC KEY-----AAAA-----END PUBLIC KEY-----"),
        "is of another kind": (ANOTHER_ID, curve_pem),
        "another certificate's serial": ("5F1C72E2A8931B73", certificate_pem()),
        "is over": ("5F1C72E2A8931B73", old),
    }
    for told, (key_id, pem) in wrong.items():
        assert told in bench.failure(WECHAT_PLATFORM_KEYS=bench.platform_keys(**{key_id: pem})), told
    mine = json.dumps({ANOTHER_ID: bench.credentials.merchant_public_key})
    assert "is your own key" in bench.failure(WECHAT_PLATFORM_KEYS=mine)
    swapped = json.dumps({bench.credentials.platform_serial: bench.credentials.wechatpay_public_key})
    assert "do not belong together" in bench.failure(WECHAT_PLATFORM_KEYS=swapped)


def test_pushes_may_be_off_or_plain_but_that_is_said(bench: Bench) -> None:
    for changes, told in (
        ({"WECHAT_PUSH_TOKEN": "", "WECHAT_PUSH_AES_KEY": ""}, "is off"),
        ({"WECHAT_PUSH_AES_KEY": ""}, "is in plain mode"),
    ):
        environment = {**bench.environment, **{f"JISHI_{name}": value for name, value in changes.items()}}
        found = list(check(environment))
        assert [finding.what for finding in found if finding.mark == "–"] == [f"message push {told}"]


def test_a_clock_that_is_wrong_is_found_before_it_looks_like_a_wrong_key(bench: Bench) -> None:
    for bench.behind in (timedelta(minutes=6), timedelta(minutes=-6)):
        wrong = bench.failure()
        assert "the clock of this machine is wrong" in wrong
        assert "slow" in wrong or "fast" in wrong
    bench.behind = timedelta(minutes=4)
    assert any("clock agrees" in finding.what for finding in bench.findings())


def test_a_serial_that_is_not_the_keys_is_told_from_a_key_that_is_not_the_serials(bench: Bench) -> None:
    assert "JISHI_WECHAT_MERCHANT_SERIAL" in bench.failure(WECHAT_MERCHANT_SERIAL="AB" * 20)
    assert "private key does not belong to" in bench.failure(WECHAT_MERCHANT_KEY=private_pem(key("another")))
    assert "JISHI_WECHAT_MCHID" in bench.failure(WECHAT_MCHID="1600000000")


def test_a_public_key_id_that_wechat_pay_does_not_know_is_told(bench: Bench) -> None:
    wrong = json.dumps({ANOTHER_ID: bench.credentials.wechatpay_public_key})
    assert "no key of yours under the first public key ID" in bench.failure(WECHAT_PLATFORM_KEYS=wrong)


def test_a_wrong_key_under_the_right_id_is_told(bench: Bench) -> None:
    wrong = bench.platform_keys(**{bench.credentials.wechatpay_public_key_id: public_pem(key("other"))})
    assert "did not make the signature" in bench.failure(WECHAT_PLATFORM_KEYS=wrong)


def test_an_answer_by_an_unknown_key_names_that_key(bench: Bench) -> None:
    bench.fault("unknown_serial", "/v3/security/echo", serial="PUB_KEY_ID_0160000000000000000000000000000009")
    wrong = bench.failure()
    assert "PUB_KEY_ID_0160000000000000000000000000000009" in wrong
    assert "does not hold" in wrong


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"do": "unsigned"}, "carries no signature"),
        ({"do": "stale", "age_seconds": 900}, "more than 5 minutes"),
        ({"do": "status", "status": 403, "code": "NO_AUTH", "message": "无权限"}, "may not use this"),
        ({"do": "status", "status": 400, "code": "MCH_NOT_EXISTS", "message": "x"}, "do not belong together"),
        ({"do": "status", "status": 400, "code": "SOMETHING_NEW", "message": "新的"}, "WeChat Pay says: 新的"),
        ({"do": "status", "status": 503, "code": "SYSTEM_ERROR", "times": 2}, "is busy"),
        ({"do": "drop_before", "times": 2}, "No answer came"),
    ],
)
def test_every_other_failure_of_the_echo_is_explained(bench: Bench, fault: dict[str, Any], told: str) -> None:
    bench.fault(match="/v3/security/echo", **fault)
    assert told in bench.failure()


def test_a_network_that_is_not_there_is_told_from_a_platform_that_is_not(bench: Bench) -> None:
    assert "cannot be reached" in bench.failure(WECHAT_PAY_URL="http://127.0.0.1:9")
    with listening() as proxy:
        proxy.will(Answer(407, b"<html>"))
        assert "a proxy or a firewall" in bench.failure(WECHAT_PAY_URL=proxy.base_url)


@pytest.mark.parametrize(
    ("errcode", "told"),
    [(40013, "AppID"), (40125, "AppSecret"), (40164, "IP白名单"), (45009, "tomorrow"), (99999, "errcode 99999")],
)
def test_an_app_without_a_token_learns_why(bench: Bench, errcode: int, told: str) -> None:
    with listening() as platform:
        platform.will(says({"errcode": errcode, "errmsg": "no"}))
        wrong = bench.failure(WECHAT_API_URL=platform.base_url)
    assert told in wrong
    assert f"errcode {errcode}" in wrong


def test_a_wrong_secret_or_appid_is_found_by_the_platform(bench: Bench) -> None:
    assert "JISHI_WECHAT_SECRET" in bench.failure(WECHAT_SECRET="0" * 32)
    assert "no answer" in bench.failure(WECHAT_API_URL="http://127.0.0.1:9").lower()


def test_whether_deliveries_must_be_reported_is_said(bench: Bench) -> None:
    token = says({"access_token": "T" * 40, "expires_in": 7200})
    with listening() as platform:
        platform.will(token, says({"errcode": 0, "is_trade_managed": False}))
        found = bench.findings(WECHAT_API_URL=platform.base_url)
        assert [finding.mark for finding in found][-2:] == ["✓", "–"]
        platform.will(token, says({"errcode": 48001, "errmsg": "api unauthorized"}))
        assert "has not the permission" in bench.failure(WECHAT_API_URL=platform.base_url)
        platform.will(token, says({"errcode": 10069999, "errmsg": "?"}))
        assert "does not say" in bench.failure(WECHAT_API_URL=platform.base_url)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without settings, and a place where no shop runs."""
    for name in [name for name in os.environ if name.startswith("JISHI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("JISHI_LOCAL", str(tmp_path / "local"))
    return monkeypatch


def test_without_settings_it_says_how_to_give_them(
    bare: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main() == 1
    assert "set -a; . ./prod.env; set +a; make wechat-check" in capsys.readouterr().err


def test_it_exits_with_1_only_if_something_fails(
    bare: pytest.MonkeyPatch, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in bench.environment.items():
        bare.setenv(name, value)
    assert main() == 0
    assert "All is well." in capsys.readouterr().out
    bare.setenv("JISHI_WECHAT_SECRET", "0" * 32)
    assert main() == 1
    assert "1 of" in capsys.readouterr().out


def test_the_shop_that_runs_on_this_machine_is_checked_if_there_are_no_settings(
    bare: pytest.MonkeyPatch, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    bare.setenv("JISHI_LOCAL", str(place.folder))
    wechat = SandboxWeChat(place.credentials())
    with wechat, running(wechat.wsgi_app) as url:
        bare.setenv("JISHI_WECHAT_PORT", str(urlsplit(url).port))
        place.environment()
        assert main() == 0
    shown = capsys.readouterr().out
    assert "that runs on this machine" in shown
    assert "✗" not in shown
