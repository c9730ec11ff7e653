"""Both callbacks over HTTP: forged, or signed and senseless. Nothing moves until the genuine one comes."""

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
import requests

from sandbox.wechat import crypto
from tests.shop import Shopper

from .asking import House
from .test_callback_fuzz import ATTACKS, HARMLESS

TEMPLATE = "tmpl_order_paid"
FORGERIES = 60
Message = tuple[dict[str, str], bytes]


class Platform:
    """Signs and seals as the platform does, with the sandbox's keys, whatever it is told."""

    def __init__(self, house: House) -> None:
        self._keys = house.stack.wechat.credentials
        self._now = str(int(house.stack.clock().timestamp()))

    def signed(self, body: bytes) -> Message:
        key, nonce = crypto.private_key(self._keys.wechatpay_private_key), crypto.random_text(32)
        return {
            "Content-Type": "application/json",
            "Wechatpay-Timestamp": self._now,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": self._keys.wechatpay_public_key_id,
            "Wechatpay-Signature": crypto.sign(key, f"{self._now}\n{nonce}\n".encode() + body + b"\n"),
        }, body

    def notice(self, plaintext: Any, event_type: str = "TRANSACTION.SUCCESS") -> Message:
        resource = {"original_type": "transaction"}
        resource |= crypto.seal(self._keys.apiv3_key, json.dumps(plaintext).encode(), "transaction")
        return self.signed(json.dumps({"id": "EV-1", "event_type": event_type, "resource": resource}).encode())

    def pushed(self, message: bytes) -> tuple[dict[str, str], bytes]:
        encrypted = crypto.encrypt_push(self._keys.encoding_aes_key, self._keys.appid, message)
        signature = crypto.push_signature(self._keys.push_token, self._now, "42", encrypted)
        query = {"timestamp": self._now, "nonce": "42", "encrypt_type": "aes", "msg_signature": signature}
        return query, json.dumps({"Encrypt": encrypted}).encode()


@pytest.fixture(scope="module")
def platform(house: House) -> Platform:
    return Platform(house)


@pytest.fixture
def buyer(house: House) -> Shopper:
    return house.stack.shopper("carol")


def unpaid(house: House, buyer: Shopper) -> tuple[str, dict[str, Any]]:
    """An order on its way to be paid, and the trade that would pay it."""
    order_id = buyer.order(("tea-02", 1))["order_id"]
    buyer.open_sheet(order_id)
    settings = house.stack.shop.settings
    number, payable = f"{order_id}-1", buyer.get(f"/orders/{order_id}")["payable"]
    return order_id, {
        "appid": settings.wechat_appid, "mchid": settings.wechat_mchid, "out_trade_no": number,
        "transaction_id": f"42000{order_id}", "trade_type": "JSAPI", "trade_state": "SUCCESS",
        "success_time": "2026-11-22T10:00:00+08:00",
        "payer": {"openid": house.stack.shop.identity.authenticate(buyer.token).openid},
        "amount": {"total": payable, "payer_total": payable, "currency": "CNY", "payer_currency": "CNY"},
    }  # fmt: skip


def notify(house: House, message: Message) -> int:
    headers, body = message
    return requests.post(f"{house.stack.api_url}/wechat/pay/notify", data=body, headers=headers, timeout=30).status_code


def edited(chance: random.Random, text: bytes) -> bytes:
    at = chance.randrange(len(text))
    drawn = bytes(chance.choices(b'0123456789abcdefABCDEF=+/"{}[]:,', k=chance.randint(1, 5)))
    found = {
        "flip": text[:at] + bytes([text[at] ^ 1 << chance.randrange(7)]) + text[at + 1 :],
        "cut": text[:at] + text[at + 1 + chance.randrange(20) :],
        "insert": text[:at] + drawn + text[at:],
        "end": text[:at],
    }[chance.choice(["flip", "cut", "insert", "end"])]
    return found if found != text else text + b" "


def forged(chance: random.Random, message: Message) -> Message:
    """The message with its body or one of its headers changed."""
    headers, body = message
    name = chance.choice(["body", *(each for each in headers if each.startswith("Wechatpay-"))])
    if name == "body":
        return headers, edited(chance, body)
    value = edited(chance, headers[name].encode()).decode("latin-1")
    value = "".join(letter for letter in value if letter.isprintable()).strip() or "x"
    # Case of the serial and the last letter of the base64 may be spelt otherwise, and mean the same.
    spelt_otherwise = value.upper() == headers[name].upper() or value[:-3] == headers[name][:-3]
    return {**headers, name: "0" + value if spelt_otherwise else value}, body


def test_no_forged_notice_of_payment_is_heard_and_the_genuine_one_is(
    house: House, platform: Platform, buyer: Shopper
) -> None:
    order_id, trade = unpaid(house, buyer)
    genuine, before = platform.notice(trade), house.written
    for seed in range(FORGERIES):
        assert notify(house, forged(random.Random(seed), genuine)) == 401, f"seed {seed}"
    for headers in ({}, {**genuine[0], "Wechatpay-Signature-Type": "NONE"}, {**genuine[0], "Wechatpay-Nonce": "ü"}):
        assert notify(house, (headers, genuine[1])) == 401
    assert notify(house, (genuine[0], json.dumps(json.loads(genuine[1])).encode() + b"\n")) == 401
    assert house.written == before
    assert buyer.get(f"/orders/{order_id}")["state"] == "AWAITING_PAYMENT"
    assert [notify(house, genuine) for _ in range(2)] == [200, 200]
    assert buyer.get(f"/orders/{order_id}")["state"] == "PAID"


