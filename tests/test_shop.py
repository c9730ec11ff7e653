"""The process's shop: opened once, and following its settings."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib import shop
from chalicelib.settings import Settings
from tests.shop import Stack


@pytest.fixture
def environment(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Settings in an environment, the APIv3 key in a file of its own; its path."""
    settings = stack.shop.settings
    file = tmp_path / "apiv3"
    file.write_text(settings.wechat_apiv3_key)
    monkeypatch.setattr(shop, "from_environment", lambda: with_key(settings, file.read_text()))
    monkeypatch.setattr(shop, "_opened", None)
    yield file
    shop.use(stack.shop)


def with_key(settings: Settings, key: str) -> Settings:
    return replace(settings, wechat_apiv3_key=key)


def pass_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop, "_look_at", 0)


def test_a_shop_is_built_once_and_kept_while_its_settings_stay(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.open_shop()
    pass_time(monkeypatch)
    assert shop.open_shop() is first


def test_a_key_that_was_changed_in_its_file_counts_without_a_restart(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.open_shop()
    environment.write_text("n" * 32)
    assert shop.open_shop() is first
    pass_time(monkeypatch)
    assert shop.open_shop().settings.wechat_apiv3_key == "n" * 32


def test_settings_that_cannot_be_read_again_leave_the_shop_open(
    environment: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = shop.open_shop()
    environment.write_text("half a k")
    pass_time(monkeypatch)
    with caplog.at_level(logging.ERROR, "jishi"):
        assert shop.open_shop() is first
    assert "settings" in [getattr(record, "alarm", "") for record in caplog.records]


def test_a_shop_that_was_handed_over_stays(stack: Stack) -> None:
    assert shop.open_shop() is stack.shop
