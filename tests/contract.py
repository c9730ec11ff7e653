"""Holds real answers against the contract as the routes declare it; test_contract.py holds the file against that."""

import json
import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import requests
import yaml

from tools.contract import contract_text

# What API Gateway and Chalice answer before a route is reached.
UNROUTED = {403, 405}


@cache
def contract() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(contract_text(), Loader=yaml.CSafeLoader)
    return found


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """What a node says, or what it refers to."""
    while "$ref" in node:
        place = node["$ref"]
        node = contract()
        for step in place.removeprefix("#/").split("/"):
            node = node[step.replace("~1", "/").replace("~0", "~")]
    return node


@cache
def template_of(path: str) -> str | None:
    """The path of the contract that a request's path is an instance of; fixed words win over variables."""
    fitting = [template for template in contract()["paths"] if _instances(template).fullmatch(path)]
    return min(fitting, key=lambda template: template.count("{"), default=None)


def check(method: str, template: str, status: int, body: Any) -> None:
    """Fails unless the contract promises `body` (None: nothing) for this status of this operation."""
    operation = contract()["paths"][template][method.lower()]
    where = f"{method} {template} -> {status}"
    promised = operation["responses"].get(str(status)) or operation["responses"].get("default")
    assert promised is not None, f"{where}: the contract has no such status: {body}"
    content = resolved(promised).get("content", {})
    if not content:
        assert body is None, f"{where}: the contract promises no body: {body}"
    elif "application/json" in content:
        errors = [error.message for error in validator(content["application/json"]["schema"]).iter_errors(body)]
        assert not errors, f"{where}: {errors} in {body}"


def check_answer(answer: requests.Response) -> None:
    """`check`, with headers, for an answer as it came over HTTP."""
    method, path = str(answer.request.method), urlsplit(str(answer.request.url)).path
    template = template_of(path)
    if template is None or method.lower() not in contract()["paths"][template]:
        assert answer.status_code in UNROUTED, f"{method} {path} is answered, and stands in no contract"
        return
    check(method, template, answer.status_code, _body(answer))
    promised = contract()["paths"][template][method.lower()]["responses"].get(str(answer.status_code), {})
    for name, header in resolved(promised).get("headers", {}).items():
        value = answer.headers.get(name)
        assert value is not None or not resolved(header).get("required"), f"{method} {template}: no header {name}"
        if value is not None and (pattern := resolved(header)["schema"].get("pattern")):
            assert re.fullmatch(pattern, value), f"{method} {template}: {name} is {value!r}"


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Of a schema that may refer to the contract's components."""
    return _validator(json.dumps(schema))


@cache
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    components = {"components": {"schemas": contract()["components"]["schemas"]}}
    return jsonschema_rs.Draft202012Validator({**json.loads(schema), **components}, validate_formats=True)


@cache
def _instances(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)))


def _body(answer: requests.Response) -> Any:
    if not answer.content:
        return None
    return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.text
