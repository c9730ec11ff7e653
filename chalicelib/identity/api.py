"""Routes of logging in, of the member's own profile, and of who is staff."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from ..kernel.paging import BadCursor
from ..kernel.staff import StaffRole
from ..web import Call, NextCursor, PageQuery, Routes
from ..wechat.errors import (
    LoginCodeInvalid,
    PhoneCodeInvalid,
    RiskyUser,
    WeChatBusy,
    WeChatMisconfigured,
    WeChatRateLimited,
)
from .rules import (
    MOST_AVATAR_URL,
    AvatarInvalid,
    LoggedIn,
    Member,
    MemberNotFound,
    NicknameInvalid,
    NicknameRefused,
    OwnerBySetting,
    Person,
)

routes = Routes(__name__)

# The latest changes of a person's roles that are shown.
MOST_CHANGES = 20
PLATFORM = (RiskyUser, WeChatRateLimited, WeChatBusy, WeChatMisconfigured)
Code = Annotated[str, Meta(min_length=1, max_length=256, description="From the platform; 5 minutes, once.")]


class Login(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    code: Annotated[Code, Meta(description="What wx.login answered.", examples=["demo-xiaoming"])]


class BindPhone(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    code: Annotated[Code, Meta(description="What the getPhoneNumber button answered.", examples=["demo-xiaoming"])]


class Profile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is left out stays as it is."""

    nickname: Annotated[
        Annotated[str, Meta(max_length=100)] | None,
        Meta(description="1 to 20 characters; judged by the platform's content check.", examples=["小明"]),
    ] = None
    avatar_url: Annotated[
        Annotated[str, Meta(max_length=MOST_AVATAR_URL)] | None,
        Meta(
            description="https address on one of the shop's picture hosts; empty takes the picture away.",
            examples=["https://thirdwx.qlogo.cn/mmopen/vi_32/demo/132"],
        ),
    ] = None


class MemberView(msgspec.Struct, frozen=True):
    member_id: Annotated[str, Meta(description="Stable.", examples=["MXJ4ZK2P7Q5A3B6C7D2E4F5G6H"])]
    nickname: Annotated[str, Meta(description="Shown to others in teams and bargains.", examples=["小明"])]
    avatar_url: Annotated[str, Meta(description="Empty if there is none.", examples=[""])]
    phone_masked: Annotated[str | None, Meta(description="None until a number is bound.", examples=["138****8000"])]
    joined_at: Annotated[datetime, Meta(description="First login.", examples=["2026-11-22T02:00:00Z"])]
    roles: Annotated[
        list[StaffRole], Meta(description="What a member of staff may do; empty for all others.", examples=[[]])
    ]


