"""Opening a case: by the shopper, who applies for it, or by the staff, who have decided it already."""

import hashlib
from datetime import datetime, timedelta

from ..kernel.errors import ShopError
from ..kernel.ids import new_id
from ..kernel.trail import Actor, Event
from ..orders import Order, Orders
from ..orders.rules import OrderChanged
from ..payments.rules import PaymentChanged
from ..storage.once import claim, find
from ..storage.writes import StorageBusy, commit
from .change import Change, Changes
from .entry import (
    FOR_THE_SHOP_TO_SAY,
    MOST_CASES,
    Option,
    Wanted,
    amount_of,
    must_be_open,
    must_not_be_too_many,
    options,
    parts_of,
    refusal,
)
from .handling import Handling
from .rules import (
    SCHEDULE,
    SHOPPER,
    AftersaleKeyReused,
    Case,
    CaseChanged,
    CaseState,
    Doer,
    Kind,
    Reason,
    ReasonNotFitting,
    TooManyCases,
)
from .store import CaseStore

TRIES = 6
KEY_KEPT = timedelta(days=3)


class Opening:
    def __init__(self, cases: CaseStore, orders: Orders, changes: Changes, handling: Handling) -> None:
        self._cases = cases
        self._orders = orders
        self._changes = changes
        self._handling = handling

    def options(self, order: Order, now: datetime) -> tuple[str | None, dict[str, list[Option]]]:
        """What can be applied for, by SKU; or the code of why nothing can."""
        refused = refusal(order, now, self._orders.store.periods)
        lines = {} if refused else {line.sku_id: options(order, line, now) for line in order.lines}
        return refused, lines

    def apply(self, member_id: str, order_id: str, wanted: Wanted, key: str, now: datetime) -> Case:
        """The new case; for a repeated key the case that it opened. A return without reason, while it is the shopper's
        right, is agreed at once.

        Raises OrderNotFound, OrderHeld, AftersaleNotPossible, AftersaleOver, ReasonNotFitting, NoReasonOver,
        NotClaimable, AmountRefused, TooManyCases, AftersaleKeyReused, StorageBusy (nothing was written).
        """
        if wanted.reason in FOR_THE_SHOP_TO_SAY:
            raise ReasonNotFitting(reasons=[])
        return self._once(member_id, order_id, wanted, SHOPPER, f"aftersale:{member_id}:{key}", now)

    def open(self, member_id: str, order_id: str, wanted: Wanted, who: str, key: str, now: datetime) -> Case:
        """The same for the shopper, by the staff member `who`; agreed at once."""
        return self._once(member_id, order_id, wanted, Doer(Actor.STAFF, who), f"aftersale:{who}:{key}", now)

    def _once(self, member_id: str, order_id: str, wanted: Wanted, doer: Doer, name: str, now: datetime) -> Case:
        digest = hashlib.sha256(f"{member_id}:{order_id}:{wanted!r}".encode()).hexdigest()
        try:
            for _ in range(TRIES):
                change = self._opened(self._orders.get(member_id, order_id), wanted, doer, now)
                once = claim(name, now, KEY_KEPT, CaseChanged(), result=change.case.case_id, digest=digest)
                try:
                    commit(once, *self._changes.writes(change))
                except (OrderChanged, PaymentChanged):
                    continue
                return change.case
            raise StorageBusy
        except ShopError:
            # The key may have opened its case before: then that one stands in the way of this one.
            known = find(name, now)
            if known is None or known.result is None:
                raise
            if known.digest != digest:
                raise AftersaleKeyReused from None
            return self._cases.get(member_id, known.result)

    def _opened(self, order: Order, wanted: Wanted, doer: Doer, now: datetime) -> Change:
        must_be_open(order, now, self._orders.store.periods)
        if len(order.cases) >= MOST_CASES:
            raise TooManyCases(limit=MOST_CASES)
        if doer is SHOPPER and wanted.reason is not Reason.NO_REASON:  # a right is not used up by refusals
            must_not_be_too_many(wanted, self._cases.of_order(order))
        parts = parts_of(order, wanted, now)
        claims = [part.claim for part in parts]
        event = Event(now.replace(microsecond=0), doer.by, None, CaseState.APPLIED, "申请售后", doer.who)
        case = Case(
            case_id=new_id(now),
            member_id=order.member_id,
            order_id=order.order_id,
            kind=wanted.kind,
            state=CaseState.APPLIED,
            reason=wanted.reason,
            parts=parts,
            amount=amount_of(wanted, claims),
            description=wanted.description,
            pictures=wanted.pictures,
            timeline=(event,),
        )
        change = self._changes.claimed(case, order, doer, now)
        if doer is not SHOPPER:
            return self._handling.agreed(change, doer, "商家同意", now)
        if wanted.kind is Kind.RETURN and wanted.reason is Reason.NO_REASON:
            return self._handling.agreed(change, SCHEDULE, "七天无理由，自动同意", now)
        return change
