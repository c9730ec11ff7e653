"""Whose is it? Every route is asked by a stranger for what another member owns, and by people who have no session.

`CASES` is a register of all routes: a new route needs a line in it before this file passes. A route that takes an id of
something that members own (OWNED) is a `Foreign` case, or a `Shared` one with the reason why a stranger may use it.
A route of the merchant's people is a `Staff` case, and no other.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args, get_type_hints

import jwt
import msgspec
import pytest
import requests

import app
from chalicelib.coupons import CouponKind, CouponTemplate, Terms
from chalicelib.kernel.staff import StaffRole, may
from chalicelib.storage.table import dynamodb
from chalicelib.storage.tables import tables
from chalicelib.web import Endpoint
from tests.shop import JSON, Shopper, Stack, put_bargain_activity, put_team_activity

OWNED = {"address_id", "case_id", "coupon_id", "group_id", "launch_id", "order_id", "team_id"}
THE_SHOPS = {"activity_id", "pickup_point_id", "product_id", "sku_id", "sku_ids", "template_id"}

Ids = Mapping[str, str]
Body = Any | Callable[[Ids], Any]
_keys = itertools.count(1)
HOME = {
    "name": "李四", "phone": "13900139000", "province": "浙江省", "city": "杭州市", "district": "西湖区",
    "detail": "灵隐路7号",
}  # fmt: skip
AWAY = {**HOME, "name": "王五", "phone": "13700137000", "detail": "龙井路8号"}


@dataclass(frozen=True)
class Foreign:
    """Answered 404 with `code`, exactly as for an id that nobody has; nothing is written anywhere."""

    code: str
    body: Body = None


@dataclass(frozen=True)
class Own:
    """Works on what the session's member owns: it succeeds, shows nothing of others and changes nothing of theirs."""

    body: Body = None


@dataclass(frozen=True)
class Shared:
    """Another member's id is meant to work: why. What it shows names no member and no order."""

    why: str
    body: Body = None
    changes: bool = False


@dataclass(frozen=True)
class Public:
    """No session by design: why. What it shows is nobody's."""

    why: str
    body: Body = None
    status: int = 200
    query: str = ""


@dataclass(frozen=True)
class Staff:
    """Refused to members and to staff of another role. `code`: how the right role is answered for ids that nobody has
    (`ids` where not any text will do); needed where the path takes one. Nothing is written in any of it.
    """

    role: StaffRole
    code: str = ""
    body: Body = None
    ids: Mapping[str, str] = field(default_factory=dict)


def wish(**more: Any) -> dict[str, Any]:
    return {"lines": [{"sku_id": "cup-01", "quantity": 1}], **more}


def at(ids: Ids) -> Any:
    return wish(address_id=ids["address_id"])


def with_coupon(ids: Ids) -> Any:
    return wish(coupon_id=ids["coupon_id"], address_id=ids["my_address"])


def with_launch(ids: Ids) -> Any:
    campaign = {"kind": "bargain", "activity_id": "bargain", "group_id": ids["launch_id"]}
    return wish(campaign=campaign, address_id=ids["my_address"])


def in_team(ids: Ids) -> Any:
    campaign = {"kind": "groupbuy", "activity_id": "team", "group_id": ids["team_id"]}
    return {"lines": [{"sku_id": "tea-01", "quantity": 1}], "campaign": campaign, "address_id": ids["my_address"]}


ORDERING = (
    Foreign("ADDRESS_NOT_FOUND", at),
    Foreign("COUPON_NOT_FOUND", with_coupon),
    Foreign("LAUNCH_NOT_FOUND", with_launch),
)
TEAMS = "joining a friend's team is what a team is for"
FRIENDS = "whoever was given the id is meant to see it and to help"
GOODS = "goods, prices and campaigns are shown to everybody"
ITS_OWN_PROOF = "the caller proves itself by a signature over the message"
ORDER = Foreign("ORDER_NOT_FOUND")
CASE = {"kind": "REFUND", "reason": "CHANGED_MIND", "lines": [{"sku_id": "cup-02", "quantity": 1}], "sent": False}
PARCEL, WHY = {"carrier": "SF", "tracking_no": "SF1234567890123"}, {"why": "商品完好"}

