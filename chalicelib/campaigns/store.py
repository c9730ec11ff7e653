"""Activities of all kinds: table `activities`, looked up by id, by product, by kind."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from ..kernel.clock import epoch, from_epoch
from ..kernel.paging import Page, page_of
from ..storage.attributes import Packed
from ..storage.table import Row
from ..storage.writes import commit, put
from .base import Activity, ActivityNotFound

MOST_PER_PRODUCT = 20


class ByProduct(GlobalSecondaryIndex["ActivityRow"]):
    class Meta:
        index_name = "by_product"
        projection = AllProjection()

    product_id = UnicodeAttribute(hash_key=True)
    ends_at = NumberAttribute(range_key=True)


class ByKind(GlobalSecondaryIndex["ActivityRow"]):
    class Meta:
        index_name = "by_kind"
        projection = AllProjection()

    kind = UnicodeAttribute(hash_key=True)
    activity_id = UnicodeAttribute(range_key=True)


class ActivityRow(Row):
    class Meta:
        table_name = "activities"

    by_product = ByProduct()
    by_kind = ByKind()
    activity_id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute()
    product_id = UnicodeAttribute()
    title = UnicodeAttribute()
    starts_at = NumberAttribute()
    ends_at = NumberAttribute()
    prices: Packed[dict[str, int]] = Packed(dict[str, int])
    config: Packed[dict[str, Any]] = Packed(dict[str, Any])


class Activities:
    """`configs` maps a kind's name to the dataclass of its configuration."""

    def __init__(self, configs: Mapping[str, type[Any]]) -> None:
        self._configs = configs

    def put(self, activity: Activity) -> None:
        """Create or replace an activity; orders already placed keep the price they were placed at."""
        row = ActivityRow(
            activity.activity_id,
            kind=activity.kind,
            product_id=activity.product_id,
            title=activity.title,
            starts_at=epoch(activity.starts_at),
            ends_at=epoch(activity.ends_at),
            prices=dict(activity.prices),
            config=msgspec.to_builtins(activity.config),
        )
        commit(put(row))

    def get(self, activity_id: str) -> Activity:
        """Raises ActivityNotFound."""
        try:
            return self._activity(ActivityRow.get(activity_id))
        except ActivityRow.DoesNotExist as error:
            raise ActivityNotFound from error

    def running(self, product_id: str, now: datetime) -> list[Activity]:
        """What runs for a product now, the one that ends first in front."""
        rows = ActivityRow.by_product.query(product_id, ActivityRow.ends_at > epoch(now), limit=MOST_PER_PRODUCT)
        return [activity for activity in map(self._activity, rows) if activity.running(now)]

    def page(self, kind: str, after: str | None, limit: int) -> Page[Activity]:
        """Activities of a kind, newest first."""
        older = ActivityRow.activity_id < after if after else None
        rows = ActivityRow.by_kind.query(kind, older, scan_index_forward=False, limit=limit + 1)
        return page_of([self._activity(row) for row in rows], limit, lambda activity: activity.activity_id)

    def _activity(self, row: ActivityRow) -> Activity:
        return Activity(
            activity_id=row.activity_id,
            kind=row.kind,
            product_id=row.product_id,
            title=row.title,
            starts_at=from_epoch(row.starts_at),
            ends_at=from_epoch(row.ends_at),
            prices=row.prices,
            config=msgspec.convert(row.config, self._configs[row.kind]),
        )
