"""Who a member is, what a session and a request signature promise, and what may be shown as a name and picture."""

import hashlib
import hmac
import re
from base64 import b32encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from ..kernel.clock import epoch
from ..kernel.errors import Invalid, NotFound, Refused, Unauthenticated
from ..kernel.staff import StaffRole
from ..kernel.trail import Event

NAMELESS: Final = "微信用户"
MOST_NICKNAME: Final = 20
MOST_AVATAR_URL: Final = 500
JOINED_SIGNS: Final = re.compile(
    r"(?<=[^\w\s])\u200d(?=[^\w\s])"
)  # as emoji are: 👩🏽‍💻 is a woman, a tone and a laptop
SIGNATURE_WINDOW: Final = timedelta(minutes=5)
NONCE_KEPT: Final = 2 * SIGNATURE_WINDOW + timedelta(minutes=1)  # longer than any timestamp stays good
NONCE: Final = re.compile(r"[A-Za-z0-9_\-]{16,64}")


class SessionExpired(Unauthenticated):
    """The token was good once: log in again."""

    code = "SESSION_EXPIRED"
    message = "登录已过期，请重新登录"


class SessionRevoked(Unauthenticated):
    """All sessions of this member were ended after this one began."""

    code = "SESSION_REVOKED"
    message = "登录已失效，请重新登录"


class SignatureInvalid(Unauthenticated):
    """It does not fit the request, or timestamp or nonce are malformed."""

    code = "SIGNATURE_INVALID"
    message = "请求签名有误"


class SignatureStale(Unauthenticated):
    """The timestamp is more than 5 minutes off; `details.now` is the server's, in epoch seconds."""

    code = "SIGNATURE_STALE"
    message = "请求已过期，请校准手机时间后重试"


class SignatureReplayed(Unauthenticated):
    """This nonce was used before in this session."""

    code = "SIGNATURE_REPLAYED"
    message = "请求已处理过，请勿重复提交"


class MemberNotFound(NotFound):
    code = "MEMBER_NOT_FOUND"
    message = "会员不存在"


class OwnerBySetting(Refused):
    """Owners named in the shop's settings are changed there."""

    code = "OWNER_BY_SETTING"
    message = "店主由店铺设置指定，不能在这里修改"


class NicknameRefused(Refused):
    """The platform's content check has doubts about it."""

    code = "NICKNAME_REFUSED"
    message = "昵称含有不合适的内容，请换一个"


class NicknameInvalid(Invalid):
    """1 to 20 characters after trimming, none of them invisible."""

    code = "NICKNAME_INVALID"
    message = "昵称须为 1 到 20 个字符"


class AvatarInvalid(Invalid):
    """An https address on one of the shop's picture hosts."""

    code = "AVATAR_INVALID"
    message = "头像地址不可用"


PACE_SECONDS = 300
COUNTED_SHARE = 32
"""One request in so many is counted, for all of them: a limit need not cost a write for each request."""


@dataclass(frozen=True)
class Pace:
    """How many requests a member made in one window of PACE_SECONDS, by estimate: of 600, give or take 140."""

    window: int = 0
    asked: int = 0

    def too_fast(self, now: datetime, most: int) -> bool:
        return self.window == window_of(now) and self.asked >= most


def window_of(now: datetime) -> int:
    return epoch(now) // PACE_SECONDS


def window_left(now: datetime) -> int:
    """Seconds until the next window begins, 1 or more."""
    return PACE_SECONDS - epoch(now) % PACE_SECONDS


@dataclass(frozen=True)
class Member:
    """`phone_masked` is `138****8000`, or None as long as no number is bound; `roles` is empty for a shopper."""

    member_id: str
    openid: str
    unionid: str | None
    nickname: str
    avatar_url: str
    phone_masked: str | None
    joined_at: datetime
    session_version: int
    roles: frozenset[StaffRole] = frozenset()
    pace: Pace = field(default=Pace(), compare=False)


@dataclass(frozen=True)
class Session:
    """One login of one member. `key_id` names the server key that its token and its signing key were made with."""

    member_id: str
    openid: str
    session_id: str
    nickname: str
    avatar_url: str
    joined_at: datetime
    expires_at: datetime
    key_id: str = ""
    unionid: str | None = None
    phone_masked: str | None = None
    version: int = 0
    roles: frozenset[StaffRole] = frozenset()
    pace: Pace = field(default=Pace(), compare=False)

    @property
    def member(self) -> Member:
        """The member as the session's last check found it."""
        return Member(
            member_id=self.member_id,
            openid=self.openid,
            unionid=self.unionid,
            nickname=self.nickname,
            avatar_url=self.avatar_url,
            phone_masked=self.phone_masked,
            joined_at=self.joined_at,
            session_version=self.version,
            roles=self.roles,
            pace=self.pace,
        )