CASES: dict[str, tuple[Foreign | Own | Shared | Public | Staff, ...]] = {
    "POST /login": (Public("it makes the session", body={"code": "demo-nobody"}),),
    "POST /session/renew": (Own(),),
    "GET /me": (Own(),),
    "PATCH /me": (Own({"nickname": "小王"}),),
    "POST /me/phone": (Own({"code": "demo-13700137000"}),),
    "POST /logout-everywhere": (Own(),),
    "GET /staff/reconciliations": (Staff(StaffRole.FINANCE),),
    "GET /staff/reconciliations/{day}": (Staff(StaffRole.FINANCE, "RECONCILIATION_NOT_FOUND"),),
    "POST /staff/reconciliations/{day}/findings/{finding_id}/resolution": (
        Staff(StaffRole.FINANCE, "FINDING_NOT_FOUND", {"note": "已核实"}, {"day": "2026-11-21"}),
    ),
    "GET /staff/people": (Staff(StaffRole.OWNER),),
    "PUT /staff/people/{member_id}": (Staff(StaffRole.OWNER, "MEMBER_NOT_FOUND", {"roles": ["SERVICE"]}),),
    "GET /addresses": (Own(),),
    "POST /addresses": (Own(AWAY),),
    "POST /addresses/parse": (Own({"text": "王五 13700137000 浙江省杭州市西湖区龙井路8号"}),),
    "PUT /addresses/{address_id}": (Foreign("ADDRESS_NOT_FOUND", AWAY),),
    "DELETE /addresses/{address_id}": (Foreign("ADDRESS_NOT_FOUND"),),
    "POST /addresses/{address_id}/default": (Foreign("ADDRESS_NOT_FOUND"),),
    "GET /categories": (Public(GOODS),),
    "GET /products": (Public(GOODS),),
    "GET /products/{product_id}": (Public(GOODS),),
    "GET /staff/stock/{sku_id}": (Staff(StaffRole.FULFILMENT, "NEVER_STOCKED"),),
    "PUT /staff/stock/{sku_id}": (Staff(StaffRole.FULFILMENT, "NEVER_STOCKED", {"counters": 16}),),
    "GET /promotions": (Public(GOODS),),
    "GET /campaigns": (Public(GOODS, query="?kind=groupbuy"), Public(GOODS, query="?kind=bargain")),
    "GET /campaigns/{activity_id}": (Public(GOODS),),
    "GET /campaigns/{activity_id}/teams": (Public("open teams look for members"),),
    "GET /groupbuy/teams/{team_id}": (Public(FRIENDS),),
    "GET /groupbuy/teams/{team_id}/code": (Shared(FRIENDS),),
    "GET /groupbuy/mine": (Own(),),
    "POST /bargain/launches": (Own({"activity_id": "bargain"}),),
    "GET /bargain/launches": (Own(),),
    "GET /bargain/launches/{launch_id}": (Shared(FRIENDS),),
    "POST /bargain/launches/{launch_id}/cuts": (Shared(FRIENDS, changes=True),),
    "GET /cart": (Own(),),
    "POST /cart/lines": (Own({"sku_id": "tea-02", "quantity": 1}),),
    "PATCH /cart/lines/{sku_id}": (Foreign("CART_LINE_NOT_FOUND", {"quantity": 5}),),
    "POST /cart/selection": (Own({"selected": False}),),
    "DELETE /cart/lines/{sku_id}": (Own(),),
    "POST /cart/remove": (Own({"sku_ids": ["tea-02"]}),),
    "DELETE /cart": (Own(),),
    "POST /orders/preview": (*ORDERING, Shared(TEAMS, in_team)),
    "POST /orders": (*ORDERING, Shared(TEAMS, in_team, changes=True)),
    "GET /orders": (Own(),),
    "GET /orders/{order_id}": (ORDER,),
    "GET /orders/{order_id}/parcels": (ORDER,),
    "POST /orders/{order_id}/receipt": (ORDER,),
    "POST /orders/{order_id}/receipt/extension": (ORDER,),
    "POST /orders/{order_id}/payment": (ORDER,),
    "POST /orders/{order_id}/payment/native": (ORDER,),
    "POST /orders/{order_id}/payment/check": (ORDER,),
    "POST /orders/{order_id}/cancel": (ORDER,),
    "GET /pickup-points": (Public(GOODS),),
    "GET /staff/pickup-points": (Staff(StaffRole.FULFILMENT),),
    "POST /staff/pickup-points": (Staff(StaffRole.FULFILMENT, body={"point_id": "p", "name": "店", "address": "街"}),),
    "GET /staff/orders/to-ship": (Staff(StaffRole.FULFILMENT),),
    "GET /staff/orders/{member_id}/{order_id}": (Staff(StaffRole.FULFILMENT, "ORDER_NOT_FOUND"),),
    "POST /staff/orders/{member_id}/{order_id}/parcels": (
        Staff(StaffRole.FULFILMENT, "ORDER_NOT_FOUND", {"way": "LOCAL"}),
    ),
    "PUT /staff/orders/{member_id}/{order_id}/parcels/{parcel_id}": (
        Staff(StaffRole.FULFILMENT, "ORDER_NOT_FOUND", {"carrier": "SF", "tracking_no": "SF1234567890123"}),
    ),
    "GET /staff/pickups/{code}": (Staff(StaffRole.FULFILMENT, "PICKUP_CODE_NOT_FOUND"),),
    "POST /staff/pickups/{code}": (Staff(StaffRole.FULFILMENT, "PICKUP_CODE_NOT_FOUND"),),
    "GET /staff/shipping-uploads": (Staff(StaffRole.FULFILMENT),),
    "POST /staff/shipping-uploads/{order_id}/retry": (Staff(StaffRole.FULFILMENT, "UPLOAD_NOT_FOUND"),),
    "GET /coupon-templates": (Own(),),
    "POST /coupon-templates/{template_id}/claim": (Own(),),
    "GET /coupons": (Own(),),
    "GET /orders/{order_id}/aftersale-options": (ORDER,),
    "POST /orders/{order_id}/aftersales": (Foreign("ORDER_NOT_FOUND", CASE),),
    "GET /aftersales": (Own(),),
    "GET /aftersales/{case_id}": (Foreign("AFTERSALE_NOT_FOUND"),),
    "POST /aftersales/{case_id}/cancel": (Foreign("AFTERSALE_NOT_FOUND"),),
    "POST /aftersales/{case_id}/return": (Foreign("AFTERSALE_NOT_FOUND", PARCEL),),
    "POST /aftersales/{case_id}/received": (Foreign("AFTERSALE_NOT_FOUND"),),
    "GET /staff/aftersales": (Staff(StaffRole.SERVICE),),
    "GET /staff/aftersales/{member_id}/{case_id}": (Staff(StaffRole.SERVICE, "AFTERSALE_NOT_FOUND"),),
    "GET /staff/refunds": (Staff(StaffRole.FINANCE),),
    "GET /staff/payments/{out_trade_no}": (Staff(StaffRole.FINANCE, "PAYMENT_NOT_FOUND"),),
    "GET /staff/orders/{member_id}/{order_id}/money": (Staff(StaffRole.FINANCE, "ORDER_NOT_FOUND"),),
    "POST /staff/orders/{member_id}/{order_id}/aftersales": (Staff(StaffRole.SERVICE, "ORDER_NOT_FOUND", CASE),),
    **{
        f"POST /staff/aftersales/{{member_id}}/{{case_id}}/{step}": (
            Staff(StaffRole.SERVICE, "AFTERSALE_NOT_FOUND", body),
        )
        for step, body in {
            "agree": {}, "reject": WHY, "receive": {"restock": True}, "refuse": WHY, "resend": PARCEL, "refund": WHY,
        }.items()
    },
    "GET /points": (Own(),),
    "GET /points/entries": (Own(),),
    "POST /staff/points/{member_id}": (Staff(StaffRole.FINANCE, "MEMBER_NOT_FOUND", {"delta": 1, "why": "补偿"}),),
    "GET /subscriptions": (Own(),),
    "POST /subscriptions": (Own({"results": {"tmpl_coupon_expiring": "accept"}}),),
    "GET /wechat/push": (Public(ITS_OWN_PROOF, status=403),),
    "POST /wechat/push": (Public(ITS_OWN_PROOF, body={"Event": "user_info_modified"}, status=403),),
    "POST /wechat/pay/notify": (Public(ITS_OWN_PROOF, body={"event_type": "TRANSACTION.SUCCESS"}, status=401),),
}  # fmt: skip
ENDPOINTS = {f"{endpoint.method} {endpoint.path}": endpoint for endpoint in app.app.endpoints}


