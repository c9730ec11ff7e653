"""wechatpy's API client, mended where it is weak. Importing this module loads wechatpy and requests: 300 ms.

wechatpy builds requests, knows the API and reads its errors. By itself it waits for ever, fetches tokens that kill
each other, and repeats a refused call without bound; here every call has a time-out, the token is the shared one, and
a refused token is replaced once.
"""

from typing import Any, Final

from wechatpy.client import WeChatClient
from wechatpy.exceptions import WeChatClientException

from .tokens import AccessTokens

TIMEOUT: Final = (2, 8)
REFUSED_TOKEN: Final = frozenset({40001, 40014, 42001})


class ApiClient(WeChatClient):  # type: ignore[misc]
    """Raises WeChatClientException for what the platform refuses, requests' exceptions for the network."""

    def __init__(self, appid: str, base_url: str, tokens: AccessTokens) -> None:
        super().__init__(appid, secret=None, timeout=TIMEOUT, auto_retry=False)
        # Neither proxies nor passwords of the environment shall decide where a token goes.
        self._http.trust_env = False
        self._base_url = base_url + "/"
        self._tokens = tokens

    def _request(self, method: str, url_or_endpoint: str, **kwargs: Any) -> Any:
        token = self._tokens.current()
        try:
            return self._once(method, url_or_endpoint, token, kwargs)
        except WeChatClientException as error:
            if error.errcode not in REFUSED_TOKEN:
                raise
        return self._once(method, url_or_endpoint, self._tokens.replace(token), kwargs)

    def _once(self, method: str, endpoint: str, token: str, kwargs: dict[str, Any]) -> Any:
        sent = {**kwargs, "params": {"access_token": token}, "api_base_url": self._base_url}
        return super()._request(method, endpoint, **sent)
