import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from chalice.app import Request

import chalicelib.campaigns.bargain.api  # noqa: F401  declares the endpoints
from chalicelib.kernel.errors import Unauthenticated
from chalicelib.web.edge import serve
from chalicelib.web.routes import Routes
from tests.identity.fakes import FakeSessions

from .world import CONFIG, NOW, Person, World, newcomer, people

LAUNCHES = "/bargain/launches"
LAUNCH = "/bargain/launches/{launch_id}"
CUTS = "/bargain/launches/{launch_id}/cuts"


class FakeIdentity(FakeSessions):
    def __init__(self, *known: Person) -> None:
        self._known = {person.member_id: person for person in known}

    def authenticate(self, token: str) -> Person:
        if token not in self._known:
            raise Unauthenticated
        return self._known[token]


class Client:
    """The endpoints of bargains, asked as API Gateway asks them; the token is the member's id."""

    def __init__(self, world: World) -> None:
        known = [Person("leader", "小红"), newcomer("new"), Person("thief"), *people(5)]
        self.shop = SimpleNamespace(
            bargain=world.bargain,
            identity=FakeIdentity(*known),
            clock=lambda: NOW,
            settings=SimpleNamespace(require_signatures=False),
        )

    def ask(
        self, member_id: str, method: str, path: str, launch_id: str = "", body: Any = None, **query: str
    ) -> tuple[int, Any]:
        variables = {"launch_id": launch_id} if launch_id else {}
        (endpoint,) = (one for one in Routes.endpoints if (one.method, one.path) == (method, path))
        event = {
            "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
            "headers": {"authorization": f"Bearer {member_id}", "content-type": "application/json"},
            "pathParameters": variables,
            "requestContext": {"httpMethod": method, "resourcePath": path, "requestId": "r1"},
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
            "stageVariables": None,
        }
        answer = serve(endpoint, SimpleNamespace(shop=self.shop), Request(event), variables)
        return answer.status_code, json.loads(answer.body)

    def launch(self, member_id: str = "leader") -> Any:
        return self.ask(member_id, "POST", LAUNCHES, body={"activity_id": "a1"})

    def show(self, member_id: str, launch_id: str) -> Any:
        status, answer = self.ask(member_id, "GET", LAUNCH, launch_id)
        assert status == 200
        return answer

    def cut(self, member_id: str, launch_id: str) -> Any:
        return self.ask(member_id, "POST", CUTS, launch_id)


@pytest.fixture
def client(world: World) -> Client:
    return Client(world)


@pytest.mark.parametrize(("method", "path"), [("POST", LAUNCHES), ("GET", LAUNCHES), ("GET", LAUNCH), ("POST", CUTS)])
def test_every_route_asks_for_a_session(client: Client, method: str, path: str) -> None:
    status, answer = client.ask("nobody", method, path, "l1" if "{" in path else "")
    assert (status, answer["code"]) == (401, "UNAUTHENTICATED")


def test_a_launch_is_answered_with_all_that_its_page_needs(client: Client) -> None:
    status, answer = client.launch()
    assert status == 201
    launch_id, price = answer.pop("launch_id"), answer.pop("price")
    assert CONFIG.floor_price < price < CONFIG.start_price
    assert answer == {
        "activity_id": "a1",
        "product_id": "p1",
        "sku_id": "p1-01",
        "title": "砍价得好茶",
        "state": "RUNNING",
        "start_price": 10_000,
        "floor_price": 1_000,
        "buy_at": "FLOOR_ONLY",
        "cuts": 1,
        "people_left": 2,
        "started_at": "2026-11-22T02:00:00Z",
        "ends_at": "2026-11-23T02:00:00Z",
        "order_id": None,
    }
    status, refusal = client.launch()
    assert (status, refusal["code"], refusal["details"]) == (422, "LAUNCH_EXISTS", {"launch_id": launch_id})


