"""The app's routes, of which each domain's are imported when one of its paths is first looked up."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module

from chalice.app import Chalice, RouteEntry

from ..kernel.lazy import loading

Methods = dict[str, RouteEntry]


class RoutesOnDemand(Mapping[str, Methods]):
    """What Chalice keeps in a dict: by path, its methods. Whoever iterates sees all routes, in the order of `apis`.

    `doors` says which of the `apis` (modules with a blueprint `routes`) declares a path. A path that it does not know
    is searched for everywhere, so that an old list costs time and hides nothing. An import that fails is tried again
    at the next look-up, and hinders no other domain.
    """

    def __init__(self, app: Chalice, apis: Sequence[str], doors: Mapping[str, str]) -> None:
        self._app = app
        self._apis = apis
        self._doors = doors
        self._open: dict[str, dict[str, Methods]] = {}
        self._opening: dict[str, Methods] | None = None

    def __getitem__(self, path: str) -> Methods:
        with loading:
            if self._opening is not None:  # Chalice registers a route
                return self._opening.setdefault(path, {})
            for api in (*self._likely(path), *self._apis):
                if path in (routes := self._of(api)):
                    return routes[path]
            raise KeyError(path)

    def __iter__(self) -> Iterator[str]:
        return iter([path for api in self._apis for path in self._of(api)])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def by_path(self) -> dict[str, str]:
        """Which of the `apis` declares which path: what `doors` should say."""
        return {path: api for api in self._apis for path in self._of(api)}

    def _likely(self, path: str) -> tuple[str, ...]:
        return (self._doors[path],) if path in self._doors else ()

    def _of(self, api: str) -> dict[str, Methods]:
        with loading:
            if api not in self._open:
                blueprint = import_module(api).routes
                self._opening = {}
                try:
                    self._app.register_blueprint(blueprint)
                    self._open[api] = self._opening
                finally:
                    self._opening = None
            return self._open[api]
