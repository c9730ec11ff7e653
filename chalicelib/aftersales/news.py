"""What a case hears of its refund, and what its shopper hears of it."""

from datetime import datetime

from ..kernel.money import yuan
from ..kernel.trail import Actor
from ..orders import Orders
from ..orders.rules import moved as order_moved
from ..payments.rules import RefundOrder, RefundState
from ..storage.writes import Write
from .rules import WECHAT, CaseState, moved
from .store import CaseStore

TOLD = {
    RefundState.PENDING: "退款被关闭，将重新发起",
    RefundState.PROCESSING: "退款处理中",
    RefundState.ABNORMAL: "退款异常，商家处理中",
    RefundState.CLOSED: "退款被关闭",
}


class RefundNews:
    """The RefundListener of payments for the cause `aftersale`."""

    def __init__(self, cases: CaseStore, orders: Orders) -> None:
        self._cases = cases
        self._orders = orders

    def refund_news(self, refund: RefundOrder, state: RefundState, now: datetime) -> list[Write]:
        """The case is DONE once the money has arrived; all else is noted. Raises CaseNotFound, OrderNotFound."""
        assert refund.case_id is not None
        case = self._cases.get(refund.member_id, refund.case_id)
        if case.state is not CaseState.REFUNDING:
            return []
        if state is not RefundState.SUCCESS:
            return [self._cases.becomes(case, moved(case, now, WECHAT, TOLD[state]))]
        done = moved(case, now, WECHAT, "退款已到账", to=CaseState.DONE)
        order = self._orders.get(case.member_id, case.order_id)
        noted = order_moved(order, now, Actor.WECHAT, f"售后退款 ¥{yuan(case.amount)} 已到账")
        return [self._cases.becomes(case, done), self._orders.store.becomes(order, noted)]
