"""One request, from its bytes to its answer."""

import hashlib
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import msgspec
from chalice.app import Request, Response

from ..kernel.errors import Invalid, NotFound, ShopError, Unauthenticated, Unavailable
from ..kernel.staff import StaffRole, may
from ..log import logger
from ..storage.reads import Wish, fetch, postponed
from ..storage.table import STORAGE_FAILURES
from .call import Call, Endpoint
from .errors import BodyTooLarge, IdempotencyKeyMissing, Internal, OwnAccount, SignatureMissing, StaffOnly, error_answer
from .headers import SAFE

MOST_BYTES = 64 * 1024
MOST_PROBLEM = 300
IDENTIFIER = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
KEY = re.compile(r"[\x21-\x7e]{8,64}")
JSON = "application/json; charset=utf-8"


class Malformed(Invalid):
    """`details.problem` says what is wrong and where, in English, for developers."""

    code = "MALFORMED"
    message = "请求参数有误"

    def __init__(self, problem: str) -> None:
        super().__init__(problem=problem[:MOST_PROBLEM])  # it names an unknown field, which may be as long as the body


def serve(endpoint: Endpoint, app: Any, request: Request, path: dict[str, str]) -> Response:
    """Answer a JSON endpoint. Every failure becomes an ErrorAnswer; nothing else leaves."""
    started, request_id = time.perf_counter(), _begin(endpoint, request)
    headers: dict[str, str | list[str]] = {"Content-Type": JSON, "X-Request-Id": request_id, **SAFE}
    try:
        answer = _handled(endpoint, app.shop, request, path, request_id)
        status, body = endpoint.status, msgspec.json.encode(answer) if endpoint.answers else b""
        headers["Cache-Control"] = "no-store"
        if endpoint.cache is not None:
            etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            headers |= {"ETag": etag, "Cache-Control": f"public, max-age={endpoint.cache}"}
            if _matches(request.headers.get("if-none-match"), etag):
                status, body = 304, b""
    except Exception as error:
        status, body = _refuse(error, request_id)
        headers["Cache-Control"] = "no-store"
        if status in (429, 503):
            headers["Retry-After"] = str(getattr(error, "details", {}).get("seconds", 1))
    logger.info("answered", status=status, ms=round((time.perf_counter() - started) * 1000, 1))
    return Response(body.decode(), headers, status)


def serve_raw(endpoint: Endpoint, app: Any, request: Request, path: dict[str, str]) -> Response:
    """Answer a caller with a protocol of its own; the handler maps its own errors."""
    request_id = _begin(endpoint, request)
    try:
        response: Response = _handled(endpoint, app.shop, request, path, request_id)
    except Exception as error:
        status, body = _refuse(error, request_id)
        response = Response(body.decode(), {"Content-Type": JSON}, status)
    response.headers = {**response.headers, "X-Request-Id": request_id, "Cache-Control": "no-store", **SAFE}
    logger.info("answered", status=response.status_code)
    return response


def _refuse(error: Exception, request_id: str) -> tuple[int, bytes]:
    if isinstance(error, ShopError):
        logger.info("refused", code=error.code)
        return error_answer(error, request_id)
    if isinstance(error, STORAGE_FAILURES):
        logger.exception("storage failed")
        return error_answer(Unavailable(), request_id)
    logger.exception("unexpected failure")
    return error_answer(Internal(), request_id)


def _handled(endpoint: Endpoint, shop: Any, request: Request, path: dict[str, str], request_id: str) -> Any:
    logger.thread_safe_append_keys(order_id=path.get("order_id"))
    raw = _raw_body(request)
    if endpoint.public:
        return endpoint.handler(_call(endpoint, shop, request, path, raw, request_id))
    token = shop.identity.verified(_token(request))
    malformed: ShopError | None = None
    wishes: Sequence[Wish[Any]] = ()
    try:
        call = _call(endpoint, shop, request, path, raw, request_id, token.member_id)
        wishes = endpoint.reads(call) if endpoint.reads else ()
    except ShopError as error:  # told to nobody before the session, the role and the signature are found good
        malformed = error
    session, *made = fetch(shop.identity.reads(token), *map(postponed, wishes))
    shop.identity.keep_pace(session)
    _admit(endpoint, shop, session, request, path, raw)
    if malformed is not None:
        raise malformed
    return endpoint.handler(replace(call, member_session=session), *(make() for make in made))


