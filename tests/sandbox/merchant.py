"""A merchant for these tests: its own signing and decryption, straight on `cryptography`, so that the sandbox does not
judge itself; a shop that takes callbacks; a clock."""

import base64
import http.client
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sandbox.wechat import Credentials

PREPAY = "/v3/pay/transactions/jsapi"
NATIVE = "/v3/pay/transactions/native"
REFUNDS = "/v3/refund/domestic/refunds"


class FakeClock:
    """Noon in Beijing, 20 November 2026, and later."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
        self._offset = 0.0

    def __call__(self) -> datetime:
        return self._now + timedelta(seconds=self._offset)

    def offset(self) -> float:
        return self._offset

    def advance(self, seconds: float) -> None:
        self._offset += seconds


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Http:
    """Plain calls to the sandbox."""

    def __init__(self, base_url: str) -> None:
        self.host = base_url.removeprefix("http://")

    def send(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        connection = self.client_connection()
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return Reply(answer.status, {k.title(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def client_connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, timeout=10)

    def get(self, target: str) -> Any:
        return self.send("GET", target, b"", {}).json()

    def post(self, target: str, body: object = None) -> Any:
        return self.send("POST", target, b"" if body is None else json.dumps(body).encode(), {}).json()

    def delete(self, target: str) -> Any:
        return self.send("DELETE", target, b"", {}).json()

    def control(self, path: str, body: object = None) -> Any:
        return self.post(f"/_sandbox/{path}", body)

    def fault(self, match: str, do: str, **more: object) -> None:
        self.control("faults", [{"match": match, "do": do, **more}])


class Merchant:
    """Signs as the official rules say; every part of a request can be replaced to break them."""

    def __init__(self, http: Http, credentials: Credentials, clock: FakeClock, notify_url: str) -> None:
        self.http, self.credentials, self.clock, self.notify_url = http, credentials, clock, notify_url
        pem = credentials.merchant_private_key.encode()
        key = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, rsa.RSAPrivateKey)
        self.key = key

    def sign(self, message: str, key: rsa.RSAPrivateKey | None = None) -> str:
        return base64.b64encode((key or self.key).sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()

    def fields(self, method: str, target: str, body: str, **changed: str) -> dict[str, str]:
        fields = {
            "mchid": self.credentials.mchid,
            "nonce_str": secrets.token_hex(16),
            "timestamp": str(int(self.clock().timestamp())),
            "serial_no": self.credentials.merchant_serial,
        } | changed
        message = f"{method}\n{target}\n{fields['timestamp']}\n{fields['nonce_str']}\n{body}\n"
        return {"signature": self.sign(message)} | fields

    def headers(self, fields: Mapping[str, str], **changed: str | None) -> dict[str, str]:
        value = ",".join(f'{name}="{value}"' for name, value in fields.items())
        headers = {
            "Authorization": f"WECHATPAY2-SHA256-RSA2048 {value}",
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "merchant/1",
            "Wechatpay-Serial": self.credentials.wechatpay_public_key_id,
        } | {name.replace("_", "-"): value for name, value in changed.items()}
        return {name: value for name, value in headers.items() if value is not None}

    def call(self, method: str, target: str, body: object = None, **headers: str | None) -> Reply:
        text = "" if body is None else body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        signed = self.headers(self.fields(method, target, text), **headers)
        return self.http.send(method, target, text.encode(), signed)

    def openid(self, shopper: str = "anna") -> str:
        return str(self.http.control("login-codes", {"shopper": shopper})["openid"])

    def order(self, number: str = "order-0001", total: int = 100, **changed: object) -> dict[str, Any]:
        order = {
            "appid": self.credentials.appid,
            "mchid": self.credentials.mchid,
            "description": "白瓷碗",
            "out_trade_no": number,
            "notify_url": self.notify_url,
            "amount": {"total": total, "currency": "CNY"},
            "payer": {"openid": self.openid()},
        } | changed
        return {name: value for name, value in order.items() if value is not ...}

    def prepay(self, number: str = "order-0001", total: int = 100, **changed: object) -> str:
        reply = self.call("POST", PREPAY, self.order(number, total, **changed))
        assert reply.status == 200, reply.body
        return str(reply.json()["prepay_id"])

    def pay(self, prepay_id: str, **more: object) -> Any:
        return self.http.control(f"payments/{prepay_id}/pay", more)

    def paid(self, number: str = "order-0001", total: int = 100) -> Any:
        return self.pay(self.prepay(number, total))

    def code(self, number: str = "order-0001", total: int = 100, **changed: object) -> str:
        reply = self.call("POST", NATIVE, self.order(number, total, **{"payer": ..., **changed}))
        assert reply.status == 200, reply.body
        return str(reply.json()["code_url"])

    def scan(self, code_url: str, shopper: str = "bert", **more: object) -> Any:
        return self.http.control("native/pay", {"code_url": code_url, "shopper": shopper, **more})

    def query(self, number: str = "order-0001") -> Reply:
        return self.call("GET", f"/v3/pay/transactions/out-trade-no/{number}?mchid={self.credentials.mchid}")

    def close(self, number: str = "order-0001") -> Reply:
        target = f"/v3/pay/transactions/out-trade-no/{number}/close"
        return self.call("POST", target, {"mchid": self.credentials.mchid})

    def refund(self, number: str = "refund-1", refund: int = 100, total: int = 100, **changed: object) -> Reply:
        amount = {"refund": refund, "total": total, "currency": "CNY"}
        body = {"out_trade_no": "order-0001", "out_refund_no": number, "amount": amount, "notify_url": self.notify_url}
        wanted = {name: value for name, value in (body | changed).items() if value is not ...}
        return self.call("POST", REFUNDS, wanted)

    def ended(self, number: str = "refund-1") -> str:
        """How a refund ended, which the sandbox lets it do in its own time."""
        for _ in range(2000):
            status = str(self.call("GET", f"{REFUNDS}/{number}").json()["status"])
            if status != "PROCESSING":
                return status
        raise AssertionError(f"{number} has not ended")

    def verifies(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Is the answer or callback signed by the key that its serial names?"""
        credentials = self.credentials
        certificate = x509.load_pem_x509_certificate(credentials.platform_certificate.encode())
        public_key = serialization.load_pem_public_key(credentials.wechatpay_public_key.encode())
        keys = {
            credentials.wechatpay_public_key_id: public_key,
            f"{certificate.serial_number:040X}": certificate.public_key(),
        }
        key = keys.get(headers.get("Wechatpay-Serial", ""))
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        message = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + body + b"\n"
        try:
            signature = base64.b64decode(headers["Wechatpay-Signature"], validate=True)
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return False
        return headers["Wechatpay-Signature-Type"] == "WECHATPAY2-SHA256-RSA2048"

    def decrypt(self, body: bytes) -> Any:
        resource = json.loads(body)["resource"]
        sealed = base64.b64decode(resource["ciphertext"])
        cipher = AESGCM(self.credentials.apiv3_key.encode())
        return json.loads(cipher.decrypt(resource["nonce"].encode(), sealed, resource["associated_data"].encode()))


class Shop:
    """Takes what WeChat sends. Answers `status`, or the next of `statuses`."""

    def __init__(self) -> None:
        self.received: list[Reply] = []
        self.status = 204
        self.statuses: list[int] = []
        self.answer = b""
        self.echoes = False
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/wechat"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, count: int) -> list[Reply]:
        """The first `count` messages; fails if they do not come within 5 seconds."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.received) >= count, 5), f"got {len(self.received)}"
            return self.received[:count]

    def _take(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        with self._arrived:
            self.received.append(Reply(0, {k.title(): v for k, v in headers.items()} | {"path": path}, body))
            self._arrived.notify_all()
            if self.echoes and "echostr=" in path:
                return 200, path.partition("echostr=")[2].partition("&")[0].encode()
            return (self.statuses.pop(0) if self.statuses else self.status), self.answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = take(self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST

            def log_message(self, format: str, *args: object) -> None: ...

        return Handler
