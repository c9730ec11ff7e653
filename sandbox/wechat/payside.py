"""The host api.mch.weixin.qq.com: every call passes the gate, every answer is signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.wechat import crypto
from sandbox.wechat.callbacks import Callbacks
from sandbox.wechat.certificates import Certificates
from sandbox.wechat.faults import Fault
from sandbox.wechat.fields import Group, Text
from sandbox.wechat.gate import Gate, PayError, param_error, read_body, request_id
from sandbox.wechat.http import Answer, Call, Routes, json_answer
from sandbox.wechat.jobs import Jobs
from sandbox.wechat.pay import NOTIFY_URL
from sandbox.wechat.signing import Signer
from sandbox.wechat.world import World

_ECHO = Group(
    {
        "notify_url": Text(255, pattern=NOTIFY_URL),
        "echo_message": Text(1024, required=True),
        "encrypted_echo_message": Text(2048),
    }
)


class PaySide:
    def __init__(self, world: World, signer: Signer, routes: Sequence[Routes]) -> None:
        self._gate = Gate(world)
        self._signer = signer
        self._routes = routes

    def work(self, call: Call) -> Answer:
        try:
            self._gate.admit(call)
            serial = call.headers.get("Wechatpay-Serial")
            if serial and not self._signer.knows(serial):
                raise PayError(400, "PARAM_ERROR", "平台证书序列号Wechatpay-Serial错误")
            return self._dispatch(call)
        except PayError as error:
            return error.answer()

    def _dispatch(self, call: Call) -> Answer:
        for routes in self._routes:
            handlers, params = routes.find(call)
            if handlers and call.method not in handlers:
                raise PayError(405, "METHOD_NOT_ALLOWED", "HTTP方法不支持")
            if handlers:
                return handlers[call.method](call.with_params(params))
        raise PayError(404, "RESOURCE_NOT_EXISTS", "接口不存在")

    def refuse(self, fault: Fault) -> Answer:
        message = fault.get("message", "errcode is a fault of the mini-program side")
        return PayError(fault.get("status", 500), fault.get("code", "SYSTEM_ERROR"), message).answer()

    def finish(self, call: Call, answer: Answer, faults: Mapping[str, Fault]) -> None:
        """Sign the answer, unless it is a download or a fault says otherwise."""
        answer.headers.setdefault("Request-ID", request_id())
        if not answer.signed or "unsigned" in faults or ("unsigned_errors" in faults and answer.status >= 400):
            return
        answer.headers |= self._signer.headers(answer.body, call.headers.get("Wechatpay-Serial"), faults)
        if "tamper" in faults:
            answer.body += b" "


class Security:
    """The smoke test of keys, and the list of platform certificates."""

    def __init__(
        self, world: World, signer: Signer, certificates: Certificates, callbacks: Callbacks, jobs: Jobs
    ) -> None:
        self._world = world
        self._certificates = certificates
        self._signer = signer
        self._callbacks = callbacks
        self._jobs = jobs
        self.routes = Routes(("POST", "/v3/security/echo", self._echo), ("GET", "/v3/certificates", self._list))

    def _echo(self, call: Call) -> Answer:
        body = read_body(call, _ECHO)
        answer, told = {"echo_message": body["echo_message"]}, {"echo_message": body["echo_message"]}
        if "encrypted_echo_message" in body:
            serial = call.headers.get("Wechatpay-Serial", "")
            try:
                text = self._signer.decrypt_field(serial, body["encrypted_echo_message"])
            except ValueError:
                raise param_error("/encrypted_echo_message", "解密失败") from None
            key = crypto.public_key(self._world.credentials.merchant_public_key)
            answer["encrypted_echo_message"] = crypto.encrypt_field(key, text)
            told["encrypt_echo_message"] = answer["encrypted_echo_message"]
        if "notify_url" in body:
            id = self._callbacks.make("SECURITY_ECHO.SUCCESS", "security", "测试成功", body["notify_url"], told)
            self._jobs.schedule("callback", id, self._world.now())
        return json_answer(answer)

    def _list(self, call: Call) -> Answer:
        if not self._world.settings.certificate_mode:
            message = "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥"
            raise PayError(404, "RESOURCE_NOT_EXISTS", message)
        return json_answer({"data": self._certificates.shown()})
