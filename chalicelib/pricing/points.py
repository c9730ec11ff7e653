"""Points pay a part of a price. They are a means of payment and not a saving: what they pay for is decided after
promotions, coupon and freight, so they change none of these, and no goods lose their free freight through them.
"""

from dataclasses import replace

from .steps import Applied, Basket, Draft, less, parts_of
from .terms import PointsRule, Scope

TITLE = "积分抵扣"
OFF_NOTE = "暂不支持使用积分"
CAMPAIGN_NOTE = "活动商品不能使用积分"
NONE_NOTE = "本单不能使用积分"


def pay_with(points: int, rule: PointsRule | None, basket: Basket, draft: Draft) -> tuple[int, Draft]:
    """How many of `points` are used, and the draft after them: at least 1 fen of it stays payable in money.

    Freight and campaign lines take no points. Each point pays for its full value or is not used.
    """
    if rule is None:
        return 0, draft
    covered = basket.covered(Scope())
    most = min(sum(draft.goods[i] for i in covered) * rule.most_percent // 100, draft.payable - 1)
    used = min(points, most // rule.value_fen)
    if used < max(rule.least_points, 1):
        return 0, draft
    parts = parts_of(used * rule.value_fen, covered, draft.goods)
    applied = Applied("POINTS", "points", TITLE, parts)
    return used, replace(draft, goods=less(draft.goods, parts), applied=(*draft.applied, applied))


def points_notes(points: int, used: int, rule: PointsRule | None, basket: Basket) -> list[str]:
    """Why fewer points are used than the shopper wished to spend."""
    if points <= used:
        return []
    if rule is None:
        return [OFF_NOTE]
    if not basket.covered(Scope()):
        return [CAMPAIGN_NOTE]
    notes = [] if all(line.discountable for line in basket.lines) else [CAMPAIGN_NOTE]
    if used:
        return [*notes, f"本单最多可用{used}积分"]
    return [*notes, f"每单至少使用{rule.least_points}积分" if rule.least_points else NONE_NOTE]
