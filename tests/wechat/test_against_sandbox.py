"""The whole client against the sandbox's WeChat, which knows the official rules and shares no code with it."""

import hashlib
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.kernel.clock import SHANGHAI
from chalicelib.wechat.bills import Bills
from chalicelib.wechat.errors import (
    BadCallback,
    BillNotReady,
    LoginCodeInvalid,
    MessageRefused,
    NoBill,
    NoConsent,
    PayError,
    PayMisconfigured,
    PayRefused,
    PayUnreachable,
    PayUnverified,
    PhoneCodeInvalid,
    PushRefused,
    WeChatBusy,
    WeChatMisconfigured,
)
from chalicelib.wechat.miniprogram import MiniProgram, MiniProgramSettings, Verdict
from chalicelib.wechat.pay import PaySettings, WeChatPay
from chalicelib.wechat.pay_types import Goods, Notification, Prepay, Refund, RefundStatus, Trade
from chalicelib.wechat.push import REPLY, MessagePush, PushSettings
from chalicelib.wechat.shipping import Logistics, Parcel, PlatformState, Shipping, ShippingRefused, Upload
from chalicelib.wechat.shipping import Verdict as ShippingVerdict
from sandbox.wechat import Credentials, SandboxWeChat, make_credentials, running

from .platform import Answer, FakeClock, Peer, Request
from .tokens import InMemoryTokens

TEMPLATE = "tpl-coupon-expiring"


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return make_credentials(tmp_path_factory.mktemp("wechat"))


