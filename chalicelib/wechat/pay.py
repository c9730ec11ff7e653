"""WeChat Pay, API V3, for a mini-program (JSAPI) and for codes to scan (Native): the calls that a shop makes and the
callbacks that it gets.

Every call may be repeated: WeChat Pay knows it again by out_trade_no or out_refund_no. transport.py says what is
repeated here, and which answers count.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import quote

import urllib3

from ..kernel.clock import Clock, beijing, epoch
from .callbacks import read_callback
from .certificates import refresh
from .errors import PayRefused, PayUnverified
from .keys import KeyStore, PlatformKeys
from .pay_types import (
    Fields,
    Goods,
    Notification,
    PaymentSheet,
    Prepay,
    Refund,
    RefundStatus,
    Trade,
    read_refund,
    read_trade,
)
from .signing import MerchantKey, Undecryptable, new_nonce, sheet_message
from .transport import Transport, as_json, must_be_same, understood

DETAIL_BYTES: Final = 6144

_GOODS_ID = re.compile(r"[0-9A-Za-z_-]{1,32}")


@dataclass(frozen=True)
class PaySettings:
    """One merchant account.

    `platform_keys` maps `PUB_KEY_ID_…` to a public key, or a certificate's hex serial to the certificate, both PEM.
    The first public key is the one that answers are asked to be signed with. `fallback_url` takes the repetition of a
    failed call. `apiv3_key_previous` still opens what was sealed before the key was changed in the merchant portal.
    Raises ValueError if an APIv3 key is not the 32 ASCII characters that AES-256 needs.
    """

    appid: str
    mchid: str
    merchant_serial: str
    merchant_private_key_pem: str = field(repr=False)
    apiv3_key: str = field(repr=False)
    platform_keys: Mapping[str, str] = field(repr=False)
    notify_base: str
    base_url: str = "https://api.mch.weixin.qq.com"
    fallback_url: str | None = None
    apiv3_key_previous: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not all(len(key) == 32 and key.isascii() for key in self.apiv3_keys):
            raise ValueError("an APIv3 key must be 32 ASCII characters")

    @property
    def apiv3_keys(self) -> tuple[str, ...]:
        """The current one first."""
        return (self.apiv3_key, self.apiv3_key_previous) if self.apiv3_key_previous else (self.apiv3_key,)


class WeChatPay:
    """Raises PayError for whatever WeChat Pay or the network does, ValueError if a configured key is none, and what the
    key store raises when a key that is not configured is looked for.
    """

    def __init__(
        self,
        settings: PaySettings,
        clock: Clock,
        http: urllib3.PoolManager | None = None,
        pause: Callable[[float], None] = time.sleep,
        keys: KeyStore | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._merchant = MerchantKey(settings.mchid, settings.merchant_serial, settings.merchant_private_key_pem)
        self._platform = PlatformKeys(settings.platform_keys, keys)
        self.transport = Transport(
            self._merchant, self._platform, settings.base_url, settings.fallback_url, clock, http, pause
        )

    def prepay(self, order: Prepay) -> str:
        """The prepay_id, good for 2 hours. Again with the same parameters: a fresh one for the same trade."""
        payload = {**self._prepay(order), "payer": {"openid": order.openid}}
        answer = self.transport.call("POST", "/v3/pay/transactions/jsapi", payload)
        return understood(lambda: answer.text("prepay_id"))

    def prepay_native(self, order: Prepay) -> str:
        """The text of a QR code that anybody may scan and pay, good for 2 hours; `openid` counts for nothing.

        A number belongs to one way of paying: begun for a mini-program, it is PayRefused or PayMisconfigured here.
        """
        answer = self.transport.call("POST", "/v3/pay/transactions/native", self._prepay(order))
        return understood(lambda: answer.text("code_url"))

    def payment_sheet(self, prepay_id: str) -> PaymentSheet:
        timestamp, nonce, package = str(epoch(self._clock())), new_nonce(), f"prepay_id={prepay_id}"
        signature = self._merchant.sign(sheet_message(self._settings.appid, timestamp, nonce, package))
        return PaymentSheet(timestamp, nonce, package, "RSA", signature)

    def query(self, out_trade_no: str) -> Trade | None:
        """None if WeChat Pay knows no such trade (ORDER_NOT_EXIST): no prepay of this number ever arrived."""
        target = f"{_trade_path(out_trade_no)}?mchid={quote(self._settings.mchid, safe='')}"
        try:
            answer = self.transport.call("GET", target)
        except PayRefused as error:
            if error.is_code("ORDER_NOT_EXIST"):
                return None
            raise
        trade = understood(lambda: read_trade(answer))
        must_be_same(trade.out_trade_no, out_trade_no)
        return trade

    def close(self, out_trade_no: str) -> None:
        """After this the trade cannot be paid any more. May be repeated.

        PayRefused for whatever WeChat Pay will not close, a paid trade above all: only a query tells what it is.
        """
        self.transport.call("POST", f"{_trade_path(out_trade_no)}/close", {"mchid": self._settings.mchid})

    def refund(self, refund: Refund) -> RefundStatus:
        """Accepted, not yet done: the status comes by callback or `query_refund`."""
        payload: dict[str, Any] = {
            "out_trade_no": refund.out_trade_no,
            "out_refund_no": refund.out_refund_no,
            "amount": {"refund": refund.refund, "total": refund.total, "currency": "CNY"},
        }
        if refund.reason:
            payload["reason"] = refund.reason[:80]
        if refund.notify_url:
            payload["notify_url"] = self._notify_url(refund.notify_url)
        answer = self.transport.call("POST", "/v3/refund/domestic/refunds", payload)
        return self._refund_status(answer, refund.out_refund_no)

    def query_refund(self, out_refund_no: str) -> RefundStatus | None:
        """None if WeChat Pay knows no such refund (RESOURCE_NOT_EXISTS)."""
        try:
            answer = self.transport.call("GET", f"/v3/refund/domestic/refunds/{quote(out_refund_no, safe='')}")
        except PayRefused as error:
            if error.is_code("RESOURCE_NOT_EXISTS", "REFUND_NOT_EXISTS"):
                return None
            raise
        return self._refund_status(answer, out_refund_no)

    def echo(self) -> None:
        """The smoke test of an account: signatures, encryption and the clock, both ways, moving no money."""
        payload, secret = {"echo_message": new_nonce()}, new_nonce()
        key_id = self._platform.sealing(self._clock())
        if key_id:
            payload["encrypted_echo_message"] = self._platform.encrypt_field(key_id, secret, self._clock())
        answer = self.transport.call("POST", "/v3/security/echo", payload, key_id)
        must_be_same(understood(lambda: answer.text("echo_message")), payload["echo_message"])
        if key_id:
            try:
                returned = self._merchant.decrypt_field(understood(lambda: answer.text("encrypted_echo_message")))
            except Undecryptable as error:
                raise PayUnverified("UNDECRYPTABLE") from error
            must_be_same(returned, secret)

    def refresh_certificates(self) -> int:
        """Fetch the platform certificates and keep them for all processes. How many there are; 0 for merchants that
        have public keys alone. For a schedule, every 12 hours.
        """
        return refresh(self.transport, self._platform, self._settings.apiv3_keys, self._clock())

    def read_callback(self, headers: Mapping[str, str], raw_body: bytes) -> Notification:
        """Believe a callback: signed by WeChat Pay over these very bytes, within 5 minutes, and decrypted with our key.

        Raises BadCallback otherwise. Whether appid, mchid, amount and openid are the order's, the caller compares.
        """
        return read_callback(self._platform, self._settings.apiv3_keys, headers, raw_body, self._clock())

    def _prepay(self, order: Prepay) -> dict[str, Any]:
        """What both ways of paying have in common. Empty fields are left out: WeChat Pay takes no null."""
        payload: dict[str, Any] = {
            "appid": self._settings.appid,
            "mchid": self._settings.mchid,
            "description": order.description[:127],
            "out_trade_no": order.out_trade_no,
            "time_expire": beijing(order.time_expire),
            "notify_url": self._notify_url(order.notify_url),
            "amount": {"total": order.total, "currency": "CNY"},
        }
        if order.attach:
            payload["attach"] = order.attach
        if detail := _detail(order):
            payload["detail"] = detail
        if _is_address(order.client_ip):
            payload["scene_info"] = {"payer_client_ip": order.client_ip}
        return payload

    def _refund_status(self, answer: Fields, out_refund_no: str) -> RefundStatus:
        status = understood(lambda: read_refund(answer, self._settings.mchid))
        must_be_same(status.out_refund_no, out_refund_no)
        return status

    def _notify_url(self, url: str) -> str:
        # The platform's own samples carry a leading space, which it then refuses.
        url = url.strip()
        return self._settings.notify_base.strip().rstrip("/") + url if url.startswith("/") else url


def _detail(order: Prepay) -> dict[str, Any]:
    """The goods, as many from the first on as fit into what WeChat Pay takes."""
    lines = [_line(goods) for goods in order.goods if _GOODS_ID.fullmatch(goods.goods_id)]
    price = {"cost_price": order.cost_price} if order.cost_price else {}
    while lines:
        detail = {**price, "goods_detail": lines}
        if len(as_json(detail)) <= DETAIL_BYTES:
            return detail
        lines = lines[:-1]
    return price


def _line(goods: Goods) -> dict[str, Any]:
    line: dict[str, Any] = {"merchant_goods_id": goods.goods_id}
    if goods.name:
        line["goods_name"] = goods.name[:256]
    return {**line, "quantity": goods.quantity, "unit_price": goods.unit_price}


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return len(text) <= 45


def _trade_path(out_trade_no: str) -> str:
    return f"/v3/pay/transactions/out-trade-no/{quote(out_trade_no, safe='')}"
