"""What an endpoint can refuse: its own errors and those of the edge, by status."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from chalicelib.identity.rules import (
    SessionExpired,
    SessionRevoked,
    SignatureInvalid,
    SignatureReplayed,
    SignatureStale,
)
from chalicelib.kernel.errors import Conflict, NotFound, ShopError, Unauthenticated, Unavailable
from chalicelib.storage.writes import StorageBusy
from chalicelib.web import Endpoint
from chalicelib.web.edge import Malformed
from chalicelib.web.errors import (
    BodyTooLarge,
    IdempotencyKeyMissing,
    Internal,
    MethodNotAllowed,
    OwnAccount,
    SignatureMissing,
    StaffOnly,
    UnsupportedMediaType,
    status_of,
)

Error = type[ShopError]

EVERYWHERE: tuple[Error, ...] = (BodyTooLarge, UnsupportedMediaType, Internal, Unavailable, StorageBusy)
SESSION: tuple[Error, ...] = (Unauthenticated, SessionExpired, SessionRevoked)
SIGNATURE: tuple[Error, ...] = (SignatureMissing, SignatureInvalid, SignatureStale, SignatureReplayed)

# Answers that many routes share, under components/responses.
SHARED: Mapping[str, tuple[Error, ...]] = {
    "Malformed": (Malformed,),
    "NoSession": SESSION,
    "NoSessionOrSignature": (*SESSION, *SIGNATURE),
    "StaffOnly": (StaffOnly,),
    "StaffOnlyOrNotOwn": (OwnAccount, StaffOnly),
    "NotFound": (NotFound,),
    "Conflict": (Conflict,),
    "MethodNotAllowed": (MethodNotAllowed,),
    "BodyTooLarge": (BodyTooLarge,),
    "UnsupportedMediaType": (UnsupportedMediaType,),
    "Internal": (Internal,),
    "Unavailable": (StorageBusy, Unavailable),
}
BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
MEANING = {
    400: "The request is wrong.",
    401: "No session, or one that does not count: log in again. Or the request's signature does not hold.",
    403: "Not allowed.",
    404: "Not there, or not the caller's.",
    405: "The path has no such method; `Allow` says which it has.",
    409: "Something else happened at the same time: look again.",
    413: "More than 64 KiB.",
    415: "The body is not in a type that the route takes.",
    422: "Against a rule of the shop.",
    429: "Too often.",
    500: "A fault of the shop, logged with the request id.",
    503: "Not now: the same request may be repeated.",
}


def errors_of(endpoint: Endpoint) -> list[Error]:
    errors: set[Error] = {*endpoint.errors, *EVERYWHERE}
    if endpoint.method != "GET":
        errors.add(Conflict)  # every write has a condition
    if not endpoint.public:
        errors |= {*SESSION, *(SIGNATURE if endpoint.signed else ())}
    if endpoint.staff is not None:
        errors |= {StaffOnly, OwnAccount} if "{member_id}" in endpoint.path else {StaffOnly}
    if endpoint.body is not None or endpoint.query is not None or endpoint.idempotent:
        errors.add(Malformed)
    if endpoint.idempotent:
        errors.add(IdempotencyKeyMissing)
    if "{" in endpoint.path:
        errors.add(NotFound)
    return sorted(errors, key=lambda error: error.code)


def refusals(endpoint: Endpoint) -> dict[str, Any]:
    """Response objects by status."""
    by_status: dict[int, list[Error]] = defaultdict(list)
    for error in errors_of(endpoint):
        by_status[status_of(error)].append(error)
    names = {frozenset(errors): name for name, errors in SHARED.items()}
    return {
        str(status): _shared(names[key])
        if (key := frozenset(errors)) in names
        else _response(status, errors, _schema(errors))
        for status, errors in sorted(by_status.items())
    }


def shared_responses() -> dict[str, Any]:
    return {
        name: _response(status_of(errors[0]), errors, {"$ref": f"#/components/schemas/{name}"})
        for name, errors in SHARED.items()
    }


def shared_schemas() -> dict[str, Any]:
    """Their contents, named, so that a typed client has one type for each."""
    return {name: _schema(errors) for name, errors in SHARED.items()}


def error_examples(errors: Sequence[Error]) -> dict[str, Any]:
    """components/examples: every code once, with its words for the shopper and its meaning for developers."""
    return {
        error.code: {
            "summary": error.message,
            **({"description": meaning} if (meaning := meaning_of(error)) else {}),
            "value": {"code": error.code, "message": error.message, "request_id": "01JX", "details": {}},
        }
        for error in errors
    }


def meaning_of(error: Error) -> str:
    """The first paragraph of its docstring; what is not found has one meaning for all."""
    words = error.__doc__ or (NotFound.__doc__ if issubclass(error, NotFound) else None) or ""
    return " ".join(words.split("\n\n")[0].split())


def _shared(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{name}"}


def _schema(errors: Sequence[Error]) -> dict[str, Any]:
    code = {"type": "string", "enum": sorted(error.code for error in errors)}
    own = {"type": "object", "properties": {"code": code}, "required": ["code"]}
    return {"allOf": [{"$ref": "#/components/schemas/ErrorAnswer"}, own]}


def _response(status: int, errors: Sequence[Error], schema: dict[str, Any]) -> dict[str, Any]:
    errors = sorted(errors, key=lambda error: error.code)
    headers = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
    if status in BUSY:
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = {"$ref": "#/components/headers/Allow"}
    return {
        "description": "\n".join([MEANING[status], "", *(f"- `{error.code}` {error.message}" for error in errors)]),
        "headers": headers,
        "content": {
            "application/json": {
                "schema": schema,
                "examples": {error.code: {"$ref": f"#/components/examples/{error.code}"} for error in errors},
            }
        },
    }
