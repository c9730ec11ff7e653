"""A shop that is lived in, and its routes asked in this process.

A request goes through Chalice's own local gateway, which makes of it the event that API Gateway would; no sockets.
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jsonschema_rs
from chalice.config import Config
from chalice.local import LocalGateway, LocalGatewayException

from app import app
from chalicelib.coupons import CouponKind, CouponTemplate, Terms
from chalicelib.storage.table import dynamodb
from chalicelib.web import Endpoint
from tests.shop import Shopper, Stack
from tools.contract.document import document

HOME = {
    "name": "诸葛青云", "phone": "13912345678", "province": "浙江省", "city": "杭州市", "district": "西湖区",
    "detail": "满觉陇路一百零七号",
}  # fmt: skip
ERROR_FIELDS = {"code", "message", "request_id", "details"}
MOST_REFUSAL = 2048
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem")
ENDPOINTS = {f"{endpoint.method} {endpoint.path}": endpoint for endpoint in app.endpoints}
_keys = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """`routed`: a route of ours gave it, not the gateway."""

    status: int
    headers: Mapping[str, Any]
    text: str
    routed: bool = True

    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        return str(self.json()["code"])

    def __str__(self) -> str:
        return f"{self.status} {self.text[:400]}"


@dataclass
class House:
    """The shop, one member with some of everything, the ids of these things by the names that routes use, and another
    member whom no bad request touches.
    """

    stack: Stack
    owner: Shopper
    other: Shopper
    ids: dict[str, str]
    written: int = 0
    shoppers: dict[str, Shopper] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._gateway = LocalGateway(app, Config.create())
        dynamodb().meta.events.register("after-call.dynamodb", self._note, unique_id="bad-input")
        # A good session is read once and not thousands of times: the table is about what comes with it.
        identity = self.stack.shop.identity
        setattr(identity, "authenticate", cache(identity.authenticate))  # noqa: B010  # a method, to mypy

    def _note(self, http_response: Any, model: Any, **_: Any) -> None:
        self.written += model.name in WRITES and http_response.status_code < 300

    def shopper(self, endpoint: Endpoint) -> Shopper:
        """Who may ask this route: the owner of the things, or one of the staff."""
        role = getattr(endpoint, "staff", None)
        if role is None:
            return self.owner
        if role not in self.shoppers:
            self.shoppers[role] = self.stack.staff(role)  # type: ignore[attr-defined, unused-ignore]
        return self.shoppers[role]

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        try:
            found = self._gateway.handle_request(method, target, dict(headers), body)
        except LocalGatewayException as refusal:
            return Answer(refusal.CODE, refusal.headers, (refusal.body or b"").decode(), routed=False)
        return Answer(found["statusCode"], found["headers"], found["body"] or "")

    def ask(
        self,
        endpoint: Endpoint,
        body: bytes | None = None,
        *,
        path: Mapping[str, str] | None = None,
        query: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask the route, rightly but for what is given; the answer is in form, and a refusal wrote nothing.

        What would be deleted is nobody's, so that the other routes keep finding it.
        """
        ids = {} if endpoint.method == "DELETE" else self.ids
        target = endpoint.path.format(**{**path_of(endpoint, ids), **(path or {})})
        query = query_of(endpoint, self.ids) if query is None else query
        given = {"content-type": "application/json", **self._right_headers(endpoint), **(headers or {})}
        before = self.written
        answer = self.send(endpoint.method, f"{target}?{query}" if query else target, given, body)
        self.hold(endpoint, answer)
        assert answer.status < 300 or self.written == before, f"refused, and written all the same: {answer}"
        return answer

    def _right_headers(self, endpoint: Endpoint) -> dict[str, str]:
        right = {"idempotency-key": f"bad-input-{next(_keys)}"} if endpoint.idempotent else {}
        return right if endpoint.public else {"authorization": f"Bearer {self.shopper(endpoint).token}", **right}

    def hold(self, endpoint: Endpoint, answer: Answer) -> None:
        """What every answer is, whatever was asked."""
        assert answer.status < 500, answer
        assert "Traceback" not in answer.text, answer
        if not answer.routed or endpoint.raw:
            return
        promised = responses(endpoint).get(str(answer.status))
        assert promised is not None or answer.status in (405, 415), f"promised nowhere: {answer}"
        if answer.status >= 400:
            self._hold_refusal(answer)
        elif promised and (schema := schema_of(promised)) is not None:
            assert [error.message for error in schema.iter_errors(answer.json())] == [], answer

    def _hold_refusal(self, answer: Answer) -> None:
        told = answer.json()
        assert set(told) == ERROR_FIELDS, answer
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", told["code"]), answer
        assert re.search(r"[\u4e00-\u9fff]", told["message"]), answer
        assert len(answer.text) < MOST_REFUSAL, "the refusal is as large as what was sent"
        assert answer.headers["Cache-Control"] == "no-store", answer
        assert told["request_id"] == answer.headers["X-Request-Id"], answer
        secrets = {self.owner.token, self.owner.signing_key, *(HOME[name] for name in ("name", "phone", "detail"))}
        assert not [secret for secret in secrets if secret in answer.text], "a refusal repeats what is private"


