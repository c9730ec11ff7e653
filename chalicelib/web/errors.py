"""Error families to statuses; the one form of an error answer."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from ..kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    ShopError,
    TooMany,
    Unauthenticated,
    Unavailable,
)

STATUS: Mapping[type[ShopError], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Refused: 422,
    TooMany: 429,
    Unavailable: 503,
}


class ErrorAnswer(msgspec.Struct, frozen=True):
    """What every refusal looks like."""

    code: Annotated[str, msgspec.Meta(description="Stable; decide by it.", examples=["SOLD_OUT"])]
    message: Annotated[str, msgspec.Meta(description="Chinese; may be shown to the shopper.", examples=["商品已售罄"])]
    request_id: Annotated[str, msgspec.Meta(description="Quote it when asking for help.", examples=["01JX"])]
    details: Annotated[dict[str, Any], msgspec.Meta(description="Facts about the refusal.", examples=[{}])]


class Internal(Unavailable):
    """A fault of ours. It is logged with the request id; the caller learns nothing else."""

    code = "INTERNAL"
    message = "服务出了点问题，请稍后再试"


class BodyTooLarge(Invalid):
    """`details.limit`: bytes that a body may have."""

    code = "BODY_TOO_LARGE"
    message = "请求内容过大"


class IdempotencyKeyMissing(Invalid):
    """The route needs the header, so that a repetition is known as one."""

    code = "IDEMPOTENCY_KEY_MISSING"
    message = "缺少 Idempotency-Key 请求头"


class SignatureMissing(Unauthenticated):
    """The shop demands a signature for this route."""

    code = "SIGNATURE_MISSING"
    message = "缺少请求签名"


class StaffOnly(Forbidden):
    """A route of the merchant's people; `details.needed` is the role that the member lacks."""

    code = "STAFF_ONLY"
    message = "仅限有权限的店员操作"


class OwnAccount(Forbidden):
    """Staff decide about other members; about their own orders and points, another one does, or the owner."""

    code = "OWN_ACCOUNT"
    message = "不能处理自己的订单、售后或积分"


class UnsupportedMediaType(Invalid):
    """Send `Content-Type: application/json`."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    message = "不支持的内容类型"


class MethodNotAllowed(Invalid):
    """The path has other methods; the header `Allow` says which."""

    code = "METHOD_NOT_ALLOWED"
    message = "不支持的请求方法"


SPECIAL: Mapping[type[ShopError], int] = {
    Internal: 500,
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    MethodNotAllowed: 405,
}


def status_of(error: type[ShopError]) -> int:
    for kind in error.__mro__:
        if kind in SPECIAL:
            return SPECIAL[kind]
        if kind in STATUS:
            return STATUS[kind]
    return 500


def error_answer(error: ShopError, request_id: str) -> tuple[int, bytes]:
    """Status and JSON body."""
    answer = ErrorAnswer(error.code, error.message, request_id, error.details)
    return status_of(type(error)), msgspec.json.encode(answer)