@dataclass
class Stage:
    """The sandbox, the shop's three adapters, and the shop's endpoint, which believes what `pay` believes."""

    base_url: str
    credentials: Credentials
    clock: FakeClock
    shop: Peer
    tokens: InMemoryTokens
    pay: WeChatPay
    app: MiniProgram
    heard: list[Notification]
    refused: list[str]

    def control(self, path: str, body: Any = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base_url}/_sandbox/{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def fault(self, do: str, match: str, **more: Any) -> None:
        self.control("faults", {"do": do, "match": match, **more})

    def login(self, shopper: str = "xiaoming") -> str:
        return self.app.code_to_session(self.control("login-codes", {"shopper": shopper})["code"]).openid

    def order(self, number: str = "JS20261122T1", **changes: Any) -> Prepay:
        order = Prepay(
            out_trade_no=number,
            description="龙井茶 500g",
            openid=self.login(),
            total=1990,
            notify_url=self.shop.base_url + "/wechat/pay/notify",
            time_expire=self.clock() + timedelta(minutes=15),
        )
        return replace(order, **changes)

    def pays(self, prepay_id: str, **how: Any) -> Any:
        """The shopper confirms the sheet that our parameters open."""
        return self.control(f"payments/{prepay_id}/pay", {**asdict(self.pay.payment_sheet(prepay_id)), **how})

    def on_callback(self, request: Request) -> Answer:
        try:
            self.heard.append(self.pay.read_callback(request.headers, request.body))
        except BadCallback as error:
            self.refused.append(error.reason)
            return Answer(401, b'{"code": "FAIL"}')
        return Answer(200)


@pytest.fixture
def stage(credentials: Credentials, clock: FakeClock, peer: Peer) -> Iterator[Stage]:
    tokens = InMemoryTokens(clock)
    wechat = SandboxWeChat(credentials, clock=clock)
    with wechat, running(wechat.wsgi_app) as base_url:
        account = PaySettings(
            appid=credentials.appid,
            mchid=credentials.mchid,
            merchant_serial=credentials.merchant_serial,
            merchant_private_key_pem=credentials.merchant_private_key,
            apiv3_key=credentials.apiv3_key,
            platform_keys={
                credentials.wechatpay_public_key_id: credentials.wechatpay_public_key,
                credentials.platform_serial: credentials.platform_certificate,
            },
            notify_base="http://127.0.0.1:9",
            base_url=base_url,
        )
        pay = WeChatPay(account, clock, pause=lambda _: None)
        app = MiniProgram(MiniProgramSettings(credentials.appid, credentials.secret, base_url), tokens, clock)
        stage = Stage(base_url, credentials, clock, peer, tokens, pay, app, [], [])
        peer.will(stage.on_callback)
        yield stage


def test_an_order_is_paid_told_queried_and_refunded(stage: Stage) -> None:
    order = stage.order()
    prepay_id = stage.pay.prepay(order)
    unpaid = stage.pay.query(order.out_trade_no)
    assert unpaid is not None
    assert unpaid.trade_state == "NOTPAY"
    assert stage.pays(prepay_id, payer_total=1490)["callback_status"] == 200
    trade = stage.pay.query(order.out_trade_no)
    assert trade is not None
    (notification,) = stage.heard
    assert notification.resource == trade
    told = (trade.appid, trade.mchid, trade.openid, trade.total, trade.currency, trade.trade_state)
    keys = stage.credentials
    assert told == (keys.appid, keys.mchid, order.openid, 1990, "CNY", "SUCCESS")
    refund = Refund("RJS20261122T1", order.out_trade_no, 990, 1990, "退差价", order.notify_url)
    accepted = stage.pay.refund(refund)
    assert stage.pay.refund(refund).refund_id == accepted.refund_id
    assert (accepted.out_refund_no, accepted.refund, accepted.total) == ("RJS20261122T1", 990, 1990)
    done = stage.pay.query_refund("RJS20261122T1")
    assert done is not None
    assert done.mchid == keys.mchid
    again = stage.pay.query(order.out_trade_no)
    assert again is not None
    assert again.trade_state in {"SUCCESS", "REFUND"}


def test_a_refund_is_told_by_callback(stage: Stage) -> None:
    order = stage.order()
    stage.pays(stage.pay.prepay(order))
    stage.pay.refund(Refund("R1-JS20261122T1", order.out_trade_no, 1990, 1990, "", order.notify_url))
    told = next(doc for doc in wait_for(stage, "REFUND.SUCCESS") if doc["event_type"] == "REFUND.SUCCESS")
    notification = next(heard for heard in stage.heard if heard.id == told["id"])
    assert isinstance(notification.resource, RefundStatus)
    status = notification.resource
    assert (status.mchid, status.status, status.refund) == (stage.credentials.mchid, "SUCCESS", 1990)
    asked = stage.pay.query_refund("R1-JS20261122T1")
    assert asked is not None
    assert asked.created == stage.clock()
    assert status == replace(asked, created=None)


def wait_for(stage: Stage, event_type: str) -> list[dict[str, Any]]:
    """The sandbox ends refunds in the background: look until the callback was delivered."""
    tick = threading.Event()
    for _ in range(200):
        callbacks: list[dict[str, Any]] = stage.control("callbacks")
        if any(doc["event_type"] == event_type and doc["delivered"] for doc in callbacks):
            return callbacks
        tick.wait(0.02)
    raise AssertionError(f"no {event_type} was delivered")


def test_the_account_passes_the_smoke_test(stage: Stage) -> None:
    stage.pay.echo()


def test_every_character_that_an_order_number_may_have_is_signed_as_sent(stage: Stage) -> None:
    order = stage.order("A-b_c|d*e01")
    stage.pay.prepay(order)
    trade = stage.pay.query("A-b_c|d*e01")
    assert trade is not None
    assert trade.out_trade_no == "A-b_c|d*e01"
    stage.pay.close("A-b_c|d*e01")


def test_prepay_may_be_repeated_with_the_same_parameters_only(stage: Stage) -> None:
    order = stage.order()
    assert stage.pay.prepay(order).startswith("wx")
    assert stage.pay.prepay(order).startswith("wx")
    with pytest.raises(PayError) as caught:
        stage.pay.prepay(replace(order, total=1))
    assert not caught.value.uncertain


def test_goods_and_address_are_taken_and_belong_to_the_parameters(stage: Stage) -> None:
    goods = tuple(Goods(f"sku-{n}", "明前龙井" * 80, n, 100) for n in range(1, 31))
    order = stage.order(goods=goods, client_ip="2001:db8::1", cost_price=1990)
    stage.pay.prepay(order)
    stage.pay.prepay(order)
    with pytest.raises(PayError):
        stage.pay.prepay(replace(order, client_ip="192.0.2.1"))


def test_a_code_is_paid_by_whoever_scans_it(stage: Stage) -> None:
    order = stage.order(openid="", goods=(Goods("tea-01", "龙井茶", 1, 1990),), client_ip="192.0.2.1")
    code_url = stage.pay.prepay_native(order)
    assert code_url.startswith("weixin://wxpay/bizpayurl?pr=")
    stage.pay.prepay_native(order)
    unpaid = stage.pay.query(order.out_trade_no)
    assert unpaid is not None
    assert (unpaid.trade_state, unpaid.openid) == ("NOTPAY", "")
    assert stage.control("native/pay", {"code_url": code_url, "shopper": "xiaohong"})["callback_status"] == 200
    paid = stage.pay.query(order.out_trade_no)
    assert paid is not None
    assert (paid.trade_state, paid.trade_type, paid.openid) == ("SUCCESS", "NATIVE", stage.login("xiaohong"))
    assert stage.heard[0].resource == paid


def test_a_number_belongs_to_one_way_of_paying(stage: Stage) -> None:
    one, other = stage.order("JS20261122T1"), stage.order("JS20261122T2")
    stage.pay.prepay(one)
    stage.pay.prepay_native(other)
    for prepay, order in ((stage.pay.prepay_native, one), (stage.pay.prepay, other)):
        with pytest.raises(PayError) as caught:
            prepay(order)
        assert not caught.value.uncertain


def test_yesterdays_bills_are_fetched_and_their_hash_agrees(stage: Stage) -> None:
    bills, order = Bills(stage.pay), stage.order()
    stage.pays(stage.pay.prepay(order))
    today = stage.clock().astimezone(SHANGHAI).date()
    stage.clock.advance(hours=17)  # 03:00 of the next day
    with pytest.raises(BillNotReady):
        bills.trade(today)
    stage.clock.advance(hours=8)
    for offer in (bills.trade(today), bills.fund_flow(today)):
        file = b"".join(bills.download(offer))
        assert offer.hash_value == hashlib.sha1(file).hexdigest()
        assert order.out_trade_no in file.decode()
    with pytest.raises(NoBill):
        bills.trade(today - timedelta(days=1))


def test_a_closed_trade_cannot_be_paid_and_closing_repeats(stage: Stage) -> None:
    order = stage.order()
    prepay_id = stage.pay.prepay(order)
    stage.pay.close(order.out_trade_no)
    stage.pay.close(order.out_trade_no)
    with pytest.raises(urllib.error.HTTPError):
        stage.pays(prepay_id)
    trade = stage.pay.query(order.out_trade_no)
    assert trade is not None
    assert trade.trade_state == "CLOSED"
    with pytest.raises(PayRefused):
        stage.pay.prepay(order)


def test_a_paid_trade_refuses_to_close_and_says_so_when_asked(stage: Stage) -> None:
    order = stage.order()
    stage.pays(stage.pay.prepay(order))
    with pytest.raises(PayRefused):
        stage.pay.close(order.out_trade_no)
    trade = stage.pay.query(order.out_trade_no)
    assert isinstance(trade, Trade)
    assert trade.trade_state == "SUCCESS"


def test_money_that_was_under_way_when_the_trade_was_closed_is_told(stage: Stage) -> None:
    order = stage.order()
    prepay_id = stage.pay.prepay(order)
    stage.pay.close(order.out_trade_no)
    stage.pays(prepay_id, late=True)
    assert isinstance(stage.heard[0].resource, Trade)
    assert stage.heard[0].resource.trade_state == "SUCCESS"


def test_what_wechat_does_not_know_is_none(stage: Stage) -> None:
    assert stage.pay.query("NEVER-SENT-1") is None
    assert stage.pay.query_refund("NEVER-SENT-1") is None


def test_the_strict_peer_refuses_what_is_wrong(stage: Stage) -> None:
    order = stage.order()
    for wrong in (
        replace(order, total=0),
        replace(order, out_trade_no="short"),
        replace(order, notify_url="https://shop.example/notify?x=1"),
        replace(order, openid="oUnknownUnknownUnknownUnknow"),
    ):
        with pytest.raises(PayMisconfigured) as caught:
            stage.pay.prepay(wrong)
        assert not caught.value.uncertain
        assert caught.value.request_id


def test_a_clock_that_is_wrong_is_our_fault(stage: Stage, clock: FakeClock) -> None:
    ours = FakeClock()
    ours.advance(minutes=6)
    settings = stage.pay._settings
    with pytest.raises(PayMisconfigured) as caught:
        WeChatPay(settings, ours, pause=lambda _: None).query("JS20261122T1")
    assert caught.value.is_code("SIGN_ERROR")


@pytest.mark.parametrize("do", ["drop_before", "drop_after", "status", "work_then_status"])
def test_one_lost_answer_is_mended_by_asking_again(stage: Stage, do: str) -> None:
    order = stage.order()
    stage.fault(do, "/v3/pay/transactions/jsapi$")
    prepay_id = stage.pay.prepay(order)
    stage.fault(do, "refunds$")
    stage.pays(prepay_id)
    stage.pay.refund(Refund("R1-JS20261122T1", order.out_trade_no, 1990, 1990))
    assert len(stage.control("refunds")) == 1


def test_a_platform_that_stays_away_is_unreachable(stage: Stage) -> None:
    order = stage.order()
    stage.fault("drop_after", "close$", times=2)
    stage.pay.prepay(order)
    with pytest.raises(PayUnreachable) as caught:
        stage.pay.close(order.out_trade_no)
    assert caught.value.uncertain
    trade = stage.pay.query(order.out_trade_no)
    assert trade is not None
    assert trade.trade_state == "CLOSED"


@pytest.mark.parametrize(
    ("do", "hint"),
    [
        ("unsigned", "unsigned"),
        ("wrong_key", "bad_signature"),
        ("unknown_serial", "unknown_serial"),
        ("stale", "stale"),
        ("tamper", "bad_signature"),
    ],
)
def test_a_forged_answer_is_not_believed(stage: Stage, do: str, hint: str) -> None:
    order = stage.order()
    stage.fault(do, "jsapi$")
    with pytest.raises(PayUnverified) as caught:
        stage.pay.prepay(order)
    assert caught.value.hint == hint


def test_a_senseless_answer_is_not_believed(stage: Stage) -> None:
    order = stage.order()
    stage.fault("body", "jsapi$")
    with pytest.raises(PayUnverified):
        stage.pay.prepay(order)


def test_an_unsigned_error_still_says_why(stage: Stage) -> None:
    stage.fault("unsigned_errors", "out-trade-no")
    assert stage.pay.query("NEVER-SENT-1") is None


def test_answers_and_callbacks_in_certificate_mode_are_believed_too(stage: Stage) -> None:
    order = stage.order()
    stage.fault("certificate", "jsapi$")
    stage.fault("certificate", "callback")
    stage.pays(stage.pay.prepay(order))
    assert len(stage.heard) == 1


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ("wrong_key", "bad_signature"),
        ("unknown_serial", "unknown_serial"),
        ("stale", "stale"),
        ("tamper", "bad_signature"),
        ("signtest", "bad_signature"),
        ("wrong_apiv3_key", "undecryptable"),
    ],
)
def test_a_forged_callback_is_refused_and_the_true_one_believed(stage: Stage, do: str, reason: str) -> None:
    order = stage.order()
    stage.fault(do, "callback")
    paid = stage.pays(stage.pay.prepay(order))
    if do != "signtest":  # the probe is followed by the true one at once
        stage.control(f"callbacks/{paid['callback_id']}/send", {})
    assert stage.refused == [reason]
    assert [heard.event_type for heard in stage.heard] == ["TRANSACTION.SUCCESS"]


