from datetime import timedelta

import pytest

import chalicelib.coupons.api  # noqa: F401  declares the endpoints
from chalicelib.storage.writes import commit
from tests.coupons.world import World, template
from tests.messaging.asking import Client
from tests.messaging.fakes import NOON


@pytest.fixture
def client(world: World) -> Client:
    return Client(coupons=world.coupons, clock=world.clock)


def test_a_coupon_is_seen_claimed_and_held(client: Client, world: World) -> None:
    world.coupons.put_template(template(total=1, per_member=1))
    terms = {
        "template_id": "T1",
        "kind": "AMOUNT",
        "title": "满100减20",
        "value": 2000,
        "threshold": 10000,
        "cap": None,
        "scope_kind": "ALL",
        "scope_ids": [],
    }
    offered = {"valid_days": 7, "valid_from": None, "valid_until": None, "per_member": 1}
    before = {"claimed": 0, "gone": False, "claimable": True}
    assert client.ask("GET", "/coupon-templates") == (200, {"items": [{**terms, **offered, **before}]})

    status, claimed = client.ask("POST", "/coupon-templates/{template_id}/claim", template_id="T1")
    dates = {"valid_from": "2026-11-22T04:00:00Z", "expires_at": "2026-11-29T04:00:00Z"}
    held = {"coupon_id": claimed["coupon_id"], "state": "UNUSED", "used_at": None, "order_id": None}
    assert (status, claimed) == (200, {**terms, **dates, **held})

    after = {"claimed": 1, "gone": True, "claimable": False}
    assert client.ask("GET", "/coupon-templates") == (200, {"items": [{**terms, **offered, **after}]})
    assert client.ask("GET", "/coupons") == (200, {"items": [claimed], "next_cursor": None})
    assert client.ask("GET", "/coupons", token="M2") == (200, {"items": [], "next_cursor": None})


def test_each_refusal_to_claim_has_its_code(client: Client, world: World) -> None:
    world.coupons.put_template(template("once", per_member=1))
    world.coupons.put_template(template("few", total=1))
    world.coupons.put_template(template("over", on_shelf=False))
    world.coupons.claim("M1", "once")
    world.coupons.claim("M2", "few")

    def claim(template_id: str) -> tuple[int, str]:
        return client.ask("POST", "/coupon-templates/{template_id}/claim", template_id=template_id)

    assert [claim(name) for name in ("once", "few", "over", "none")] == [
        (422, "COUPON_LIMIT"),
        (422, "COUPONS_GONE"),
        (422, "COUPON_CLAIM_ENDED"),
        (404, "COUPON_TEMPLATE_NOT_FOUND"),
    ]


def test_lists_are_by_state_and_paged(client: Client, world: World) -> None:
    world.coupons.put_template(template())
    held = [world.coupons.claim("M1", "T1") for _ in range(3)]
    commit(world.coupons.spend("M1", held[0].coupon_id, "O1", NOON))
    _, used = client.ask("GET", "/coupons", query={"state": "USED"})
    assert [(each["coupon_id"], each["order_id"], each["used_at"]) for each in used["items"]] == [
        (held[0].coupon_id, "O1", "2026-11-22T04:00:00Z")
    ]
    _, first = client.ask("GET", "/coupons", query={"limit": "1"})
    _, second = client.ask("GET", "/coupons", query={"limit": "1", "cursor": first["next_cursor"]})
    assert {page["items"][0]["coupon_id"] for page in (first, second)} == {each.coupon_id for each in held[1:]}
    assert second["next_cursor"] is None
    world.clock.now = NOON + timedelta(days=7)
    _, expired = client.ask("GET", "/coupons", query={"state": "EXPIRED"})
    assert [each["state"] for each in expired["items"]] == ["EXPIRED"] * 2


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"state": "GIVEN"}, "MALFORMED"),
        ({"limit": "0"}, "MALFORMED"),
        ({"limit": "51"}, "MALFORMED"),
        ({"cursor": "not a cursor"}, "BAD_CURSOR"),
        ({"cursor": "券"}, "BAD_CURSOR"),
    ],
)
def test_questions_that_make_no_sense_are_refused_unasked(query: dict[str, str], code: str) -> None:
    world = World()
    client = Client(coupons=world.coupons, clock=world.clock)
    assert client.ask("GET", "/coupons", query=query) == (400, code)
