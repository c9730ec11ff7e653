"""After-sales as the rest of the shop sees it: opening, handling and deadlines over one store."""

from dataclasses import dataclass
from datetime import timedelta

from ..kernel.clock import Clock
from ..kernel.paging import Page, decode_cursor
from ..storage.reads import Read, Search
from .deadlines import Deadlines
from .handling import Handling
from .opening import Opening
from .rules import JOBS, Case, CaseState
from .store import CaseStore

AHEAD = timedelta(days=400)
"""Further than any deadline: a list of what waits shows all of it."""


@dataclass(frozen=True)
class Aftersales:
    store: CaseStore
    opening: Opening
    handling: Handling
    deadlines: Deadlines
    clock: Clock

    def reads(self, member_id: str, case_id: str) -> Read[Case]:
        """Raises CaseNotFound, also for another member's case."""
        return self.store.reads(member_id, case_id)

    def page(self, member_id: str, cursor: str | None, limit: int) -> Search[Page[Case]]:
        """The member's cases, newest first. Raises BadCursor."""
        return self.store.page(member_id, decode_cursor(cursor), limit)

    def waiting(self, state: CaseState, most: int) -> list[Case]:
        """Cases in a state that is to be left, the one due first in front; for the staff."""
        cases = self.store.waiting(JOBS[state], self.clock() + AHEAD, most)
        return [case for case in cases if case.state is state]