def test_a_callback_from_the_future_is_refused(stage: Stage) -> None:
    stage.fault("stale", "callback", age_seconds=-3600)
    stage.pays(stage.pay.prepay(stage.order()))
    assert stage.refused == ["stale"]


def test_a_replayed_callback_is_refused_when_it_is_old(stage: Stage, clock: FakeClock) -> None:
    paid = stage.pays(stage.pay.prepay(stage.order()))
    stage.control(f"callbacks/{paid['callback_id']}/send", {"replay": True})
    assert len({heard.id for heard in stage.heard}) == 1
    assert len(stage.heard) == 2
    clock.advance(minutes=6)
    stage.control(f"callbacks/{paid['callback_id']}/send", {"replay": True})
    assert stage.refused == ["stale"]


def test_a_genuine_callback_over_other_contents_shows_what_must_be_compared(stage: Stage) -> None:
    order = stage.order()
    stage.fault("alter", "callback", set={"amount.total": 1, "payer.openid": "oSomebodyElse"})
    stage.pays(stage.pay.prepay(order))
    resource = stage.heard[0].resource
    assert isinstance(resource, Trade)
    assert (resource.total, resource.openid) == (1, "oSomebodyElse")


@pytest.mark.parametrize("changes", [{"amount.total": "1990"}, {"amount.total": None}, {"out_trade_no": None}])
def test_a_genuine_callback_without_sense_is_refused(stage: Stage, changes: dict[str, Any]) -> None:
    stage.fault("alter", "callback", set=changes)
    stage.pays(stage.pay.prepay(stage.order()))
    assert stage.refused == ["malformed"]


