"""Orders and cases as rules see them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.aftersales.entry import Wanted, amount_of, parts_of
from chalicelib.aftersales.rules import Case, CaseState, Kind, Reason
from chalicelib.kernel.trail import Actor, Event
from chalicelib.orders.rules import Order, OrderAdjustment, OrderLine, OrderState, Progress

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def line(sku_id: str = "tea-01", quantity: int = 2, *, goods: int = 5000, freight: int = 0, **more: Any) -> OrderLine:
    """`goods` and `freight` are what is paid for the whole line."""
    amounts = {"unit_price": 5000, "discount": 5000 * quantity - goods, "freight": freight, "payable": goods + freight}
    return OrderLine(sku_id, sku_id[:-3], "龙井茶", "https://img.example.com/1.jpg", "1份", quantity, **amounts, **more)


def order(*lines: OrderLine, state: OrderState = OrderState.PAID, sent: int | None = None, **more: Any) -> Order:
    """Paid at noon, with `sent` pieces of each line under way (None: all, if it is shipped)."""
    lines = lines or (line(),)
    sent = sent if sent is not None else (0 if state is OrderState.PAID else 99)
    points_off = more.pop("points_off", {})
    adjustments = (OrderAdjustment("POINTS", "", "积分", sum(points_off.values()), points_off),) if points_off else ()
    made = Order(
        order_id="01K0000000000000000000000A", member_id="M1", openid="o1", state=state, lines=lines, goods_total=0,
        discount_total=0, freight=0, payable=sum(each.payable for each in lines), adjustments=adjustments,
        placed_at=NOON, expires_at=NOON + timedelta(minutes=15), trade_no="01K0000000000000000000000A-1", paid_at=NOON,
        progress={each.sku_id: Progress(sent=min(sent, each.quantity)) for each in lines},
        timeline=(Event(NOON, Actor.SHOPPER, None, state, "支付成功"),),
    )  # fmt: skip
    if state is OrderState.COMPLETED:
        made = replace(made, completed_at=NOON)
    return replace(made, **more)


def wanted(*lines: tuple[str, int], **more: Any) -> Wanted:
    given = {"kind": Kind.REFUND, "reason": Reason.CHANGED_MIND, **more}
    given["sent"] = more.get("sent", given["kind"] is not Kind.REFUND)
    return Wanted(lines=lines or (("tea-01", 1),), **given)


def case(of: Order, *lines: tuple[str, int], state: CaseState = CaseState.APPLIED, **more: Any) -> Case:
    """As applied for at noon, and now in `state`."""
    asked = wanted(*lines, **more)
    parts = parts_of(of, asked, NOON)
    events = [Event(NOON, Actor.SHOPPER, None, CaseState.APPLIED, "申请售后")]
    if state is not CaseState.APPLIED:
        events.append(Event(NOON, Actor.STAFF, CaseState.APPLIED, state, "商家同意"))
    return Case(
        case_id="01K0000000000000000000000B", member_id=of.member_id, order_id=of.order_id, kind=asked.kind,
        state=state, reason=asked.reason, parts=parts, amount=amount_of(asked, [part.claim for part in parts]),
        timeline=tuple(events),
    )  # fmt: skip
