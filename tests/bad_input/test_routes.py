"""Every route with everything that it must not take: a clear refusal, and nothing done."""

import copy
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from app import app
from chalicelib.web import Endpoint
from chalicelib.web.edge import MOST_BYTES

from . import values
from .asking import ENDPOINTS, Answer, House, body_of, body_schema, parameters, validator

WITH_BODY = sorted(route for route, endpoint in ENDPOINTS.items() if endpoint.body is not None)
WITH_QUERY = sorted(route for route, endpoint in ENDPOINTS.items() if endpoint.query is not None and not endpoint.raw)
WITH_IDS = sorted(route for route, endpoint in ENDPOINTS.items() if "{" in endpoint.path)
WITH_SESSION = sorted(route for route, endpoint in ENDPOINTS.items() if not endpoint.public)
OF_SHAPES = sorted(route for route, endpoint in ENDPOINTS.items() if not endpoint.raw)
HOLE = "\ue000the place\ue000"


@pytest.mark.parametrize("route", WITH_BODY)
def test_a_field_takes_what_the_contract_says_and_nothing_else(house: House, route: str) -> None:
    endpoint = ENDPOINTS[route]
    good = body_of(endpoint, house.ids)
    for n, place in enumerate(places(good)):
        around = json.dumps(replaced(good, place, HOLE), ensure_ascii=False).encode()
        huge = values.huge_values() if n < 2 else ()
        for value in (*values.json_values(), *values.nearly(at(good, place)), *huge):
            body = around.replace(json.dumps(HOLE, ensure_ascii=False).encode(), value)
            judge(endpoint, body, house.ask(endpoint, body), f"{place}: {value[:80]!r}")


@pytest.mark.parametrize("route", WITH_BODY)
def test_a_field_left_out_or_not_known_is_told(house: House, route: str) -> None:
    endpoint = ENDPOINTS[route]
    good = body_of(endpoint, house.ids)
    for place in places(good):
        if place and isinstance(place[-1], str):
            body = json.dumps(replaced(good, place, None, drop=True)).encode()
            judge(endpoint, body, house.ask(endpoint, body), f"without {place}")
    for name in ("unknown", "member_id", "price", "__proto__", "", "\u0000", "字" * 300, "a" * values.BELOW_THE_LIMIT):
        body = json.dumps({**good, name: 1}).encode()
        judge(endpoint, body, house.ask(endpoint, body), f"with {name[:40]!r}")
    first = json.dumps(next(iter(good)))
    body = f"{{{first}: [], {json.dumps(good)[1:]}".encode()
    assert house.ask(endpoint, body).status < 500


@pytest.mark.parametrize("route", WITH_BODY)
def test_a_body_that_is_no_json_object_is_malformed(house: House, route: str) -> None:
    endpoint = ENDPOINTS[route]
    for body in values.broken_bodies(json.dumps(body_of(endpoint, house.ids)).encode()):
        packed = {"content-encoding": "gzip"} if body.startswith(b"\x1f\x8b") else {}
        answer = house.ask(endpoint, body, headers=packed)
        assert (answer.status, answer.code) == (400, "MALFORMED"), f"{body[:80]!r}: {answer}"


@pytest.mark.parametrize("route", OF_SHAPES)
def test_a_body_of_ten_megabytes_is_too_large_for_any_route(house: House, route: str) -> None:
    for body in (b"x" * 10_000_000, b" " * (MOST_BYTES + 1)):
        answer = house.ask(ENDPOINTS[route], body)
        assert (answer.status, answer.code, answer.json()["details"]) == (413, "BODY_TOO_LARGE", {"limit": MOST_BYTES})


@pytest.mark.parametrize("route", OF_SHAPES)
def test_another_content_type_is_not_supported(house: House, route: str) -> None:
    endpoint = ENDPOINTS[route]
    for kind, taken in values.CONTENT_TYPES.items():
        answer = house.ask(endpoint, b"{", headers={"content-type": kind})
        assert (answer.status == 415) is not taken, f"{kind[:60]}: {answer}"
        if not taken:
            assert answer.code == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("path", sorted({endpoint.path for endpoint in ENDPOINTS.values()}))
