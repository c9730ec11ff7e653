"""What happens to a case when nobody does anything: no case stays for ever."""

from datetime import datetime

from ..kernel.errors import Conflict
from ..log import logger
from ..messaging import Messaging
from ..messaging.rules import refund_done
from ..orders import Orders
from ..payments.rules import RefundState
from ..storage.writes import commit
from .change import Books
from .entry import TEXTS
from .handling import Handling
from .news import RefundNews
from .rules import SCHEDULE, TOMORROW, Case, Job, waits_for
from .store import CaseStore


class Deadlines:
    def __init__(
        self,
        cases: CaseStore,
        orders: Orders,
        handling: Handling,
        news: RefundNews,
        books: Books,
        messaging: Messaging,
    ) -> None:
        self._cases = cases
        self._orders = orders
        self._handling = handling
        self._news = news
        self._books = books
        self._messaging = messaging

    def run(self, now: datetime) -> int:
        """Move on every case whose time is over. Returns how many were dealt with."""
        return sum(self._cases.sweep(job, now, self._due) for job in Job)

    def _due(self, member_id: str, case_id: str, now: datetime) -> None:
        case = self._cases.get(member_id, case_id)
        wait = waits_for(case, self._cases.periods)
        if wait is None:
            return  # the index lags behind
        if wait[1] > now:  # or the time was made longer meanwhile
            self._cases.look_again(case, wait[1])
            return
        match wait[0]:
            case Job.DECIDE:
                self._handling.agree(case, SCHEDULE, now, why="商家超时未处理，自动同意")
            case Job.RETURN:
                self._end_return(case, now)
            case Job.CHECK:
                # Nobody has looked at the goods, so nobody can say that they may be sold again.
                why = "商家超时未验收，自动确认收到退货"
                self._handling.receive(case, SCHEDULE, why, now, restock=False)
            case Job.RESEND:
                logger.error("replacement not sent in time", case_id=case_id, alarm="aftersale_unsent")
                self._cases.look_again(case, now + TOMORROW)
            case Job.ARRIVE:
                self._handling.arrived(case, SCHEDULE, "超时自动确认收货", now)
            case Job.REFUND:
                self._look_after(case, now)
            case Job.TELL:
                self._tell(case)

    def _end_return(self, case: Case, now: datetime) -> None:
        """Nobody can send back to an address that the shop has not given, or gave a moment ago."""
        until = case.timeline[-1].at + self._cases.periods.send_back
        if not case.return_to:
            logger.error("no address for returns", case_id=case.case_id, alarm="return_address")
            self._cases.look_again(case, now + TOMORROW)
        elif until > now:
            self._cases.look_again(case, until)
        else:
            self._handling.expire(case, SCHEDULE, now)

    def _look_after(self, case: Case, now: datetime) -> None:
        """Its refund is due by itself and tells the case. That both agree is looked at all the same, once a day."""
        order = self._orders.get(case.member_id, case.order_id)
        assert order.trade_no is not None
        refunds = self._books.refunds(sorted(self._books.payment(order.trade_no).refund_nos))
        mine = [refund for refund in refunds if refund.case_id == case.case_id]
        arrived = next((refund for refund in mine if refund.state is RefundState.SUCCESS), None)
        if arrived:
            logger.error("case did not hear of its refund", case_id=case.case_id, alarm="aftersale_refund")
            try:
                commit(*self._news.refund_news(arrived, arrived.state, now))
            except Conflict:
                return  # it heard meanwhile, or the order moved: it is due still
            return
        if all(refund.state is RefundState.CLOSED for refund in mine):
            logger.error("case has no refund under way", case_id=case.case_id, alarm="aftersale_refund")
        self._cases.look_again(case, now + TOMORROW)

    def _tell(self, case: Case) -> None:
        """A courtesy, once: what the platform does not take is not sent again."""
        message = refund_done(case.order_id, case.amount, TEXTS[case.reason], case.since)
        delivery = self._messaging.send(case.member_id, message, once=f"aftersale:{case.case_id}")
        logger.info("told", order_id=case.order_id, about="aftersale", delivery=delivery)
        self._cases.told(case)
