"""Routes of group-buys: teams to join, the share card, its mini-program code. Seats are taken by POST /orders."""

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ...kernel.paging import BadCursor
from ...web import Call, NextCursor, PageQuery, Routes
from ...wechat.errors import WeChatBusy, WeChatMisconfigured, WeChatRateLimited
from ..base import ActivityNotFound
from .rules import SeatState, Team, TeamNotFound, TeamState, joinable, text

routes = Routes(__name__)

KEPT = 5  # seconds: a card that a whole chat group opens is asked of the store once in that time
PNG = b"\x89PNG"

TeamId = Annotated[str, Meta(description="Unguessable; share it.", examples=["01JDA3X5G8Q0V7M2K4N6P8R0T2"])]
ActivityId = Annotated[str, Meta(description="The group-buy.", examples=["A001"])]
StateOfTeam = Annotated[TeamState, Meta(description="OPEN, FORMED or FAILED.", examples=["OPEN"])]
Size = Annotated[int, Meta(description="How many members make the team.", examples=[3])]
Missing = Annotated[int, Meta(description="How many more must pay; 0 unless OPEN.", examples=[1])]
FreeSeats = Annotated[int, Meta(description="Seats that nobody has taken yet; 0 unless OPEN.", examples=[1])]
EndsAt = Annotated[datetime, Meta(description="Formed before then, or paid back.", examples=["2026-11-23T02:00:00Z"])]
SecondsLeft = Annotated[int, Meta(description="Until then; for a countdown.", examples=[86399])]
Words = Annotated[str, Meta(description="For the shopper.", examples=["还差1人成团"])]


class TeamMemberView(msgspec.Struct, frozen=True):
    nickname: Annotated[str, Meta(description="For display.", examples=["小明"])]
    avatar_url: Annotated[str, Meta(description="Picture; may be empty.", examples=["https://img.example/a.png"])]


class TeamCard(msgspec.Struct, frozen=True):
    team_id: TeamId
    activity_id: ActivityId
    state: StateOfTeam
    size: Size
    missing: Missing
    free_seats: FreeSeats
    expires_at: EndsAt
    seconds_left: SecondsLeft
    text: Words
    leader: Annotated[TeamMemberView, Meta(description="Who opened the team.")]


class TeamPage(msgspec.Struct, frozen=True):
    items: Annotated[list[TeamCard], Meta(description="The team that ends first in front. May be short of `limit`.")]
    next_cursor: NextCursor


class TeamView(TeamCard, frozen=True):
    """What a share card or a poster shows: names and pictures, no ids of members."""

    joinable: Annotated[bool, Meta(description="Whether somebody can join now.", examples=[True])]
    members: Annotated[list[TeamMemberView], Meta(description="Who has paid, the leader first.")]
    product_id: Annotated[str, Meta(description="Product.", examples=["P001"])]
    title: Annotated[str, Meta(description="Title of the product.", examples=["明前龙井 250g"])]
    image: Annotated[
        str, Meta(description="Picture of the product; may be empty.", examples=["https://img.example/t.jpg"])
    ]
    price: Annotated[int, Meta(description="Fen; of the cheapest SKU, in the team.", examples=[3900])]
    price_alone: Annotated[int | None, Meta(description="Fen; of the same SKU, without a team.", examples=[5900])]


class SeatView(msgspec.Struct, frozen=True):
    order_id: Annotated[str, Meta(description="My order.", examples=["01JDA3X5G8Q0V7M2K4N6P8R0T2"])]
    seat: Annotated[SeatState, Meta(description="TAKEN until it is paid.", examples=["PAID"])]
    team_id: TeamId
    activity_id: ActivityId
    state: StateOfTeam
    size: Size
    missing: Missing
    expires_at: EndsAt
    seconds_left: SecondsLeft
    text: Words


class SeatPage(msgspec.Struct, frozen=True):
    items: Annotated[list[SeatView], Meta(description="Newest order first.")]
    next_cursor: NextCursor