def test_a_login_code_works_once(stage: Stage) -> None:
    code = stage.control("login-codes", {"shopper": "xiaohong"})
    assert stage.app.code_to_session(code["code"]).openid == code["openid"]
    for used in (code["code"], "never-issued"):
        with pytest.raises(LoginCodeInvalid):
            stage.app.code_to_session(used)


def test_a_login_code_lives_five_minutes(stage: Stage, clock: FakeClock) -> None:
    code = stage.control("login-codes", {"shopper": "xiaohong"})["code"]
    clock.advance(minutes=5, seconds=1)
    with pytest.raises(LoginCodeInvalid):
        stage.app.code_to_session(code)


def test_a_wrong_secret_is_our_fault(stage: Stage, clock: FakeClock) -> None:
    settings = MiniProgramSettings(stage.credentials.appid, "0" * 32, stage.base_url)
    app = MiniProgram(settings, InMemoryTokens(clock), clock)
    with pytest.raises(WeChatMisconfigured):
        app.code_to_session("demo-xiaoming")
    with pytest.raises(WeChatMisconfigured):
        app.phone_number("demo-xiaoming", "o1")


def test_a_phone_code_belongs_to_its_shopper(stage: Stage) -> None:
    issued = stage.control("phone-codes", {"shopper": "xiaoming", "phone": "13800138000"})
    openid = stage.login()
    assert issued["openid"] == openid
    assert stage.app.phone_number(issued["code"], openid) == "13800138000"
    with pytest.raises(PhoneCodeInvalid):
        stage.app.phone_number(issued["code"], openid)


