"""Table `pricing`: all promotions and freight templates of the shop in one collection."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from ..kernel.clock import epoch
from ..storage.attributes import Packed
from ..storage.table import Row
from ..storage.writes import commit, delete, put
from .terms import FreightTemplate, Promotion

# A query reads at most this many; the merchant has tens, and promotions leave by TTL once they are over.
MOST_RULES = 500


class PriceRuleRow(Row):
    """Sort key `F#<template>` or `P#<promotion>`; one of the two attributes is filled accordingly."""

    class Meta:
        table_name = "pricing"
        features = ("ttl",)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    promotion: Packed[Promotion] = Packed(Promotion, null=True)
    freight: Packed[FreightTemplate] = Packed(FreightTemplate, null=True)
    expires_at = NumberAttribute(null=True)


class PriceRuleStore:
    def all(self) -> tuple[list[Promotion], list[FreightTemplate]]:
        rows = list(PriceRuleRow.query("RULES", limit=MOST_RULES))
        return [row.promotion for row in rows if row.promotion], [row.freight for row in rows if row.freight]

    def put_promotion(self, promotion: Promotion) -> None:
        ends = epoch(promotion.ends_at)
        commit(put(PriceRuleRow("RULES", f"P#{promotion.promotion_id}", promotion=promotion, expires_at=ends)))

    def put_freight_template(self, template: FreightTemplate) -> None:
        commit(put(PriceRuleRow("RULES", f"F#{template.template_id}", freight=template)))

    def remove_promotion(self, promotion_id: str) -> None:
        """Also when there is none."""
        commit(delete(PriceRuleRow("RULES", f"P#{promotion_id}")))
