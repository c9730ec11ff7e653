"""The list of use cases, and what all of them begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.coupons import CouponKind, CouponTemplate, Terms
from chalicelib.kernel.staff import StaffRole
from chalicelib.pickup import PickupPoint
from chalicelib.pricing.terms import PointsRule
from tests.faults.world import World
from tests.shop import put_bargain_activity, put_team_activity, stock_the_shelves

UseCase = Callable[[World], None]
USE_CASES: dict[str, UseCase] = {}


def use_case(function: UseCase) -> UseCase:
    USE_CASES[function.__name__] = function
    return function


def furnish(world: World) -> None:
    """Goods, coupons, points, activities, a pickup point; five members with addresses, one of the staff."""
    shop = world.shop
    stock_the_shelves(shop)
    terms = Terms(CouponKind.AMOUNT, "满50减5", 500, threshold=5000)
    shop.coupons.put_template(CouponTemplate("five", terms, total=1000, per_member=5, valid_days=7))
    free = Terms(CouponKind.AMOUNT, "立减100", 10000, threshold=1)
    shop.coupons.put_template(CouponTemplate("all", free, total=1000, per_member=5, valid_days=7))
    shop.promotions.put_points_rule(PointsRule(value_fen=1, most_percent=50, earn_per_yuan=1))
    shop.pickups.put_point(PickupPoint("shop", "南山店", "科技园1号", "0755-12345678", "9-18"))
    put_team_activity(shop, "pair", team_size=2, limit_per_member=2)
    easy = {"cuts_per_helper": 100, "daily_cuts": 100, "seconds_between_cuts": 0, "limit_per_member": 2}
    put_bargain_activity(shop, "party", stock=5, **easy)
    for name in ("alice", "bob", "carol", "dave", "erin", "staff"):
        world.stage.people[name] = world.member(name).log_in().move_in()
    for _ in range(8):  # the days before the shop was opened
        shop.reconciliation.run(world.clock())
    shop.identity.appoint(world.member("staff").member_id, set(StaffRole), by="the-owner")


def expect(told: Any, **wanted: Any) -> None:
    found = {name: told[name] for name in wanted}
    assert found == wanted, f"{found}, where it should be {wanted}"
