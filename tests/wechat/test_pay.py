"""Calls to WeChat Pay, against a peer that answers as it is told."""

import json
import re
import threading
from base64 import b64decode, b64encode
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import pytest
import urllib3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from chalicelib.wechat import transport
from chalicelib.wechat.errors import PayError, PayMisconfigured, PayRefused, PayUnreachable, PayUnverified
from chalicelib.wechat.pay import PaySettings, WeChatPay
from chalicelib.wechat.pay_types import Goods, Prepay, Refund, RefundStatus, Trade

from .known import APIV3_KEY, private_pem
from .platform import (
    APPID,
    CERTIFICATE_SERIAL,
    KEY_ID,
    MCHID,
    NOW,
    OPENID,
    Answer,
    FakeClock,
    Peer,
    Request,
    key,
    platform_keys,
    refund_answer,
    says,
    signs,
    trade,
)

ORDER = Prepay(
    out_trade_no="JS20261122T1",
    description="龙井茶 500g",
    openid=OPENID,
    total=1990,
    notify_url="/callbacks/wechat-pay",
    time_expire=NOW + timedelta(minutes=15),
)
REFUND = Refund("RJS20261122T1", "JS20261122T1", 990, 1990, "退差价", " https://shop.example/callbacks/refunds")


def settings(base_url: str = "http://127.0.0.1:9", **changes: Any) -> PaySettings:
    return replace(
        PaySettings(
            appid=APPID,
            mchid=MCHID,
            merchant_serial="4F2A11",
            merchant_private_key_pem=private_pem(key("merchant")),
            apiv3_key=APIV3_KEY,
            platform_keys=platform_keys(),
            notify_base="https://shop.example/",
            base_url=base_url,
        ),
        **changes,
    )


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def pay(peer: Peer, clock: FakeClock, pauses: list[float]) -> WeChatPay:
    return WeChatPay(settings(peer.base_url), clock, pause=pauses.append)


def authorization(request: Request) -> dict[str, str]:
    scheme, _, fields = request.headers["authorization"].partition(" ")
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    return dict(re.findall(r'(\w+)="([^"]*)"', fields))


def check_signature(request: Request) -> None:
    """As WeChat Pay does it, over the bytes that arrived."""
    given = authorization(request)
    head = f"{request.method}\n{request.target}\n{given['timestamp']}\n{given['nonce_str']}\n"
    message = head.encode() + request.body + b"\n"
    signature = b64decode(given["signature"])
    key("merchant").public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())


def test_prepay_sends_what_wechat_pay_asks_for(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs({"prepay_id": "wx201410272009395522657a690389285100"}))
    assert pay.prepay(replace(ORDER, attach="a1")) == "wx201410272009395522657a690389285100"
    (request,) = peer.requests
    assert (request.method, request.target) == ("POST", "/v3/pay/transactions/jsapi")
    assert request.json() == {
        "appid": APPID,
        "mchid": MCHID,
        "description": "龙井茶 500g",
        "out_trade_no": "JS20261122T1",
        "time_expire": "2026-11-22T10:15:00+08:00",
        "notify_url": "https://shop.example/callbacks/wechat-pay",
        "amount": {"total": 1990, "currency": "CNY"},
        "payer": {"openid": OPENID},
        "attach": "a1",
    }
    check_signature(request)
    given = authorization(request)
    assert (given["mchid"], given["serial_no"], given["timestamp"]) == (MCHID, "4F2A11", str(int(NOW.timestamp())))
    assert request.headers["wechatpay-serial"] == KEY_ID
    assert request.headers["accept"] == request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"]


def test_empty_fields_are_left_out_and_long_titles_cut(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs({"prepay_id": "wx1"}), signs(refund_answer()))
    pay.prepay(replace(ORDER, description="茶" * 200))
    pay.refund(Refund("RJS20261122T1", "JS20261122T1", 990, 1990))
    prepay, refund = (request.json() for request in peer.requests)
    assert prepay["description"] == "茶" * 127
    assert "attach" not in prepay
    assert set(refund) == {"out_trade_no", "out_refund_no", "amount"}