def test_a_friend_sees_names_and_amounts_and_no_ids_of_members(world: World, client: Client) -> None:
    launch_id = client.launch()[1]["launch_id"]
    helped = client.cut("h0", launch_id)[1]
    client.cut("h1", launch_id)
    order = world.order(launch_id)
    seen = client.show("h0", launch_id)
    assert (seen["mine"], seen["helped"], seen["order_id"], seen["nickname"]) == (False, True, None, "小红")
    assert {"nickname": "好友0", "amount": helped["amount"]}.items() <= next(
        one for one in seen["helpers"] if one["nickname"] == "好友0"
    ).items()
    assert [set(one) for one in seen["helpers"]] == [{"nickname", "avatar_url", "amount", "at"}] * 3
    secrets = ("leader", '"h0"', '"h1"', order.order_id + '"')
    assert not [secret for secret in secrets if secret in json.dumps(seen)]
    own = client.show("leader", launch_id)
    assert (own["mine"], own["helped"], own["order_id"]) == (True, True, order.order_id)
    assert client.show("thief", launch_id)["helped"] is False


def test_a_cut_is_answered_with_what_it_did(client: Client) -> None:
    before = client.launch()[1]
    status, done = client.cut("new", before["launch_id"])
    assert (status, done["state"], done["people_left"], done["as_new_member"]) == (201, "RUNNING", 1, True)
    assert done["price"] == before["price"] - done["amount"]
    last = client.cut("h0", before["launch_id"])[1]
    assert (last["price"], last["state"], last["as_new_member"]) == (CONFIG.floor_price, "REACHED", False)


def test_each_refusal_of_a_cut_has_its_own_code(world: World, client: Client) -> None:
    world.change(cuts_per_helper=2, daily_cuts=2, seconds_between_cuts=1)
    world.offer("a2", replace(CONFIG, daily_cuts=2, seconds_between_cuts=0))
    first, second, third = (client.launch(member_id)[1]["launch_id"] for member_id in ("leader", "h3", "h4"))
    refused: list[tuple[int, str]] = []

    def note(member_id: str, launch_id: str) -> None:
        status, answer = client.cut(member_id, launch_id)
        refused.append((status, answer.get("code", "")))

    note("leader", first)
    note("h0", first)
    note("h0", first)
    note("h0", second)
    client.shop.clock = lambda: NOW + timedelta(seconds=1)
    note("h0", second)
    client.shop.clock = lambda: NOW + timedelta(seconds=9)
    note("h0", third)
    client.shop.clock = lambda: NOW + timedelta(days=1) - timedelta(seconds=1)
    note("h0", third)
    client.shop.clock = lambda: NOW + timedelta(days=1)
    note("h1", third)
    note("h1", "nothing")
    assert refused == [
        (422, "OWN_LAUNCH"),
        (201, ""),
        (422, "ALREADY_HELPED"),
        (429, "CUT_TOO_SOON"),
        (201, ""),
        (422, "DAILY_CUT_LIMIT"),
        (422, "HELPER_LIMIT"),
        (422, "LAUNCH_OVER"),
        (404, "LAUNCH_NOT_FOUND"),
    ]


def test_members_list_their_own_launches_alone(client: Client) -> None:
    launched = client.launch()[1]
    client.launch("h0")
    assert client.ask("leader", "GET", LAUNCHES)[1] == {"items": [launched], "next_cursor": None}
    assert client.ask("thief", "GET", LAUNCHES)[1] == {"items": [], "next_cursor": None}
    assert client.ask("leader", "GET", LAUNCHES, cursor="§")[0] == 400


def test_an_expired_launch_is_shown_as_expired_although_nothing_has_marked_it(client: Client) -> None:
    launch_id = client.launch()[1]["launch_id"]
    client.shop.clock = lambda: NOW + timedelta(hours=24)
    assert client.show("h0", launch_id)["state"] == "EXPIRED"


def test_a_launch_of_nothing_is_refused(client: Client) -> None:
    assert client.ask("leader", "POST", LAUNCHES, body={"activity_id": "nothing"})[0] == 404
    assert client.ask("leader", "POST", LAUNCHES, body={"activity_id": ""})[0] == 400
    assert client.ask("leader", "POST", LAUNCHES, body={})[0] == 400
