"""What can go wrong at the platform.

For shoppers, with a code of the contract:

    Invalid       LoginCodeInvalid, PhoneCodeInvalid
    Forbidden     RiskyUser, PushRefused
    Refused       NoConsent, MessageRefused
    TooMany       WeChatRateLimited
    Unavailable   WeChatBusy, WeChatMisconfigured

For the payments domain, which decides what becomes of the order:

    PayError
    ├── PayUnreachable       no answer that counts: ask again, the outcome is unknown
    │   └── PayUnverified    an answer came, but nothing proves that WeChat Pay gave it, or it makes no sense
    ├── PayRefused           WeChat Pay said no for a reason of the order
    │   ├── BillNotReady     the bill of that day is still being made: ask again in half an hour
    │   └── NoBill           nothing happened on that day: final
    ├── PayMisconfigured     WeChat Pay said no for a reason of ours: alarm, no repetition helps
    └── BadCallback          a callback that must not be believed
"""

from typing import Any

from ..kernel.errors import Forbidden, Invalid, Refused, TooMany, Unavailable


class LoginCodeInvalid(Invalid):
    """The code of wx.login is wrong, used or older than 5 minutes (40029, 40163): log in again with a new one."""

    code = "LOGIN_CODE_INVALID"
    message = "登录凭证已失效，请重新登录"


class PhoneCodeInvalid(Invalid):
    """The code of getPhoneNumber is wrong, used, too old (40029, 40163), or another shopper's (40003)."""

    code = "PHONE_CODE_INVALID"
    message = "手机号授权已失效，请重新授权"


class RiskyUser(Forbidden):
    """The platform holds this user for a risk (40226)."""

    code = "RISKY_USER"
    message = "账号存在风险，暂时无法使用"


class PushRefused(Forbidden):
    """A pushed message that nothing proves to be the platform's. `reason` is for the log; it holds nothing secret."""

    code = "PUSH_REFUSED"
    message = "消息校验未通过"

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class NoConsent(Refused):
    """The shopper never agreed to this template, or the consent is used up (43101). Final."""

    code = "NO_CONSENT"
    message = "未订阅此消息"


class MessageRefused(Refused):
    """The platform will never deliver this message as it is: its data, its words or its receiver are wrong. Final."""

    code = "MESSAGE_REFUSED"
    message = "消息无法发送"


class WeChatRateLimited(TooMany):
    """Too many calls for this user or this app (45009, 45011)."""

    code = "WECHAT_RATE_LIMITED"
    message = "操作太频繁，请稍后再试"


class WeChatBusy(Unavailable):
    """The platform did not do it now (-1, 43108); try again later.

    `uncertain` is True when no usable answer arrived, so that the call may have been carried out all the same.
    """

    code = "WECHAT_BUSY"
    message = "微信服务繁忙，请稍后再试"

    def __init__(self, *, uncertain: bool = False, **details: Any) -> None:
        super().__init__(**details)
        self.uncertain = uncertain


class WeChatMisconfigured(Unavailable):
    """The platform refuses the shop itself: appid, secret, address list, permissions, templates. Needs the merchant."""

    code = "WECHAT_MISCONFIGURED"
    message = "服务暂不可用，请联系商家"


class PayError(Exception):
    """A call to WeChat Pay that did not do what was asked.

    `code` is WeChat Pay's own, or UNREACHABLE, HTTP_<status>, UNVERIFIED, MALFORMED; `status` is 0 without an answer.
    `retryable`: the same call with the same numbers may succeed later. `uncertain`: it may have been carried out;
    query. `hint` says more for the log; like the code, it comes from an answer that nothing may prove.
    """

    retryable = False
    uncertain = False

    def __init__(self, code: str, *, status: int = 0, request_id: str = "", hint: str = "") -> None:
        super().__init__(code, status, request_id, hint)
        self.code = code
        self.status = status
        self.request_id = request_id
        self.hint = hint

    def is_code(self, *codes: str) -> bool:
        """Compares without underscores: ORDER_PAID and ORDERPAID are spellings of one code."""
        return plain_code(self.code) in map(plain_code, codes)


class PayUnreachable(PayError):
    """No connection, a time-out, 5xx, 429, or an answer that is not WeChat Pay's in form."""

    retryable = True
    uncertain = True


class PayUnverified(PayUnreachable):
    """2xx, but unsigned, stale, wrongly signed, senseless, or the answer to another question. `hint` says which."""


class PayRefused(PayError):
    """ORDER_PAID, ORDER_CLOSED, OUT_TRADE_NO_USED, TRADE_ERROR, NOT_ENOUGH and the like: query, then decide."""

    def __init__(self, code: str, *, status: int = 0, request_id: str = "", hint: str = "") -> None:
        super().__init__(code, status=status, request_id=request_id, hint=hint)
        # Topping up the merchant's account makes the same refund succeed under the same number.
        self.retryable = self.is_code("NOT_ENOUGH")


class BillNotReady(PayRefused):
    """STATEMENT_CREATING."""

    def __init__(self, code: str, *, status: int = 0, request_id: str = "", hint: str = "") -> None:
        super().__init__(code, status=status, request_id=request_id, hint=hint)
        self.retryable = True


class NoBill(PayRefused):
    """NO_STATEMENT_EXIST."""


class PayMisconfigured(PayError):
    """PARAM_ERROR, INVALID_REQUEST, SIGN_ERROR, NO_AUTH, …_NOT_MATCH and every 401."""


class BadCallback(PayError):
    """`reason`: unsigned, unknown_signature_type, unknown_serial, stale, bad_signature, undecryptable or malformed."""

    def __init__(self, reason: str) -> None:
        super().__init__("BAD_CALLBACK", hint=reason)
        self.reason = reason


def plain_code(code: str) -> str:
    return code.replace("_", "").upper()
