"""A shop that moves to another address is found at the old one for as long as WeChat may call there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.release.addresses import CALLED, kept
from deploy.release.records import Release
from deploy.release.rollout import as_before
from deploy.template.edge import domain_id
from tests.deploy.sam import packaged, stage

Template = dict[str, Any]
NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + CALLED
BARE = packaged(stage())
FIRST, SECOND = (packaged(stage(domain=name, certificate="c")) for name in ("api.example.cn", "shop.example.cn"))


def live(template: Template) -> Release:
    """Since NOW."""
    return Release(1, NOW.isoformat(timespec="seconds"), "a", "c", "me", 0, 0, template, {})


def open_to_all(template: Template) -> bool:
    return not template["Resources"]["RestAPI"]["Properties"]["DisableExecuteApiEndpoint"]


def domains(template: Template) -> set[str]:
    found = (domain for domain in ("api.example.cn", "shop.example.cn") if domain_id(domain) in template["Resources"])
    return set(found)


def test_a_shop_that_gets_a_domain_is_found_at_both_addresses_for_two_days() -> None:
    moved = kept(FIRST, live(BARE), LATER + timedelta(days=99))
    assert open_to_all(moved)
    assert domains(moved) == {"api.example.cn"}
    assert kept(FIRST, live(moved), LATER - timedelta(seconds=1)) == moved, "again, and it is the same release"
    assert kept(FIRST, live(moved), LATER) == FIRST
    assert not open_to_all(FIRST)
    assert kept(FIRST, live(FIRST), NOW) == FIRST, "what is shut stays so"


def test_a_shop_that_changes_its_domain_is_found_at_both() -> None:
    moved = kept(SECOND, live(FIRST), LATER)
    assert domains(moved) == {"api.example.cn", "shop.example.cn"}
    assert not open_to_all(moved)
    assert kept(SECOND, live(moved), LATER) == SECOND


def test_a_first_release_has_one_address() -> None:
    assert kept(FIRST, None, NOW) == FIRST


def test_on_the_way_back_the_new_address_stays_too() -> None:
    """Whoever paid in the canary is announced there."""
    back = as_before(BARE, kept(FIRST, live(BARE), NOW))
    assert domains(back) == {"api.example.cn"}
    assert open_to_all(back)