def cases(kind: type[Any]) -> Iterator[tuple[Endpoint, Any]]:
    return ((ENDPOINTS[route], case) for route, found in CASES.items() for case in found if isinstance(case, kind))


def test_every_route_stands_in_the_register_and_public_ones_as_public() -> None:
    served = {f"{method} {path}" for path, methods in app.app.routes.items() for method in methods}
    assert set(ENDPOINTS) == served
    assert set(CASES) == set(ENDPOINTS), "say whose things the route works on"
    public = {f"{endpoint.method} {endpoint.path}" for endpoint, _ in cases(Public)}
    assert public == {route for route, endpoint in ENDPOINTS.items() if endpoint.public}


def test_routes_of_the_merchants_people_are_asked_as_such_and_stand_under_a_path_of_their_own() -> None:
    for route, endpoint in ENDPOINTS.items():
        assert {getattr(case, "role", None) for case in CASES[route]} == {endpoint.staff}, route
        assert endpoint.path.startswith("/staff/") == (endpoint.staff is not None), route
    for endpoint, case in cases(Staff):
        assert case.code or not path_variables(endpoint), f"{endpoint.path}: say its 404"


@pytest.mark.parametrize("route", sorted(route for route, endpoint in ENDPOINTS.items() if not endpoint.staff))
def test_a_route_that_takes_an_id_of_a_member_is_asked_for_anothers(route: str) -> None:
    endpoint = ENDPOINTS[route]
    taken = path_variables(endpoint) | {name for name in fields_of(endpoint.body) if name.endswith(("_id", "_ids"))}
    assert taken <= OWNED | THE_SHOPS, "decide whether members own it"
    if taken & OWNED:
        assert {type(case) for case in CASES[route]} <= ({Public} if endpoint.public else {Foreign, Shared})


