import pytest

import chalicelib.addresses.api
import chalicelib.identity.api  # noqa: F401  declares the endpoints
from chalicelib.addresses import Addresses
from tests.identity.world import Edge, FakeClock, FakePlatform, new_identity

HOME = {
    "name": "张三",
    "phone": "138 0013 8000",
    "province": "广东省",
    "city": "深圳市",
    "district": "南山区",
    "detail": "科技园1号",
}


@pytest.fixture
def edge(addresses: Addresses, clock: FakeClock) -> Edge:
    return Edge(clock, identity=new_identity(clock, FakePlatform()), addresses=addresses)


@pytest.fixture
def token(edge: Edge) -> str:
    return str(edge.get("POST", "/login", {"code": "ming"})["token"])


def test_a_book_is_kept_over_http(edge: Edge, token: str, clock: FakeClock) -> None:
    home = edge.get("POST", "/addresses", HOME, token)
    assert home == {
        **HOME,
        "address_id": home["address_id"],
        "phone": "13800138000",
        "region_code": "440305",
        "is_default": True,
    }
    clock.advance(minutes=1)
    work = edge.get("POST", "/addresses", {**HOME, "name": "李四", "is_default": True}, token)
    listed = edge.get("GET", "/addresses", token=token)
    assert [one["address_id"] for one in listed["items"]] == [work["address_id"], home["address_id"]]
    assert listed["next_cursor"] is None
    path = "/addresses/{address_id}"
    assert edge.ask("POST", f"{path}/default", token=token, address_id=home["address_id"]).status_code == 204
    changed = edge.get("PUT", path, {**HOME, "detail": "科技园2号"}, token, address_id=home["address_id"])
    assert (changed["detail"], changed["is_default"]) == ("科技园2号", True)
    assert edge.ask("DELETE", path, token=token, address_id=home["address_id"]).status_code == 204
    (left,) = edge.get("GET", "/addresses", token=token)["items"]
    assert (left["address_id"], left["is_default"]) == (work["address_id"], True)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ""}, "ADDRESS_INVALID"),
        ({"phone": "123"}, "PHONE_INVALID"),
        ({"city": "杭州市"}, "REGION_UNKNOWN"),
        ({"province": 44}, "MALFORMED"),
        ({"member_id": "M1"}, "MALFORMED"),
        ({"detail": "x" * 501}, "MALFORMED"),
    ],
)
def test_each_mistake_has_its_own_code(edge: Edge, token: str, changes: dict[str, object], code: str) -> None:
    assert edge.code("POST", "/addresses", {**HOME, **changes}, token) == (400, code)


def test_another_members_address_is_not_there(edge: Edge, token: str) -> None:
    theirs = edge.get("POST", "/addresses", HOME, token)["address_id"]
    mine = str(edge.get("POST", "/login", {"code": "hong"})["token"])
    path = "/addresses/{address_id}"
    for method, where, body in (("PUT", path, HOME), ("DELETE", path, None), ("POST", f"{path}/default", None)):
        assert edge.code(method, where, body, mine, address_id=theirs) == (404, "ADDRESS_NOT_FOUND")
    assert len(edge.get("GET", "/addresses", token=token)["items"]) == 1


def test_a_pasted_text_fills_the_form_or_says_what_is_missing(edge: Edge, token: str) -> None:
    text = "张三 13800138000 广东省深圳市南山区科技园1号"
    found = edge.get("POST", "/addresses/parse", {"text": text}, token)
    assert found == {**HOME, "phone": "13800138000", "region_code": "440305", "missing": []}
    nothing = edge.get("POST", "/addresses/parse", {"text": ""}, token)
    assert nothing["missing"] == ["name", "phone", "province", "city", "district", "detail"]
    assert edge.code("POST", "/addresses/parse", {"text": "x" * 501}, token) == (400, "MALFORMED")
