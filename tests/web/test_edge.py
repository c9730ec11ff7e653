"""The edge: sessions, signatures, malformed requests, caching, and the one form of an error."""

import dataclasses
import hashlib
import hmac
import json
from typing import Any

import pytest
import requests
import urllib3

from app import app
from chalicelib.kernel.staff import StaffRole
from chalicelib.orders.store import OrderStore
from chalicelib.orders.wanted import Wanted
from chalicelib.shop import build, use
from chalicelib.storage.table import dynamodb
from tests.shop import Shopper, Stack

NONCE = "nonce-0123456789abcdef"


def signed(shopper: Shopper, path: str, body: bytes, nonce: str = NONCE, method: str = "POST") -> dict[str, str]:
    timestamp = str(int(shopper.stack.clock().timestamp()))
    message = f"{method}\n{path}\n{timestamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n"
    signature = hmac.new(shopper.signing_key.encode(), message.encode(), hashlib.sha256).hexdigest()
    return {"X-Timestamp": timestamp, "X-Nonce": nonce, "X-Signature": signature}


@pytest.fixture
def strict(stack: Stack) -> Stack:
    """The same shop with signatures required."""
    shop = build(dataclasses.replace(stack.shop.settings, require_signatures=True), clock=stack.clock)
    use(shop)
    stack.shop = shop
    return stack


def test_a_signed_order_is_placed_once_and_its_nonce_is_used_up(strict: Stack) -> None:
    alice = strict.shopper("alice")
    wish = alice.wish(("tea-01", 1))
    headers = {**signed(alice, "/orders", json.dumps(wish).encode()), "Idempotency-Key": "signed-order"}
    assert alice.post("/orders", wish, **headers)["state"] == "AWAITING_PAYMENT"
    assert alice.refused("POST", "/orders", wish, **headers) == "SIGNATURE_REPLAYED"


def test_a_signature_covers_method_path_and_body(strict: Stack) -> None:
    alice = strict.shopper("alice")
    wish = alice.wish(("tea-01", 1))
    other = json.dumps({**wish, "remark": "x"}).encode()
    key = {"Idempotency-Key": "forged-order"}
    for headers in (signed(alice, "/orders", other), signed(alice, "/orders/preview", json.dumps(wish).encode())):
        assert alice.refused("POST", "/orders", wish, **headers, **key) == "SIGNATURE_INVALID"
    headers = signed(alice, "/orders", json.dumps(wish).encode())
    order_id = alice.post("/orders", wish, **headers, **key)["order_id"]
    for path in ("/orders/other/payment", "/orders/{order_id}/payment"):
        wrong = signed(alice, path, b"", nonce=NONCE + "2")
        assert alice.refused("POST", f"/orders/{order_id}/payment", **wrong) == "SIGNATURE_INVALID"
    right = signed(alice, f"/orders/{order_id}/payment", b"", nonce=NONCE + "3")
    assert alice.post(f"/orders/{order_id}/payment", **right)["signType"] == "RSA"


def test_a_stale_signature_is_refused(strict: Stack) -> None:
    alice = strict.shopper("alice")
    wish = alice.wish(("tea-01", 1))
    headers = signed(alice, "/orders", json.dumps(wish).encode())
    strict.clock.forward(minutes=6)
    assert alice.refused("POST", "/orders", wish, **headers, **{"Idempotency-Key": "late-order"}) == "SIGNATURE_STALE"


def test_every_route_that_moves_money_or_spends_demands_a_signature_when_the_setting_says_so(strict: Stack) -> None:
    alice = strict.shopper("alice")
    wish = alice.wish(("tea-01", 1))
    assert alice.refused("POST", "/orders", wish, **{"Idempotency-Key": "unsigned-1"}) == "SIGNATURE_MISSING"
    for action in ("payment", "cancel", "receipt"):
        assert alice.refused("POST", f"/orders/01K0000000000000000000000A/{action}") == "SIGNATURE_MISSING"
    signed_routes = {(e.method, e.path) for e in app.endpoints if e.signed}
    assert {
        ("POST", "/orders"),
        ("POST", "/orders/{order_id}/payment"),
        ("POST", "/orders/{order_id}/cancel"),
        ("POST", "/coupon-templates/{template_id}/claim"),
        ("POST", "/bargain/launches/{launch_id}/cuts"),
        ("POST", "/bargain/launches"),
    } <= signed_routes


def test_every_route_of_the_staff_that_changes_something_takes_a_signature() -> None:
    of_staff = [endpoint for endpoint in app.endpoints if endpoint.staff and endpoint.method != "GET"]
    assert of_staff
    assert not [endpoint.path for endpoint in of_staff if not endpoint.signed]
    assert not [endpoint.path for endpoint in app.endpoints if endpoint.staff and endpoint.public]


