"""Routes of after-sales: applying and following for shoppers, deciding for the staff."""

from collections.abc import Sequence
from typing import Any

from ..kernel.errors import Invalid, ShopError
from ..kernel.paging import BadCursor, Page
from ..kernel.staff import StaffRole
from ..orders import Order
from ..orders.progress import NotClaimable
from ..orders.rules import OrderHeld, OrderNotFound
from ..orders.shapes import reads_order
from ..payments.rules import RefundExceedsPayment
from ..stock import SoldOut
from ..storage.reads import Read
from ..storage.writes import StorageBusy
from ..web import Call, PageQuery, Routes
from .handling import staff
from .rules import (
    SHOPPER,
    AftersaleKeyReused,
    AftersaleNotPossible,
    AftersaleOver,
    AmountRefused,
    Case,
    CaseNotFound,
    CaseState,
    CaseStateRefused,
    NoReasonOver,
    ReasonNotFitting,
    TooManyCases,
    TooManyCorrections,
)
from .shapes import (
    Agreement,
    CasePage,
    CaseView,
    GivenParcel,
    OptionsView,
    Receipt,
    StaffCases,
    StaffCaseView,
    WaitingQuery,
    WantedCase,
    Why,
    case_card,
    case_view,
    options_view,
    staff_case_view,
)

routes = Routes(__name__)

OPENING: tuple[type[ShopError], ...] = (
    Invalid, OrderNotFound, OrderHeld, AftersaleNotPossible, AftersaleOver, ReasonNotFitting, NoReasonOver,
    NotClaimable, AmountRefused, TooManyCases, AftersaleKeyReused, RefundExceedsPayment, StorageBusy,
)  # fmt: skip
STEP: tuple[type[ShopError], ...] = (CaseNotFound, CaseStateRefused, StorageBusy)
PAYING = (*STEP, RefundExceedsPayment)


def reads_own(call: Call[Any]) -> Sequence[Read[Case]]:
    return [call.shop.aftersales.reads(call.member_id, call.path["case_id"])]


def reads_any(call: Call[Any]) -> Sequence[Read[Case]]:
    """The case of the member whom the path names."""
    return [call.shop.aftersales.reads(call.path["member_id"], call.path["case_id"])]


@routes.endpoint(
    "GET", "/orders/{order_id}/aftersale-options", summary="What can be applied for", answers=OptionsView,
    errors=(OrderNotFound,), reads=reads_order,
)  # fmt: skip
def show_options(call: Call[None], order: Order) -> OptionsView:
    """By line, kind and reason, with the most that would be returned."""
    return options_view(order, *call.shop.aftersales.opening.options(order, call.now))


@routes.endpoint(
    "POST", "/orders/{order_id}/aftersales", summary="Apply for after-sales", body=WantedCase, answers=CaseView,
    status=201, errors=OPENING, signed=True, idempotent=True,
)  # fmt: skip
def apply(call: Call[WantedCase]) -> CaseView:
    """Several lines are one case, decided and refunded at once. The same Idempotency-Key answers the same case.

    A return without reason is agreed at once; all else is, if the shop does not decide in time.
    """
    opening = call.shop.aftersales.opening
    wanted, order_id = call.body.wanted(), call.path["order_id"]
    return _view(call, opening.apply(call.member_id, order_id, wanted, call.idempotency_key, call.now))


@routes.endpoint(
    "GET", "/aftersales", summary="List own cases", query=PageQuery, answers=CasePage, errors=(BadCursor,),
    reads=lambda call: [call.shop.aftersales.page(call.member_id, call.query.cursor, call.query.limit)],
)  # fmt: skip
def show_all(call: Call[None], page: Page[Case]) -> CasePage:
    periods = call.shop.aftersales.store.periods
    return CasePage([case_card(case, periods) for case in page.rows], page.next_cursor)


@routes.endpoint(
    "GET", "/aftersales/{case_id}", summary="One case with its timeline", answers=CaseView, errors=(CaseNotFound,),
    reads=reads_own,
)  # fmt: skip
def show(call: Call[None], case: Case) -> CaseView:
    return _view(call, case)


@routes.endpoint(
    "POST", "/aftersales/{case_id}/cancel", summary="Take an application back", answers=CaseView, errors=STEP,
    signed=True, reads=reads_own,
)  # fmt: skip
def cancel(call: Call[None], case: Case) -> CaseView:
    """As long as nothing was decided or sent back."""
    return _view(call, call.shop.aftersales.handling.cancel(case, call.now))


@routes.endpoint(
    "POST", "/aftersales/{case_id}/return", summary="Say in which parcel the goods go back", body=GivenParcel,
    answers=CaseView, errors=(*STEP, TooManyCorrections), signed=True, reads=reads_own,
)  # fmt: skip
def send_back(call: Call[GivenParcel], case: Case) -> CaseView:
    """The number may be corrected until the shop has the parcel."""
    handling = call.shop.aftersales.handling
    return _view(call, handling.send_back(case, call.body.parcel(), call.now))


@routes.endpoint(
    "POST", "/aftersales/{case_id}/received", summary="Confirm that the replacement arrived", answers=CaseView,
    errors=STEP, signed=True, reads=reads_own,
)  # fmt: skip
def received(call: Call[None], case: Case) -> CaseView:
    handling = call.shop.aftersales.handling
    return _view(call, handling.arrived(case, SHOPPER, "确认收到换货商品", call.now))


