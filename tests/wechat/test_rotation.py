"""The change of a platform certificate, and the move to a public key, against the sandbox's WeChat."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.wechat.errors import PayUnverified
from chalicelib.wechat.miniprogram import MiniProgram, MiniProgramSettings
from chalicelib.wechat.pay import PaySettings, WeChatPay
from sandbox.wechat import Credentials, SandboxWeChat, running
from sandbox.wechat.world import Settings as Behaviour

from .platform import FakeClock, Peer
from .test_against_sandbox import Stage
from .test_keys import InMemoryKeys
from .tokens import InMemoryTokens


@pytest.fixture
def store() -> InMemoryKeys:
    return InMemoryKeys()


def merchant(keys: Credentials, base_url: str, clock: FakeClock, store: InMemoryKeys, **platform: str) -> WeChatPay:
    account = PaySettings(
        appid=keys.appid,
        mchid=keys.mchid,
        merchant_serial=keys.merchant_serial,
        merchant_private_key_pem=keys.merchant_private_key,
        apiv3_key=keys.apiv3_key,
        platform_keys=platform or {keys.platform_serial: keys.platform_certificate},
        notify_base="http://127.0.0.1:9",
        base_url=base_url,
    )
    return WeChatPay(account, clock, pause=lambda _: None, keys=store)


@pytest.fixture
def stage(credentials: Credentials, clock: FakeClock, peer: Peer, store: InMemoryKeys) -> Iterator[Stage]:
    """A merchant in certificate mode."""
    wechat = SandboxWeChat(credentials, clock=clock, settings=Behaviour(certificate_mode=True))
    with wechat, running(wechat.wsgi_app) as base_url:
        pay = merchant(credentials, base_url, clock, store)
        tokens = InMemoryTokens(clock)
        app = MiniProgram(MiniProgramSettings(credentials.appid, credentials.secret, base_url), tokens, clock)
        stage = Stage(base_url, credentials, clock, peer, tokens, pay, app, [], [])
        peer.will(stage.on_callback)
        yield stage


def rotate(stage: Stage, **how: Any) -> str:
    return str(stage.control("certificates/rotate", how)["serial_no"])


def buy(stage: Stage, number: str) -> None:
    assert stage.pays(stage.pay.prepay(stage.order(number)))["callback_status"] == 200


def test_payments_go_on_while_the_certificate_changes(stage: Stage, store: InMemoryKeys) -> None:
    buy(stage, "BEFORE-1")
    coming = rotate(stage, signs_in=3600)
    assert stage.pay.refresh_certificates() == 2
    buy(stage, "BETWEEN-1")
    stage.clock.advance(hours=2)
    buy(stage, "AFTER-1")
    stage.pay.echo()
    stage.clock.advance(days=2)
    assert stage.pay.refresh_certificates() >= 1
    assert coming in store.pems
    buy(stage, "LONG-AFTER-1")
    assert not stage.refused


def test_a_shop_that_did_not_fetch_in_time_recovers_by_fetching(stage: Stage) -> None:
    rotate(stage)
    with pytest.raises(PayUnverified) as caught:
        stage.pay.prepay(stage.order())
    assert caught.value.hint == "unknown_serial"
    assert stage.pay.refresh_certificates() == 2
    buy(stage, "AFTER-1")


def test_a_callback_by_the_next_certificate_is_believed_once_any_process_fetched_it(
    stage: Stage, store: InMemoryKeys
) -> None:
    rotate(stage, signs_in=60)
    order = stage.order("ELSEWHERE-1")
    prepay_id = stage.pay.prepay(order)
    stage.clock.advance(seconds=61)
    assert stage.pays(prepay_id)["callback_status"] == 401
    assert stage.refused == ["unknown_serial"]
    other = merchant(stage.credentials, stage.base_url, stage.clock, store)
    assert other.refresh_certificates() == 2
    stage.clock.advance(minutes=1)
    assert stage.pay.query("ELSEWHERE-1"), "by the next certificate, which the table holds"


def test_a_move_to_the_public_key_needs_both_for_a_while(stage: Stage, store: InMemoryKeys) -> None:
    keys = stage.credentials
    both = {
        keys.wechatpay_public_key_id: keys.wechatpay_public_key,
        keys.platform_serial: keys.platform_certificate,
    }
    stage.pay = merchant(keys, stage.base_url, stage.clock, store, **both)
    rotate(stage)
    assert stage.pay.refresh_certificates() == 2
    buy(stage, "MOVING-1")  # the callback by the certificate, the answers by the public key, as they were asked to be
    stage.pay.echo()
