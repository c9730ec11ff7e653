"""Routes on demand: complete for whoever looks at all, imported one domain at a time for whoever asks for one."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app import DOMAINS, app
from chalicelib.settings import SettingsError
from chalicelib.web import Routes
from chalicelib.web.app import ShopApp

ROOT = Path(__file__).parents[2]
BREAD, FISH = "shops_for_tests.bread", "shops_for_tests.fish"
DOORS = {"/bread": BREAD, "/bread/{loaf}": BREAD, "/fish": FISH}
API = """
from chalicelib.web import Routes

routes = Routes(__name__)


@routes.raw("GET", "/{name}", summary="All")
def every(call):
    return None
"""


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of two api modules."""
    folder = tmp_path / "shops_for_tests"
    folder.mkdir()
    one = '\n\n@routes.raw("POST", "/bread/{loaf}", summary="One")\ndef one(call):\n    return None\n'
    (folder / "bread.py").write_text(API.format(name="bread") + one)
    (folder / "fish.py").write_text(API.format(name="fish"))
    monkeypatch.syspath_prepend(tmp_path)
    declared = list(Routes.endpoints)
    yield folder
    Routes.endpoints[:] = declared
    for name in ("shops_for_tests", BREAD, FISH):
        sys.modules.pop(name, None)


def opened(doors: dict[str, str]) -> ShopApp:
    return ShopApp("street", lambda: pytest.fail("nobody asked for the shop"), [BREAD, FISH], doors)


def test_a_path_imports_the_domain_that_declares_it_and_no_other(street: Path) -> None:
    routes = opened(DOORS).routes
    assert not {BREAD, FISH} & sys.modules.keys()
    assert set(routes["/fish"]) == {"GET"}
    assert FISH in sys.modules
    assert BREAD not in sys.modules


def test_whoever_iterates_sees_all_in_the_order_of_the_domains(street: Path) -> None:
    routes = opened(DOORS).routes
    assert routes["/fish"]
    assert list(routes) == ["/bread", "/bread/{loaf}", "/fish"]
    assert len(routes) == 3
    assert {path: set(methods) for path, methods in routes.items()} == {
        "/bread": {"GET"}, "/bread/{loaf}": {"POST"}, "/fish": {"GET"},
    }  # fmt: skip


def test_a_path_that_the_list_does_not_know_or_places_wrongly_is_found_all_the_same(street: Path) -> None:
    assert set(opened({}).routes["/fish"]) == {"GET"}
    assert set(opened({"/fish": BREAD}).routes["/fish"]) == {"GET"}
    routes = opened(DOORS).routes
    assert "/meat" not in routes
    with pytest.raises(KeyError):
        _ = routes["/meat"]


def test_a_domain_that_cannot_be_imported_hinders_no_other_and_is_tried_again(street: Path) -> None:
    whole = (street / "fish.py").read_text()
    (street / "fish.py").write_text("raise OSError('too many open files')")
    routes = opened(DOORS).routes
    with pytest.raises(OSError, match="too many"):
        _ = routes["/fish"]
    assert routes["/bread"]
    (street / "fish.py").write_text(whole + "# mended\n")
    assert routes["/fish"]


def test_a_request_to_it_is_answered_as_a_fault_of_ours(street: Path) -> None:
    (street / "fish.py").write_text("raise OSError('too many open files')")
    context = {"resourcePath": "/fish", "httpMethod": "GET", "requestId": "r-1"}
    event = {"requestContext": context, "headers": {}, "multiValueQueryStringParameters": None, "pathParameters": None,
             "body": None, "isBase64Encoded": False, "stageVariables": None}  # fmt: skip
    answer = opened(DOORS)(event, None)
    assert answer["statusCode"] == 500
    assert '"INTERNAL"' in answer["body"]


def test_what_starts_ahead_of_traffic_imports_all_routes_and_makes_every_part(street: Path) -> None:
    made = []
    shop: Any = SimpleNamespace(complete=lambda: made.append("parts"))
    ShopApp("street", lambda: shop, [BREAD, FISH], DOORS).prepare()
    assert made == ["parts"]
    assert {BREAD, FISH} <= sys.modules.keys()


def test_a_failure_of_that_is_told_and_ends_nothing(street: Path, caplog: pytest.LogCaptureFixture) -> None:
    def no_shop() -> Any:
        raise SettingsError("settings missing")

    app = ShopApp("street", no_shop, [BREAD, FISH], DOORS)
    with caplog.at_level(logging.ERROR, "jishi"):
        app.prepare()
    assert "not prepared" in caplog.messages
    assert app.routes["/fish"]


def test_every_api_of_the_shop_is_one_of_the_apps() -> None:
    files = (ROOT / "chalicelib").rglob("api.py")
    assert {".".join(file.relative_to(ROOT / "chalicelib").parent.parts) for file in files} == set(DOMAINS)


def test_no_two_domains_declare_the_same_path() -> None:
    """The list can send a path to one of them only."""
    owners = {(endpoint.path, endpoint.handler.__module__) for endpoint in app.endpoints}
    assert len(owners) == len({path for path, _ in owners}) == len(app.routes)
