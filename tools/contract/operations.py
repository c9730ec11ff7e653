"""One endpoint as an operation of OpenAPI."""

import inspect
import re
from typing import Any

from chalicelib.kernel.staff import StaffRole, may
from chalicelib.web import Endpoint
from chalicelib.web.edge import IDENTIFIER

from .refusals import refusals
from .schemas import Schema, Schemas

# Tags of what WeChat calls, and of what the merchant's people do.
PLATFORM = "wechat"
STAFF = "staff"
PATH_VARIABLES = {
    "activity_id": ("An activity of a campaign.", "team-tea"),
    "address_id": ("An address of the member.", "01KAM3V1Z7Q5T0WJ8X4N2R6C9D"),
    "day": ("A day in Beijing.", "2026-11-21"),
    "finding_id": ("A finding of that day.", "payment.theirs-only.2cf24dba5fb0a30e26e83b2a"),
    "case_id": ("An after-sale case of the member.", "01K0000000000000000000000B"),
    "out_trade_no": ("A payment, as WeChat's bills and portal name it.", "01K0000000000000000000000A-1"),
    "code": ("A pickup code, as the shopper shows it.", "042017339184"),
    "launch_id": ("A bargain, as its launcher shared it.", "01JDA3X5G8Q0V7M2K4N6P8R0T2"),
    "member_id": ("A member, by the id that `GET /me` shows them.", "MXJ4ZK2P7Q5A3B6C7D2E4F5G6H"),
    "order_id": ("An order of the member.", "01K0000000000000000000000A"),
    "parcel_id": ("A parcel of the order.", "9F86D081884C7D659A2FEAA0C5"),
    "product_id": ("A product.", "tee-white"),
    "sku_id": ("A SKU, as product pages name it.", "tee-white-01"),
    "team_id": ("A team, as its leader shared it.", "01JDA3X5G8Q0V7M2K4N6P8R0T2"),
    "template_id": ("A coupon template.", "newyear-20"),
}
TEXT = {"type": "string"}


def operation(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    words = inspect.cleandoc(endpoint.description)
    parameters = [*_path(endpoint), *_query(endpoint, schemas), *_headers(endpoint)]
    return {
        "operationId": operation_id(endpoint),
        "tags": [tag_of(endpoint)],
        "summary": endpoint.summary,
        **({"description": _unwrapped(words)} if words else {}),
        **({"x-internal": True} if endpoint.raw else {}),
        "security": _security(endpoint),
        **({"parameters": parameters} if parameters else {}),
        **_request(endpoint, schemas),
        "responses": _responses(endpoint, schemas),
    }


def tag_of(endpoint: Endpoint) -> str:
    return PLATFORM if endpoint.raw else STAFF if endpoint.staff else endpoint.tag


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    """Any one of these is enough; what stands beside a session are roles that its member needs."""
    if endpoint.staff is None:
        return [] if endpoint.public else [{"session": []}]
    return [{"session": [str(role)]} for role in StaffRole if may({role}, endpoint.staff)]


def operation_id(endpoint: Endpoint) -> str:
    """Domain and function, in camel case: cartSelectAll."""
    first, *others = f"{endpoint.tag}_{endpoint.handler.__name__}".split("_")
    return first + "".join(word.capitalize() for word in others)


def _path(endpoint: Endpoint) -> list[dict[str, Any]]:
    found = []
    for name in re.findall(r"{(\w+)}", endpoint.path):
        description, example = PATH_VARIABLES[name]
        schema = {**TEXT, "pattern": f"^{IDENTIFIER.pattern}$"}
        found.append(
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": description,
                "schema": schema,
                "example": example,
            }
        )
    return found


def _query(endpoint: Endpoint, schemas: Schemas) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    shape = schemas.query(endpoint.query)
    return [_query_parameter(name, field, name in shape["required"]) for name, field in shape["properties"].items()]


def _query_parameter(name: str, field: Schema, required: bool) -> dict[str, Any]:
    """A query string has no null: leaving the parameter out says it."""
    field = dict(field)
    description, examples = field.pop("description", ""), field.pop("examples", [])
    options = [option for option in field.pop("anyOf", []) if option != {"type": "null"}]
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": {**options[0], **field} if options else field,
        **({"example": examples[0]} if examples else {}),
    }


def _headers(endpoint: Endpoint) -> list[dict[str, str]]:
    names = [
        *(["Idempotency-Key"] if endpoint.idempotent else []),
        *(["X-Timestamp", "X-Nonce", "X-Signature"] if endpoint.signed else []),
        *(["If-None-Match"] if endpoint.cache is not None else []),
    ]
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _request(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    if endpoint.raw and endpoint.method != "GET":
        content = {
            kind: {"schema": {"type": "object"} if kind == "application/json" else TEXT}
            for kind in endpoint.content_types
            if kind != "*/*"
        }
        return {"requestBody": {"required": True, "content": content}}
    if endpoint.body is None:
        return {}
    schema = schemas.of(endpoint.body)
    example = schemas.example(schema)
    shown = {key: value for key, value in schema.items() if key != "examples"}
    return {"requestBody": {"required": True, "content": _json(shown, example)}}


def _responses(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    answers = {str(endpoint.status): _answer(endpoint, schemas)}
    if endpoint.cache is not None:
        headers = {"ETag": _header("ETag"), "Cache-Control": _header("Cache-Control")}
        answers["304"] = {"description": "Not changed: what the caller has is still right.", "headers": headers}
    answers |= refusals(endpoint)
    if endpoint.raw and endpoint.answers is not None:
        del answers["500"]
        answers["default"] = _answer(endpoint, schemas) | {
            "description": "Refused or failed, in the caller's own form."
        }
    return answers


def _answer(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    if endpoint.answers is None:
        content: dict[str, Any] = {"text/plain": {"schema": TEXT}} if endpoint.raw else {}
    else:
        schema = schemas.of(endpoint.answers)
        content = _json(schema, schemas.example(schema))
    named = [] if endpoint.raw else ["X-Request-Id", "Cache-Control", *(["ETag"] if endpoint.cache is not None else [])]
    return {
        "description": "Done." if endpoint.method != "GET" else "Found.",
        **({"headers": {name: _header(name) for name in named}} if named else {}),
        **({"content": content} if content else {}),
    }


def _json(schema: Schema, example: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema, "example": example}}


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


def _unwrapped(text: str) -> str:
    """Paragraphs as lines, for Markdown renderers that keep line ends."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
