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
from ..storage.reads import Read, Search, fetch, search
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
        (activity,) = fetch(self.reads(activity_id))
        if activity is None:
            raise ActivityNotFound
        return activity

    def reads(self, activity_id: str) -> Read[Activity | None]:
        """None if there is no such activity."""
        return Read([ActivityRow(activity_id)], lambda rows: self._activity(rows[0]) if rows[0] else None)

    def running(self, product_id: str, now: datetime) -> Search[list[Activity]]:
        """What runs for a product now, the one that ends first in front."""

        def made(rows: list[ActivityRow]) -> list[Activity]:
            return [activity for activity in map(self._activity, rows) if activity.running(now)]

        not_over = ActivityRow.ends_at > epoch(now)
        return Search(ActivityRow.by_product, product_id, made, MOST_PER_PRODUCT, not_over)

    def page(self, kind: str, after: str | None, limit: int) -> Page[Activity]:
        """Activities of a kind, newest first."""

        def made(rows: list[ActivityRow]) -> Page[Activity]:
            return page_of([self._activity(row) for row in rows], limit, lambda activity: activity.activity_id)

        older = ActivityRow.activity_id < after if after else None
        return search(Search(ActivityRow.by_kind, kind, made, limit + 1, older, ascending=False))

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