class CodeView(msgspec.Struct, frozen=True):
    """Inside JSON, since API Gateway hands out bytes only to clients that ask for their exact type."""

    content_type: Annotated[str, Meta(description="Of the image.", examples=["image/jpeg"])]
    base64: Annotated[str, Meta(description="The image, to be drawn on the poster.", examples=["/9j/4AAQSkZJRg=="])]


class CodeQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    page: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_\-]+(/[A-Za-z0-9_\-]+)*$(?!\n)",
            max_length=128,
            description="Page of the mini-program that the code opens, with scene = team id.",
            examples=["pages/team/index"],
        ),
    ] = "pages/team/index"
    width: Annotated[int, Meta(ge=280, le=1280, description="Pixels.", examples=[430])] = 430


@routes.endpoint(
    "GET",
    "/campaigns/{activity_id}/teams",
    summary="Teams to join",
    query=PageQuery,
    answers=TeamPage,
    errors=(BadCursor,),
    public=True,
    cache=KEPT,
)
def show_open(call: Call[None]) -> TeamPage:
    """Open teams with free seats. An unknown activity has none."""
    page = call.shop.groupbuy.open_teams(call.path["activity_id"], call.query.cursor, call.query.limit, call.now)
    return TeamPage([TeamCard(**_card(team, call.now)) for team in page.rows], page.next_cursor)


@routes.endpoint(
    "GET",
    "/groupbuy/teams/{team_id}",
    summary="A shared team",
    answers=TeamView,
    errors=(TeamNotFound, ActivityNotFound),
    public=True,
    cache=KEPT,
)
def show(call: Call[None]) -> TeamView:
    """For everybody who was given the id, from the moment that its leader has paid."""
    team, seats = call.shop.groupbuy.team(call.path["team_id"])
    activity = call.shop.groupbuy.activity(team.activity_id)
    sku_id, price = min(activity.prices.items(), key=lambda item: (item[1], item[0]))
    offer = call.shop.catalog.offers([sku_id]).get(sku_id)
    return TeamView(
        **_card(team, call.now),
        joinable=joinable(team, call.now),
        members=[TeamMemberView(seat.face.nickname, seat.face.avatar_url) for seat in seats],
        product_id=activity.product_id,
        title=offer.title if offer else activity.title,
        image=offer.image if offer else "",
        price=price,
        price_alone=offer.price if offer else None,
    )


@routes.endpoint(
    "GET",
    "/groupbuy/teams/{team_id}/code",
    summary="A team's mini-program code, for a poster",
    query=CodeQuery,
    answers=CodeView,
    errors=(TeamNotFound, WeChatBusy, WeChatRateLimited, WeChatMisconfigured),
)
def show_code(call: Call[None]) -> CodeView:
    """For members only, since WeChat limits how many codes are made in a minute. Keep the image with the poster."""
    team, _ = call.shop.groupbuy.team(call.path["team_id"])
    image = call.shop.mini_program.mini_program_code(team.team_id, call.query.page, call.query.width)
    return CodeView("image/png" if image.startswith(PNG) else "image/jpeg", b64encode(image).decode())


@routes.endpoint(
    "GET", "/groupbuy/mine", summary="My places in teams", query=PageQuery, answers=SeatPage, errors=(BadCursor,)
)
def mine(call: Call[None]) -> SeatPage:
    page = call.shop.groupbuy.mine(call.member_id, call.query.cursor, call.query.limit)
    return SeatPage(
        [SeatView(order_id=seat.order_id, seat=seat.state, **_team(team, call.now)) for seat, team in page.rows],
        page.next_cursor,
    )


def _card(team: Team, now: datetime) -> dict[str, Any]:
    return {
        **_team(team, now),
        "free_seats": max(team.size - team.seats_taken, 0) if team.state is TeamState.OPEN else 0,
        "leader": TeamMemberView(team.leader.nickname, team.leader.avatar_url),
    }


def _team(team: Team, now: datetime) -> dict[str, Any]:
    return {
        "team_id": team.team_id,
        "activity_id": team.activity_id,
        "state": team.state,
        "size": team.size,
        "missing": team.missing,
        "expires_at": team.expires_at,
        "seconds_left": max(int((team.expires_at - now).total_seconds()), 0),
        "text": text(team, now),
    }