def path_variables(endpoint: Endpoint) -> set[str]:
    return {part.strip("{}") for part in endpoint.path.split("/") if part.startswith("{")}


def fields_of(shape: Any) -> set[str]:
    """Names of all fields of a request, at any depth."""
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        hints = get_type_hints(shape)
        return set(hints) | {name for hint in hints.values() for name in fields_of(hint)}
    return {name for part in get_args(shape) for name in fields_of(part)}


@dataclass(frozen=True)
class Owner:
    """A member with two of everything, so that her lists have second pages. `secrets` are for nobody else's eyes."""

    shopper: Shopper
    ids: dict[str, str]
    orders: list[str]
    secrets: set[str]

    def absent(self) -> dict[str, str]:
        """Ids of the same form that nobody has."""
        return {name: f"{value[:-3]}000" for name, value in self.ids.items()}


@pytest.fixture
def owner(stack: Stack) -> Owner:
    alice = stack.shopper("alice")
    put_team_activity(stack.shop, "team-2")
    put_bargain_activity(stack.shop, "bargain-2")
    for template_id in ("ten", "five"):
        terms = Terms(CouponKind.AMOUNT, "减5元", 500, threshold=1000)
        stack.shop.coupons.put_template(CouponTemplate(template_id, terms, total=50, valid_days=7))
    alice.address_id = alice.post("/addresses", HOME)["address_id"]
    alice.post("/me/phone", {"code": f"demo-{HOME['phone']}"})
    for cause in ("one", "two"):
        stack.shop.points.adjust(alice.member_id, 100, "补偿", "the-owner", cause, stack.clock())
    alice.post("/cart/lines", {"sku_id": "cup-02", "quantity": 2})
    coupon_ids = [alice.post(f"/coupon-templates/{each}/claim")["coupon_id"] for each in ("five", "ten")]
    for gift in ("gift-1", "gift-2"):
        stack.shop.points.adjust(alice.member_id, 5, "欢迎", "the-owner", gift, stack.clock())
    launch_ids = [alice.post("/bargain/launches", {"activity_id": f"bargain{n}"})["launch_id"] for n in ("", "-2")]
    seats = [alice.buy(("tea-01", 1), campaign={"kind": "groupbuy", "activity_id": f"team{n}"}) for n in ("", "-2")]
    orders = [alice.order(("cup-01", 1))["order_id"], alice.buy(("cup-02", 2))["order_id"], seats[0]["order_id"]]
    alice.open_sheet(orders[0])
    case_ids = [
        alice.post(f"/orders/{orders[1]}/aftersales", CASE, **{"Idempotency-Key": f"case-key-{n}"})["case_id"]
        for n in range(2)
    ]
    stack.drain(1)
    openid = stack.shop.identity.authenticate(alice.token).openid
    ids = {
        "address_id": alice.address_id, "case_id": case_ids[0],
        "coupon_id": coupon_ids[0], "launch_id": launch_ids[0], "order_id": orders[0],
        "team_id": seats[0]["campaign"]["group_id"], "activity_id": "team", "product_id": "tea", "sku_id": "cup-02",
        "template_id": "ten",
    }  # fmt: skip
    secrets = {
        alice.member_id,
        openid,
        alice.address_id,
        *coupon_ids,
        *case_ids,
        *orders,
        HOME["phone"],
        HOME["detail"],
    }
    return Owner(alice, ids, orders, secrets)


