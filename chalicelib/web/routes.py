"""Routes: a Chalice blueprint whose endpoints declare what they take, answer and refuse.

The declaration is what the edge parses by and what the contract is generated from, so the two cannot differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from chalice.app import Blueprint, Response

from ..kernel.errors import ShopError
from .edge import serve, serve_raw

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
    """What one route promises. `raw` endpoints read bytes and answer as their caller (WeChat) demands."""

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
    idempotent: bool = False
    cache: int | None = None
    raw: bool = False
    content_types: Sequence[str] = ("application/json",)
    tag: str = ""

    @property
    def description(self) -> str:
        return (self.handler.__doc__ or "").strip()


class Routes(Blueprint):
    """`routes = Routes(__name__)` in each api.py; app.py registers it."""

    endpoints: ClassVar[list[Endpoint]] = []

    def endpoint(self, method: str, path: str, *, summary: str, **promises: Any) -> Callable[[Any], Any]:
        """Declare a JSON endpoint; its function takes a Call and returns a value of `answers`."""
        return self._declare(serve, method, path, summary, promises)

    def raw(self, method: str, path: str, *, summary: str, **promises: Any) -> Callable[[Any], Any]:
        """Declare an endpoint that gets raw bytes without a session and returns a chalice Response."""
        return self._declare(serve_raw, method, path, summary, {**promises, "raw": True, "public": True})

    def _declare(
        self,
        serve_one: Callable[[Endpoint, Any, Any, dict[str, str]], Response],
        method: str,
        path: str,
        summary: str,
        promises: dict[str, Any],
    ) -> Callable[[Any], Any]:
        def declare(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
            tag = handler.__module__.removeprefix("chalicelib.").removesuffix(".api").rpartition(".")[2]
            endpoint = Endpoint(method, path, summary, handler, tag=tag, **promises)
            Routes.endpoints.append(endpoint)

            def view(**path_variables: str) -> Response:
                return serve_one(endpoint, self.current_app, self.current_request, path_variables)

            view.__name__ = f"{handler.__module__}.{handler.__name__}".replace(".", "_")
            self.route(path, methods=[method], content_types=list(endpoint.content_types), name=view.__name__)(view)
            return handler

        return declare