def test_another_method_is_not_allowed(house: House, path: str) -> None:
    served = {endpoint.method for endpoint in ENDPOINTS.values() if endpoint.path == path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "get", "ABRAKADABRA"} - served:
        answer = house.send(method, re.sub(r"{\w+}", "x", path), {})
        assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED"), f"{method}: {answer}"
        assert {each.strip() for each in answer.headers["Allow"].split(",")} == served


@pytest.mark.parametrize("route", WITH_IDS)
def test_an_id_in_no_form_of_one_is_nobodys(house: House, route: str) -> None:
    endpoint = ENDPOINTS[route]
    body = json.dumps(body_of(endpoint, house.ids)).encode() if endpoint.body is not None else None
    for variable in parameters(endpoint, "path"):
        for text, is_one in values.ids():
            answer = house.ask(endpoint, body, path={variable["name"]: text})
            if not is_one:
                assert (answer.status, answer.code) == (404, "NOT_FOUND"), f"{variable['name']}={text}: {answer}"


@pytest.mark.parametrize("route", WITH_QUERY)
def test_a_query_takes_what_the_contract_says_and_nothing_else(house: House, route: str) -> None:
    endpoint = ENDPOINTS[route]
    for parameter in parameters(endpoint, "query"):
        name = parameter["name"]
        for text in values.query_texts():
            answer = house.ask(endpoint, query=asked(endpoint, house, name, quote(text)))
            fits = fitting(parameter["schema"], text)
            assert answer.status == 400 or fits, f"{name}={text[:60]!r} is taken: {answer}"
            if name == "cursor" and text:
                assert answer.status == 404 or answer.code in ("BAD_CURSOR", "MALFORMED"), (
                    f"{name}={text[:60]!r}: {answer}"
                )
            elif fits and parameter["schema"].get("type") == "integer":
                assert answer.status != 400, f"{name}={text[:60]!r} is refused: {answer}"
        for text in ("%FF", "%C0%80", "%ED%A0%80", "%00", "%u0041", "%2", "&&&==&"):
            house.ask(endpoint, query=asked(endpoint, house, parameter["name"], text))
        twice = asked(endpoint, house, parameter["name"], f"1&{parameter['name']}=2")
        house.ask(endpoint, query=twice)
    for unknown in ("unknown=1", "member_id=x", "limit[]=1", "=1", "cursor%00=1"):
        query = asked(endpoint, house, *unknown.split("=", 1))
        assert house.ask(endpoint, query=query).code == "MALFORMED", unknown


@pytest.mark.parametrize("route", WITH_SESSION)
def test_a_token_that_is_not_ours_opens_nothing(house: House, route: str) -> None:
    endpoint = ENDPOINTS[route]
    body = json.dumps(body_of(endpoint, house.ids)).encode() if endpoint.body is not None else None
    for name, given in forged(house).items():
        before = house.written
        answer = house.ask(endpoint, body, headers={"authorization": given})
        assert (answer.status, answer.code) == (401, "UNAUTHENTICATED"), f"{name}: {answer}"
        assert given.rpartition(" ")[2] not in answer.text or len(given) < 12, f"{name}: the token is repeated"
        assert house.written == before


@pytest.mark.parametrize("route", [route for route in WITH_SESSION if ENDPOINTS[route].signed])
def test_a_signature_that_is_none_is_refused(house: House, route: str) -> None:
    endpoint, now = ENDPOINTS[route], str(int(house.stack.clock().timestamp()))
    body = json.dumps(body_of(endpoint, house.ids)).encode() if endpoint.body is not None else None
    right = {"x-signature": "0" * 64, "x-timestamp": now, "x-nonce": "nonce-0123456789abcdef"}
    wrong = {"x-signature": values.SIGNATURES, "x-timestamp": values.TIMESTAMPS, "x-nonce": values.NONCES}
    for header, texts in wrong.items():
        for text in texts:
            answer = house.ask(endpoint, body, headers={**right, header: text.format(now=now)})
            assert (answer.status, answer.code.split("_")[0]) == (401, "SIGNATURE"), f"{header}={text[:40]!r}: {answer}"