@dataclass(frozen=True)
class Token:
    """What a token says that we signed and whose time is not over. Whether it still counts, the member's row tells."""

    member_id: str
    session_id: str
    version: int
    expires_at: datetime
    key_id: str


@dataclass(frozen=True)
class Person:
    """A member as one of the merchant's people. `timeline`: who gave which roles and when, also what is over; `was` and
    `now` are roles as `FINANCE,SERVICE`, empty for none.
    """

    member: Member
    timeline: tuple[Event, ...] = ()


@dataclass(frozen=True)
class LoggedIn:
    """`signing_key` is hex text; the client signs with its ASCII bytes. The shop keeps neither it nor the token."""

    token: str = field(repr=False)
    expires_at: datetime
    signing_key: str = field(repr=False)
    member: Member
    is_new: bool


@dataclass(frozen=True)
class SessionSettings:
    """`keys` maps key ids to secrets of 32 bytes: `current_kid` makes tokens, all are accepted, so a key can be changed
    without ending sessions. `avatar_hosts`: a picture's host is one of them or below one of them. `owners`: ids of the
    members who own the shop, whatever their row says. `requests_per_member` in PACE_SECONDS, 0 for any number; staff
    are not held to it.
    """

    keys: Mapping[str, bytes] = field(repr=False)
    current_kid: str
    appid: str
    hours: int = 24 * 7
    avatar_hosts: Sequence[str] = ("qlogo.cn",)
    owners: frozenset[str] = frozenset()
    requests_per_member: int = 0

    def __post_init__(self) -> None:
        # PyJWT verifies against an empty key too, which anybody can sign with.
        if self.current_kid not in self.keys or any(len(key) < 32 for key in self.keys.values()):
            raise ValueError("session keys must have 32 bytes or more, and the current one must be among them")


def member_id_of(appid: str, openid: str) -> str:
    """The same for the same shopper, so that two first logins at once make one member: 26 characters of base 32."""
    digest = hashlib.sha256(f"{appid}:{openid}".encode()).digest()
    return "M" + b32encode(digest).decode()[:25]


def mask_phone(phone: str) -> str:
    """`13800138000` as `138****8000`; of any other number the last four digits."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) == 11 else f"****{phone[-4:]}"


def clean_nickname(nickname: str) -> str:
    """Trimmed. Raises NicknameInvalid."""
    name = nickname.strip()
    if not 1 <= len(name) <= MOST_NICKNAME or not JOINED_SIGNS.sub("", name).isprintable():
        raise NicknameInvalid
    return name


def check_avatar(url: str, hosts: Sequence[str]) -> None:
    """Raises AvatarInvalid; empty passes. A picture on a stranger's host would tell them who looks at a team's page."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError as error:
        raise AvatarInvalid from error
    known = any(host == known or host.endswith(f".{known}") for known in hosts)
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= MOST_AVATAR_URL
    if parts.scheme != "https" or parts.username is not None or not known or not plain:
        raise AvatarInvalid


def signing_key(server_key: bytes, session_id: str) -> str:
    """The per-session secret, derived so that nothing needs to be stored."""
    return hmac.new(server_key, f"signing:{session_id}".encode(), hashlib.sha256).hexdigest()


def request_signature(key: str, method: str, path: str, timestamp: str, nonce: str, body: bytes) -> str:
    """Hex HMAC-SHA256 over method, path, timestamp, nonce and the body's SHA-256 in hex, each ended by a line feed."""
    message = f"{method}\n{path}\n{timestamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n"
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()


def check_freshness(timestamp: str, now: datetime) -> None:
    """Raises SignatureInvalid for what is no epoch second, SignatureStale outside of ±5 minutes."""
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise SignatureInvalid
    if abs(int(timestamp) - epoch(now)) > SIGNATURE_WINDOW.total_seconds():
        raise SignatureStale(now=epoch(now))


def check_match(expected: str, given: str) -> None:
    """In constant time. Raises SignatureInvalid."""
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise SignatureInvalid
