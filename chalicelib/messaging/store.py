"""Tables `consents` and `deliveries`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from ..kernel.clock import epoch, from_epoch
from ..storage.reads import read
from ..storage.table import Row
from ..storage.writes import commit, put, update
from .rules import AlreadyTried, ConsentAfter, ConsentUsedUp, Delivery, DeliveryRecord, Outcome

KEEP_RECORDS = timedelta(days=90)


class ConsentRow(Row):
    class Meta:
        table_name = "consents"

    member_id = UnicodeAttribute(hash_key=True)
    template_id = UnicodeAttribute(range_key=True)
    left = NumberAttribute(default=0)
    openid = UnicodeAttribute()


class DeliveryRow(Row):
    class Meta:
        table_name = "deliveries"
        features = ("ttl",)

    member_id = UnicodeAttribute(hash_key=True)
    once = UnicodeAttribute(range_key=True)
    kind = UnicodeAttribute()
    template_id = UnicodeAttribute()
    state = UnicodeAttribute()
    code = UnicodeAttribute(default="")
    errcode = UnicodeAttribute(default="")
    at = NumberAttribute()
    expires_at = NumberAttribute()


@dataclass(frozen=True)
class Consent:
    left: int
    openid: str


class MessagingStore:
    def grant(self, member_id: str, openid: str, template_ids: Iterable[str]) -> None:
        """One more consent for each template."""
        # No condition: the first consent makes the row.
        grants = [
            update(ConsentRow(member_id, template_id), ConsentRow.left.add(1), ConsentRow.openid.set(openid))
            for template_id in template_ids
        ]
        if grants:
            commit(*grants)

    def withdraw(self, member_id: str, template_ids: Sequence[str]) -> None:
        """No consent is left for these; members who never gave one are passed over."""
        for consent, template_id in zip(self.consents(member_id, template_ids), template_ids, strict=True):
            if consent.left:
                gone = ConsentRow.left.set(0)
                commit(update(ConsentRow(member_id, template_id), gone, condition=ConsentRow.template_id.exists()))

    def consents(self, member_id: str, template_ids: Sequence[str]) -> list[Consent]:
        """In the order of the templates; none given counts as zero."""
        rows = read(*(ConsentRow(member_id, template_id) for template_id in template_ids), consistent=True)
        return [Consent(int(row.left), row.openid) if row else Consent(0, "") for row in rows]

    def begin(self, member_id: str, once: str, kind: str, template_id: str, now: datetime) -> None:
        """Record the message and take a consent, in one step. Raises AlreadyTried or ConsentUsedUp."""
        row = DeliveryRow(
            member_id,
            once,
            kind=kind,
            template_id=template_id,
            state=Delivery.SENDING,
            at=epoch(now),
            expires_at=epoch(now + KEEP_RECORDS),
        )
        fresh = DeliveryRow.once.does_not_exist() | (DeliveryRow.state == Delivery.RETRY)
        consent = ConsentRow(member_id, template_id)
        commit(
            put(row, condition=fresh, otherwise=AlreadyTried()),
            update(consent, ConsentRow.left.add(-1), condition=ConsentRow.left > 0, otherwise=ConsentUsedUp()),
        )

    def finish(self, member_id: str, once: str, template_id: str, outcome: Outcome) -> None:
        """Record how it ended, and what becomes of the consent."""
        record = update(
            DeliveryRow(member_id, once),
            DeliveryRow.state.set(outcome.state),
            DeliveryRow.code.set(outcome.code),
            DeliveryRow.errcode.set(outcome.errcode),
            condition=DeliveryRow.state == Delivery.SENDING,
        )
        left = {ConsentAfter.BACK: ConsentRow.left.add(1), ConsentAfter.NONE_LEFT: ConsentRow.left.set(0)}
        if outcome.consent in left:
            exists = ConsentRow.template_id.exists()
            commit(record, update(ConsentRow(member_id, template_id), left[outcome.consent], condition=exists))
        else:
            commit(record)

    def records(self, member_id: str, limit: int) -> list[DeliveryRecord]:
        return [_record(row) for row in DeliveryRow.query(member_id, limit=limit)]


def _record(row: DeliveryRow) -> DeliveryRecord:
    return DeliveryRecord(
        once=row.once,
        kind=row.kind,
        template_id=row.template_id,
        state=Delivery(row.state),
        at=from_epoch(row.at),
        code=row.code,
        errcode=row.errcode,
    )
