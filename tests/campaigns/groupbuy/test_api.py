import json
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from chalice.app import Request, Response

import chalicelib.campaigns.groupbuy.api  # noqa: F401  declares the endpoints
from chalicelib.web.edge import serve
from chalicelib.web.routes import Routes
from tests.identity.fakes import FakeSessions

from .harness import NOW, SKU, Shop

TEAM, CODE, MINE, OPEN = (
    "/groupbuy/teams/{team_id}",
    "/groupbuy/teams/{team_id}/code",
    "/groupbuy/mine",
    "/campaigns/{activity_id}/teams",
)


class FakeCatalog:
    def __init__(self) -> None:
        self.sold = {SKU: SimpleNamespace(title="纯棉T恤", image="https://img.example/tee.jpg", price=5900)}

    def offers(self, sku_ids: list[str]) -> dict[str, Any]:
        return {sku_id: self.sold[sku_id] for sku_id in sku_ids if sku_id in self.sold}


class FakeMiniProgram:
    image = b"\xff\xd8\xffpicture"

    def mini_program_code(self, scene: str, page: str, width: int) -> bytes:
        self.asked = (scene, page, width)
        return self.image


class Api:
    """The endpoints of group-buys, asked as API Gateway asks them."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.now: datetime = NOW
        self.catalog, self.mini_program = FakeCatalog(), FakeMiniProgram()
        parts = SimpleNamespace(
            groupbuy=self.shop.kind,
            catalog=self.catalog,
            mini_program=self.mini_program,
            identity=FakeSessions(),
            clock=lambda: self.now,
        )
        self.app = SimpleNamespace(shop=parts)

    def ask(self, path: str, variable: str = "", member: str = "", **query: str) -> Response:
        (endpoint,) = (one for one in Routes.endpoints if (one.method, one.path) == ("GET", path))
        variables = {path.split("{")[1].split("}")[0]: variable} if variable else {}
        event = {
            "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
            "headers": {"authorization": f"Bearer {member}"} if member else {},
            "pathParameters": variables,
            "requestContext": {"httpMethod": "GET", "resourcePath": path, "requestId": "r1"},
            "body": None,
            "stageVariables": None,
        }
        return serve(endpoint, self.app, Request(event), variables)

    def get(self, path: str, variable: str = "", member: str = "", **query: str) -> Any:
        answer = self.ask(path, variable, member, **query)
        assert answer.status_code == 200, answer.body
        return json.loads(answer.body)

    def refusal(self, path: str, variable: str = "", member: str = "", **query: str) -> tuple[int, str]:
        answer = self.ask(path, variable, member, **query)
        return answer.status_code, json.loads(answer.body)["code"]


@pytest.fixture
def api(tables: str) -> Api:
    return Api()


class TestTheShareCard:
    def test_shows_the_product_the_members_and_what_is_missing_to_everybody(self, api: Api) -> None:
        first = api.shop.open_team("b")
        assert api.get(TEAM, first.group_id) == {
            "team_id": first.group_id,
            "activity_id": "A1",
            "state": "OPEN",
            "size": 3,
            "missing": 1,
            "free_seats": 1,
            "expires_at": "2026-11-23T02:00:00Z",
            "seconds_left": 86400,
            "text": "还差1人成团",
            "leader": {"nickname": "昵称leader", "avatar_url": "https://a.example/leader"},
            "joinable": True,
            "members": [
                {"nickname": "昵称leader", "avatar_url": "https://a.example/leader"},
                {"nickname": "昵称b", "avatar_url": "https://a.example/b"},
            ],
            "product_id": "tee",
            "title": "纯棉T恤",
            "image": "https://img.example/tee.jpg",
            "price": 3900,
            "price_alone": 5900,
        }

    def test_tells_no_ids_of_members_or_other_orders(self, api: Api) -> None:
        first = api.shop.place("secret-member-1")
        api.shop.pay(first)
        second = api.shop.place("secret-member-2", first.group_id)
        api.shop.pay(second)
        shown = api.get(TEAM, first.group_id)
        for face in [shown["leader"], *shown["members"]]:
            assert set(face) == {"nickname", "avatar_url"}
        assert second.order_id not in json.dumps(shown)

    def test_shows_who_has_paid_and_not_who_only_took_a_seat(self, api: Api) -> None:
        first = api.shop.open_team()
        api.shop.place("b", first.group_id)
        shown = api.get(TEAM, first.group_id)
        assert len(shown["members"]) == 1
        assert (shown["missing"], shown["free_seats"]) == (2, 1)

    def test_is_not_found_before_the_leader_has_paid(self, api: Api) -> None:
        first = api.shop.place("a")
        assert api.refusal(TEAM, first.group_id) == (404, "TEAM_NOT_FOUND")
        assert api.refusal(TEAM, "nothing") == (404, "TEAM_NOT_FOUND")

    def test_stays_when_the_team_is_over(self, api: Api) -> None:
        formed = api.shop.open_team("b", "c")
        shown = api.get(TEAM, formed.group_id)
        assert (shown["state"], shown["text"], shown["joinable"], shown["free_seats"]) == ("FORMED", "已成团", False, 0)
        api.now = NOW + timedelta(days=2)
        assert api.get(TEAM, formed.group_id)["seconds_left"] == 0

    def test_takes_the_cheapest_sku_for_its_price(self, api: Api) -> None:
        api.shop.activities.put(replace(api.shop.activity, prices={"tee-02": 4900, SKU: 3900}))
        assert api.get(TEAM, api.shop.open_team().group_id)["price"] == 3900

    def test_still_works_when_the_product_is_gone(self, api: Api) -> None:
        first = api.shop.open_team()
        api.catalog.sold = {}
        shown = api.get(TEAM, first.group_id)
        assert (shown["title"], shown["image"], shown["price_alone"]) == ("三人成团", "", None)

    def test_may_be_kept_by_a_cdn_for_a_moment(self, api: Api) -> None:
        first = api.shop.open_team()
        assert api.ask(TEAM, first.group_id).headers["Cache-Control"] == "public, max-age=5"


class TestTeamsToJoin:
    def test_are_listed_to_everybody_page_by_page(self, api: Api) -> None:
        teams = [api.shop.open_team().group_id]
        other = api.shop.place("x", now=NOW + timedelta(minutes=1))
        api.shop.pay(other)
        teams.append(other.group_id)
        first = api.get(OPEN, "A1", limit="1")
        second = api.get(OPEN, "A1", limit="1", cursor=first["next_cursor"])
        assert [page["items"][0]["team_id"] for page in (first, second)] == teams
        assert second["next_cursor"] is None
        assert first["items"][0]["missing"] == 2

    def test_of_an_unknown_activity_are_none(self, api: Api) -> None:
        assert api.get(OPEN, "A9") == {"items": [], "next_cursor": None}

    @pytest.mark.parametrize(
        ("query", "code"),
        [({"cursor": "?"}, "BAD_CURSOR"), ({"limit": "0"}, "MALFORMED"), ({"page": "2"}, "MALFORMED")],
    )
    def test_are_refused_for_a_query_that_makes_no_sense(self, api: Api, query: dict[str, str], code: str) -> None:
        assert api.refusal(OPEN, "A1", **query) == (400, code)


class TestMyPlaces:
    def test_are_mine_alone(self, api: Api) -> None:
        first = api.shop.open_team()
        mine = api.shop.place("b", first.group_id)
        (shown,) = api.get(MINE, member="b")["items"]
        assert (shown["order_id"], shown["team_id"], shown["seat"]) == (mine.order_id, first.group_id, "TAKEN")
        assert api.get(MINE, member="c")["items"] == []

    def test_need_a_session(self, api: Api) -> None:
        assert api.refusal(MINE) == (401, "UNAUTHENTICATED")


class TestTheMiniProgramCode:
    def test_opens_the_page_with_the_team_as_its_scene(self, api: Api) -> None:
        team = api.shop.open_team().group_id
        assert api.get(CODE, team, member="b") == {"content_type": "image/jpeg", "base64": "/9j/cGljdHVyZQ=="}
        assert api.mini_program.asked == (team, "pages/team/index", 430)
        api.mini_program.image = b"\x89PNGpicture"
        assert api.get(CODE, team, member="b", page="pages/a/b", width="280")["content_type"] == "image/png"
        assert api.mini_program.asked == (team, "pages/a/b", 280)

    def test_is_made_for_members_and_for_teams_that_are_seen(self, api: Api) -> None:
        unseen = api.shop.place("a").group_id
        assert api.refusal(CODE, unseen) == (401, "UNAUTHENTICATED")
        assert api.refusal(CODE, unseen, member="b") == (404, "TEAM_NOT_FOUND")

    @pytest.mark.parametrize("query", [{"page": "/pages/a"}, {"page": "a?b"}, {"width": "279"}, {"width": "1281"}])
    def test_takes_a_page_and_a_width_that_wechat_takes(self, api: Api, query: dict[str, str]) -> None:
        assert api.refusal(CODE, "T1", member="b", **query) == (400, "MALFORMED")
