"""Logging in, staying logged in, and proving that a request is the member's own."""

from collections.abc import Callable, Set
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from random import randrange
from typing import Any, Literal, Protocol

import jwt
from jwt.types import Options

from ..kernel.clock import Clock, epoch, from_epoch
from ..kernel.errors import TooMany, Unauthenticated
from ..kernel.ids import new_id
from ..kernel.paging import Page, decode_cursor
from ..kernel.staff import StaffRole
from ..kernel.trail import Actor, Event
from ..storage.once import claim
from ..storage.reads import Read, fetch
from ..storage.writes import commit
from .rules import (
    COUNTED_SHARE,
    NONCE,
    NONCE_KEPT,
    LoggedIn,
    Member,
    MemberNotFound,
    NicknameRefused,
    OwnerBySetting,
    Person,
    Session,
    SessionExpired,
    SessionRevoked,
    SessionSettings,
    SignatureInvalid,
    SignatureReplayed,
    Token,
    check_avatar,
    check_freshness,
    check_match,
    clean_nickname,
    member_id_of,
    request_signature,
    signing_key,
    window_left,
    window_of,
)
from .store import MemberStore

# Ours have some 300 characters; a longer one is not worth parsing.
MOST_TOKEN = 512
MOST_KNOWN = 1000
ALGORITHM = "HS256"
UNTIMED: Options = {
    "verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": ["sub", "sid", "ver", "exp"],
}  # fmt: skip


class PlatformSession(Protocol):
    @property
    def openid(self) -> str: ...
    @property
    def unionid(self) -> str | None: ...


class LoginProvider(Protocol):
    """The platform. Its errors (chalicelib/wechat/errors.py) are the shop's own and pass through here unchanged."""

    def code_to_session(self, code: str) -> PlatformSession: ...

    def phone_number(self, code: str, openid: str) -> str: ...

    def check_text(self, openid: str, content: str, scene: Literal[1]) -> str:
        """`pass`, `review` or `risky`; scene 1 is a profile."""


