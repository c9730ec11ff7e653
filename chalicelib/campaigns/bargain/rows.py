"""Rows of bargains: table `bargain`.

    L#<launch>    #             the launch; in the index `by_launcher`, and in `due` until it is ordered or expired
                  H#<member>    one cut
    A#<activity>  M#<member>    the member's live launch, until it expires or is paid for
                  #sold         pieces ordered and not given back
                  C#<member>    pieces the member ordered
    H#<member>    #             the member as a helper
                  A#<activity>  cuts the member made in the activity

The table forgets rows by `expires_at`, so a launch, which is kept, has its end in `ends_at`.
"""

from typing import Any

from pynamodb.attributes import BooleanAttribute, DiscriminatorAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from ...kernel.clock import epoch, from_epoch
from ...storage.attributes import Packed
from ...storage.due import DueIndex, DueRow
from .rules import Cut, Helper, Launch, LaunchState
from .terms import BargainConfig


class ByLauncher(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_launcher"
        projection = KeysOnlyProjection()  # so that a cut writes the launch alone, and not the index too

    launcher_id = UnicodeAttribute(hash_key=True)
    launch_id = UnicodeAttribute(range_key=True)


class BargainRow(DueRow):
    class Meta:
        table_name = "bargain"
        features = ("ttl",)

    due = DueIndex()
    by_launcher = ByLauncher()
    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    row = DiscriminatorAttribute()
    launcher_id = UnicodeAttribute(null=True)
    launch_id = UnicodeAttribute(null=True)


class LaunchRow(BargainRow, discriminator="launch"):
    activity_id = UnicodeAttribute()
    nickname = UnicodeAttribute()
    avatar_url = UnicodeAttribute()
    product_id = UnicodeAttribute()
    sku_id = UnicodeAttribute()
    title = UnicodeAttribute()
    terms: Packed[BargainConfig] = Packed(BargainConfig)
    price = NumberAttribute()
    cuts = NumberAttribute()
    state = UnicodeAttribute()
    buy_at = UnicodeAttribute()
    started_at = NumberAttribute()
    ends_at = NumberAttribute()
    order_id = UnicodeAttribute(null=True)


class CutRow(BargainRow, discriminator="cut"):
    nickname = UnicodeAttribute()
    avatar_url = UnicodeAttribute()
    amount = NumberAttribute()
    at = NumberAttribute()


class LiveRow(BargainRow, discriminator="live"):
    expires_at = NumberAttribute()


class CountRow(BargainRow, discriminator="count"):
    n = NumberAttribute()


class HelperRow(BargainRow, discriminator="helper"):
    day = UnicodeAttribute()
    cuts = NumberAttribute()
    last_at = NumberAttribute()
    weight_spent = BooleanAttribute()


def launch_key(launch_id: str) -> LaunchRow:
    return LaunchRow(f"L#{launch_id}", "#")


def cut_key(launch_id: str, member_id: str) -> CutRow:
    return CutRow(f"L#{launch_id}", f"H#{member_id}")


def helper_key(member_id: str) -> HelperRow:
    return HelperRow(f"H#{member_id}", "#")


def sold_key(activity_id: str) -> CountRow:
    return CountRow(f"A#{activity_id}", "#sold")


def bought_key(activity_id: str, member_id: str) -> CountRow:
    return CountRow(f"A#{activity_id}", f"C#{member_id}")


def cut_row(launch_id: str, cut: Cut) -> CutRow:
    row = cut_key(launch_id, cut.member_id)
    row.nickname, row.avatar_url, row.amount, row.at = cut.nickname, cut.avatar_url, cut.amount, epoch(cut.at)
    return row


def launch_of(row: LaunchRow) -> Launch:
    return Launch(
        launch_id=row.pk.removeprefix("L#"),
        activity_id=row.activity_id,
        launcher_id=row.launcher_id or "",
        nickname=row.nickname,
        avatar_url=row.avatar_url,
        product_id=row.product_id,
        sku_id=row.sku_id,
        title=row.title,
        terms=row.terms,
        price=int(row.price),
        cuts=int(row.cuts),
        state=LaunchState(row.state),
        started_at=from_epoch(row.started_at),
        ends_at=from_epoch(row.ends_at),
        order_id=row.order_id,
    )


def cut_of(row: CutRow) -> Cut:
    return Cut(row.sk.removeprefix("H#"), row.nickname, row.avatar_url, int(row.amount), from_epoch(row.at))


def helper_of(member_id: str, row: HelperRow | None) -> Helper:
    if row is None:
        return Helper(member_id)
    return Helper(member_id, row.day, int(row.cuts), from_epoch(row.last_at), bool(row.weight_spent))
