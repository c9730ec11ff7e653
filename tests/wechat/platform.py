"""The other side, for tests: WeChat's keys, its way to sign and seal, and an HTTP server that answers as it is told.

Written against the platform's documents, sharing nothing with chalicelib: a mistake must not cancel itself out.
"""

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from .known import APIV3_KEY, public_pem

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
APPID, MCHID, OPENID = "wx0000000000000001", "1900000001", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
KEY_ID, OTHER_KEY_ID = "PUB_KEY_ID_0119000000012026", "PUB_KEY_ID_0119000000012027"
CERTIFICATE_SERIAL = "5F1C72E2A8931B72"


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    """A key pair of this test run; the same for the same name."""
    return rsa.generate_private_key(65537, 2048)


@cache
def certificate_pem(
    name: str = "certificate",
    serial: str = CERTIFICATE_SERIAL,
    begins: timedelta = timedelta(days=-1),
    ends: timedelta = timedelta(days=1),
) -> str:
    """A platform certificate over the key of that name; `begins` and `ends` are counted from NOW."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com sign")])
    builder = x509.CertificateBuilder(subject, subject, key(name).public_key(), int(serial, 16))
    builder = builder.not_valid_before(NOW + begins).not_valid_after(NOW + ends)
    return builder.sign(key(name), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def platform_keys() -> dict[str, str]:
    return {
        KEY_ID: public_pem(key("platform")),
        OTHER_KEY_ID: public_pem(key("other platform")),
        CERTIFICATE_SERIAL: certificate_pem(),
    }


def signed_headers(
    body: bytes, *, at: datetime = NOW, serial: str = KEY_ID, by: str = "platform", nonce: str = "n0nce"
) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    message = timestamp.encode() + b"\n" + nonce.encode() + b"\n" + body + b"\n"
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature": b64encode(key(by).sign(message, padding.PKCS1v15(), hashes.SHA256())).decode(),
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        "Request-ID": "08F9-1",
    }


def trade(**changes: Any) -> dict[str, Any]:
    """A paid trade, as answers and callbacks state it."""
    return {
        "appid": APPID,
        "mchid": MCHID,
        "out_trade_no": "JS20261122T1",
        "transaction_id": "4200001234202611221234567890",
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "CMC",
        "attach": "",
        "success_time": "2026-11-22T09:59:30+08:00",
        "payer": {"openid": OPENID},
        "amount": {"total": 1990, "payer_total": 1490, "currency": "CNY", "payer_currency": "CNY"},
        "promotion_detail": [{"coupon_id": "109519", "amount": 500}],
        **changes,
    }


def refund_callback(**changes: Any) -> dict[str, Any]:
    return {
        "mchid": MCHID,
        "transaction_id": "4200001234202611221234567890",
        "out_trade_no": "JS20261122T1",
        "refund_id": "50000000382019052709732678859",
        "out_refund_no": "RJS20261122T1",
        "refund_status": "SUCCESS",
        "success_time": "2026-11-22T09:59:50+08:00",
        "user_received_account": "招商银行信用卡0403",
        "amount": {"total": 1990, "refund": 990, "payer_total": 1490, "payer_refund": 990},
        **changes,
    }


def refund_answer(**changes: Any) -> dict[str, Any]:
    answer = {
        **refund_callback(),
        "status": "PROCESSING",
        "channel": "ORIGINAL",
        "create_time": "2026-11-22T09:59:40+08:00",
    }
    for name in ("mchid", "refund_status", "success_time"):
        del answer[name]
    return {**answer, **changes}


def seal(plain: bytes, apiv3_key: str = APIV3_KEY, aad: str | None = "transaction") -> dict[str, str]:
    sealed = AESGCM(apiv3_key.encode()).encrypt(b"nonce0123456", plain, (aad or "").encode())
    inner = {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": b64encode(sealed).decode(),
        "nonce": "nonce0123456",
    }
    return inner if aad is None else {**inner, "associated_data": aad}


def callback(
    resource: Any,
    *,
    event_type: str = "TRANSACTION.SUCCESS",
    apiv3_key: str = APIV3_KEY,
    aad: str | None = "transaction",
) -> bytes:
    """The raw body of a callback; `resource` is sealed into it, as JSON unless it is bytes."""
    plain = resource if isinstance(resource, bytes) else json.dumps(resource, ensure_ascii=False).encode()
    inner = {"original_type": event_type.split(".")[0].lower(), **seal(plain, apiv3_key, aad)}
    envelope = {
        "id": "EV-2018022511223320873",
        "create_time": "2026-11-22T10:00:00+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": "支付成功",
        "resource": inner,
    }
    # Spaced and escaped otherwise than Python would: only the raw bytes can verify.
    return json.dumps(envelope, ensure_ascii=False, indent=1).encode()


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What the peer says. `hang_up`: it closes the connection instead."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False


@dataclass
class Peer:
    """Answers in the order given, the last one for ever; `answer` may look at the request. Keeps what it got."""

    base_url: str
    answers: list[Answer | Callable[[Request], Answer]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def will(self, *answers: Answer | Callable[[Request], Answer]) -> None:
        self.answers[:] = answers

    def next(self, request: Request) -> Answer:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request) if callable(answer) else answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(ConnectionError):  # some tests stop listening
            super().handle()

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        answer = cast(_Server, self.server).peer.next(request)
        if answer.hang_up:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = handle_any

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    peer: Peer


@contextmanager
def listening() -> Iterator[Peer]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.peer = Peer(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.peer
    finally:
        server.shutdown()
        server.server_close()


def says(payload: Any, status: int = 200) -> Answer:
    """A JSON answer without signature, as the mini-program side gives them."""
    return Answer(status, json.dumps(payload, ensure_ascii=False).encode(), {"Content-Type": "application/json"})


def signs(payload: Any, status: int = 200, **how: Any) -> Answer:
    """A JSON answer of WeChat Pay; `how` as for `signed_headers`."""
    body = b"" if payload is None else json.dumps(payload, ensure_ascii=False).encode()
    return Answer(status, body, signed_headers(body, **how))


class FakeClock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)