def lived_in(stack: Stack) -> House:
    """A member who has ordered, paid, joined and collected."""
    alice = stack.shopper("alice")
    terms = Terms(CouponKind.AMOUNT, "满50减5", value=500, threshold=5000)
    stack.shop.coupons.put_template(CouponTemplate("five", terms, total=1000, per_member=100, valid_days=7))
    alice.address_id = alice.post("/addresses", HOME)["address_id"]
    alice.post("/cart/lines", {"sku_id": "cup-02", "quantity": 1})
    coupon = alice.post("/coupon-templates/five/claim")
    launch = alice.post("/bargain/launches", {"activity_id": "bargain"})
    team = alice.buy(("tea-01", 1), campaign={"kind": "groupbuy", "activity_id": "team"})
    order = alice.buy(("cup-02", 2))
    stack.drain(1)
    ids = {
        "activity_id": "team", "address_id": alice.address_id, "coupon_id": coupon["coupon_id"], "kind": "groupbuy",
        "launch_id": launch["launch_id"], "member_id": alice.member_id, "order_id": order["order_id"],
        "product_id": "tea", "sku_id": "tea-02", "team_id": team["campaign"]["group_id"], "template_id": "five",
    }  # fmt: skip
    return House(stack, alice, stack.shopper("bob"), ids)


@cache
def contract() -> dict[str, Any]:
    """What the routes promise now; the file may be older by a few routes."""
    return document()


def operation(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = contract()["paths"][endpoint.path][endpoint.method.lower()]
    return found


def responses(endpoint: Endpoint) -> dict[str, Any]:
    return {status: _resolved(promised) for status, promised in operation(endpoint)["responses"].items()}


def body_of(endpoint: Endpoint, ids: Mapping[str, str]) -> Any:
    """A good body: the contract's example, with real ids."""
    return _with_ids(_media(endpoint)["example"], ids)


def body_schema(endpoint: Endpoint) -> jsonschema_rs.Draft202012Validator:
    return validator(json.dumps(_media(endpoint)["schema"]))


def parameters(endpoint: Endpoint, where: str) -> Iterator[dict[str, Any]]:
    for parameter in map(_resolved, operation(endpoint).get("parameters", [])):
        if parameter["in"] == where:
            yield parameter


def path_of(endpoint: Endpoint, ids: Mapping[str, str]) -> dict[str, str]:
    return {each["name"]: ids.get(each["name"], each["example"]) for each in parameters(endpoint, "path")}


def query_of(endpoint: Endpoint, ids: Mapping[str, str]) -> str:
    """Of the query only what must be there."""
    needed = (each for each in parameters(endpoint, "query") if each["required"])
    return "&".join(f"{each['name']}={ids.get(each['name'], each.get('example'))}" for each in needed)


def schema_of(promised: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator | None:
    media = promised.get("content", {}).get("application/json")
    return validator(json.dumps(media["schema"])) if media else None


@cache
def validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    components = {"components": {"schemas": contract()["components"]["schemas"]}}
    return jsonschema_rs.Draft202012Validator({**json.loads(schema), **components})


def _media(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = operation(endpoint)["requestBody"]["content"]["application/json"]
    return found


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        place, found = node["$ref"], contract()
        for step in place.removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def _with_ids(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: ids.get(name, _with_ids(part, ids)) for name, part in value.items()}
    return [_with_ids(part, ids) for part in value] if isinstance(value, list) else value