def test_a_signed_notice_that_makes_no_sense_pays_nothing(house: House, platform: Platform, buyer: Shopper) -> None:
    order_id, trade = unpaid(house, buyer)
    stock, amount = house.stack.stock("tea-02"), trade["amount"]
    bodies: list[Any] = [[], 7, None, "", "SUCCESS", True, {}, [trade], {"trade": trade}]
    for name, wrong in {
        "appid": ("", None, "wx0000000000000009", ["x"]),
        "mchid": ("1", 1900000001),
        "out_trade_no": ("", None, "nobody", 7, [trade["out_trade_no"]], "a" * 5000, "\x00", "../x"),
        "transaction_id": ("", None, 7),
        "trade_state": (None, 1, ["SUCCESS"], ""),
        "payer": (None, {}, "o", {"openid": None}, {"openid": "o" + "0" * 27}),
        "success_time": ("yesterday", 7, "2026-11-22T10:00:00", "0001-01-01T00:00:00+23:59"),
        "amount": (
            None, {}, [], amount["total"], {**amount, "total": 1}, {**amount, "total": str(amount["total"])},
            {**amount, "total": float(amount["total"])}, {**amount, "total": -1}, {**amount, "total": 0},
            {**amount, "total": 10**400}, {**amount, "total": True}, {**amount, "currency": "USD"},
        ),
    }.items():  # fmt: skip
        bodies += [{**trade, name: each} for each in wrong]
    for body in bodies:
        assert notify(house, platform.notice(body)) >= 400, str(body)[:200]
    refund = {**trade, "out_refund_no": "R" + trade["out_trade_no"], "refund_id": "50000", "refund_status": "SUCCESS"}
    for changes in ({}, {"refund_status": "NONSENSE"}, {"amount": {**amount, "refund": 1}}):
        assert notify(house, platform.notice({**refund, **changes}, "REFUND.SUCCESS")) >= 400, changes
    assert buyer.get(f"/orders/{order_id}")["state"] == "AWAITING_PAYMENT"
    assert house.stack.stock("tea-02") == stock


def test_a_signed_notice_of_something_else_is_acknowledged_and_changes_nothing(
    house: House, platform: Platform, buyer: Shopper
) -> None:
    order_id, trade = unpaid(house, buyer)
    before = house.written
    assert notify(house, platform.notice(trade, "PAYSCORE.USER_PAID")) == 200
    assert notify(house, platform.notice({**trade, "trade_state": "NOTPAY"})) == 200
    assert house.written == before
    assert buyer.get(f"/orders/{order_id}")["state"] == "AWAITING_PAYMENT"


def push(house: House, query: Mapping[str, str], body: bytes) -> int:
    url = f"{house.stack.api_url}/wechat/push"
    return requests.post(url, params=query, data=body, headers={"Content-Type": "text/xml"}, timeout=30).status_code


def test_no_forged_push_is_heard_and_the_genuine_one_is(house: House, platform: Platform, buyer: Shopper) -> None:
    buyer.post("/subscriptions", {"results": {TEMPLATE: "accept"}})
    event = {
        "FromUserName": house.stack.shop.identity.authenticate(buyer.token).openid, "CreateTime": 1,
        "Event": "subscribe_msg_change_event", "List": [{"TemplateId": TEMPLATE, "SubscribeStatusString": "reject"}],
    }  # fmt: skip
    query, body = platform.pushed(json.dumps(event).encode())
    before = house.written
    for seed in range(FORGERIES):
        chance = random.Random(seed)
        name = chance.choice(["body", "timestamp", "nonce", "msg_signature"])
        if name == "body":
            inner = edited(chance, json.loads(body)["Encrypt"].encode()).decode("latin-1")
            status = push(house, query, json.dumps({"Encrypt": inner}).encode())
        else:
            status = push(house, {**query, name: edited(chance, query[name].encode()).decode("latin-1")}, body)
        assert status == 403, f"seed {seed}"
    assert push(house, {}, body) == push(house, query, json.dumps(event).encode()) == 403
    assert house.written == before
    assert consents(buyer) == 1
    assert push(house, query, body) == 200
    assert consents(buyer) == 0


def test_a_signed_push_that_makes_no_sense_changes_nothing(house: House, platform: Platform, buyer: Shopper) -> None:
    buyer.post("/subscriptions", {"results": {TEMPLATE: "accept"}})
    who = house.stack.shop.identity.authenticate(buyer.token).openid
    off = {"TemplateId": TEMPLATE, "SubscribeStatusString": "reject"}
    event = {"FromUserName": who, "CreateTime": 2, "Event": "subscribe_msg_change_event"}
    before = consents(buyer)
    for name, text in {**ATTACKS, **HARMLESS}.items():
        assert push(house, *platform.pushed(text.encode())) in (200, 403, 413), name
    odd: tuple[dict[str, Any], ...] = (
        {"List": None}, {"List": 7}, {"List": [[off]]}, {"List": [{**off, "TemplateId": [TEMPLATE]}]}, {"List": {}},
        {"List": [off], "FromUserName": ["x"]}, {"List": [off], "FromUserName": "\ud800"},
        {"List": [off], "Event": [1]},
        {"List": [off], "FromUserName": who.upper()}, {"List": [{**off, "SubscribeStatusString": True}]},
        {"List": [{**off, "TemplateId": f"{n}"} for n in range(300)] * 2},
    )  # fmt: skip
    for n, changes in enumerate(odd):
        message = json.dumps({**event, "MsgId": n, **changes}).encode()
        assert push(house, *platform.pushed(message)) in (200, 403), changes
    assert consents(buyer) == before


def consents(shopper: Shopper) -> int:
    items = shopper.get("/subscriptions")["items"]
    return int(next(item["consents"] for item in items if item["template_id"] == TEMPLATE))
