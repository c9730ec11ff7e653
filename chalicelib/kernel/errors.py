"""The one tree of errors that a caller of the shop can meet.

    ShopError
    ├── Invalid          the request itself is wrong                          400
    ├── Unauthenticated  no session, or one that does not count               401
    ├── Forbidden        a session, but not for this                          403
    ├── NotFound         not there, or not the caller's                       404
    ├── Conflict         something else happened at the same time             409
    ├── Refused          understood, and against a rule of the shop           422
    ├── TooMany          too often                                            429
    └── Unavailable      a dependency failed; the same call may succeed later 503

A domain declares its refusals in its rules.py as subclasses with a stable `code` and a Chinese `message` for the
shopper. Only web/ knows the statuses. Every code stands in the contract.
"""

from typing import Any, ClassVar


class ShopError(Exception):
    """A refusal with a stable code. Keyword arguments become `details`, shown to the client: nothing secret in them."""

    code: ClassVar[str] = "ERROR"
    message: ClassVar[str] = "操作失败"

    def __init__(self, **details: Any) -> None:
        super().__init__(self.code, details)
        self.details = details


class Invalid(ShopError):
    """The request is malformed. `details.field` names the place when it is known."""

    code = "INVALID"
    message = "请求参数有误"


class Unauthenticated(ShopError):
    """No token, or nothing that is a token of ours."""

    code = "UNAUTHENTICATED"
    message = "请先登录"


class Forbidden(ShopError):
    """A session, but not for this. As it stands: the firewall takes the request for an attack."""

    code = "FORBIDDEN"
    message = "没有权限"


class NotFound(ShopError):
    """Also the answer for what belongs to another member: existence is not told."""

    code = "NOT_FOUND"
    message = "内容不存在"


class Conflict(ShopError):
    """Somebody changed it at the same time; nothing was written: look again."""

    code = "CONFLICT"
    message = "内容已变化，请刷新后再试"


class Refused(ShopError):
    code = "REFUSED"
    message = "当前不能进行此操作"


class TooMany(ShopError):
    """Too often: wait for `Retry-After` seconds. As it stands: the limit of a route, a member or an address."""

    code = "TOO_MANY"
    message = "操作太频繁，请稍后再试"


class Unavailable(ShopError):
    """The same request may be repeated, safely, a little later."""

    code = "UNAVAILABLE"
    message = "服务繁忙，请稍后再试"


def all_errors() -> list[type[ShopError]]:
    """Every error class that is loaded, by code: what the contract must list."""
    found: list[type[ShopError]] = []
    waiting: list[type[ShopError]] = [ShopError]
    while waiting:
        for child in waiting.pop().__subclasses__():
            found.append(child)
            waiting.append(child)
    return sorted(found, key=lambda error: error.code)
