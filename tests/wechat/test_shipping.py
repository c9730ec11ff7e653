"""Reporting deliveries, against a peer that answers as it is told."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.kernel.errors import Unavailable
from chalicelib.wechat.miniprogram import MiniProgram, MiniProgramSettings
from chalicelib.wechat.shipping import Logistics, Parcel, PlatformState, Shipping, ShippingRefused, Upload, Verdict
from chalicelib.wechat.tokens import StoredToken

from .platform import APPID, MCHID, NOW, OPENID, Answer, FakeClock, Peer, says
from .tokens import InMemoryTokens

PARCEL = Parcel("龙井茶*2", "YT0001", "YTO")
UPLOAD = Upload("JS20261122T1", OPENID, Logistics.EXPRESS, (PARCEL,), NOW + timedelta(milliseconds=120))


@pytest.fixture
def store(clock: FakeClock) -> InMemoryTokens:
    store = InMemoryTokens(clock)
    store.token = StoredToken("T1", clock() + timedelta(hours=2))
    return store


@pytest.fixture
def shipping(peer: Peer, clock: FakeClock, store: InMemoryTokens) -> Shipping:
    peer.will(says({"errcode": 0, "errmsg": "ok"}))
    return Shipping(MiniProgram(MiniProgramSettings(APPID, "secret", peer.base_url), store, clock), MCHID)


def sent(peer: Peer) -> Any:
    return peer.requests[-1].json()


def test_a_whole_delivery_is_reported(shipping: Shipping, peer: Peer) -> None:
    shipping.upload(UPLOAD)
    assert peer.requests[0].target == "/wxa/sec/order/upload_shipping_info?access_token=T1"
    assert sent(peer) == {
        "order_key": {"order_number_type": 1, "mchid": MCHID, "out_trade_no": "JS20261122T1"},
        "logistics_type": 1,
        "delivery_mode": 1,
        "shipping_list": [{"item_desc": "龙井茶*2", "tracking_no": "YT0001", "express_company": "YTO"}],
        "upload_time": "2026-11-22T10:00:00.120+08:00",
        "payer": {"openid": OPENID},
    }


def test_a_split_delivery_says_whether_it_is_the_last(shipping: Shipping, peer: Peer) -> None:
    for last in (False, True):
        shipping.upload(replace(UPLOAD, split=True, all_delivered=last, parcels=(PARCEL, PARCEL)))
        assert (sent(peer)["delivery_mode"], sent(peer)["is_all_delivered"]) == (2, last)
        assert len(sent(peer)["shipping_list"]) == 2


@pytest.mark.parametrize("way", [Logistics.LOCAL, Logistics.VIRTUAL, Logistics.PICKUP])
def test_what_needs_no_courier_names_none(shipping: Shipping, peer: Peer, way: Logistics) -> None:
    shipping.upload(replace(UPLOAD, logistics=way, parcels=(Parcel("龙井茶"),)))
    assert (sent(peer)["logistics_type"], sent(peer)["shipping_list"]) == (int(way), [{"item_desc": "龙井茶"}])


def test_a_long_description_is_cut(shipping: Shipping, peer: Peer) -> None:
    shipping.upload(replace(UPLOAD, parcels=(replace(PARCEL, item_desc="茶" * 500),)))
    assert sent(peer)["shipping_list"][0]["item_desc"] == "茶" * 120


@pytest.mark.parametrize("phone", ["13800138000", "+86 138-0013-8000", "8000"])
def test_only_sf_learns_of_the_receivers_phone_and_only_its_end(shipping: Shipping, peer: Peer, phone: str) -> None:
    shipping.upload(replace(UPLOAD, parcels=(Parcel("茶", "SF1", "SF", phone),)))
    assert sent(peer)["shipping_list"][0]["contact"] == {"receiver_contact": "****8000"}
    shipping.upload(replace(UPLOAD, parcels=(replace(PARCEL, phone=phone),)))
    assert "contact" not in sent(peer)["shipping_list"][0]
    assert phone not in repr(replace(PARCEL, phone=phone))


@pytest.mark.parametrize(
    "changes",
    [
        {"parcels": ()},
        {"parcels": (PARCEL, PARCEL)},
        {"parcels": (PARCEL,) * 16, "split": True},
        {"parcels": (), "split": True},
        {"logistics": Logistics.LOCAL, "split": True},
        {"parcels": (Parcel(""),)},
    ],
)
def test_what_the_platform_never_takes_is_not_even_made(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"parcel|split"):
        replace(UPLOAD, **changes)


CALLS: dict[str, Callable[[Shipping], Any]] = {
    "upload": lambda shipping: shipping.upload(UPLOAD),
    "order_state": lambda shipping: shipping.order_state("JS20261122T1"),
    "payer": lambda shipping: shipping.payer("JS20261122T1"),
    "remind_receive": lambda shipping: shipping.remind_receive("JS20261122T1", NOW),
    "is_trade_managed": lambda shipping: shipping.is_trade_managed(),
    "set_msg_jump_path": lambda shipping: shipping.set_msg_jump_path("pages/order"),
}
every_call = pytest.mark.parametrize("call", list(CALLS.values()), ids=list(CALLS))


def refusal(call: Callable[[Shipping], Any], shipping: Shipping) -> ShippingRefused:
    with pytest.raises(ShippingRefused) as caught:
        call(shipping)
    return caught.value


@every_call
@pytest.mark.parametrize(
    ("errcode", "verdict"),
    [
        (10060002, Verdict.DONE),
        (10060023, Verdict.DONE),
        (10060030, Verdict.DONE),
        (10060001, Verdict.AGAIN),
        (10060012, Verdict.AGAIN),
        (10060019, Verdict.AGAIN),
        (268485216, Verdict.AGAIN),
        (-1, Verdict.AGAIN),
        (45009, Verdict.AGAIN),
        (10060003, Verdict.STAFF),
        (10060004, Verdict.STAFF),
        (10060031, Verdict.STAFF),
        (40226, Verdict.STAFF),
        (48001, Verdict.STAFF),
        (10069999, Verdict.STAFF),
    ],
)
def test_each_refusal_says_what_becomes_of_it(
    shipping: Shipping, peer: Peer, call: Callable[[Shipping], Any], errcode: int, verdict: Verdict
) -> None:
    peer.will(says({"errcode": errcode, "errmsg": "refused"}))
    refused = refusal(call, shipping)
    assert (refused.errcode, refused.verdict) == (errcode, verdict)
    assert len(peer.requests) == 1


@every_call
@pytest.mark.parametrize(
    "answer",
    [Answer(hang_up=True), Answer(502, b"<html>"), Answer(200, b"no json"), says([]), says({}), says({"errcode": "x"})],
)
def test_without_a_usable_answer_it_is_for_later(
    shipping: Shipping, peer: Peer, call: Callable[[Shipping], Any], answer: Answer
) -> None:
    peer.will(answer)
    refused = refusal(call, shipping)
    assert (refused.errcode, refused.verdict) == (None, Verdict.AGAIN)
    assert "T1" not in repr(refused.__context__)


@every_call
def test_an_app_that_may_not_have_a_token_needs_people(
    shipping: Shipping, peer: Peer, store: InMemoryTokens, call: Callable[[Shipping], Any]
) -> None:
    store.token = None
    peer.will(says({"errcode": 40164, "errmsg": "invalid ip"}))
    refused = refusal(call, shipping)
    assert (refused.errcode, refused.verdict) == (40164, Verdict.STAFF)


def test_what_the_token_store_says_passes(
    shipping: Shipping, store: InMemoryTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise Unavailable

    monkeypatch.setattr(store, "load", broken)
    with pytest.raises(Unavailable):
        shipping.upload(UPLOAD)


def test_the_platforms_own_view_of_an_order_can_be_asked(shipping: Shipping, peer: Peer) -> None:
    for state in (*PlatformState, 7):
        peer.will(says({"errcode": 0, "order": {"order_state": int(state)}}))
        assert shipping.order_state("JS20261122T1") == state
    assert peer.requests[0].target.startswith("/wxa/sec/order/get_order?")
    assert sent(peer) == {"merchant_id": MCHID, "merchant_trade_no": "JS20261122T1"}


@pytest.mark.parametrize("order", [None, {}, {"order_state": "2"}, {"order_state": True}, [2]])
def test_an_order_without_a_state_tells_nothing(shipping: Shipping, peer: Peer, order: Any) -> None:
    peer.will(says({"errcode": 0, "order": order}))
    assert refusal(CALLS["order_state"], shipping).verdict is Verdict.AGAIN


def test_who_paid_as_the_platform_knows_it_can_be_asked(shipping: Shipping, peer: Peer) -> None:
    peer.will(says({"errcode": 0, "order": {"order_state": 1, "openid": "oSomebodyElse"}}))
    assert shipping.payer("JS20261122T1") == "oSomebodyElse"
    assert sent(peer) == {"merchant_id": MCHID, "merchant_trade_no": "JS20261122T1"}


@pytest.mark.parametrize("order", [None, {}, {"openid": ""}, {"openid": 7}, ["oSomebodyElse"]])
def test_an_order_without_a_payer_tells_nothing(shipping: Shipping, peer: Peer, order: Any) -> None:
    peer.will(says({"errcode": 0, "order": order}))
    assert refusal(CALLS["payer"], shipping).verdict is Verdict.AGAIN


def test_the_shopper_is_reminded_in_seconds(shipping: Shipping, peer: Peer) -> None:
    shipping.remind_receive("JS20261122T1", NOW)
    named = {"merchant_id": MCHID, "merchant_trade_no": "JS20261122T1", "received_time": int(NOW.timestamp())}
    assert (sent(peer), peer.requests[0].target.split("?")[0]) == (named, "/wxa/sec/order/notify_confirm_receive")


@pytest.mark.parametrize("managed", [True, False])
def test_the_platform_says_whether_deliveries_are_its_business(shipping: Shipping, peer: Peer, managed: bool) -> None:
    peer.will(says({"errcode": 0, "is_trade_managed": managed}))
    assert shipping.is_trade_managed() is managed
    assert sent(peer) == {"appid": APPID}
    peer.will(says({"errcode": 0, "is_trade_managed": "yes"}))
    assert refusal(CALLS["is_trade_managed"], shipping).verdict is Verdict.AGAIN


def test_the_page_of_the_platforms_messages_can_be_set(shipping: Shipping, peer: Peer) -> None:
    shipping.set_msg_jump_path("pages/order/detail")
    assert sent(peer) == {"path": "pages/order/detail"}
