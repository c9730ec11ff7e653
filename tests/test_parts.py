"""The shop's parts: made when they are asked for, all at once where that is wanted, and never with a call outside."""

import pytest

from chalicelib.kernel.lazy import part
from chalicelib.parts import Shop
from chalicelib.shop import build
from sandbox.wechat import Credentials
from tests.shop import settings_for

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def shop(credentials: Credentials) -> Shop:
    return build(settings_for(credentials, "parts-", NOWHERE, NOWHERE, NOWHERE))


def names() -> set[str]:
    return {name for name, value in vars(Shop).items() if isinstance(value, part)}


def test_a_new_shop_has_made_nothing(shop: Shop) -> None:
    assert names()
    assert not names() & vars(shop).keys()


def test_a_part_makes_what_it_stands_on_and_no_more(shop: Shop) -> None:
    assert shop.identity
    assert names() & vars(shop).keys() == {"identity", "mini_program", "_cipher"}


def test_money_moves_without_sessions(shop: Shop) -> None:
    """Callbacks, schedules and streams need no tokens, which bring much of cryptography along."""
    assert shop.effects
    assert shop.aftersales
    assert "identity" not in vars(shop)


def test_a_complete_shop_has_made_everything(shop: Shop) -> None:
    assert shop.complete() is shop
    assert names() <= vars(shop).keys()


def test_parts_that_share_a_part_have_the_same(shop: Shop) -> None:
    assert shop.cart._catalog is shop.catalog
    assert shop.payments.closing._orders is shop.orders
