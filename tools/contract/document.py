"""The whole document."""

import importlib
import inspect
import tomllib
from pathlib import Path
from typing import Any

import yaml

from app import app
from chalicelib.identity.rules import request_signature
from chalicelib.kernel.errors import Forbidden, ShopError, TooMany
from chalicelib.web import Endpoint
from chalicelib.web.edge import KEY
from chalicelib.web.errors import ErrorAnswer, MethodNotAllowed, status_of

from .operations import PLATFORM, STAFF, operation, tag_of
from .refusals import error_examples, errors_of, meaning_of, shared_responses, shared_schemas
from .schemas import Schemas

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "miniprogram-api.yaml"

PARAMETERS: dict[str, Any] = {
    "Idempotency-Key": {
        "required": True,
        "description": "Chosen once for what the shopper wants once, and sent again with every repetition.",
        "schema": {"type": "string", "pattern": f"^{KEY.pattern}$"},
        "example": "3f1d2c9e-6a54-4a55-9f0e-0d0a5f3f7a11",
    },
    "X-Timestamp": {
        "description": "Epoch seconds when signed; within 5 minutes of the server's time. Needed with X-Signature.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,12}$"},
    },
    "X-Nonce": {
        "description": "Random, new for every signed request. Needed with X-Signature.",
        "schema": {"type": "string", "pattern": r"^[A-Za-z0-9_\-]{16,64}$"},
    },
    "X-Signature": {
        "description": "Hex HMAC-SHA256 of the request. The shop's settings decide whether it is needed.",
        "schema": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
    },
    "If-None-Match": {
        "description": "An `ETag` that the caller has; `304` if it is still right.",
        "schema": {"type": "string"},
    },
}
HEADERS: dict[str, Any] = {
    "X-Request-Id": {
        "required": True,
        "description": "Names this request in the logs.",
        "schema": {"type": "string"},
    },
    "Cache-Control": {
        "required": True,
        "description": "`no-store`, or for how many seconds a CDN may keep the answer.",
        "schema": {"type": "string"},
        "example": "public, max-age=60",
    },
    "ETag": {
        "required": True,
        "description": "Names this content, for If-None-Match.",
        "schema": {"type": "string", "pattern": '^"[0-9a-f]{32}"$'},
    },
    "Retry-After": {
        "description": "Seconds to wait before asking again.",
        "schema": {"type": "integer", "format": "int64", "minimum": 1},
    },
    "Allow": {"required": True, "description": "The methods that the path has.", "schema": {"type": "string"}},
}
BEFORE_ROUTES: set[type[ShopError]] = {MethodNotAllowed, TooMany, Forbidden}
"""What Chalice, API Gateway and the firewall answer to requests that reach no route."""
SERVERS = [
    {"url": "http://127.0.0.1:8700", "description": "The shop on this machine, after `make run`."},
    {
        "url": "https://{api}.execute-api.{region}.{domain}/api",
        "description": "A deployed shop.",
        "variables": {
            "api": {"default": "abcdefghij", "description": "Told by the deployment."},
            "region": {"default": "cn-north-1"},
            "domain": {"default": "amazonaws.com.cn", "enum": ["amazonaws.com.cn", "amazonaws.com"]},
        },
    },
]


def document() -> dict[str, Any]:
    endpoints = app.endpoints
    schemas = Schemas(
        [endpoint.body for endpoint in endpoints if endpoint.body is not None],
        [endpoint.query for endpoint in endpoints if endpoint.query is not None],
        [ErrorAnswer, *(endpoint.answers for endpoint in endpoints if endpoint.answers is not None)],
    )
    answered: set[type[ShopError]] = {error for endpoint in endpoints for error in errors_of(endpoint)}
    errors = sorted(answered | BEFORE_ROUTES, key=lambda error: error.code)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": _info(errors),
        "servers": SERVERS,
        "tags": _tags(endpoints),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "session": {"type": "http", "scheme": "bearer", "description": "The `token` that POST /login answered."}
            },
            "parameters": {
                name: {"name": name, "in": "header", "required": False} | rest for name, rest in PARAMETERS.items()
            },
            "headers": HEADERS,
            "schemas": dict(sorted({**schemas.components, **shared_schemas()}.items())),
            "responses": shared_responses(),
            "examples": error_examples(errors),
        },
    }


def contract_text() -> str:
    text = yaml.dump(
        document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
    )
    return f"# Written by `make contract` from the routes; do not edit.\n{text}"


class _Dumper(yaml.SafeDumper):
    """Every value written out, texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _info(errors: list[type[ShopError]]) -> dict[str, Any]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    introduction = Path(__file__).with_name("introduction.md").read_text(encoding="utf-8")
    signature = request_signature("k", "POST", "/orders/01K0/cancel", "1795310022", "0123456789abcdef", b"")
    return {
        "title": "Jishi (集市) mini-program API",
        "version": project["version"],
        "summary": "A complete shop for a WeChat mini-program.",
        "description": introduction.replace("@EXAMPLE_SIGNATURE@", signature) + _table(errors),
        "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    }


def _table(errors: list[type[ShopError]]) -> str:
    rows = [f"| `{e.code}` | {status_of(e)} | {e.message} | {meaning_of(e)} |" for e in errors]
    return "\n".join(["| code | status | message | meaning |", "|---|---|---|---|", *rows, ""])


def _tags(endpoints: list[Endpoint]) -> list[dict[str, str]]:
    tags = {}
    for endpoint in endpoints:
        if tag_of(endpoint) == endpoint.tag:
            domain = importlib.import_module(endpoint.handler.__module__.rpartition(".")[0])
            tags[endpoint.tag] = " ".join((inspect.getdoc(domain) or "").split("\n\n")[0].split())
    tags[STAFF] = "What the merchant's people do, by their roles."
    tags[PLATFORM] = "What WeChat calls. Not for clients."
    return [{"name": name, "description": description} for name, description in tags.items()]
