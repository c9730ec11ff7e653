"""A process of the cloud and its settings: opened once, read again, kept when the secret is wrong or out of reach."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from chalicelib import shop
from chalicelib.kernel.errors import Unavailable
from chalicelib.settings import Settings, from_environment, secret_names
from functions.orders import close_unpaid
from tests.shop import Stack
from tests.test_settings import KEY
from tests.test_settings_secret import BROKEN, NAME, PLANTED, changed

SCHEDULED: dict[str, Any] = {
    name: {} for name in ("version", "account", "region", "detail", "detail-type", "source", "time", "id", "resources")
}


@dataclass
class Cloud:
    """A deployed process: an environment, a secret, a clock that the test moves."""

    held: Any
    environment: dict[str, str]
    says: Callable[[], str] | None = None
    now: int = 1_795_312_800
    reads: int = 0

    def settings(self) -> Settings:
        self.reads += 1
        return from_environment(self.environment, lambda name, region: self.says() if self.says else self.text())

    def text(self) -> str:
        return self.held if isinstance(self.held, str) else json.dumps(self.held)

    def down(self) -> str:
        raise Unavailable


@pytest.fixture
def cloud(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """The test's shop, with its settings in an environment and a secret."""
    values: dict[str, Any] = {}
    for name in Settings.__dataclass_fields__:
        value = getattr(stack.shop.settings, name)
        if isinstance(value, dict):
            value = {k: KEY if isinstance(v, bytes) else v for k, v in value.items()}
        if value not in (None, "", (), False):
            values[f"JISHI_{name.upper()}"] = value if isinstance(value, str | dict) else str(value)
    hidden = {name: value for name, value in values.items() if name in secret_names() or isinstance(value, dict)}
    shown = {name: value for name, value in values.items() if name not in hidden}
    cloud = Cloud(hidden, {**shown, "JISHI_SECRET": NAME})
    monkeypatch.setattr(shop, "from_environment", cloud.settings)
    monkeypatch.setattr(shop, "_seconds", lambda: cloud.now)
    monkeypatch.setattr(shop, "_opened", None)
    yield cloud
    shop.use(stack.shop)


def test_a_changed_secret_counts_within_five_minutes_and_is_not_asked_for_in_between(cloud: Cloud) -> None:
    first = shop.open_shop()
    cloud.held["JISHI_WECHAT_SECRET"] = "another"
    cloud.now += shop.REREAD_SECONDS - shop.SPREAD_SECONDS - 1
    assert shop.open_shop() is first
    assert cloud.reads == 1
    cloud.now += shop.SPREAD_SECONDS + 1
    assert shop.open_shop().settings.wechat_secret == "another"
    assert cloud.reads == 2


def test_a_shop_whose_settings_stayed_is_kept(cloud: Cloud) -> None:
    first = shop.open_shop()
    cloud.now += shop.REREAD_SECONDS
    assert shop.open_shop() is first
    assert cloud.reads == 2


def test_a_clock_that_is_set_back_puts_no_look_off(cloud: Cloud) -> None:
    shop.open_shop()
    cloud.now -= 3600
    shop.open_shop()
    assert cloud.reads == 2


def test_processes_that_start_together_look_apart(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = set()
    for _ in range(40):
        monkeypatch.setattr(shop, "_opened", None)
        shop.open_shop()
        looks.add(shop._look_at)
    earliest, latest = cloud.now + shop.REREAD_SECONDS - shop.SPREAD_SECONDS, cloud.now + shop.REREAD_SECONDS
    assert len(looks) > 10
    assert all(look is not None and earliest <= look <= latest for look in looks)


@pytest.mark.parametrize("how", ["no JSON", "a name missing", "keys of another kind", "another length"])
def test_a_secret_that_became_wrong_leaves_the_shop_as_it_is_and_is_alarmed_without_a_value(
    cloud: Cloud, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, held = shop.open_shop(), BROKEN[how]
    cloud.held = held if isinstance(held, str) else changed(cloud.held, held)
    cloud.now += shop.REREAD_SECONDS
    with caplog.at_level(logging.ERROR, "jishi"):
        assert shop.open_shop() is first
    assert [getattr(record, "alarm", "") for record in caplog.records] == ["settings"]
    assert PLANTED not in caplog.text
    cloud.now += 1
    shop.open_shop()
    assert cloud.reads == 2, "the next look is minutes later"


def test_a_key_that_cannot_be_used_replaces_none(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    first = shop.open_shop()
    cloud.held["JISHI_WECHAT_MERCHANT_KEY"] = f"-----BEGIN PRIVATE KEY-----\n{PLANTED}"
    cloud.now += shop.REREAD_SECONDS
    with caplog.at_level(logging.ERROR, "jishi"):
        assert shop.open_shop() is first
    assert PLANTED not in caplog.text
    assert "JISHI_WECHAT_MERCHANT_KEY cannot be used" in caplog.text


def test_a_vault_that_goes_down_leaves_the_shop_open(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    first = shop.open_shop()
    cloud.says, cloud.now = cloud.down, cloud.now + shop.REREAD_SECONDS
    with caplog.at_level(logging.ERROR, "jishi"):
        assert shop.open_shop() is first
    assert [getattr(record, "alarm", "") for record in caplog.records] == ["settings"]


def test_a_cold_start_without_the_vault_answers_503_until_it_is_back(cloud: Cloud, stack: Stack) -> None:
    cloud.says = cloud.down
    for method, path in (("POST", "/wechat/pay/notify"), ("GET", "/products"), ("GET", "/me"), ("GET", "/wechat/push")):
        refused = requests.request(method, stack.api_url + path, json={} if method == "POST" else None, timeout=10)
        assert (refused.status_code, refused.json()["code"]) == (503, "UNAVAILABLE"), path
    with pytest.raises(Unavailable):
        close_unpaid(SCHEDULED, None)
    cloud.says = None
    assert requests.get(f"{stack.api_url}/products", timeout=10).status_code == 200


def test_one_thread_looks_again_while_the_others_are_served(cloud: Cloud) -> None:
    first = shop.open_shop()
    cloud.held["JISHI_WECHAT_SECRET"] = "another"
    cloud.now += shop.REREAD_SECONDS
    asked, answer = threading.Event(), threading.Event()

    def slow() -> str:
        asked.set()
        assert answer.wait(20)
        return cloud.text()

    cloud.says = slow
    found: list[Any] = []
    looking = threading.Thread(target=lambda: found.append(shop.open_shop()))
    looking.start()
    assert asked.wait(20)
    assert shop.open_shop() is first
    assert cloud.reads == 2
    answer.set()
    looking.join()
    assert found[0].settings.wechat_secret == "another"
    assert shop.open_shop() is found[0]


def test_threads_that_start_together_open_one_shop(cloud: Cloud) -> None:
    together, found = threading.Barrier(8), []

    def start() -> None:
        together.wait()
        found.append(shop.open_shop())

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == cloud.reads == 1


def test_a_shop_that_is_handed_over_during_a_look_stays(cloud: Cloud, stack: Stack) -> None:
    shop.open_shop()
    cloud.held["JISHI_WECHAT_SECRET"] = "another"
    cloud.now += shop.REREAD_SECONDS

    def meanwhile() -> str:
        shop.use(stack.shop)
        return cloud.text()

    cloud.says = meanwhile
    assert shop.open_shop() is stack.shop
