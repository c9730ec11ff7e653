"""Table `pricing`: all promotions and freight templates of the shop and its points rule, in one collection."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from ..kernel.clock import epoch
from ..storage.attributes import Packed
from ..storage.reads import Search
from ..storage.table import Row
from ..storage.writes import commit, delete, put
from .terms import FreightTemplate, PointsRule, PriceRules, Promotion

# A query reads at most this many; the merchant has tens, and promotions leave by TTL once they are over.
MOST_RULES = 500


class PriceRuleRow(Row):
    """Sort key `F#<template>`, `P#<promotion>` or `POINTS`; one of the three attributes is filled accordingly."""

    class Meta:
        table_name = "pricing"
        features = ("ttl",)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    promotion: Packed[Promotion] = Packed(Promotion, null=True)
    freight: Packed[FreightTemplate] = Packed(FreightTemplate, null=True)
    points: Packed[PointsRule] = Packed(PointsRule, null=True)
    expires_at = NumberAttribute(null=True)


class PriceRuleStore:
    def all(self) -> Search[PriceRules]:
        """Also promotions that do not run now."""
        return Search(PriceRuleRow, "RULES", _rules, MOST_RULES)

    def put_promotion(self, promotion: Promotion) -> None:
        ends = epoch(promotion.ends_at)
        commit(put(PriceRuleRow("RULES", f"P#{promotion.promotion_id}", promotion=promotion, expires_at=ends)))

    def put_freight_template(self, template: FreightTemplate) -> None:
        commit(put(PriceRuleRow("RULES", f"F#{template.template_id}", freight=template)))

    def remove_promotion(self, promotion_id: str) -> None:
        """Also when there is none."""
        commit(delete(PriceRuleRow("RULES", f"P#{promotion_id}")))

    def put_points_rule(self, rule: PointsRule) -> None:
        commit(put(PriceRuleRow("RULES", "POINTS", points=rule)))

    def remove_points_rule(self) -> None:
        """Also when there is none."""
        commit(delete(PriceRuleRow("RULES", "POINTS")))


def _rules(rows: list[PriceRuleRow]) -> PriceRules:
    return PriceRules(
        tuple(row.promotion for row in rows if row.promotion),
        {row.freight.template_id: row.freight for row in rows if row.freight},
        next((row.points for row in rows if row.points), None),
    )