TEA = Goods("tea-01", "龙井茶 500g", 2, 900)


def test_goods_and_the_shoppers_address_go_along(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs({"prepay_id": "wx1"}))
    unnamed = Goods("cup_2", "", 1, 190)
    pay.prepay(replace(ORDER, client_ip="2001:db8::1", goods=(TEA, unnamed), cost_price=2990))
    sent = peer.requests[0].json()
    assert sent["scene_info"] == {"payer_client_ip": "2001:db8::1"}
    assert sent["detail"] == {
        "cost_price": 2990,
        "goods_detail": [
            {"merchant_goods_id": "tea-01", "goods_name": "龙井茶 500g", "quantity": 2, "unit_price": 900},
            {"merchant_goods_id": "cup_2", "quantity": 1, "unit_price": 190},
        ],
    }


def test_the_same_goods_and_address_are_the_same_bytes_again(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs({"prepay_id": "wx1"}))
    order = replace(ORDER, client_ip="192.0.2.1", goods=(TEA,) * 3, cost_price=1990)
    pay.prepay(order)
    pay.prepay(replace(order))
    first, second = peer.requests
    assert first.body == second.body


@pytest.mark.parametrize("goods_id", ["", "x" * 33, "茶", "a b", "a/b", "a\n"])
def test_goods_under_an_id_that_wechat_pay_does_not_take_are_left_out(
    pay: WeChatPay, peer: Peer, goods_id: str
) -> None:
    peer.will(signs({"prepay_id": "wx1"}))
    pay.prepay(replace(ORDER, goods=(replace(TEA, goods_id=goods_id), TEA)))
    pay.prepay(replace(ORDER, goods=(replace(TEA, goods_id=goods_id),)))
    some, none = (request.json() for request in peer.requests)
    assert [line["merchant_goods_id"] for line in some["detail"]["goods_detail"]] == ["tea-01"]
    assert "detail" not in none


@pytest.mark.parametrize("client_ip", ["", "unknown", "1.2.3.4, 5.6.7.8", "fe80::1%" + "e" * 40])
def test_what_is_no_address_is_not_sent(pay: WeChatPay, peer: Peer, client_ip: str) -> None:
    peer.will(signs({"prepay_id": "wx1"}))
    pay.prepay(replace(ORDER, client_ip=client_ip))
    assert "scene_info" not in peer.requests[0].json()


@given(
    names=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), max_size=40),
    cost_price=st.sampled_from([0, 1, 10**9]),
)
@hypothesis.settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_goods_are_sent_from_the_first_on_as_far_as_they_fit(
    pay: WeChatPay, peer: Peer, names: list[str], cost_price: int
) -> None:
    peer.will(signs({"prepay_id": "wx1"}))
    goods = tuple(Goods(f"sku-{n}", name, n + 1, 100 * n) for n, name in enumerate(names))
    pay.prepay(replace(ORDER, goods=goods, cost_price=cost_price))
    sent = peer.requests[-1].json()
    detail = sent.get("detail", {})
    lines = detail.get("goods_detail", [])
    assert detail.get("cost_price", 0) == cost_price
    assert [line["merchant_goods_id"] for line in lines] == [f"sku-{n}" for n in range(len(lines))]
    assert all(0 < len(line.get("goods_name", "x")) <= 256 for line in lines)
    assert size(detail) <= 6144