@pytest.mark.parametrize("route", [route for route, endpoint in ENDPOINTS.items() if endpoint.idempotent])
def test_an_idempotency_key_that_is_none_is_refused(house: House, route: str) -> None:
    endpoint = ENDPOINTS[route]
    body = json.dumps(body_of(endpoint, house.ids)).encode()
    for key in values.IDEMPOTENCY_KEYS:
        answer = house.ask(endpoint, body, headers={"idempotency-key": key})
        assert answer.code in ("MALFORMED", "IDEMPOTENCY_KEY_MISSING"), f"{key[:40]!r}: {answer}"


@pytest.mark.parametrize("route", [route for route, endpoint in ENDPOINTS.items() if endpoint.cache is not None])
def test_a_condition_that_is_none_is_passed_over(house: House, route: str) -> None:
    for condition in values.CONDITIONS:
        answer = house.ask(ENDPOINTS[route], headers={"if-none-match": condition})
        assert answer.status == (304 if condition == "*" else 200), f"{condition[:40]!r}: {answer}"


@pytest.mark.parametrize("route", sorted(ENDPOINTS))
def test_an_event_without_what_is_optional_in_it_is_answered(house: House, route: str) -> None:
    """API Gateway leaves out or sets to null what a request does not have."""
    endpoint = ENDPOINTS[route]
    event = {
        "requestContext": {"httpMethod": endpoint.method, "resourcePath": endpoint.path, "identity": None},
        "headers": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": {each["name"]: "x" for each in parameters(endpoint, "path")} or None,
        "stageVariables": None,
        "body": None,
    }
    unreadable = ({"body": "%%%", "isBase64Encoded": True}, {"body": "ü", "isBase64Encoded": True})
    for more in ({}, *(unreadable if endpoint.body is not None else ())):
        answer = app({**event, **more}, None)
        house.hold(endpoint, Answer(answer["statusCode"], answer["headers"], answer["body"] or ""))


@pytest.mark.parametrize("text", [*values.EMOJI, "请放门口，谢谢", "a\nb", "'; -- <b>{{x}}</b> ${y} %s"])
def test_words_that_are_legal_come_back_unharmed(house: House, text: str) -> None:
    placed = house.other.order(("tea-01", 1), remark=text)
    assert placed["remark"] == text
    assert house.other.get(f"/orders/{placed['order_id']}")["remark"] == text


@pytest.mark.parametrize("name", [*values.EMOJI, "小明🍵", "O'Neil <b>"])
def test_a_nickname_may_have_emoji(house: House, name: str) -> None:
    answer = house.other.send("PATCH", "/me", {"nickname": name})
    assert (answer.status_code, answer.json().get("nickname")) == (200, name)


@pytest.mark.parametrize("route", WITH_BODY)
def test_every_field_says_how_much_it_takes(route: str) -> None:
    """Or else the store, the platform or the page that shows it will find the limit."""
    schema = body_schema(ENDPOINTS[route])
    good = body_of(ENDPOINTS[route], {})
    for place in places(good):
        for huge in hugely(at(good, place)):
            assert not schema.is_valid(replaced(good, place, huge)), f"{place} has no limit"


def fitting(schema: dict[str, Any], text: str) -> bool:
    """Whether the contract lets a query parameter be this text."""
    if schema.get("type") == "boolean":
        return text in ("true", "false", "0", "1")
    if schema.get("type") != "integer":
        return validator(json.dumps(schema)).is_valid(text)
    if text != "1.0" and not re.fullmatch(r"[0-9]{1,9}", text):  # to JSON Schema 1.0 is an integer
        return False
    return bool(schema.get("minimum", 0) <= float(text) <= schema.get("maximum", 2**31))