class Identity:
    def __init__(
        self,
        store: MemberStore,
        login: LoginProvider,
        settings: SessionSettings,
        clock: Clock,
        chance: Callable[[int], int] = randrange,
    ) -> None:
        self._chance = chance
        self._store = store
        self._platform = login
        self._settings = settings
        self._clock = clock
        # A shopper sends the same token with each request; signatures of the last ones need not be checked again.
        self._known = lru_cache(MOST_KNOWN)(self._read)

    def login(self, code: str) -> LoggedIn:
        """Exchange the code of wx.login; the first login makes the member. Raises the platform's errors."""
        shopper = self._platform.code_to_session(code)
        member_id = member_id_of(self._settings.appid, shopper.openid)
        now = self._clock()
        session_id = new_id(now)
        member, is_new = self._store.arrive(member_id, shopper.openid, shopper.unionid, session_id, now)
        return self._begin(self._with_ownership(member), session_id, is_new=is_new)

    def renew(self, session: Session) -> LoggedIn:
        """A new session with its full time; the old one stays good until its own end."""
        return self._begin(session.member, new_id(self._clock()), is_new=False)

    def authenticate(self, token: str) -> Session:
        """The session of a token, read and counted. Raises what `verified`, `reads` and `keep_pace` raise."""
        (session,) = fetch(self.reads(self.verified(token)))
        self.keep_pace(session)
        return session

    def verified(self, token: str) -> Token:
        """A token of ours, by its signature and its time; nothing is read.

        Raises SessionExpired, and Unauthenticated for everything that is no token of ours.
        """
        key_id, claims = self._known(token)
        expires_at = from_epoch(claims["exp"])
        if self._clock() >= expires_at:
            raise SessionExpired
        return Token(claims["sub"], claims["sid"], claims["ver"], expires_at, key_id)

    def reads(self, token: Token) -> Read[Session]:
        """One consistent read, so that a revocation and a dismissal count at once.

        Raises SessionRevoked, and Unauthenticated if there is no such member.
        """
        return self._store.reads(token.member_id).then(lambda found: self._session(token, found))

    def keep_pace(self, session: Session) -> None:
        """Without a read of its own, and with a write in one request of COUNTED_SHARE.

        Raises TooMany for a shopper who asks too often.
        """
        most, now = self._settings.requests_per_member, self._clock()
        if not most or session.roles:
            return
        if session.pace.too_fast(now, most):
            raise TooMany(seconds=window_left(now))
        if self._chance(COUNTED_SHARE) == 0:
            self._store.count(session.member, window_of(now), COUNTED_SHARE)

    def check_signature(
        self, session: Session, method: str, path: str, timestamp: str, nonce: str, signature: str, body: bytes
    ) -> None:
        """A request signed with the session's key, fresh, and for the first time; one write.

        Raises SignatureInvalid, SignatureStale, SignatureReplayed; Unauthenticated if the session's key was retired.
        """
        now = self._clock()
        check_freshness(timestamp, now)
        if not NONCE.fullmatch(nonce):
            raise SignatureInvalid
        key = signing_key(self._key(session.key_id), session.session_id)
        check_match(request_signature(key, method, path, timestamp, nonce, body), signature.lower())
        commit(claim(f"nonce:{session.session_id}:{nonce}", now, NONCE_KEPT, SignatureReplayed()))

    def bind_phone(self, session: Session, code: str) -> Member:
        """Exchange the code of getPhoneNumber, replacing a number bound before. Raises the platform's errors."""
        phone = self._platform.phone_number(code, session.openid)
        return self._with_ownership(self._store.bind_phone(session.member_id, phone))

    def update_profile(self, session: Session, nickname: str | None, avatar_url: str | None) -> Member:
        """None leaves as it is. Others see both, so the platform judges the name and the picture's host must be known.

        Raises NicknameInvalid, NicknameRefused, AvatarInvalid and the platform's errors.
        """
        if avatar_url is not None:
            check_avatar(avatar_url, self._settings.avatar_hosts)
        if nickname is not None:
            nickname = clean_nickname(nickname)
            if nickname != session.nickname and self._platform.check_text(session.openid, nickname, 1) != "pass":
                raise NicknameRefused
        if nickname is None and avatar_url is None:
            return session.member
        return self._with_ownership(self._store.change_profile(session.member_id, nickname, avatar_url))

    def revoke(self, member_id: str) -> None:
        """End all sessions of the member, this one too. Raises MemberNotFound."""
        self._store.raise_version(member_id)

    def must_exist(self, member_id: str) -> None:
        """Raises MemberNotFound."""
        if self._store.get(member_id) is None:
            raise MemberNotFound

    def owners(self) -> list[Person]:
        """Those whom the settings name, as far as they have ever logged in."""
        people = self._store.people(self._settings.owners)
        return [replace(person, member=self._with_ownership(person.member)) for person in people]

    def staff(self, cursor: str | None, limit: int) -> Page[Person]:
        """People with roles, by member id; owners by setting are not among them. Raises BadCursor.

        A page may be shorter than `limit`.
        """
        page = self._store.staff(decode_cursor(cursor), limit)
        found = self._store.people(set(page.rows) - self._settings.owners)
        return Page([person for person in found if person.member.roles], page.next_cursor)

    def appoint(self, member_id: str, roles: Set[StaffRole], by: str) -> Person:
        """From now on the member has these roles and no others; none dismisses. `by`: the owner's member id.

        Raises MemberNotFound, OwnerBySetting, or Conflict if another owner changed them at the same time.
        """
        if member_id in self._settings.owners:
            raise OwnerBySetting
        people = self._store.people([member_id])
        if not people:
            raise MemberNotFound
        (person,) = people
        if person.member.roles == roles:
            return person
        was = _roles(person.member.roles) if person.timeline else None
        why = "调整店员职责" if roles else "不再担任店员"
        event = Event(self._clock(), Actor.STAFF, was, _roles(roles), why, by)
        return self._store.appoint(person, roles, event)

    def _begin(self, member: Member, session_id: str, *, is_new: bool) -> LoggedIn:
        now = self._clock()
        expires = epoch(now + timedelta(hours=self._settings.hours))
        key = self._settings.keys[self._settings.current_kid]
        claims = {
            "sub": member.member_id,
            "sid": session_id,
            "ver": member.session_version,
            "iat": epoch(now),
            "exp": expires,
        }
        return LoggedIn(
            token=jwt.encode(claims, key, ALGORITHM, headers={"kid": self._settings.current_kid}),
            expires_at=from_epoch(expires),
            signing_key=signing_key(key, session_id),
            member=member,
            is_new=is_new,
        )

    def _session(self, token: Token, found: Member | None) -> Session:
        if found is None:
            raise Unauthenticated
        member = self._with_ownership(found)
        if member.session_version != token.version:
            raise SessionRevoked
        return Session(
            member_id=member.member_id,
            openid=member.openid,
            session_id=token.session_id,
            nickname=member.nickname,
            avatar_url=member.avatar_url,
            joined_at=member.joined_at,
            expires_at=token.expires_at,
            key_id=token.key_id,
            unionid=member.unionid,
            phone_masked=member.phone_masked,
            version=member.session_version,
            roles=member.roles,
            pace=member.pace,
        )

    def _with_ownership(self, member: Member) -> Member:
        if member.member_id not in self._settings.owners:
            return member
        return replace(member, roles=member.roles | {StaffRole.OWNER})

    def _read(self, token: str) -> tuple[str, dict[str, Any]]:
        """The key's id and the claims of a token that we signed. The shop's clock judges times, not the system's."""
        if len(token) > MOST_TOKEN:
            raise Unauthenticated
        try:
            key_id = jwt.get_unverified_header(token).get("kid") or ""
            return key_id, jwt.decode(token, self._key(key_id), algorithms=[ALGORITHM], options=UNTIMED)
        except jwt.PyJWTError:
            # From None: PyJWT's errors may quote the token.
            raise Unauthenticated from None

    def _key(self, key_id: str) -> bytes:
        key = self._settings.keys.get(key_id)
        if key is None:
            raise Unauthenticated
        return key


def _roles(roles: Set[StaffRole]) -> str:
    return ",".join(sorted(roles))
