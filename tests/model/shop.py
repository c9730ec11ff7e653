"""The shop that the model is held against, and the people in it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from chalicelib.campaigns.bargain import BargainConfig
from chalicelib.campaigns.base import Activity
from chalicelib.campaigns.groupbuy import GroupBuyConfig
from chalicelib.catalog import Category, Details, NewProduct, NewSku
from chalicelib.coupons import CouponKind, CouponTemplate, Terms
from chalicelib.kernel.staff import StaffRole
from chalicelib.pickup import PickupPoint
from chalicelib.pricing.terms import FreightRule, FreightTemplate, FreightUnit, PointsRule
from tests.faults.world import World
from tests.model import model

MEMBERS = ("alice", "bob", "carol")


def furnish(world: World) -> None:
    """As model.py says it is."""
    shop, now = world.shop, world.clock()
    shop.catalog.put_category(Category("tea", "茗茶"))
    everywhere = FreightRule(("",), 1, model.FIRST_PIECE, 1, model.NEXT_PIECE, free_from=model.FREE_FROM)
    shop.promotions.put_freight_template(FreightTemplate("post", "快递", FreightUnit.PIECES, (everywhere,)))
    shop.promotions.put_points_rule(PointsRule(value_fen=1, most_percent=model.MOST_PERCENT, earn_per_yuan=1))
    for product_id in ("tea", "cup"):
        skus = tuple(
            NewSku(sku_id, fen, {"规格": sku_id}) for sku_id, fen in model.PRICES.items() if sku_id[:3] == product_id
        )
        details = Details(images=("https://img.example.com/1.jpg",))
        product = NewProduct(product_id, product_id, "tea", skus, details, freight_template_id="post")
        shop.catalog.put_product(product)
    for sku_id, units in model.STOCK.items():
        shop.stock.add(sku_id, units)
    shop.stock.spread("tea-01", 3)  # of which the model knows nothing: it must make no difference
    terms = Terms(CouponKind.AMOUNT, "满50减5", model.COUPON, threshold=model.COUPON_FROM)
    shop.coupons.put_template(CouponTemplate("five", terms, total=100, per_member=2, valid_days=365))
    shop.pickups.put_point(PickupPoint("shop", "南山店", "科技园1号", "0755-12345678", "9-18"))
    ends = now + timedelta(days=365)
    team = GroupBuyConfig(team_size=model.TEAM_SIZE, team_hours=model.TEAM_HOURS, limit_per_member=100)
    shop.campaigns.activities.put(
        Activity("pair", "groupbuy", "tea", "两人团", now, ends, {"tea-01": model.TEAM_PRICE}, team)
    )
    easy: dict[str, Any] = {
        "cuts_per_helper": 100,
        "daily_cuts": 100,
        "seconds_between_cuts": 0,
        "limit_per_member": 100,
    }
    party = BargainConfig(start_price=3000, floor_price=model.BARGAIN_PRICE, cuts_to_floor=2, stock=3, **easy)
    shop.campaigns.activities.put(Activity("party", "bargain", "cup", "砍到9元", now, ends, {"cup-01": 3000}, party))
    for name in (*MEMBERS, "staff"):
        client = world.stage.people[name] = world.member(name).log_in().move_in()
        shop.points.adjust(client.member_id, model.POINTS_AT_FIRST, "赠送", "the-owner", name, now)
        for _ in range(2):
            client.post("/coupon-templates/five/claim")
    for _ in range(8):  # the days before the shop was opened
        shop.reconciliation.run(now)
    shop.identity.appoint(world.stage.people["staff"].member_id, set(StaffRole), by="the-owner")


class People:
    """What members and staff ask of the shop over HTTP. Nothing else goes on meanwhile."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.all = {name: world.member(name) for name in (*MEMBERS, "staff")}

    def ask(self, who: str, method: str, path: str, body: Any = None, key: str = "") -> tuple[str | None, Any]:
        """The code of the refusal, or None; and the answer. Anything but an answer or a refusal is a fault."""
        client = self.all[who]
        headers = {"content-type": "application/json", "authorization": f"Bearer {client.token}"}
        if key:
            headers["idempotency-key"] = key
            self._world.keys.setdefault(client.member_id, set()).add(key)
        data = None if body is None else json.dumps(body).encode()
        status, answer = self._world.http(method, path, headers, data)
        if status == 401 and path != "/login":
            _, login = self.ask(who, "POST", "/login", {"code": f"demo-{who}"})
            client.token = login["token"]
            return self.ask(who, method, path, body, key)
        self._world.tell(f"{who} {method} {path} {body or ''}: {status} {'' if status < 300 else answer}")
        assert status < 500, f"{method} {path} answered {status} {answer}"
        return (None if status < 300 else answer["code"]), answer

    def of(self, member_id: str) -> str:
        return next(name for name, client in self.all.items() if client.member_id == member_id)
