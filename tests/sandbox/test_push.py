"""Message push in plain and secure mode (facts D)."""

import base64
import hashlib
import json
import struct
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sandbox.wechat import Credentials

from .merchant import Http, Reply, Shop

EVENT = {"Event": "trade_manage_order_settlement", "transaction_id": "4200", "note": "a]]>b & <c>"}


def query(message: Reply) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(message.headers["path"]).query).items()}


def signature(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def decrypt(credentials: Credentials, encrypted: str) -> bytes:
    key = base64.b64decode(credentials.encoding_aes_key + "=")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    padded = decryptor.update(base64.b64decode(encrypted)) + decryptor.finalize()
    assert len(padded) % 32 == 0
    plain = padded[16 : -padded[-1]]
    (length,) = struct.unpack(">I", plain[:4])
    assert plain[4 + length :].decode() == credentials.appid
    return plain[4 : 4 + length]


def test_a_plain_event_is_signed_with_the_token(http: Http, shop: Shop, credentials: Credentials) -> None:
    shop.status, shop.answer = 200, b"success"
    answer = http.control("push", {"event": EVENT, "url": shop.url, "mode": "plain"})
    assert answer == {"status": 200, "answer": "success", "event": EVENT}
    [message] = shop.received
    signed = query(message)
    assert signed["signature"] == signature(credentials.push_token, signed["timestamp"], signed["nonce"])
    event = message.json()
    assert (event["ToUserName"], event["MsgType"]) == (credentials.original_id, "event")
    assert event | EVENT == event


@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_secure_event_is_encrypted_and_signed_over_the_cipher(
    http: Http, shop: Shop, credentials: Credentials, form: str
) -> None:
    http.control("push", {"event": EVENT, "url": f"{shop.url}?shop=1", "form": form})
    [message] = shop.received
    signed, text = query(message), message.body.decode()
    encrypted = json.loads(text)["Encrypt"] if form == "json" else text.split("<Encrypt><![CDATA[")[1].split("]]>")[0]
    parts = credentials.push_token, signed["timestamp"], signed["nonce"], encrypted
    assert (signed["msg_signature"], signed["encrypt_type"], signed["shop"]) == (signature(*parts), "aes", "1")
    assert b"trade_manage_order_settlement" in decrypt(credentials, encrypted)


def test_an_xml_event_survives_its_own_marks(http: Http, shop: Shop) -> None:
    from xml.etree import ElementTree

    http.control("push", {"event": EVENT | {"list": [{"a": 1}]}, "url": shop.url, "mode": "plain", "form": "xml"})
    root = ElementTree.fromstring(shop.received[0].body)
    assert (root.findtext("note"), root.findtext("list/item/a")) == (EVENT["note"], "1")
    assert shop.received[0].headers["Content-Type"] == "text/xml"


def test_the_address_is_verified_by_an_echo(http: Http, shop: Shop, credentials: Credentials) -> None:
    shop.status, shop.answer = 200, b"something else"
    assert http.control("push/verify", {"url": shop.url}) == {"status": 200, "echoed": False}
    asked = query(shop.received[0])
    assert asked["signature"] == signature(credentials.push_token, asked["timestamp"], asked["nonce"])
    assert asked["echostr"].isdigit()


@pytest.mark.parametrize("changed", [{"mode": "mixed"}, {"form": "yaml"}])
def test_unknown_modes_are_refused(http: Http, shop: Shop, changed: dict[str, str]) -> None:
    assert "error" in http.control("push", {"event": EVENT, "url": shop.url} | changed)