def test_what_another_member_owns_is_answered_as_if_nobody_had_it(stack: Stack, owner: Owner) -> None:
    stranger = stack.shopper("bob")
    mine = {"my_address": stranger.address()}
    before = everything()
    for endpoint, case in cases(Foreign):
        absent = ask(stranger, endpoint, owner.absent() | mine, case.body)
        for order_id in owner.orders if "order_id" in endpoint.path else owner.orders[:1]:
            answer = ask(stranger, endpoint, owner.ids | mine | {"order_id": order_id}, case.body)
            assert (answer.status_code, answer.json()["code"]) == (404, case.code), shown(answer)
            assert told(answer) == told(absent), f"{shown(answer)} tells that it exists: {shown(absent)}"
    assert everything() == before


def test_what_belongs_to_the_asking_member_is_all_that_is_shown_and_changed(stack: Stack, owner: Owner) -> None:
    not_his = owner.secrets | {owner.ids["launch_id"], owner.ids["team_id"]}
    hers = owned_by(owner.shopper)
    for endpoint, case in cases(Own):
        answer = ask(stack.shopper("bob"), endpoint, owner.ids, case.body)
        assert answer.status_code < 300, shown(answer)
        assert not revealed(answer, not_his), shown(answer)
        if endpoint.query is not None:
            cursor = owner.shopper.get(f"{endpoint.path}?limit=1")["next_cursor"]
            assert cursor, f"{endpoint.path}: the owner has too little for a second page"
            with_hers = stack.shopper("bob").send("GET", f"{endpoint.path}?cursor={cursor}")
            assert with_hers.status_code in (200, 400), shown(with_hers)
            assert not revealed(with_hers, not_his), shown(with_hers)
    assert owned_by(owner.shopper) == hers


def test_what_is_shared_or_public_names_no_member_and_no_order(stack: Stack, owner: Owner) -> None:
    hers, changed_by_design = owned_by(owner.shopper), set()
    not_his = owner.secrets - {owner.ids["team_id"]}  # a team bears the id of the order that opened it
    for n, (endpoint, case) in enumerate(cases(Shared)):
        friend = stack.shopper(f"friend-{n}")
        before = owned_by(owner.shopper)
        answer = ask(friend, endpoint, owner.ids | {"my_address": friend.address()}, case.body)
        assert answer.status_code < 300, shown(answer)
        assert not revealed(answer, not_his), shown(answer)
        if case.changes:
            changed_by_design |= {key for key, row in owned_by(owner.shopper).items() if before.get(key) != row}
    for endpoint, case in cases(Public):
        path = endpoint.path.format(**owner.ids) + case.query
        answer = requests.request(endpoint.method, stack.api_url + path, json=case.body, headers=JSON, timeout=30)
        assert answer.status_code == case.status, shown(answer)
        assert not revealed(answer, not_his), shown(answer)
    after = owned_by(owner.shopper)
    assert {key for key, row in hers.items() if after.get(key) != row} <= changed_by_design


