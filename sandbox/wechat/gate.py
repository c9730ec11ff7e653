"""The door of Pay V3: who calls, is it signed, is it fresh; and the form of every error."""

from __future__ import annotations

import re
import secrets
import threading
from typing import Any

from sandbox.wechat import crypto
from sandbox.wechat.fields import BadField, Group, value_at
from sandbox.wechat.http import Answer, Call, json_answer, parse_json_object
from sandbox.wechat.signing import SIGNATURE_TYPE
from sandbox.wechat.world import World

FRESH_SECONDS = 300
_MANY_NONCES = 5000
_PARTS = re.compile(r'\s*([a-z_]+)="([^"]*)"\s*')
_NEEDED = {"mchid", "nonce_str", "timestamp", "serial_no", "signature"}
_OK_TAIL, _ERROR_TAIL = 0, 268435456


class PayError(Exception):
    """An error answer of Pay V3. `tail` is the number at the end of its Request-ID; only some are documented."""

    def __init__(self, status: int, code: str, message: str, detail: object = None, tail: int = _ERROR_TAIL) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.detail, self.tail = status, code, message, detail, tail

    def answer(self) -> Answer:
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.detail is not None:
            body["detail"] = self.detail
        answer = json_answer(body, self.status, self.code)
        answer.headers["Request-ID"] = request_id(self.tail)
        return answer


def request_id(tail: int = _OK_TAIL) -> str:
    return f"08{secrets.token_hex(14).upper()}-{tail}"


class Gate:
    """Checks every call of the Pay side before anything else happens."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._merchant_key = crypto.public_key(world.credentials.merchant_public_key)
        self._nonces: dict[str, int] = {}
        self._lock = threading.Lock()

    def admit(self, call: Call) -> None:
        """PayError 400 for missing headers, 401 SIGN_ERROR for everything about the signature."""
        if not call.headers.get("User-Agent") or not call.headers.get("Accept"):
            raise PayError(400, "PARAM_ERROR", "Http头缺少Accept或User-Agent")
        accepts = call.headers["Accept"]
        if not any(kind in accepts for kind in ("application/json", "*/*", "application/*")):
            raise PayError(406, "PARAM_ERROR", "Http头Accept不支持，应为application/json")
        parts = _authorization(call.headers.get("Authorization", ""))
        self._check_identity(parts)
        self._check_signature(call, parts)
        self._check_nonce(parts["nonce_str"], int(parts["timestamp"]))

    def _check_identity(self, parts: dict[str, str]) -> None:
        keys = self._world.credentials
        if parts["mchid"] != keys.mchid:
            raise _sign_error("mchid", "商户号不存在")
        if parts["serial_no"].upper() != keys.merchant_serial:
            raise _sign_error("serial_no", "商户证书序列号有误")
        if not parts["timestamp"].isdigit() or abs(self._world.timestamp() - int(parts["timestamp"])) > FRESH_SECONDS:
            raise _sign_error("timestamp", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")

    def _check_signature(self, call: Call, parts: dict[str, str]) -> None:
        head = f"{call.method}\n{call.target}\n{parts['timestamp']}\n{parts['nonce_str']}\n"
        message = head.encode() + call.body + b"\n"
        if crypto.verifies(self._merchant_key, message, parts["signature"]):
            return
        shown = head + (f"[{len(call.body)} bytes]" if call.body else "") + "\n"
        information = {
            "method": call.method,
            "url": call.target,
            "truncated_sign_message": shown,
            "sign_message_length": len(message),
        }
        raise _sign_error("signature", "错误的签名，验签失败", sign_information=information)

    def _check_nonce(self, nonce: str, timestamp: int) -> None:
        oldest = self._world.timestamp() - 2 * FRESH_SECONDS
        with self._lock:
            if len(self._nonces) > _MANY_NONCES:
                self._nonces = {seen: at for seen, at in self._nonces.items() if at >= oldest}
            if nonce in self._nonces:
                raise _sign_error("nonce_str", "Http头Authorization中的nonce_str重复")
            self._nonces[nonce] = timestamp


def _authorization(header: str) -> dict[str, str]:
    scheme, _, rest = header.partition(" ")
    matches = [_PARTS.fullmatch(part) for part in rest.split(",")]
    parts = {match[1]: match[2] for match in matches if match}
    whole = len(parts) == len(matches) and set(parts) == _NEEDED and all(parts.values())
    if scheme != SIGNATURE_TYPE or not whole or len(parts["nonce_str"]) > 32:
        raise _sign_error("authorization", "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")
    return parts


def _sign_error(field: str, message: str, **more: object) -> PayError:
    detail = {"detail": {"issue": "sign not match"}, "field": field, "location": "authorization", **more}
    return PayError(401, "SIGN_ERROR", message, detail)


def param_error(location: str, issue: str, value: object = None) -> PayError:
    detail = {"location": "body", "field": location, "value": value, "issue": issue}
    return PayError(400, "PARAM_ERROR", f"参数错误：{location} {issue}", detail)


def read_body(call: Call, form: Group) -> dict[str, Any]:
    """The JSON body, if it has the declared form. PayError 400 otherwise."""
    if call.headers.get("Content-Type", "").split(";")[0].strip().lower() != "application/json":
        raise PayError(400, "PARAM_ERROR", "Http头Content-Type应为application/json")
    try:
        body = parse_json_object(call.body)
    except ValueError:
        raise PayError(400, "PARAM_ERROR", "请求中的body不是合法的JSON") from None
    try:
        form.check(body, "")
    except BadField as bad:
        raise param_error(bad.location, bad.issue, value_at(body, bad.location)) from None
    return body


def check_mchid(world: World, mchid: str | None) -> None:
    """The number in the query or the body must be the caller's."""
    if not mchid:
        raise PayError(400, "PARAM_ERROR", "参数错误：mchid 必填参数缺失")
    if mchid != world.credentials.mchid:
        raise PayError(403, "NO_AUTH", "商户号mchid与签名的商户号不一致")