def _admit(endpoint: Endpoint, shop: Any, session: Any, request: Request, path: dict[str, str], raw: bytes) -> None:
    logger.thread_safe_append_keys(member_id=session.member_id)
    if endpoint.staff is not None:
        _check_staff(endpoint.staff, session, path)
    if endpoint.signed:
        _check_signature(shop, session, request, raw)


def _call(
    endpoint: Endpoint,
    shop: Any,
    request: Request,
    path: dict[str, str],
    raw: bytes,
    request_id: str,
    member_id: str = "",
) -> Call[Any]:
    return Call(
        shop=shop,
        now=shop.clock(),
        path={name: _identifier(value) for name, value in path.items()},
        body=_body(endpoint, raw),
        member_id=member_id,
        query=_query(endpoint, request),
        idempotency_key=_idempotency_key(request) if endpoint.idempotent else "",
        request_id=request_id,
        headers=request.headers,
        raw_body=raw,
        client_ip=(request.context.get("identity") or {}).get("sourceIp") or "",
    )


def _begin(endpoint: Endpoint, request: Request) -> str:
    """The request's id: API Gateway's, so that its logs and ours meet; the local gateway gives none."""
    request_id = str(request.context.get("requestId") or secrets.token_hex(8))
    route = f"{endpoint.method} {endpoint.path}"
    logger.thread_safe_append_keys(request_id=request_id, route=route, member_id=None, order_id=None)
    return request_id


def _raw_body(request: Request) -> bytes:
    try:
        raw = request.raw_body or b""
    except ValueError as error:  # a body said to be base64 that is not
        raise Malformed(problem="the body cannot be read") from error
    raw = raw.encode() if isinstance(raw, str) else raw
    if len(raw) > MOST_BYTES:
        raise BodyTooLarge(limit=MOST_BYTES)
    return raw


def _token(request: Request) -> str:
    scheme, _, token = (request.headers.get("authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    return token.strip()


def _check_signature(shop: Any, session: Any, request: Request, raw: bytes) -> None:
    signature = request.headers.get("x-signature")
    if not signature:
        if shop.settings.require_signatures:
            raise SignatureMissing
        return
    shop.identity.check_signature(
        session,
        method=request.method,
        path=request.path.format(**(request.uri_params or {})),  # chalice's path is the route's template
        timestamp=request.headers.get("x-timestamp") or "",
        nonce=request.headers.get("x-nonce") or "",
        signature=signature,
        body=raw,
    )


def _check_staff(needed: StaffRole, session: Any, path: dict[str, str]) -> None:
    if not may(session.roles, needed):
        raise StaffOnly(needed=needed)
    if unquote(path.get("member_id", "")) == session.member_id and not may(session.roles, StaffRole.OWNER):
        raise OwnAccount


def _identifier(value: str) -> str:
    value = unquote(value)
    if not IDENTIFIER.fullmatch(value):
        raise NotFound
    return value


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key") or ""
    if not key:
        raise IdempotencyKeyMissing
    if not KEY.fullmatch(key):
        raise Malformed(problem="Idempotency-Key must be 8 to 64 printable ASCII characters")
    return key


def _body(endpoint: Endpoint, raw: bytes) -> Any:
    if endpoint.body is None:
        return None
    try:
        return msgspec.json.decode(raw, type=endpoint.body)
    except msgspec.MsgspecError as error:
        raise Malformed(problem=str(error)) from error
    except (RecursionError, UnicodeError) as error:
        raise Malformed(problem="the body is no JSON that can be read") from error


def _query(endpoint: Endpoint, request: Request) -> Any:
    if endpoint.query is None:
        return None
    given = request.query_params
    values = {name: given[name] for name in given} if given else {}
    try:
        query = msgspec.convert(values, endpoint.query, strict=False)
    except msgspec.MsgspecError as error:
        raise Malformed(problem=str(error)) from error
    for name in values:
        if getattr(query, name, name) is None:  # msgspec takes the text `null` for no value
            raise Malformed(problem=f"a query string has no null - at `$.{name}`")
    return query


def _matches(if_none_match: str | None, etag: str) -> bool:
    """Weak comparison, as RFC 9110 asks for If-None-Match."""
    if not if_none_match:
        return False
    offered = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return "*" in offered or etag in offered