def test_one_consent_is_one_message(stage: Stage) -> None:
    openid = stage.login()
    data = {"thing1": "满 100 减 20 元券", "time2": "2026年11月23日 10:00"}
    with pytest.raises(NoConsent):
        stage.app.send_subscribe_message(openid, TEMPLATE, "pages/coupons/index", data)
    stage.control("consents", {"openid": openid, "template_id": TEMPLATE, "count": 1})
    with pytest.raises(MessageRefused):
        stage.app.send_subscribe_message(openid, TEMPLATE, "pages/coupons/index", {"thing1": "长" * 21})
    stage.app.send_subscribe_message(openid, TEMPLATE, "pages/coupons/index", data)
    with pytest.raises(NoConsent):
        stage.app.send_subscribe_message(openid, TEMPLATE, "pages/coupons/index", data)
    (message,) = stage.control("messages")
    assert message["touser"] == openid


def test_texts_and_images_are_checked(stage: Stage) -> None:
    openid = stage.login()
    assert stage.app.check_text(openid, "今天天气真好", 1) is Verdict.PASS
    assert stage.app.check_image(openid, "https://shop.example/1.jpg", 1)


def test_a_mini_program_code_is_an_image(stage: Stage) -> None:
    image = stage.app.mini_program_code("t=01JX", "/pages/team/index", 430)
    assert image.startswith((b"\x89PNG", b"\xff\xd8"))
    with pytest.raises(WeChatMisconfigured):
        stage.app.mini_program_code("带中文的场景", "pages/team/index", 430)


def test_the_token_is_fetched_once_and_replaced_when_the_platform_refuses_it(stage: Stage, clock: FakeClock) -> None:
    openid = stage.login()
    stage.app.check_text(openid, "你好", 1)
    stage.app.check_text(openid, "你好", 1)
    first = stage.tokens.token
    assert token_calls(stage) == 1
    clock.advance(seconds=31)
    stage.fault("errcode", "msg_sec_check", errcode=40001)
    stage.app.check_text(openid, "你好", 1)
    assert stage.tokens.token is not None
    assert stage.tokens.token != first
    assert token_calls(stage) == 3  # asked, still the refused one, then forced


def token_calls(stage: Stage) -> int:
    return sum(call["path"] == "/cgi-bin/stable_token" for call in stage.control("calls"))