def test_a_role_is_asked_for_before_anything_else_of_the_request_is_looked_at(strict: Stack) -> None:
    alice, path = strict.shopper("alice"), "/staff/people/{member_id}"
    answer = alice.send("PUT", path.format(member_id="%F0"), "nonsense")
    assert (answer.status_code, answer.json()["code"]) == (403, "STAFF_ONLY")
    assert answer.json()["details"] == {"needed": "OWNER"}
    assert answer.headers["Cache-Control"] == "no-store"
    owner = strict.staff(StaffRole.OWNER)
    assert owner.refused("PUT", path.format(member_id=alice.member_id), {"roles": []}) == "SIGNATURE_MISSING"


@pytest.fixture
def spied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is made of an order that was read."""
    made: list[str] = []
    monkeypatch.setattr(OrderStore, "_order", lambda self, row: made.append(row.order_id))
    return made


def test_of_what_is_read_with_a_session_that_is_refused_nothing_is_made(strict: Stack, spied: list[str]) -> None:
    alice = strict.shopper("alice")
    path = f"/orders/{strict.shop.orders.placing.place(*placing(strict, alice)).order_id}"
    assert alice.refused("POST", f"{path}/cancel") == "SIGNATURE_MISSING"
    assert alice.refused("GET", f"/staff{path.replace('/orders/', f'/orders/{alice.member_id}/')}") == "STAFF_ONLY"
    strict.shop.identity.revoke(alice.member_id)
    assert alice.refused("GET", path) == "SESSION_REVOKED"
    assert alice.refused("GET", f"{path}%F0") == "SESSION_REVOKED"
    assert spied == []


def test_what_an_endpoint_reads_is_asked_for_together_with_the_session(stack: Stack) -> None:
    alice, operations = stack.shopper("alice"), []
    order_id = alice.order(("tea-01", 1))["order_id"]
    events = dynamodb().meta.events

    def note(model: Any, **_: Any) -> None:
        operations.append(model.name)

    events.register("before-call.dynamodb", note)
    try:
        assert alice.get(f"/orders/{order_id}")["order_id"] == order_id
        assert operations == ["BatchGetItem"]
        assert alice.refused("GET", "/orders/01K0000000000000000000000A") == "ORDER_NOT_FOUND"
        assert alice.refused("GET", "/orders?cursor=nonsense") == "BAD_CURSOR"
    finally:
        events.unregister("before-call.dynamodb", note)


def placing(stack: Stack, shopper: Shopper) -> tuple[Any, Wanted, str, Any]:
    session = stack.shop.identity.authenticate(shopper.token)
    wanted = Wanted((("tea-01", 1),))
    return session, wanted, "placed-before", stack.clock()


def test_a_wrong_signature_is_refused_even_where_none_is_required(stack: Stack) -> None:
    alice = stack.shopper("alice")
    wish = alice.wish(("tea-01", 1))
    headers = signed(alice, "/orders", b"something else")
    assert (
        alice.refused("POST", "/orders", wish, **headers, **{"Idempotency-Key": "badly-signed"}) == "SIGNATURE_INVALID"
    )


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "MALFORMED"),
        (b"", 400, "MALFORMED"),
        (b"null", 400, "MALFORMED"),
        (b"[]", 400, "MALFORMED"),
        (b'{"sku_id": "tea-01", "quantity": "two"}', 400, "MALFORMED"),
        (b'{"sku_id": "tea-01", "quantity": 1e99}', 400, "MALFORMED"),
        (b'{"sku_id": "tea-01", "quantity": 99999999999999999999999999}', 400, "MALFORMED"),
        (b'{"sku_id": "tea-01", "quantity": 1, "price": 1}', 400, "MALFORMED"),
        (b'{"sku_id": "\xff\xfe", "quantity": 1}', 400, "MALFORMED"),
        (b'{"sku_id": "\xf0\x9f\x8d\xb5", "quantity": 1}', 400, "MALFORMED"),
        (b"[" * 30000, 400, "MALFORMED"),
        (b'{"sku_id": "' + b"a" * 70000 + b'", "quantity": 1}', 413, "BODY_TOO_LARGE"),
    ],
)
def test_malformed_bodies_are_clearly_refused(stack: Stack, body: bytes, status: int, code: str) -> None:
    alice = stack.shopper("alice")
    headers = {"Authorization": f"Bearer {alice.token}", "Content-Type": "application/json"}
    answer = requests.post(f"{stack.api_url}/cart/lines", data=body, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "message", "request_id", "details"}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", "/me", {}, 401, "UNAUTHENTICATED"),
        ("GET", "/me", {"Authorization": "Bearer nonsense"}, 401, "UNAUTHENTICATED"),
        ("GET", "/me", {"Authorization": "Basic eDp5"}, 401, "UNAUTHENTICATED"),
        ("PUT", "/cart", {}, 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/login", {"Content-Type": "text/csv"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("GET", "/products/%E8%8C%B6", {}, 404, "NOT_FOUND"),
        ("GET", f"/products/{'x' * 65}", {}, 404, "NOT_FOUND"),
        ("GET", "/products/..%2F..%2Fetc", {}, 404, "NOT_FOUND"),
        ("GET", "/products?limit=0", {}, 400, "MALFORMED"),
        ("GET", "/products?limit=many", {}, 400, "MALFORMED"),
        ("GET", "/campaigns", {}, 400, "MALFORMED"),
    ],
)
def test_requests_that_fit_no_route_are_refused_in_the_shops_own_form(
    stack: Stack, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = requests.request(
        method, stack.api_url + path, data=b"x" if method == "POST" else None, headers=headers, timeout=30
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_idempotency_key_is_required_and_must_be_sound(stack: Stack) -> None:
    alice = stack.shopper("alice")
    wish = alice.wish(("tea-01", 1))
    assert alice.refused("POST", "/orders", wish) == "IDEMPOTENCY_KEY_MISSING"
    assert alice.refused("POST", "/orders", wish, **{"Idempotency-Key": "short"}) == "MALFORMED"
    assert alice.refused("POST", "/orders", wish, **{"Idempotency-Key": "x" * 65}) == "MALFORMED"


def test_public_answers_carry_an_etag_and_are_not_sent_twice(stack: Stack) -> None:
    url = f"{stack.api_url}/products/tea"
    first = requests.get(url, timeout=30)
    assert first.headers["Cache-Control"].startswith("public, max-age=")
    for tag in (first.headers["ETag"], f"W/{first.headers['ETag']}", f'"other", {first.headers["ETag"]}', "*"):
        again = requests.get(url, headers={"If-None-Match": tag}, timeout=30)
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert requests.get(url, headers={"If-None-Match": '"other"'}, timeout=30).status_code == 200


def test_private_answers_are_never_cached(stack: Stack) -> None:
    alice = stack.shopper("alice")
    assert alice.send("GET", "/me").headers["Cache-Control"] == "no-store"


def test_a_fault_of_ours_tells_nothing_but_a_request_id(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret detail in a stack trace")

    monkeypatch.setattr(type(stack.shop.catalog), "categories", broken)
    answer = requests.get(f"{stack.api_url}/categories", timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert "secret" not in answer.text
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


def test_storage_out_of_reach_is_answered_as_try_again(stack: Stack) -> None:
    alice = stack.shopper("alice")
    from chalicelib.storage.table import bind

    settings = stack.shop.settings
    bind(settings.table_prefix, settings.region, "http://127.0.0.1:9")
    try:
        answer = alice.send("GET", "/me")
        assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "UNAVAILABLE", "1")
    finally:
        bind(settings.table_prefix, settings.region, settings.dynamodb_url)


def test_a_stolen_token_alone_gets_no_key_to_sign_with(strict: Stack) -> None:
    alice = strict.shopper("alice")
    assert alice.refused("POST", "/session/renew") == "SIGNATURE_MISSING"
    assert alice.post("/session/renew", **signed(alice, "/session/renew", b""))["signing_key"]


def test_staff_do_not_decide_about_their_own_account_unless_they_own_the_shop(stack: Stack) -> None:
    clerk, owner = stack.staff(StaffRole.FINANCE), stack.staff(StaffRole.OWNER)
    gift = {"delta": 5, "why": "补偿"}
    own, hers = f"/staff/points/{clerk.member_id}", f"/staff/points/{owner.member_id}"
    assert clerk.refused("POST", own, gift, **{"Idempotency-Key": "my-own-gift"}) == "OWN_ACCOUNT"
    assert clerk.post(hers, gift, **{"Idempotency-Key": "for-another"}) == {"balance": 5}
    assert owner.post(hers, gift, **{"Idempotency-Key": "by-the-owner"}) == {"balance": 10}


def test_an_own_account_is_known_however_its_id_is_written(stack: Stack) -> None:
    clerk = stack.staff(StaffRole.FINANCE)
    escaped = "".join(f"%{ord(letter):x}" for letter in clerk.member_id)
    headers = {"Authorization": f"Bearer {clerk.token}", "Content-Type": "application/json"}
    answer = urllib3.request(  # requests would write the id as it is
        "POST",
        f"{stack.api_url}/staff/points/{escaped}",
        body=json.dumps({"delta": 5, "why": "补偿"}).encode(),
        headers={**headers, "Idempotency-Key": "my-own-gift"},
    )
    assert (answer.status, json.loads(answer.data)["code"]) == (403, "OWN_ACCOUNT")
