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
    from ..storage.reads import Wish

Body = TypeVar("Body")


@dataclass(frozen=True)
class Call(Generic[Body]):
    """One request, parsed and authenticated. `path` holds decoded path variables, `query` the declared query Struct.

    `reads` of an endpoint gets it before the session was looked up: then `member_id` is who the token says it is.
    """

    shop: "Shop"
    now: datetime
    path: dict[str, str]
    body: Body
    member_id: str = ""
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


@dataclass(frozen=True)
class Endpoint:
    """What one route promises. `raw` endpoints read bytes and answer as their caller (WeChat) demands; `staff` is the
    role that its caller needs.

    `reads` tells what the handler is sure to need, so that it is asked for together with the session and costs no wait
    of its own. What is made of it comes to the handler after the call, one argument each; of what was read for a
    request that is refused (session, role, signature, form), nothing is made.
    """

    method: str
    path: str
    summary: str
    handler: Callable[..., Any]
    body: Any = None
    query: Any = None
    answers: Any = None
    errors: Sequence[type[ShopError]] = ()
    status: int = 200
    public: bool = False
    signed: bool = False
    staff: StaffRole | None = None
    reads: "Callable[[Call[Any]], Sequence[Wish[Any]]] | None" = None
    idempotent: bool = False
    cache: int | None = None
    raw: bool = False
    content_types: Sequence[str] = ("application/json",)
    tag: str = ""

    @property
    def description(self) -> str:
        return (self.handler.__doc__ or "").strip()
