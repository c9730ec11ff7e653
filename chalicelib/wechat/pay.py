"""WeChat Pay, API V3, for a mini-program (JSAPI): the calls that a shop makes and the callbacks that it gets.

Every call may be repeated: WeChat Pay knows it again by out_trade_no or out_refund_no. So a call that meets a dead
connection, a time-out, 5xx or 429 is repeated once here, with the same bytes signed anew, and then left to the
caller. A 2xx answer counts only if WeChat Pay signed it. Error answers may come unsigned, so they are protected by
TLS alone: they can say that a call failed and why, never that money moved.
"""

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import quote

import urllib3

from ..kernel.clock import Clock, beijing, epoch
from .errors import BadCallback, PayError, PayMisconfigured, PayRefused, PayUnreachable, PayUnverified, plain_code
from .pay_types import (
    Fields,
    Malformed,
    Notification,
    PaymentSheet,
    Prepay,
    Refund,
    RefundStatus,
    Trade,
    read_refund,
    read_trade,
)
from .signing import (
    BadSignature,
    MerchantKey,
    PlatformKeys,
    Undecryptable,
    decrypt_resource,
    new_nonce,
    sheet_message,
)

TIMEOUT: Final = urllib3.Timeout(connect=2, read=6)

_BUSY = frozenset({"SYSTEMERROR", "BANKERROR", "FREQUENCYLIMITED", "FREQUENCYLIMITEXCEED", "RATELIMITEXCEED"})
_OURS = frozenset({"PARAMERROR", "INVALIDREQUEST", "SIGNERROR", "NOAUTH", "MCHNOTEXISTS"})

T = TypeVar("T")


