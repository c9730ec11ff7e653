"""Claims that can be made once: idempotency keys, nonces, effects. A row per claim, forgotten by TTL."""

from dataclasses import replace
from datetime import datetime, timedelta

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from ..kernel.clock import epoch
from ..kernel.errors import ShopError
from .reads import Read, fetch
from .table import Row
from .writes import Write, commit, put


class ClaimRow(Row):
    """`result` is what the one who made the claim wants a repeater to know; `digest` tells whether it is a
    repetition.
    """

    class Meta:
        table_name = "claims"
        features = ("ttl",)

    claim = UnicodeAttribute(hash_key=True)
    result = UnicodeAttribute(null=True)
    digest = UnicodeAttribute(null=True)
    expires_at = NumberAttribute()


def claim(
    name: str,
    now: datetime,
    keep: timedelta,
    otherwise: ShopError,
    *,
    result: str | None = None,
    digest: str | None = None,
) -> Write:
    """A write that succeeds for the first who makes this claim and refuses with `otherwise` for all later ones."""
    row = ClaimRow(name, result=result, digest=digest, expires_at=epoch(now + keep))
    # TTL deletes late, so an old row counts as gone once its time is over.
    return put(
        row, condition=ClaimRow.claim.does_not_exist() | (ClaimRow.expires_at <= epoch(now)), otherwise=otherwise
    )


class AlreadyDone(ShopError):
    """Never leaves the process: the effect was started before."""

    code = "ALREADY_DONE"


def first_time(name: str, now: datetime, keep: timedelta) -> bool:
    """True for exactly one caller."""
    try:
        commit(claim(name, now, keep, AlreadyDone()))
    except AlreadyDone:
        return False
    return True


def find(name: str, now: datetime) -> ClaimRow | None:
    """The claim, if somebody made it and it still counts. Consistent."""
    (found,) = fetch(replace(reads(name, now), consistent=True))
    return found


def reads(name: str, now: datetime) -> Read[ClaimRow | None]:
    """The same at half the price, to be read together with other things: one of the last second may be missing."""

    def made(rows: list[ClaimRow | None]) -> ClaimRow | None:
        (row,) = rows
        return row if row and row.expires_at > epoch(now) else None

    return Read([ClaimRow(name)], made)
