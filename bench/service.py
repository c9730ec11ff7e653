"""Visits for after-sales, receipt and the staff's own desks: people, money, reconciliation."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from bench.tour import Act, Tour, Visit, into
from bench.visits import ask
from chalicelib.kernel.staff import StaffRole
from chalicelib.reconciliation import ReconciliationStore
from chalicelib.reconciliation.rules import Detail, Finding, Outcome, Subject, Tally
from chalicelib.reconciliation.store import Result
from tests.shop import Shopper

SERVICE: list[Visit] = []
visit = into(SERVICE)
PARCEL, WHY = {"carrier": "SF", "tracking_no": "SF1234567890123"}, {"why": "商品完好"}
AGREE, RECEIVE = "agree", "receive"
BODIES: dict[str, Any] = {
    AGREE: {"return_to": "深圳市南山区科技园1号"}, "reject": WHY, RECEIVE: {"restock": True}, "refuse": WHY,
    "resend": PARCEL, "refund": WHY, "return": PARCEL,
}  # fmt: skip
SHOPPERS = ("cancel", "return", "received")


def step(tour: Tour, shopper: Shopper, case_id: str, name: str) -> Act:
    """What the shopper, or the service, does next about a case."""
    path, doer = f"/aftersales/{case_id}/{name}", shopper
    if name not in SHOPPERS:
        path, doer = f"/staff/aftersales/{shopper.member_id}/{case_id}/{name}", tour.stack.staff(StaffRole.SERVICE)
    return lambda: ask(doer, "POST", path, BODIES.get(name))


def case(tour: Tour, kind: str, *steps: str) -> tuple[Shopper, str]:
    """A shopper with a case that has gone these steps."""
    shopper = tour.someone()
    case_id = tour.applied(shopper, kind)
    for name in steps:
        step(tour, shopper, case_id, name)()
    return shopper, case_id


def about_case(name: str, kind: str, *before: str, told: str = "") -> None:
    """The step `name` of a case that has gone the steps before."""
    owner = "/aftersales/{case_id}" if name in SHOPPERS else "/staff/aftersales/{member_id}/{case_id}"

    @visit(f"POST {owner}/{name}", told)
    def ready(tour: Tour) -> Act:
        return step(tour, *case(tour, kind, *before), name)


about_case("cancel", "REFUND")
about_case("return", "RETURN", AGREE)
about_case("received", "EXCHANGE", AGREE, "return", RECEIVE, "resend")
about_case(AGREE, "REFUND", told="money alone")
about_case(AGREE, "RETURN", told="goods come back")
about_case("reject", "REFUND")
about_case(RECEIVE, "RETURN", AGREE, "return", told="a return")
about_case("refuse", "RETURN", AGREE, "return")
about_case("resend", "EXCHANGE", AGREE, "return", RECEIVE)
about_case("refund", "EXCHANGE", AGREE, "return", RECEIVE)


@visit("GET /orders/{order_id}/aftersale-options", "two lines, received")
def options(tour: Tour) -> Act:
    guest = tour.someone()
    order_id = tour.delivered(guest)
    return lambda: ask(guest, "GET", f"/orders/{order_id}/aftersale-options")


@visit("POST /orders/{order_id}/aftersales", "money alone, before it is sent")
def apply_for_money(tour: Tour) -> Act:
    guest = tour.someone()
    order_id, wanted, key = tour.to_send(guest), tour.wanted("REFUND"), tour.key()
    return lambda: ask(guest, "POST", f"/orders/{order_id}/aftersales", wanted, **{"Idempotency-Key": key})


@visit("POST /orders/{order_id}/aftersales", "a return of what was received")
def apply_for_return(tour: Tour) -> Act:
    guest = tour.someone()
    order_id, wanted, key = tour.delivered(guest), tour.wanted("RETURN"), tour.key()
    return lambda: ask(guest, "POST", f"/orders/{order_id}/aftersales", wanted, **{"Idempotency-Key": key})


@visit("POST /staff/orders/{member_id}/{order_id}/aftersales", "what cannot be delivered")
def open_case(tour: Tour) -> Act:
    guest, service = tour.someone(), tour.stack.staff(StaffRole.SERVICE)
    path = f"/staff/orders/{guest.member_id}/{tour.to_send(guest)}/aftersales"
    wanted, key = {**tour.wanted("REFUND"), "reason": "CANNOT_DELIVER"}, tour.key()
    return lambda: ask(service, "POST", path, wanted, **{"Idempotency-Key": key})


@visit("GET /aftersales", "one case")
def list_cases(tour: Tour) -> Act:
    guest, _ = case(tour, "REFUND")
    return lambda: ask(guest, "GET", "/aftersales")


@visit("GET /aftersales/{case_id}")
def show_case(tour: Tour) -> Act:
    guest, case_id = case(tour, "REFUND")
    return lambda: ask(guest, "GET", f"/aftersales/{case_id}")


@visit("GET /staff/aftersales", "one case and more")
def list_waiting(tour: Tour) -> Act:
    case(tour, "REFUND")
    service = tour.stack.staff(StaffRole.SERVICE)
    return lambda: ask(service, "GET", "/staff/aftersales?state=APPLIED")


@visit("GET /staff/aftersales/{member_id}/{case_id}")
def show_case_to_staff(tour: Tour) -> Act:
    guest, case_id = case(tour, "REFUND")
    service = tour.stack.staff(StaffRole.SERVICE)
    return lambda: ask(service, "GET", f"/staff/aftersales/{guest.member_id}/{case_id}")


@visit("POST /orders/{order_id}/payment/native", "first")
def pay_native(tour: Tour) -> Act:
    guest = tour.someone()
    order_id = tour.place(guest)
    return lambda: ask(guest, "POST", f"/orders/{order_id}/payment/native")


@visit("POST /orders/{order_id}/payment/native", "ends an open sheet")
def pay_native_instead(tour: Tour) -> Act:
    guest = tour.someone()
    order_id, _ = tour.sheet(guest)
    return lambda: ask(guest, "POST", f"/orders/{order_id}/payment/native")


@visit("POST /orders/{order_id}/receipt/extension")
def extend_receipt(tour: Tour) -> Act:
    guest = tour.someone()
    order_id = tour.to_send(guest)
    tour.stack.ship(guest.member_id, order_id)
    return lambda: ask(guest, "POST", f"/orders/{order_id}/receipt/extension")


@visit("GET /staff/orders/{member_id}/{order_id}/money", "a payment and a refund")
def add_up(tour: Tour) -> Act:
    guest, finance = tour.someone(), tour.stack.staff(StaffRole.FINANCE)
    order_id = tour.bought(guest)
    tour.owe(guest, order_id)
    return lambda: ask(finance, "GET", f"/staff/orders/{guest.member_id}/{order_id}/money")


@visit("GET /staff/people")
def list_people(tour: Tour) -> Act:
    owner = tour.stack.staff(StaffRole.OWNER)
    return lambda: ask(owner, "GET", "/staff/people")


@visit("PUT /staff/people/{member_id}", "a first role")
def appoint(tour: Tour) -> Act:
    owner, path = tour.stack.staff(StaffRole.OWNER), f"/staff/people/{tour.someone().member_id}"
    return lambda: ask(owner, "PUT", path, {"roles": ["SERVICE"]})


def report(tour: Tour) -> tuple[Shopper, str, str]:
    """Who looks after the money, the path of a day's report, and the id of the one thing that was found."""
    day, store = date(2020, 1, 1) + timedelta(days=tour.number()), ReconciliationStore()
    number = f"{tour.key()}-1"
    finding = Finding(Subject.PAYMENT, Outcome.THEIRS_ONLY, number, 100, None, Detail.UNKNOWN_HERE)
    run = store.begin([day], tour.stack.clock())
    assert run is not None
    store.finish(run, Result({}, Tally(), Tally(), {}, [finding], 1), tour.stack.clock())
    return tour.stack.staff(StaffRole.FINANCE), f"/staff/reconciliations/{day}", finding.finding_id