@dataclass(frozen=True)
class PaySettings:
    """One merchant account.

    `platform_keys` maps `PUB_KEY_ID_…` to a public key, or a certificate's hex serial to the certificate, both PEM.
    The first public key is the one that answers are asked to be signed with. `fallback_url` takes the repetition of a
    failed call. Raises ValueError if the APIv3 key is not the 32 ASCII characters that AES-256 needs.
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

    def __post_init__(self) -> None:
        if len(self.apiv3_key) != 32 or not self.apiv3_key.isascii():
            raise ValueError("the APIv3 key must be 32 ASCII characters")


class WeChatPay:
    """Raises PayError for whatever WeChat Pay or the network does, ValueError if a configured key is none."""

    def __init__(
        self,
        settings: PaySettings,
        clock: Clock,
        http: urllib3.PoolManager | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._http = http or urllib3.PoolManager(maxsize=10, timeout=TIMEOUT)
        self._pause = pause
        self._merchant = MerchantKey(settings.mchid, settings.merchant_serial, settings.merchant_private_key_pem)
        self._platform = PlatformKeys(settings.platform_keys)

    def prepay(self, order: Prepay) -> str:
        """The prepay_id, good for 2 hours. Again with the same parameters: a fresh one for the same trade."""
        payload: dict[str, Any] = {
            "appid": self._settings.appid,
            "mchid": self._settings.mchid,
            "description": order.description[:127],
            "out_trade_no": order.out_trade_no,
            "time_expire": beijing(order.time_expire),
            "notify_url": self._notify_url(order.notify_url),
            "amount": {"total": order.total, "currency": "CNY"},
            "payer": {"openid": order.openid},
        }
        if order.attach:
            payload["attach"] = order.attach
        answer = self._call("POST", "/v3/pay/transactions/jsapi", payload)
        return _read(lambda: answer.text("prepay_id"))

    def payment_sheet(self, prepay_id: str) -> PaymentSheet:
        timestamp, nonce, package = str(epoch(self._clock())), new_nonce(), f"prepay_id={prepay_id}"
        signature = self._merchant.sign(sheet_message(self._settings.appid, timestamp, nonce, package))
        return PaymentSheet(timestamp, nonce, package, "RSA", signature)

    def query(self, out_trade_no: str) -> Trade | None:
        """None if WeChat Pay knows no such trade (ORDER_NOT_EXIST): no prepay of this number ever arrived."""
        target = f"{_trade_path(out_trade_no)}?mchid={quote(self._settings.mchid, safe='')}"
        try:
            answer = self._call("GET", target)
        except PayRefused as error:
            if error.is_code("ORDER_NOT_EXIST"):
                return None
            raise
        trade = _read(lambda: read_trade(answer))
        _same(trade.out_trade_no, out_trade_no)
        return trade

    def close(self, out_trade_no: str) -> None:
        """After this the trade cannot be paid any more. May be repeated.

        PayRefused for whatever WeChat Pay will not close, a paid trade above all: only a query tells what it is.
        """
        self._call("POST", f"{_trade_path(out_trade_no)}/close", {"mchid": self._settings.mchid})

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
        return self._refund_status(self._call("POST", "/v3/refund/domestic/refunds", payload), refund.out_refund_no)

    def query_refund(self, out_refund_no: str) -> RefundStatus | None:
        """None if WeChat Pay knows no such refund (RESOURCE_NOT_EXISTS)."""
        try:
            answer = self._call("GET", f"/v3/refund/domestic/refunds/{quote(out_refund_no, safe='')}")
        except PayRefused as error:
            if error.is_code("RESOURCE_NOT_EXISTS", "REFUND_NOT_EXISTS"):
                return None
            raise
        return self._refund_status(answer, out_refund_no)

    def echo(self) -> None:
        """The smoke test of an account: signatures, encryption and the clock, both ways, moving no money."""
        payload, secret = {"echo_message": new_nonce()}, new_nonce()
        if self._platform.preferred:
            payload["encrypted_echo_message"] = self._platform.encrypt_field(self._platform.preferred, secret)
        answer = self._call("POST", "/v3/security/echo", payload)
        _same(_read(lambda: answer.text("echo_message")), payload["echo_message"])
        if self._platform.preferred:
            try:
                returned = self._merchant.decrypt_field(_read(lambda: answer.text("encrypted_echo_message")))
            except Undecryptable as error:
                raise PayUnverified("UNDECRYPTABLE") from error
            _same(returned, secret)

    def read_callback(self, headers: Mapping[str, str], raw_body: bytes) -> Notification:
        """Believe a callback: signed by WeChat Pay over these very bytes, within 5 minutes, and decrypted with our key.

        Raises BadCallback otherwise. Whether appid, mchid, amount and openid are the order's, the caller compares.
        """
        try:
            self._platform.verify(headers, raw_body, self._clock())
            return self._notification(Fields.parse(raw_body))
        except BadSignature as error:
            raise BadCallback(error.reason) from error
        except Undecryptable as error:
            raise BadCallback("undecryptable") from error
        except Malformed as error:
            raise BadCallback("malformed") from error

    def _notification(self, envelope: Fields) -> Notification:
        notification_id, event_type = envelope.text("id"), envelope.text("event_type")
        sealed = envelope.inner("resource")
        if sealed.text("algorithm") != "AEAD_AES_256_GCM":
            raise Malformed("algorithm")
        plain = decrypt_resource(
            self._settings.apiv3_key,
            sealed.text("nonce"),
            sealed.text("ciphertext"),
            sealed.text("associated_data", ""),
        )
        resource: Trade | RefundStatus | None = None
        if event_type.startswith("TRANSACTION."):
            resource = read_trade(Fields.parse(plain))
        elif event_type.startswith("REFUND."):
            fields = Fields.parse(plain)
            resource = read_refund(fields, fields.text("mchid"))
        return Notification(notification_id, event_type, resource)

    def _refund_status(self, answer: Fields, out_refund_no: str) -> RefundStatus:
        status = _read(lambda: read_refund(answer, self._settings.mchid))
        _same(status.out_refund_no, out_refund_no)
        return status

    def _notify_url(self, url: str) -> str:
        # The platform's own samples carry a leading space, which it then refuses.
        url = url.strip()
        return self._settings.notify_base.strip().rstrip("/") + url if url.startswith("/") else url

    def _call(self, method: str, target: str, payload: Mapping[str, Any] | None = None) -> Fields:
        body = b"" if payload is None else json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            return self._once(self._settings.base_url, method, target, body)
        except PayUnverified:
            raise
        except PayUnreachable:
            self._pause(random.uniform(0.1, 0.4))
        return self._once(self._settings.fallback_url or self._settings.base_url, method, target, body)

    def _once(self, base_url: str, method: str, target: str, body: bytes) -> Fields:
        headers = {
            "Authorization": self._merchant.authorization(method, target, body, self._clock()),
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "jishi",
        }
        if self._platform.preferred:
            headers["Wechatpay-Serial"] = self._platform.preferred
        try:
            # A signature is good for one request: no repetition and no redirection below this line.
            answer = self._http.request(method, base_url + target, body=body or None, headers=headers, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise PayUnreachable("UNREACHABLE", hint=type(error).__name__) from error
        request_id = answer.headers.get("Request-ID", "")
        if not 200 <= answer.status < 300:
            raise _failure(answer.status, request_id, answer.data)
        try:
            self._platform.verify(answer.headers, answer.data, self._clock())
            return Fields.parse(answer.data) if answer.data else Fields({})
        except BadSignature as error:
            raise PayUnverified("UNVERIFIED", status=answer.status, request_id=request_id, hint=error.reason) from error
        except Malformed as error:
            raise PayUnverified("MALFORMED", status=answer.status, request_id=request_id) from error


def _failure(status: int, request_id: str, body: bytes) -> PayError:
    """What a non-2xx answer means. Nothing proves who gave it; one without a code of WeChat Pay's says nothing."""
    try:
        fields = Fields.parse(body)
        code, hint = fields.text("code"), fields.text("message", "")
    except Malformed:
        code, hint = f"HTTP_{status}", ""
    plain = plain_code(code)
    kind: type[PayError] = PayRefused
    if status >= 500 or status == 429 or plain in _BUSY or plain.startswith("HTTP"):
        kind = PayUnreachable
    elif status == 401 or plain in _OURS or plain.endswith("NOTMATCH"):
        kind = PayMisconfigured
    return kind(_printable(code), status=status, request_id=request_id, hint=_printable(hint))


def _printable(text: str) -> str:
    """Fit for a log: anybody may have written it."""
    return "".join(character for character in text[:200] if character.isprintable())


def _trade_path(out_trade_no: str) -> str:
    return f"/v3/pay/transactions/out-trade-no/{quote(out_trade_no, safe='')}"


def _read(read: Callable[[], T]) -> T:
    try:
        return read()
    except Malformed as error:
        raise PayUnverified("MALFORMED", status=200, hint=str(error)) from error


def _same(answered: str, asked: str) -> None:
    """A signature does not say to which question an answer belongs; the number in it does."""
    if answered != asked:
        raise PayUnverified("UNVERIFIED", status=200, hint="answer to another question")
