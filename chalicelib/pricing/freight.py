"""Freight: what sending the lines costs, one parcel per template."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .terms import FreightRule, FreightTemplate, FreightUnit, Line, NotDeliverable

UNITS: Mapping[FreightUnit, Callable[[Line], int]] = {
    FreightUnit.PIECES: lambda line: line.quantity,
    FreightUnit.WEIGHT: lambda line: line.weight_g * line.quantity,
    FreightUnit.VOLUME: lambda line: line.volume_cm3 * line.quantity,
}


@dataclass(frozen=True)
class Parcel:
    """Lines (by position) sent under one template for `fee` fen, or for nothing from `free_from` fen of them payable.
    `units` are each line's part of what the template counts."""

    lines: tuple[int, ...]
    units: tuple[int, ...]
    fee: int
    free_from: int | None


def parcels(lines: Sequence[Line], templates: Mapping[str, FreightTemplate], region_code: str) -> tuple[Parcel, ...]:
    """Lines without a template travel free. Raises NotDeliverable, naming every SKU that cannot be sent there; a SKU
    whose template is gone is one of them, since its fee is unknown."""
    together: dict[str, list[int]] = {}
    for i, line in enumerate(lines):
        if line.freight_template_id is not None:
            together.setdefault(line.freight_template_id, []).append(i)
    made: list[Parcel] = []
    stranded: list[int] = []
    for template_id, members in together.items():
        template = templates.get(template_id)
        rule = _rule_for(template, region_code) if template else None
        if template is None or rule is None:
            stranded += members
            continue
        units = tuple(UNITS[template.unit](lines[i]) for i in members)
        made.append(Parcel(tuple(members), units, _fee(rule, sum(units)), rule.free_from))
    if stranded:
        raise NotDeliverable(sku_ids=[lines[i].sku_id for i in sorted(stranded)])
    return tuple(made)


def _rule_for(template: FreightTemplate, region_code: str) -> FreightRule | None:
    matches = [
        (len(prefix), rule) for rule in template.rules for prefix in rule.regions if region_code.startswith(prefix)
    ]
    if not matches:
        return None
    rule = max(matches, key=lambda match: match[0])[1]
    return rule if rule.deliverable else None


def _fee(rule: FreightRule, units: int) -> int:
    beyond = max(0, units - rule.first)
    return rule.first_fee + -(-beyond // rule.next) * rule.next_fee