class LoginView(msgspec.Struct, frozen=True):
    token: Annotated[str, Meta(description="Send as `Authorization: Bearer <token>`.", examples=["eyJhbGciOi..."])]
    expires_at: Annotated[datetime, Meta(description="Renew before.", examples=["2026-11-29T02:00:00Z"])]
    signing_key: Annotated[
        str,
        Meta(
            description="Secret of this session for X-Signature; keep it in memory.",
            examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
    ]
    is_new: Annotated[bool, Meta(description="True for the login that made the member.", examples=[True])]
    member: Annotated[MemberView, Meta(description="Who logged in.")]


class Appointment(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    roles: Annotated[
        frozenset[StaffRole],
        Meta(
            max_length=len(StaffRole),
            description="All that the person is to have; none dismisses.",
            examples=[["SERVICE"]],
        ),
    ]


class RolesChange(msgspec.Struct, frozen=True):
    at: Annotated[datetime, Meta(description="When.", examples=["2026-11-22T02:00:00Z"])]
    by: Annotated[str, Meta(description="The owner's member id.", examples=["MXJ4ZK2P7Q5A3B6C7D2E4F5G6H"])]
    was: Annotated[list[StaffRole], Meta(description="Before.", examples=[[]])]
    now: Annotated[list[StaffRole], Meta(description="From then on.", examples=[["SERVICE"]])]


class PersonView(msgspec.Struct, frozen=True):
    member_id: Annotated[str, Meta(description="Of the person as a member.", examples=["MXJ4ZK2P7Q5A3B6C7D2E4F5G6H"])]
    nickname: Annotated[str, Meta(description="As the person chose it.", examples=["小明"])]
    avatar_url: Annotated[str, Meta(description="Empty if there is none.", examples=[""])]
    phone_masked: Annotated[str | None, Meta(description="None until a number is bound.", examples=["138****8000"])]
    roles: Annotated[list[StaffRole], Meta(description="What the person may do.", examples=[["SERVICE"]])]
    changes: Annotated[
        list[RolesChange], Meta(description="Who gave and took roles, latest first; at most 20.", examples=[[]])
    ]


class StaffPage(msgspec.Struct, frozen=True):
    owners: Annotated[
        list[PersonView], Meta(description="Named by the setting JISHI_OWNERS; the same on each page.", examples=[[]])
    ]
    people: Annotated[list[PersonView], Meta(description="All others with roles, by member id.")]
    next_cursor: NextCursor


@routes.endpoint(
    "POST", "/login", summary="Log in with wx.login", body=Login, answers=LoginView,
    errors=(LoginCodeInvalid, *PLATFORM), public=True,
)  # fmt: skip
def log_in(call: Call[Login]) -> LoginView:
    """The first login makes the member. The platform's session_key is neither kept nor answered."""
    return _login_view(call.shop.identity.login(call.body.code))


@routes.endpoint(
    "POST", "/session/renew", summary="Get a new session before this one ends", answers=LoginView, signed=True
)
def renew(call: Call[None]) -> LoginView:
    """A new token and a new signing key; the old ones stay good until their own end."""
    return _login_view(call.shop.identity.renew(call.session))


@routes.endpoint("GET", "/me", summary="Who I am", answers=MemberView)
def me(call: Call[None]) -> MemberView:
    return _member_view(call.session.member)


@routes.endpoint(
    "PATCH", "/me", summary="Change nickname or picture", body=Profile, answers=MemberView,
    errors=(NicknameInvalid, NicknameRefused, AvatarInvalid, MemberNotFound, *PLATFORM),
)  # fmt: skip
def change_profile(call: Call[Profile]) -> MemberView:
    changed = call.shop.identity.update_profile(call.session, call.body.nickname, call.body.avatar_url)
    return _member_view(changed)


@routes.endpoint(
    "POST", "/me/phone", summary="Bind my phone number", body=BindPhone, answers=MemberView,
    errors=(PhoneCodeInvalid, MemberNotFound, *PLATFORM),
)  # fmt: skip
def bind_phone(call: Call[BindPhone]) -> MemberView:
    """Kept sealed; only its masked form is ever answered."""
    return _member_view(call.shop.identity.bind_phone(call.session, call.body.code))


@routes.endpoint("POST", "/logout-everywhere", summary="End all my sessions", status=204, errors=(MemberNotFound,))
def log_out_everywhere(call: Call[None]) -> None:
    """At once, on every device, this one too."""
    call.shop.identity.revoke(call.member_id)


@routes.endpoint(
    "GET", "/staff/people", summary="Who is staff", query=PageQuery, answers=StaffPage, errors=(BadCursor,),
    staff=StaffRole.OWNER,
)  # fmt: skip
def staff(call: Call[None]) -> StaffPage:
    """Somebody appointed or dismissed a second ago may not yet be shown so."""
    page = call.shop.identity.staff(call.query.cursor, call.query.limit)
    owners = call.shop.identity.owners()
    return StaffPage([*map(_person_view, owners)], [*map(_person_view, page.rows)], page.next_cursor)


@routes.endpoint(
    "PUT", "/staff/people/{member_id}", summary="Say what a person may do", body=Appointment, answers=PersonView,
    errors=(MemberNotFound, OwnerBySetting), staff=StaffRole.OWNER, signed=True,
)  # fmt: skip
def appoint(call: Call[Appointment]) -> PersonView:
    """Counts from the person's next request on. The person logs in first and tells the member id that `GET /me` shows.

    May be repeated. Who changed it and when is kept, also of people who were dismissed.
    """
    person = call.shop.identity.appoint(call.path["member_id"], call.body.roles, by=call.member_id)
    return _person_view(person)


def _login_view(logged_in: LoggedIn) -> LoginView:
    return LoginView(
        token=logged_in.token,
        expires_at=logged_in.expires_at,
        signing_key=logged_in.signing_key,
        is_new=logged_in.is_new,
        member=_member_view(logged_in.member),
    )


def _member_view(member: Member) -> MemberView:
    return MemberView(
        member_id=member.member_id,
        nickname=member.nickname,
        avatar_url=member.avatar_url,
        phone_masked=member.phone_masked,
        joined_at=member.joined_at,
        roles=sorted(member.roles),
    )


def _person_view(person: Person) -> PersonView:
    member = person.member
    return PersonView(
        member_id=member.member_id,
        nickname=member.nickname,
        avatar_url=member.avatar_url,
        phone_masked=member.phone_masked,
        roles=sorted(member.roles),
        changes=[
            RolesChange(event.at, event.who, _named(event.was or ""), _named(event.now))
            for event in reversed(person.timeline[-MOST_CHANGES:])
        ],
    )


def _named(roles: str) -> list[StaffRole]:
    return [role for role in sorted(StaffRole) if role in roles.split(",")]