@visit("GET /staff/reconciliations", "one report and more")
def list_reports(tour: Tour) -> Act:
    finance, _, _ = report(tour)
    return lambda: ask(finance, "GET", "/staff/reconciliations")


@visit("GET /staff/reconciliations/{day}", "one finding")
def show_report(tour: Tour) -> Act:
    finance, path, _ = report(tour)
    return lambda: ask(finance, "GET", path)


@visit("POST /staff/reconciliations/{day}/findings/{finding_id}/resolution")
def resolve(tour: Tour) -> Act:
    finance, path, finding_id = report(tour)
    return lambda: ask(finance, "POST", f"{path}/findings/{finding_id}/resolution", {"note": "已核实"})


@visit("GET /staff/refunds", "one refund and more")
def list_refunds(tour: Tour) -> Act:
    guest, finance = tour.someone(), tour.stack.staff(StaffRole.FINANCE)
    tour.owe(guest, tour.bought(guest))
    return lambda: ask(finance, "GET", "/staff/refunds")


@visit("GET /staff/payments/{out_trade_no}")
def show_payment(tour: Tour) -> Act:
    order_id, finance = tour.bought(tour.someone()), tour.stack.staff(StaffRole.FINANCE)
    return lambda: ask(finance, "GET", f"/staff/payments/{order_id}-1")
