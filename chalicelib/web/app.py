"""ShopApp: Chalice, answering its own refusals (method, media type) in the shop's form too."""

import json
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice.app import Chalice

from .errors import Internal, MethodNotAllowed, UnsupportedMediaType, error_answer
from .headers import SAFE

if TYPE_CHECKING:
    from ..shop import Shop

OWN_REFUSALS = {405: MethodNotAllowed, 415: UnsupportedMediaType, 500: Internal}


class ShopApp(Chalice):
    """`open_shop` is called at each request and not before, so that importing the app needs no settings."""

    def __init__(self, app_name: str, open_shop: "Callable[[], Shop]") -> None:
        super().__init__(app_name)
        self._open_shop = open_shop

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