@pytest.mark.parametrize(("do", "uncertain"), [("drop_before", True), ("status", True), ("errcode", False)])
def test_a_busy_platform_is_busy(stage: Stage, do: str, uncertain: bool) -> None:
    openid = stage.login()
    stage.fault(do, "msg_sec_check")
    with pytest.raises(WeChatBusy) as caught:
        stage.app.check_text(openid, "你好", 1)
    assert caught.value.uncertain is uncertain
    assert stage.app.check_text(openid, "你好", 1) is Verdict.PASS


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("mode", ["plain", "secure"])
def test_a_pushed_event_is_read(stage: Stage, clock: FakeClock, mode: str, form: str) -> None:
    keys = stage.credentials
    key = keys.encoding_aes_key if mode == "secure" else ""
    push = MessagePush(PushSettings(keys.appid, keys.push_token, key), clock)
    heard: list[dict[str, Any]] = []

    def endpoint(request: Request) -> Answer:
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(request.target).query))
        try:
            if request.method == "GET":
                return Answer(200, push.verify_url(query).encode())
            heard.append(push.read(query, request.body))
        except PushRefused:
            return Answer(403)
        return Answer(200, REPLY.encode())

    stage.shop.will(endpoint)
    url = stage.shop.base_url + "/wechat/push"
    assert stage.control("push/verify", {"url": url})["echoed"] is True
    event = {"MsgType": "event", "Event": "wxa_media_check", "trace_id": "六0ae"}
    assert stage.control("push", {"event": event, "url": url, "mode": mode, "form": form})["answer"] == "success"
    (message,) = heard
    assert message["trace_id"] == "六0ae"
    assert message["Event"] == "wxa_media_check"


def test_a_delivery_is_reported_once_and_seen_by_the_platform(stage: Stage) -> None:
    shipping, order = Shipping(stage.app, stage.credentials.mchid), stage.order()
    parcel = Parcel("龙井茶 500g", "SF0001", "SF", "13800138000")
    upload = Upload(order.out_trade_no, order.openid, Logistics.EXPRESS, (parcel,), stage.clock())
    prepay_id = stage.pay.prepay(order)
    assert refused(shipping, upload) is ShippingVerdict.AGAIN, "not paid yet, as far as the platform knows"
    stage.pays(prepay_id)
    assert shipping.order_state(order.out_trade_no) == PlatformState.TO_SHIP
    assert refused(shipping, replace(upload, openid="oSomebodyElse")) is ShippingVerdict.STAFF
    shipping.upload(upload)
    assert shipping.order_state(order.out_trade_no) == PlatformState.SHIPPED
    stage.clock.advance(seconds=1)
    assert refused(shipping, replace(upload, at=stage.clock())) is ShippingVerdict.DONE
    shipping.remind_receive(order.out_trade_no, stage.clock())
    assert shipping.is_trade_managed()


def test_what_somebody_else_paid_by_scanning_is_reported_as_theirs(stage: Stage) -> None:
    shipping, order = Shipping(stage.app, stage.credentials.mchid), stage.order()
    stage.control("native/pay", {"code_url": stage.pay.prepay_native(order), "shopper": "xiaohong"})
    upload = Upload(order.out_trade_no, order.openid, Logistics.PICKUP, (Parcel("龙井茶"),), stage.clock())
    assert refused(shipping, upload) is ShippingVerdict.STAFF
    shipping.upload(replace(upload, openid=shipping.payer(order.out_trade_no)))
    assert shipping.order_state(order.out_trade_no) == PlatformState.SHIPPED


def test_a_delivery_in_two_parcels_is_shipped_with_the_last(stage: Stage) -> None:
    shipping, order = Shipping(stage.app, stage.credentials.mchid), stage.order()
    stage.pays(stage.pay.prepay(order))
    for number, (last, state) in enumerate([(False, PlatformState.TO_SHIP), (True, PlatformState.SHIPPED)]):
        stage.clock.advance(seconds=1)
        parcels = (Parcel("龙井茶", f"YT{number}", "YTO"),)
        way = {"split": True, "all_delivered": last}
        shipping.upload(Upload(order.out_trade_no, order.openid, Logistics.EXPRESS, parcels, stage.clock(), **way))
        assert shipping.order_state(order.out_trade_no) == state


def refused(shipping: Shipping, upload: Upload) -> ShippingVerdict:
    with pytest.raises(ShippingRefused) as caught:
        shipping.upload(upload)
    return caught.value.verdict