def test_goods_may_fill_the_detail_to_the_last_byte(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs({"prepay_id": "wx1"}))

    def sent(goods: tuple[Goods, ...]) -> Any:
        pay.prepay(replace(ORDER, goods=goods))
        return peer.requests[-1].json()["detail"]

    many = tuple(Goods(f"sku-{n:02d}", "茶" * 82, 1, 100) for n in range(18))
    room = 6144 - size(sent((*many, Goods("last", "x", 1, 100))))
    assert 0 <= room < 255
    fits = sent((*many, Goods("last", "x" * (1 + room), 1, 100)))
    assert (len(fits["goods_detail"]), size(fits)) == (19, 6144)
    assert len(sent((*many, Goods("last", "x" * (2 + room), 1, 100)))["goods_detail"]) == 18


def size(detail: Any) -> int:
    return len(json.dumps(detail, ensure_ascii=False, separators=(",", ":")).encode())


def test_long_names_of_goods_are_cut(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs({"prepay_id": "wx1"}))
    pay.prepay(replace(ORDER, goods=(replace(TEA, name="茶" * 300),)))
    (line,) = peer.requests[0].json()["detail"]["goods_detail"]
    assert line["goods_name"] == "茶" * 256


def test_a_code_to_scan_is_asked_for_without_a_payer(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs({"code_url": "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}))
    code = pay.prepay_native(replace(ORDER, openid="", goods=(TEA,), client_ip="192.0.2.1"))
    assert code == "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"
    (request,) = peer.requests
    assert (request.method, request.target) == ("POST", "/v3/pay/transactions/native")
    assert request.json().keys() == {
        "appid", "mchid", "description", "out_trade_no", "time_expire", "notify_url", "amount", "detail", "scene_info",
    }  # fmt: skip
    check_signature(request)


def test_who_scanned_a_code_is_told_with_the_trade(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs(trade(trade_type="NATIVE", payer={"openid": "oSomebodyElse"})))
    paid = pay.query("JS20261122T1")
    assert paid is not None
    assert (paid.trade_type, paid.openid) == ("NATIVE", "oSomebodyElse")


def test_certificate_mode_names_no_key(peer: Peer, clock: FakeClock) -> None:
    certificates = {CERTIFICATE_SERIAL: platform_keys()[CERTIFICATE_SERIAL]}
    peer.will(signs({"prepay_id": "wx1"}, serial=CERTIFICATE_SERIAL, by="certificate"))
    assert WeChatPay(settings(peer.base_url, platform_keys=certificates), clock).prepay(ORDER) == "wx1"
    assert "wechatpay-serial" not in peer.requests[0].headers


def test_the_payment_sheet_is_signed_for_the_client(pay: WeChatPay) -> None:
    sheet = pay.payment_sheet("wx1")
    assert asdict(sheet).keys() == {"timeStamp", "nonceStr", "package", "signType", "paySign"}
    assert (sheet.timeStamp, sheet.package, sheet.signType) == (str(int(NOW.timestamp())), "prepay_id=wx1", "RSA")
    message = f"{APPID}\n{sheet.timeStamp}\n{sheet.nonceStr}\nprepay_id=wx1\n".encode()
    public = key("merchant").public_key()
    public.verify(b64decode(sheet.paySign), message, padding.PKCS1v15(), hashes.SHA256())


def test_a_query_tells_the_trade(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs(trade()))
    assert pay.query("JS20261122T1") == Trade(
        appid=APPID,
        mchid=MCHID,
        out_trade_no="JS20261122T1",
        transaction_id="4200001234202611221234567890",
        trade_state="SUCCESS",
        openid=OPENID,
        total=1990,
        currency="CNY",
        success_time=datetime(2026, 11, 22, 1, 59, 30, tzinfo=UTC),
        trade_type="JSAPI",
    )
    (request,) = peer.requests
    assert request.target == f"/v3/pay/transactions/out-trade-no/JS20261122T1?mchid={MCHID}"
    assert request.body == b""
    check_signature(request)


def test_the_target_is_signed_as_it_is_sent(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs(trade(out_trade_no="a|b*c_d-e")))
    assert pay.query("a|b*c_d-e") is not None
    assert "a%7Cb%2Ac_d-e" in peer.requests[0].target
    check_signature(peer.requests[0])


def test_an_unpaid_trade_has_nothing_to_tell_but_its_state(pay: WeChatPay, peer: Peer) -> None:
    unpaid = {"appid": APPID, "mchid": MCHID, "out_trade_no": "JS20261122T1", "trade_state": "NOTPAY", "payer": {}}
    peer.will(signs(unpaid))
    assert pay.query("JS20261122T1") == Trade(APPID, MCHID, "JS20261122T1", "", "NOTPAY", "", 0, "CNY", None)


def test_a_trade_that_wechat_pay_does_not_know_is_none(pay: WeChatPay, peer: Peer) -> None:
    for code in ("ORDER_NOT_EXIST", "ORDERNOTEXIST"):
        peer.will(signs({"code": code, "message": "订单不存在"}, 404))
        assert pay.query("JS20261122T1") is None


def test_a_refund_that_wechat_pay_does_not_know_is_none(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs({"code": "RESOURCE_NOT_EXISTS", "message": "退款单不存在"}, 404))
    assert pay.query_refund("RJS20261122T1") is None


@pytest.mark.parametrize("call", ["query", "query_refund"])
def test_a_404_that_is_not_wechat_pays_proves_no_absence(pay: WeChatPay, peer: Peer, call: str) -> None:
    peer.will(Answer(404, b"<html>not found</html>"))
    with pytest.raises(PayUnreachable) as caught:
        getattr(pay, call)("JS20261122T1")
    assert (caught.value.code, caught.value.uncertain) == ("HTTP_404", True)


def test_closing_is_confirmed_by_an_empty_signed_answer_and_may_be_repeated(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs(None, 204))
    pay.close("JS20261122T1")
    pay.close("JS20261122T1")
    assert peer.requests[0].target == "/v3/pay/transactions/out-trade-no/JS20261122T1/close"
    assert peer.requests[0].json() == {"mchid": MCHID}


def test_a_close_that_nobody_signed_did_not_happen(pay: WeChatPay, peer: Peer) -> None:
    peer.will(Answer(204))
    with pytest.raises(PayUnverified):
        pay.close("JS20261122T1")


@pytest.mark.parametrize("code", ["ORDER_PAID", "ORDERPAID", "TRADE_ERROR", "ORDER_CLOSED"])
def test_only_a_signed_answer_confirms_a_close_and_every_no_is_a_refusal(pay: WeChatPay, peer: Peer, code: str) -> None:
    peer.will(says({"code": code, "message": "该订单已支付"}, 403))
    with pytest.raises(PayRefused) as caught:
        pay.close("JS20261122T1")
    assert caught.value.is_code(code)
    assert (caught.value.status, caught.value.hint) == (403, "该订单已支付")
    assert not caught.value.retryable
    assert not caught.value.uncertain


def test_a_refund_is_accepted_first(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs(refund_answer()))
    assert pay.refund(REFUND) == RefundStatus(
        mchid=MCHID,
        out_refund_no="RJS20261122T1",
        refund_id="50000000382019052709732678859",
        out_trade_no="JS20261122T1",
        transaction_id="4200001234202611221234567890",
        status="PROCESSING",
        refund=990,
        total=1990,
        success_time=None,
        created=datetime(2026, 11, 22, 1, 59, 40, tzinfo=UTC),
    )
    assert peer.requests[0].json() == {
        "out_trade_no": "JS20261122T1",
        "out_refund_no": "RJS20261122T1",
        "reason": "退差价",
        "notify_url": "https://shop.example/callbacks/refunds",
        "amount": {"refund": 990, "total": 1990, "currency": "CNY"},
    }


def test_a_refund_can_be_asked_for(pay: WeChatPay, peer: Peer) -> None:
    peer.will(signs(refund_answer(status="SUCCESS", success_time="2026-11-22T10:00:00+08:00")))
    status = pay.query_refund("RJS20261122T1")
    assert status is not None
    assert (status.status, status.success_time) == ("SUCCESS", NOW)
    assert peer.requests[0].target == "/v3/refund/domestic/refunds/RJS20261122T1"


def echoes(request: Request) -> Answer:
    """Sends the message back, and the secret one, opened with the key that it names, sealed for the merchant."""
    asked = request.json()
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    serial = request.headers["wechatpay-serial"]
    by = {KEY_ID: "platform", CERTIFICATE_SERIAL: "certificate"}[serial]
    secret = key(by).decrypt(b64decode(asked["encrypted_echo_message"]), oaep)
    sealed = b64encode(key("merchant").public_key().encrypt(secret, oaep)).decode()
    answer = {"echo_message": asked["echo_message"], "encrypted_echo_message": sealed}
    return signs(answer, serial=serial, by=by)


def test_the_echo_proves_keys_both_ways(pay: WeChatPay, peer: Peer) -> None:
    peer.will(echoes)
    pay.echo()
    peer.will(lambda request: signs({**request.json(), "echo_message": "other"}))
    with pytest.raises(PayUnverified):
        pay.echo()
    peer.will(lambda request: signs(request.json()))
    with pytest.raises(PayUnverified) as caught:
        pay.echo()
    assert caught.value.code == "UNDECRYPTABLE"


def test_in_certificate_mode_the_echo_is_sealed_with_the_certificate_and_names_it(peer: Peer, clock: FakeClock) -> None:
    certificates = {CERTIFICATE_SERIAL: platform_keys()[CERTIFICATE_SERIAL]}
    peer.will(echoes)
    WeChatPay(settings(peer.base_url, platform_keys=certificates), clock).echo()


def test_the_echo_without_any_key_believes_nobody(peer: Peer, clock: FakeClock) -> None:
    peer.will(lambda request: signs(request.json()))
    with pytest.raises(PayUnverified):
        WeChatPay(settings(peer.base_url, platform_keys={}), clock).echo()
    assert peer.requests[0].json().keys() == {"echo_message"}


CALLS: list[Any] = [
    lambda pay: pay.prepay(ORDER),
    lambda pay: pay.prepay_native(ORDER),
    lambda pay: pay.query("JS20261122T1"),
    lambda pay: pay.close("JS20261122T1"),
    lambda pay: pay.refund(REFUND),
    lambda pay: pay.query_refund("RJS20261122T1"),
    lambda pay: pay.echo(),
]
NAMES = ["prepay", "native", "query", "close", "refund", "query_refund", "echo"]
every_call = pytest.mark.parametrize("call", CALLS, ids=NAMES)


@every_call
@pytest.mark.parametrize(
    ("how", "hint"),
    [
        ({"by": "other platform"}, "bad_signature"),
        ({"serial": "PUB_KEY_ID_UNKNOWN"}, "unknown_serial"),
        ({"at": NOW - timedelta(minutes=6)}, "stale"),
    ],
)
def test_an_answer_that_wechat_pay_did_not_sign_leaves_the_outcome_unknown(
    pay: WeChatPay, peer: Peer, call: Any, how: dict[str, Any], hint: str
) -> None:
    peer.will(signs({**trade(), **refund_answer(), "prepay_id": "wx1", "code_url": "weixin://"}, **how))
    with pytest.raises(PayUnverified) as caught:
        call(pay)
    error = caught.value
    assert (error.code, error.hint, error.request_id, error.status) == ("UNVERIFIED", hint, "08F9-1", 200)
    assert error.uncertain
    assert error.retryable
    assert len(peer.requests) == 1


@every_call
def test_a_busy_platform_is_asked_once_more_with_the_same_bytes_signed_anew(
    pay: WeChatPay, peer: Peer, pauses: list[float], call: Any
) -> None:
    peer.will(says({"code": "SYSTEM_ERROR", "message": "系统错误"}, 500))
    with pytest.raises(PayUnreachable) as caught:
        call(pay)
    assert caught.value.is_code("SYSTEMERROR")
    first, second = peer.requests
    assert (first.method, first.target, first.body) == (second.method, second.target, second.body)
    assert authorization(first)["nonce_str"] != authorization(second)["nonce_str"]
    check_signature(second)
    assert len(pauses) == 1
    assert 0 < pauses[0] < 1


@pytest.mark.parametrize(
    "failure",
    [
        Answer(hang_up=True),
        says({"code": "FREQUENCY_LIMITED", "message": "频率超限"}, 429),
        Answer(502, b"<html>"),
        Answer(302, b"", {"Location": "http://127.0.0.1:9/"}),
        says({"code": "BANKERROR"}, 400),
    ],
    ids=["hang-up", "429", "502", "302", "bank"],
)
def test_one_failure_is_mended_by_the_repetition(pay: WeChatPay, peer: Peer, failure: Answer) -> None:
    peer.will(failure, signs({"prepay_id": "wx1"}))
    assert pay.prepay(ORDER) == "wx1"


def test_a_redirection_is_not_followed_with_our_signature(pay: WeChatPay, peer: Peer) -> None:
    peer.will(Answer(302, b"", {"Location": f"{peer.base_url}/elsewhere"}))
    with pytest.raises(PayUnreachable) as caught:
        pay.query("JS20261122T1")
    assert caught.value.code == "HTTP_302"
    assert len(peer.requests) == 2
    assert not any(request.target == "/elsewhere" for request in peer.requests)


def test_the_repetition_goes_to_the_fallback_host(peer: Peer, clock: FakeClock) -> None:
    # Nobody listens on the discard port of loopback.
    pay = WeChatPay(settings(fallback_url=peer.base_url), clock, pause=lambda _: None)
    peer.will(signs({"prepay_id": "wx1"}))
    assert pay.prepay(ORDER) == "wx1"


def test_a_dead_connection_is_unreachable_and_uncertain(clock: FakeClock) -> None:
    with pytest.raises(PayUnreachable) as caught:
        WeChatPay(settings(), clock, pause=lambda _: None).prepay(ORDER)
    assert (caught.value.code, caught.value.status) == ("UNREACHABLE", 0)
    assert caught.value.retryable
    assert caught.value.uncertain


def test_a_silent_platform_is_waited_for_a_bounded_time(
    peer: Peer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert transport.TIMEOUT.connect_timeout
    assert transport.TIMEOUT.read_timeout
    monkeypatch.setattr(transport, "TIMEOUT", urllib3.Timeout(0.05))
    done = threading.Event()

    def silence(request: Request) -> Answer:
        done.wait(3)
        return signs(trade())

    peer.will(silence)
    with pytest.raises(PayUnreachable) as caught:
        WeChatPay(settings(peer.base_url), clock, pause=lambda _: None).query("JS20261122T1")
    assert caught.value.code == "UNREACHABLE"
    done.set()
    assert len(peer.requests) == 2


@every_call
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "PARAM_ERROR", PayMisconfigured),
        (400, "INVALID_REQUEST", PayMisconfigured),
        (401, "SIGN_ERROR", PayMisconfigured),
        (401, "SOMETHING_NEW", PayMisconfigured),
        (403, "NO_AUTH", PayMisconfigured),
        (400, "APPID_MCHID_NOT_MATCH", PayMisconfigured),
        (404, "MCH_NOT_EXISTS", PayMisconfigured),
        (403, "RULE_LIMIT", PayRefused),
        (403, "OUT_TRADE_NO_USED", PayRefused),
        (403, "USER_ACCOUNT_ABNORMAL", PayRefused),
        (400, "SOMETHING_NEW", PayRefused),
    ],
)
def test_a_no_is_not_asked_again(
    pay: WeChatPay, peer: Peer, call: Any, status: int, code: str, kind: type[PayError]
) -> None:
    peer.will(says({"code": code, "message": "不行\n伪造的日志行", "detail": {}}, status))
    with pytest.raises(PayError) as caught:
        call(pay)
    assert type(caught.value) is kind
    assert (caught.value.retryable, caught.value.uncertain) == (False, False)
    assert "\n" not in str(caught.value)
    assert len(peer.requests) == 1


def test_a_refund_without_money_may_be_repeated_after_topping_up(pay: WeChatPay, peer: Peer) -> None:
    for code in ("NOT_ENOUGH", "NOTENOUGH"):
        peer.will(says({"code": code, "message": "基本账户余额不足"}, 403))
        with pytest.raises(PayRefused) as caught:
            pay.refund(REFUND)
        assert caught.value.retryable
        assert not caught.value.uncertain


@pytest.mark.parametrize("body", [b"", b"no json", b'"text"', b'{"code": 1}', b'{"code": ""}', b"[" * 5000])
def test_an_error_answer_that_makes_no_sense_says_nothing(pay: WeChatPay, peer: Peer, body: bytes) -> None:
    peer.will(Answer(400, body))
    with pytest.raises(PayUnreachable) as caught:
        pay.prepay(ORDER)
    assert caught.value.code == "HTTP_400"


@pytest.mark.parametrize(
    "answer",
    [
        trade(out_trade_no="another"),
        trade(trade_state=None),
        trade(transaction_id=""),
        trade(amount={"currency": "CNY"}),
        trade(amount={"total": "1990"}),
        trade(amount={"total": True}),
        trade(amount={"total": 19.9}),
        trade(amount={"total": -1}),
        trade(amount=[]),
        trade(payer="oUpF"),
        trade(payer={"openid": 1}),
        trade(success_time="yesterday"),
        trade(success_time="2026-11-22T09:59:30"),
        trade(success_time="0001-01-01T00:00:00+08:00"),
        trade(appid=None),
        [],
        "SUCCESS",
    ],
)
def test_a_signed_answer_that_makes_no_sense_moves_nothing(pay: WeChatPay, peer: Peer, answer: Any) -> None:
    peer.will(signs(answer))
    with pytest.raises(PayUnverified):
        pay.query("JS20261122T1")


@pytest.mark.parametrize(
    "changes",
    [{"out_refund_no": "other"}, {"refund_id": 5}, {"status": None}, {"amount": {"total": 1990}}, {"amount": None}],
)
def test_a_signed_refund_that_makes_no_sense_moves_nothing(pay: WeChatPay, peer: Peer, changes: dict[str, Any]) -> None:
    peer.will(signs(refund_answer(**changes)))
    with pytest.raises(PayUnverified):
        pay.refund(REFUND)


def test_an_answer_without_a_prepay_id_is_none(pay: WeChatPay, peer: Peer) -> None:
    for answer in (signs({}), signs({"prepay_id": 5}), signs(None)):
        peer.will(answer)
        with pytest.raises(PayUnverified) as caught:
            pay.prepay(ORDER)
        assert (caught.value.code, caught.value.hint) == ("MALFORMED", "prepay_id")


def test_our_own_clock_judges_the_freshness_of_answers(pay: WeChatPay, peer: Peer, clock: FakeClock) -> None:
    peer.will(signs({"prepay_id": "wx1"}))
    clock.advance(minutes=5)
    assert pay.prepay(ORDER) == "wx1"
    clock.advance(seconds=1)
    with pytest.raises(PayUnverified):
        pay.prepay(ORDER)


def test_the_account_refuses_an_apiv3_key_that_no_cipher_takes() -> None:
    for wrong in ("", "x" * 31, "x" * 33, "é" * 32):
        with pytest.raises(ValueError, match="32 ASCII"):
            settings(apiv3_key=wrong)


def test_no_secret_shows() -> None:
    shown = repr(settings())
    assert "PRIVATE" not in shown
    assert APIV3_KEY not in shown