def hugely(good: Any) -> Iterator[Any]:
    """The same kind of value, more of it than anybody needs."""
    match good:
        case bool():
            return
        case str():
            yield "a" * 5000
        case int():
            yield 10**15
            yield -(10**15)
        case list() if good:
            yield good[:1] * 2000
        case dict() if good:
            yield {f"{name}{n}": value for name, value in good.items() for n in range(2000)}


def judge(endpoint: Endpoint, body: bytes, answer: Answer, where: str) -> None:
    """What does not fit the contract is MALFORMED, and what fits is not."""
    try:
        said = json.loads(body)
        json.dumps(said, ensure_ascii=False).encode()  # half a surrogate pair is no text
        fits = body_schema(endpoint).is_valid(said)
    except (ValueError, RecursionError, OverflowError):
        fits = False
    malformed = answer.status == 400 and answer.code == "MALFORMED"
    if not fits:
        assert malformed or answer.status == 413, f"{where} is taken: {answer}"
    elif malformed:
        # To JSON Schema 1.0 is an integer; the contract says in words that it is not to be written so.
        assert "got `float`" in answer.json()["details"]["problem"], f"{where} is refused: {answer}"


def places(value: Any, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a body has a value, from the whole to the innermost."""
    yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield from places(part, (*here, name))


def at(value: Any, place: tuple[str | int, ...]) -> Any:
    for step in place:
        value = value[step]
    return value


def replaced(value: Any, place: tuple[str | int, ...], new: Any, drop: bool = False) -> Any:
    if not place:
        return new
    value = copy.deepcopy(value)
    around = at(value, place[:-1])
    if drop:
        del around[place[-1]]
    else:
        around[place[-1]] = new
    return value


def asked(endpoint: Endpoint, house: House, name: str, text: str) -> str:
    """A query with one parameter so, and the needed ones right."""
    needed = {
        each["name"]: house.ids.get(each["name"], each.get("example"))
        for each in parameters(endpoint, "query")
        if each["required"]
    }
    return "&".join([f"{name}={text}", *(f"{other}={right}" for other, right in needed.items() if other != name)])


def forged(house: House) -> dict[str, str]:
    """Authorization headers by what is wrong with them."""
    header, payload, signature = house.owner.token.split(".")
    claims = jwt.decode(house.owner.token, options={"verify_signature": False})
    other = b"x" * 32
    tokens = {
        "unsigned": jwt.encode(claims, "", "none", {"kid": "test"}),
        "cut off": f"{header}.{payload}.",
        "no signature": f"{header}.{payload}",
        "of another key": jwt.encode(claims, other, "HS256", {"kid": "test"}),
        "of no key": jwt.encode(claims, other, "HS256", {"kid": "none"}),
        "without a key id": jwt.encode(claims, other, "HS256"),
        "a path for a key": jwt.encode(claims, other, "HS256", {"kid": "../../../../dev/null"}),
        "another algorithm": jwt.encode(claims, other * 2, "HS512", {"kid": "test"}),
        "a number for a key": f"{quoted({'alg': 'HS256', 'kid': 1})}.{payload}.{signature}",
        "a list for a header": f"{quoted([])}.{payload}.{signature}",
        "a deep header": f"{quoted({'alg': 'HS256', 'x': [[[[[[[]]]]]]]})}.{payload}.{signature}",
        "another payload": f"{header}.{quoted({**claims, 'sub': 'M' + 'A' * 25})}.{signature}",
        "changed at the end": f"{header}.{payload}.{signature[:-2]}{'AA' if signature[-2:] != 'AA' else 'BB'}",
        "twice": f"{house.owner.token}.{house.owner.token}",
        "two parts": "a.b",
        "four parts": "a.b.c.d",
        "dots": "..",
        "not ascii": "ümläut",
        "control characters": "\x00\x01",
        "huge": "a" * 60_000,
        "hugely dotted": "." * 5000,
    }
    schemes = {
        "no scheme": house.owner.token,
        "basic": "Basic eDp5",
        "empty": "",
        "only the scheme": "Bearer",
        "blank": " ",
    }
    return {name: f"Bearer {token}" for name, token in tokens.items()} | schemes


def quoted(part: Any) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
