"""Routes: a Chalice blueprint whose endpoints declare what they take, answer and refuse.

The declaration is what the edge parses by and what the contract is generated from, so the two cannot differ.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from chalice.app import Blueprint, Response

from .call import Endpoint
from .edge import serve, serve_raw


class Routes(Blueprint):
    """`routes = Routes(__name__)` in each api.py; app.py registers it."""

    endpoints: ClassVar[list[Endpoint]] = []

    def endpoint(self, method: str, path: str, *, summary: str, **promises: Any) -> Callable[[Any], Any]:
        """Declare a JSON endpoint; its function takes a Call and returns a value of `answers`.

        `promises` are fields of Endpoint.
        """
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