def test_what_is_the_staffs_is_refused_to_members_and_to_other_roles_and_tells_nobody_what_is_not_there(
    stack: Stack,
) -> None:
    member, people = stack.shopper("bob"), {role: stack.staff(role) for role in StaffRole}
    before = everything()
    for endpoint, case in cases(Staff):
        ids = defaultdict[str, str](lambda: "01NOBODY0000000000000000000", case.ids)
        others = [person for role, person in people.items() if not may({role}, case.role)]
        for person in (member, *others):
            answer = ask(person, endpoint, ids, case.body)
            assert (answer.status_code, answer.json()["code"]) == (403, "STAFF_ONLY"), f"{person.name}: {shown(answer)}"
        for person in (people[case.role], people[StaffRole.OWNER]) if case.code else ():
            answer = ask(person, endpoint, ids, case.body)
            assert (answer.status_code, answer.json()["code"]) == (404, case.code), f"{person.name}: {shown(answer)}"
    assert everything() == before


def test_the_same_idempotency_key_of_two_members_is_two_orders(stack: Stack) -> None:
    alice, bob = stack.shopper("alice"), stack.shopper("bob")
    placed = {shopper.name: shopper.order(("cup-01", 1), key="the-same-key")["order_id"] for shopper in (alice, bob)}
    assert len(set(placed.values())) == 2
    assert bob.refused("GET", f"/orders/{placed['alice']}") == "ORDER_NOT_FOUND"


def test_without_a_good_session_every_route_that_is_not_public_answers_401_and_does_nothing(stack: Stack) -> None:
    ids = defaultdict[str, str](lambda: "some")
    tokens = bad_tokens(stack)
    before = everything()
    for endpoint in (endpoint for endpoint in app.app.endpoints if not endpoint.public):
        case = CASES[f"{endpoint.method} {endpoint.path}"][0]
        for name, (token, code) in tokens.items():
            answer = ask(Shopper(stack, name, token), endpoint, ids, case.body)
            assert (answer.status_code, answer.json()["code"]) == (401, code), f"{name}: {shown(answer)}"
    assert everything() == before


def bad_tokens(stack: Stack) -> dict[str, tuple[str, str]]:
    """Tokens by what is wrong with them, with the code of the refusal."""
    expired = stack.shopper("carol").token
    stack.clock.forward(hours=stack.shop.settings.session_hours, seconds=1)
    revoked = stack.shopper("dave")
    revoked.post("/logout-everywhere")
    good = jwt.decode(stack.shopper("erin").token, options={"verify_signature": False})
    return {
        "no session": ("", "UNAUTHENTICATED"),
        "garbage": ("garbage", "UNAUTHENTICATED"),
        "expired": (expired, "SESSION_EXPIRED"),
        "revoked": (revoked.token, "SESSION_REVOKED"),
        "unsigned": (jwt.encode(good, "", "none", {"kid": "test"}), "UNAUTHENTICATED"),
        "signed by another": (jwt.encode(good, b"x" * 32, "HS256", {"kid": "test"}), "UNAUTHENTICATED"),
        "signed by nothing": (jwt.encode(good, b"x" * 32, "HS256", {"kid": "none"}), "UNAUTHENTICATED"),
    }


def ask(shopper: Shopper, endpoint: Endpoint, ids: Ids, body: Body) -> requests.Response:
    key = {"Idempotency-Key": f"new-key-{next(_keys)}"} if endpoint.idempotent else {}
    content = body(ids) if callable(body) else body
    return shopper.send(endpoint.method, endpoint.path.format_map(ids), content, **key)


def told(answer: requests.Response) -> Any:
    return answer.status_code, {name: value for name, value in answer.json().items() if name != "request_id"}


def revealed(answer: requests.Response, secrets: set[str]) -> list[str]:
    return [secret for secret in secrets if secret in answer.text]


def shown(answer: requests.Response) -> str:
    return f"{answer.request.method} {answer.request.path_url} -> {answer.status_code} {answer.text}"


def everything() -> dict[str, Any]:
    """Every row of every table, by its key: `<table> <key>`."""
    rows = {}
    for kind in tables().values():
        keys = [name for name in (kind._hash_keyname, kind._range_keyname) if name]
        for item in dynamodb().scan(TableName=kind.Meta.table_name, ConsistentRead=True)["Items"]:
            rows[f"{kind.bare_name} {[item[name] for name in keys]}"] = item
    return rows


def owned_by(shopper: Shopper) -> dict[str, Any]:
    """The rows that name this member."""
    return {key: row for key, row in everything().items() if shopper.member_id in json.dumps(row, default=str)}