@routes.endpoint(
    "GET", "/staff/aftersales", summary="Cases by what they wait for", query=WaitingQuery, answers=StaffCases,
    staff=StaffRole.SERVICE,
)  # fmt: skip
def show_waiting(call: Call[None]) -> StaffCases:
    aftersales = call.shop.aftersales
    cases = aftersales.waiting(CaseState(call.query.state), call.query.limit)
    return StaffCases([staff_case_view(case, aftersales.store.periods) for case in cases])


@routes.endpoint(
    "GET", "/staff/aftersales/{member_id}/{case_id}", summary="One case for the staff", answers=StaffCaseView,
    errors=(CaseNotFound,), staff=StaffRole.SERVICE, reads=reads_any,
)  # fmt: skip
def show_to_staff(call: Call[None], case: Case) -> StaffCaseView:
    return _staff_view(call, case)


@routes.endpoint(
    "POST", "/staff/orders/{member_id}/{order_id}/aftersales", summary="Open a case for the shopper", body=WantedCase,
    answers=StaffCaseView, status=201, errors=OPENING, staff=StaffRole.SERVICE, signed=True, idempotent=True,
)  # fmt: skip
def open_case(call: Call[WantedCase]) -> StaffCaseView:
    """Agreed at once: what cannot be delivered is refunded."""
    opening, path = call.shop.aftersales.opening, call.path
    wanted, key = call.body.wanted(), call.idempotency_key
    case = opening.open(path["member_id"], path["order_id"], wanted, call.member_id, key, call.now)
    return _staff_view(call, case)


@routes.endpoint(
    "POST", "/staff/aftersales/{member_id}/{case_id}/agree", summary="Agree to a case", body=Agreement,
    answers=StaffCaseView, errors=PAYING, staff=StaffRole.SERVICE, signed=True, reads=reads_any,
)  # fmt: skip
def agree(call: Call[Agreement], case: Case) -> StaffCaseView:
    """Money alone goes back at once, all that was asked for. Where goods come back, the address may be changed until
    they are sent.
    """
    handling, doer, return_to = call.shop.aftersales.handling, staff(call.member_id), call.body.return_to
    return _staff_view(call, handling.agree(case, doer, call.now, return_to=return_to))


@routes.endpoint(
    "POST", "/staff/aftersales/{member_id}/{case_id}/reject", summary="Reject a case", body=Why, answers=StaffCaseView,
    errors=STEP, staff=StaffRole.SERVICE, signed=True, reads=reads_any,
)  # fmt: skip
def reject(call: Call[Why], case: Case) -> StaffCaseView:
    handling, doer = call.shop.aftersales.handling, staff(call.member_id)
    return _staff_view(call, handling.reject(case, doer, call.body.why, call.now))


@routes.endpoint(
    "POST", "/staff/aftersales/{member_id}/{case_id}/receive", summary="Take what came back", body=Receipt,
    answers=StaffCaseView, errors=PAYING, staff=StaffRole.SERVICE, signed=True, reads=reads_any,
)  # fmt: skip
def receive(call: Call[Receipt], case: Case) -> StaffCaseView:
    """The money of a return goes back at once; of an exchange, the replacement is owed then."""
    handling, doer, restock = call.shop.aftersales.handling, staff(call.member_id), call.body.restock
    return _staff_view(call, handling.receive(case, doer, "商家已收到退货", call.now, restock=restock))


@routes.endpoint(
    "POST", "/staff/aftersales/{member_id}/{case_id}/refuse", summary="Refuse what came back", body=Why,
    answers=StaffCaseView, errors=STEP, staff=StaffRole.SERVICE, signed=True, reads=reads_any,
)  # fmt: skip
def refuse(call: Call[Why], case: Case) -> StaffCaseView:
    handling, doer = call.shop.aftersales.handling, staff(call.member_id)
    return _staff_view(call, handling.refuse(case, doer, call.body.why, call.now))


@routes.endpoint(
    "POST", "/staff/aftersales/{member_id}/{case_id}/resend", summary="Send the replacement", body=GivenParcel,
    answers=StaffCaseView, errors=(*STEP, SoldOut), staff=StaffRole.SERVICE, signed=True, reads=reads_any,
)  # fmt: skip
def resend(call: Call[GivenParcel], case: Case) -> StaffCaseView:
    """It leaves the stock."""
    handling, doer = call.shop.aftersales.handling, staff(call.member_id)
    return _staff_view(call, handling.resend(case, doer, call.body.parcel(), call.now))


@routes.endpoint(
    "POST", "/staff/aftersales/{member_id}/{case_id}/refund", summary="Refund instead of exchanging", body=Why,
    answers=StaffCaseView, errors=PAYING, staff=StaffRole.SERVICE, signed=True, reads=reads_any,
)  # fmt: skip
def pay_instead(call: Call[Why], case: Case) -> StaffCaseView:
    """When there is nothing to send in exchange for what came back."""
    handling, doer = call.shop.aftersales.handling, staff(call.member_id)
    return _staff_view(call, handling.pay_instead(case, doer, call.body.why, call.now))


def _view(call: Call[Any], case: Case) -> CaseView:
    return case_view(case, call.shop.aftersales.store.periods)


def _staff_view(call: Call[Any], case: Case) -> StaffCaseView:
    return staff_case_view(case, call.shop.aftersales.store.periods)
