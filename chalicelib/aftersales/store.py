"""Table `aftersales`: hash member_id, range case_id, so that a case is only found under its owner; the due index."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from ..kernel.paging import Page, page_of
from ..log import logger
from ..orders import Order
from ..storage.attributes import Packed, packed, unpacked
from ..storage.cipher import SEALED_FOR_GOOD, Cipher
from ..storage.due import DueIndex, DueRow, clear_due, due, first_due, set_due, sweep, wait_for
from ..storage.reads import Read, Search, fetch, read
from ..storage.writes import Write, commit, put, update
from .rules import Case, CaseChanged, CaseNotFound, CaseState, Job, Kind, Parcel, Part, Periods, Reason, waits_for

Work = Callable[[str, str, datetime], object]


class CaseRow(DueRow):
    """`description` is sealed."""

    class Meta:
        table_name = "aftersales"

    seldom = True
    due = DueIndex()
    member_id = UnicodeAttribute(hash_key=True)
    case_id = UnicodeAttribute(range_key=True)
    order_id = UnicodeAttribute()
    kind = UnicodeAttribute()
    state = UnicodeAttribute()
    reason = UnicodeAttribute()
    parts: Packed[tuple[Part, ...]] = Packed(tuple[Part, ...])
    amount = NumberAttribute()
    description = UnicodeAttribute(null=True)
    pictures: Packed[tuple[str, ...]] = Packed(tuple[str, ...])
    return_to = UnicodeAttribute(null=True)
    parcel: Packed[Parcel] = Packed(Parcel, null=True)
    replacement: Packed[Parcel] = Packed(Parcel, null=True)
    restock = BooleanAttribute(default=False)
    told = BooleanAttribute(default=False)
    timeline: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)


class CaseStore:
    def __init__(self, cipher: Cipher, periods: Periods = Periods()) -> None:  # noqa: B008 (it is frozen)
        self._cipher = cipher
        self.periods = periods

    def get(self, member_id: str, case_id: str) -> Case:
        (case,) = fetch(self.reads(member_id, case_id))
        return case

    def reads(self, member_id: str, case_id: str) -> Read[Case]:
        """Consistent. Raises CaseNotFound, also for another member's case."""

        def made(rows: list[CaseRow | None]) -> Case:
            (row,) = rows
            if row is None:
                raise CaseNotFound
            return self._case(row)

        return Read([CaseRow(member_id, case_id)], made, consistent=True)

    def of_order(self, order: Order) -> list[Case]:
        """All cases of the order as it was read, oldest first, consistent, in one round trip."""
        rows = read(*(CaseRow(order.member_id, case_id) for case_id in sorted(order.cases)), consistent=True)
        return [self._case(row) for row in rows if row is not None]

    def page(self, member_id: str, after: str | None, limit: int) -> Search[Page[Case]]:
        """Newest first, consistent. `after` is the case id that the last page ended with."""

        def made(rows: list[CaseRow]) -> Page[Case]:
            return page_of([self._case(row) for row in rows], limit, lambda case: case.case_id)

        older = CaseRow.case_id < after if after else None
        return Search(CaseRow, member_id, made, limit + 1, older, ascending=False, consistent=True)

    def waiting(self, job: Job, until: datetime, most: int) -> list[Case]:
        """Cases that wait for `job`, the one due first in front."""
        keys = first_due(CaseRow, job, until, most)
        rows = read(*(CaseRow(row.member_id, row.case_id) for row in keys), consistent=True)
        return [self._case(row) for row in rows if row is not None]

    def opened(self, case: Case) -> Write:
        wait = waits_for(case, self.periods)
        row = CaseRow(
            case.member_id,
            case.case_id,
            order_id=case.order_id,
            kind=case.kind,
            reason=case.reason,
            parts=case.parts,
            amount=case.amount,
            description=self._cipher.seal(case.description, _context(case.case_id)) if case.description else None,
            pictures=case.pictures,
            timeline=[packed(event) for event in case.timeline],
            **_changing(case),
            **(wait_for(CaseRow, wait[0], case.case_id, wait[1]) if wait else {}),
        )
        return put(row, new=True, otherwise=CaseChanged())

    def becomes(self, before: Case, after: Case) -> Write:
        """The case as `after` has it, with the events that were added, if nothing has happened since it was read.

        Every change adds an entry to the timeline. Else CaseChanged: read it again and decide again.
        """
        old, new = _changing(before), _changing(after)
        assert len(after.timeline) > len(before.timeline), "a change that tells nobody"
        return update(
            CaseRow(before.member_id, before.case_id),
            CaseRow.timeline.set(
                CaseRow.timeline.append([packed(event) for event in after.timeline[len(before.timeline) :]])
            ),
            *(_set(name, value) for name, value in new.items() if value != old[name]),
            *self._waiting(before, after),
            condition=_as_read(before),
            otherwise=CaseChanged(),
        )

    def look_again(self, case: Case, at: datetime) -> None:
        """It still waits for the same, and is looked at again then; nothing, if it changed meanwhile."""
        wait = waits_for(case, self.periods)
        assert wait, "a case that is over waits for nothing"
        self._quietly(case, set_due(CaseRow, wait[0], case.case_id, at))

    def told(self, case: Case) -> None:
        """The shopper has been told that the money arrived; the case waits for nothing more."""
        self._quietly(case, [CaseRow.told.set(True), *clear_due(CaseRow)])

    def sweep(self, job: Job, now: datetime, work: Work) -> int:
        """`work(member_id, case_id, now)` for each case whose `job` is due. Failures are alarmed and tried again."""
        return sweep(due(CaseRow, job, now), lambda row: work(row.member_id, row.case_id, now), now, _failed)

    def _quietly(self, case: Case, actions: list[Action]) -> None:
        key = CaseRow(case.member_id, case.case_id)
        with suppress(CaseChanged):
            commit(update(key, *actions, condition=_as_read(case), otherwise=CaseChanged()))

    def _waiting(self, before: Case, after: Case) -> list[Action]:
        wait = waits_for(after, self.periods)
        if wait == waits_for(before, self.periods):
            return []
        return set_due(CaseRow, wait[0], after.case_id, wait[1]) if wait else clear_due(CaseRow)

    def _case(self, row: CaseRow) -> Case:
        return Case(
            case_id=row.case_id,
            member_id=row.member_id,
            order_id=row.order_id,
            kind=Kind(row.kind),
            state=CaseState(row.state),
            reason=Reason(row.reason),
            parts=row.parts,
            amount=int(row.amount),
            description=self._opened(row),
            pictures=row.pictures,
            return_to=row.return_to or "",
            parcel=row.parcel,
            replacement=row.replacement,
            restock=row.restock,
            told=row.told,
            timeline=unpacked(row.timeline),
        )

    def _opened(self, row: CaseRow) -> str:
        if row.description is None:
            return ""
        try:
            return self._cipher.open(row.description, _context(row.case_id))
        except SEALED_FOR_GOOD:
            # The case must go on without its words.
            logger.error("description cannot be opened", order_id=row.order_id, alarm="data_key_missing")
            return ""


def _context(case_id: str) -> str:
    return f"aftersale:{case_id}"


def _changing(case: Case) -> dict[str, Any]:
    """What may change after a case was opened, by attribute; None is no attribute at all."""
    return {
        "state": str(case.state),
        "return_to": case.return_to or None,
        "parcel": case.parcel,
        "replacement": case.replacement,
        "restock": case.restock,
        "told": case.told,
    }


def _as_read(case: Case) -> Condition:
    unchanged: Condition = size("timeline") == len(case.timeline)
    return unchanged


def _set(name: str, value: Any) -> Action:
    attribute = getattr(CaseRow, name)
    action: Action = attribute.remove() if value is None else attribute.set(value)
    return action


def _failed(row: CaseRow, error: Exception) -> None:
    logger.error("case job failed", case_id=row.case_id, error=type(error).__name__, alarm="aftersale_failed")
