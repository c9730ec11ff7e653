"""ShopApp: Chalice, importing routes on demand, and answering its own refusals (method, media type) in the shop's form
too.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalice.app import Chalice

from ..log import logger
from .call import Endpoint
from .errors import Internal, MethodNotAllowed, UnsupportedMediaType, error_answer
from .headers import SAFE
from .ondemand import RoutesOnDemand
from .routes import Routes

if TYPE_CHECKING:
    from ..shop import Shop

OWN_REFUSALS = {405: MethodNotAllowed, 415: UnsupportedMediaType, 500: Internal}


class ShopApp(Chalice):
    """`open_shop` is called at each request and not before, so that importing the app needs no settings. `apis` are the
    modules that declare routes, `doors` says which path is whose.
    """

    def __init__(
        self, app_name: str, open_shop: "Callable[[], Shop]", apis: Sequence[str], doors: Mapping[str, str]
    ) -> None:
        super().__init__(app_name)
        self._open_shop = open_shop
        self.routes: RoutesOnDemand = RoutesOnDemand(self, apis, doors)  # type: ignore[assignment]  # Chalice only reads

    def prepare(self) -> None:
        """Do now what requests would wait for: import all routes, make every part. A failure is only logged, since the
        request that needs what failed tries again, and answers.
        """
        try:
            self.routes.by_path()
            self.shop.complete()
        except Exception:
            logger.exception("not prepared")

    @property
    def endpoints(self) -> list[Endpoint]:
        """All that are served, in the order of the routes; imports what was not needed yet."""
        place = {path: number for number, path in enumerate(self.routes)}
        return sorted(Routes.endpoints, key=lambda endpoint: place[endpoint.path])

    @property
    def shop(self) -> "Shop":
        return self._open_shop()

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        answer: dict[str, Any] = super().__call__(event, context)
        refusal = OWN_REFUSALS.get(answer["statusCode"])
        if refusal is not None and _is_chalices_own(answer.get("body")):
            request_id = str((event.get("requestContext") or {}).get("requestId") or secrets.token_hex(8))
            answer["body"] = error_answer(refusal(), request_id)[1].decode()
            own = {
                "Content-Type": "application/json; charset=utf-8",
                "X-Request-Id": request_id,
                "Cache-Control": "no-store",
                **SAFE,
            }
            answer["headers"] = {**(answer.get("headers") or {}), **own}
        return answer


def _is_chalices_own(body: Any) -> bool:
    try:
        found = json.loads(body)
    except (TypeError, ValueError):
        return False
    return isinstance(found, dict) and set(found) == {"Code", "Message"}
