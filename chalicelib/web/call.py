"""A call, as an endpoint gets it, and an endpoint, as it is declared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..kernel.errors import ShopError
from ..kernel.staff import StaffRole

if TYPE_CHECKING:
    from ..identity.rules import Session
    from ..shop import Shop

Body = TypeVar("Body")


@dataclass(frozen=True)
class Call(Generic[Body]):
    """One request, parsed and authenticated. `path` holds decoded path variables, `query` the declared query Struct."""

    shop: "Shop"
    now: datetime
    path: dict[str, str]
    body: Body
    query: Any = None
    idempotency_key: str = ""
    request_id: str = ""
    headers: Any = None
    raw_body: bytes = b""
    client_ip: str = ""
    member_session: "Session | None" = field(default=None, repr=False)

    @property
    def session(self) -> "Session":
        assert self.member_session is not None, "a public endpoint has no session"
        return self.member_session

    @property
    def member_id(self) -> str:
        return self.session.member_id


@dataclass(frozen=True)
class Endpoint:
    """What one route promises. `raw` endpoints read bytes and answer as their caller (WeChat) demands; `staff` is the
    role that its caller needs.
    """

    method: str
    path: str
    summary: str
    handler: Callable[[Any], Any]
    body: Any = None
    query: Any = None
    answers: Any = None
    errors: Sequence[type[ShopError]] = ()
    status: int = 200
    public: bool = False
    signed: bool = False
    staff: StaffRole | None = None
    idempotent: bool = False
    cache: int | None = None
    raw: bool = False
    content_types: Sequence[str] = ("application/json",)
    tag: str = ""

    @property
    def description(self) -> str:
        return (self.handler.__doc__ or "").strip()
