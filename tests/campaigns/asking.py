"""What placing an order asks of a campaign kind."""

from datetime import datetime

from chalicelib.campaigns.base import CampaignOrder, CampaignPrice, Choice, Kind
from chalicelib.storage.reads import fetch
from chalicelib.storage.writes import Write


def quoted(kind: Kind, choice: Choice, member_id: str, sku_id: str, quantity: int, now: datetime) -> CampaignPrice:
    (known,) = fetch(kind.reads(choice, member_id, now))
    return kind.quote(known, sku_id, quantity, now)


def claimed(kind: Kind, order: CampaignOrder, now: datetime) -> list[Write]:
    (known,) = fetch(kind.reads(order.choice, order.member_id, now))
    return kind.claims(known, order, now)
