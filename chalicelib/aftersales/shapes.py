"""After-sale cases as HTTP asks for and shows them, and how they are put into these shapes."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ..orders import Order
from ..orders.shapes import EventView, StaffEventView, staff_event_view
from ..web import ID, LINE, NextCursor
from .entry import TEXTS, Option, Wanted, no_reason_until
from .rules import Case, CaseState, Job, Kind, Parcel, Periods, Reason, waits_for

DEADLINES = frozenset({Job.DECIDE, Job.RETURN, Job.CHECK, Job.ARRIVE})
"""When they are over, the case moves on by itself."""

CASE_ID, TIME, SKU = "01K0000000000000000000000B", "2026-11-22T02:00:00Z", "tee-white-01"
PICTURE = "https://img.example.com/broken.jpg"
CaseId = Annotated[str, Meta(description="Case id.", examples=[CASE_ID])]
KindField = Annotated[Kind, Meta(description="REFUND: money alone; RETURN; EXCHANGE.", examples=["RETURN"])]
ReasonField = Annotated[Reason, Meta(description="Why.", examples=["QUALITY"])]
Text = Annotated[str, Meta(description="The reason, for people.", examples=["质量问题"])]
Title = Annotated[str, Meta(description="Title when ordered.", examples=["纯棉圆领T恤"])]
Image = Annotated[str, Meta(description="Picture's address.", examples=["https://img.example.com/tee.jpg"])]
Spec = Annotated[str, Meta(description="Chosen specification.", examples=["白 / L"])]


class WantedPieces(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    sku_id: Annotated[str, Meta(pattern=ID, description="SKU of the order.", examples=[SKU])]
    quantity: Annotated[int, Meta(ge=1, le=999, description="Pieces.", examples=[1])]


class WantedCase(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is applied for; `aftersale-options` says what can be."""

    kind: KindField
    reason: ReasonField
    lines: Annotated[tuple[WantedPieces, ...], Meta(min_length=1, max_length=50, description="Each SKU once.")]
    sent: Annotated[bool, Meta(description="Whether these pieces were sent to the shopper.", examples=[True])]
    amount: Annotated[
        Annotated[int, Meta(ge=0, le=10**10)] | None,
        Meta(description="Fen, if less than the most is asked for.", examples=[5000]),
    ] = None
    description: Annotated[
        str,
        Meta(
            max_length=500,
            pattern=r"^[^\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]*$",
            description="What is wrong; no control characters.",
            examples=["袖口开线"],
        ),
    ] = ""
    pictures: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^https://[!-~]{1,300}$(?!\n)")], ...],
        Meta(max_length=9, description="https addresses.", examples=[[PICTURE]]),
    ] = ()

    def wanted(self) -> Wanted:
        return Wanted(
            kind=self.kind,
            reason=self.reason,
            lines=tuple((line.sku_id, line.quantity) for line in self.lines),
            sent=self.sent,
            amount=self.amount,
            description=self.description,
            pictures=self.pictures,
        )


class GivenParcel(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    carrier: Annotated[
        str,
        Meta(min_length=1, max_length=32, pattern=LINE, description="Who carries it: code or name.", examples=["SF"]),
    ]
    tracking_no: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9\-]{5,40}$(?!\n)", description="The parcel's number.", examples=["SF1234567890123"]),
    ]

    def parcel(self) -> Parcel:
        return Parcel(self.carrier, self.tracking_no)


class Agreement(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    return_to: Annotated[
        str,
        Meta(
            max_length=200,
            pattern=LINE,
            description="Where goods are sent back to; empty: as the shop's settings say.",
            examples=["广东省深圳市南山区科技园1号 售后部 0755-00000000"],
        ),
    ] = ""


class Why(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    why: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=200,
            pattern=LINE,
            description="Shoppers read it.",
            examples=["商品完好，无质量问题"],
        ),
    ]


class Receipt(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    restock: Annotated[bool, Meta(description="What came back can be sold again.", examples=[True])]


class OptionView(msgspec.Struct, frozen=True):
    kind: KindField
    sent: Annotated[bool, Meta(description="For pieces that were sent, or for those that were not.", examples=[True])]
    pieces: Annotated[int, Meta(description="So many at most.", examples=[2])]
    reasons: Annotated[
        dict[Reason, int],
        Meta(description="Fitting reasons, with the fen for all pieces.", examples=[{"QUALITY": 8800}]),
    ]


class LineOptions(msgspec.Struct, frozen=True):
    sku_id: Annotated[str, Meta(description="SKU.", examples=[SKU])]
    title: Title
    image: Image
    spec: Spec
    no_reason_until: Annotated[
        datetime | None, Meta(description="End of the time to return it without a reason, if begun.", examples=[TIME])
    ]
    options: Annotated[list[OptionView], Meta(description="What can be applied for.")]


class OptionsView(msgspec.Struct, frozen=True):
    refusal: Annotated[
        str | None, Meta(description="Code of why nothing can be applied for; null if something can.", examples=[None])
    ]
    texts: Annotated[dict[Reason, str], Meta(description="Reasons in Chinese.", examples=[{"QUALITY": "质量问题"}])]
    lines: Annotated[list[LineOptions], Meta(description="By line of the order.")]


class PartView(msgspec.Struct, frozen=True):
    sku_id: Annotated[str, Meta(description="SKU.", examples=[SKU])]
    title: Title
    image: Image
    spec: Spec
    quantity: Annotated[int, Meta(description="Pieces.", examples=[1])]


class ParcelView(msgspec.Struct, frozen=True):
    carrier: Annotated[str, Meta(description="Who carries it.", examples=["SF"])]
    tracking_no: Annotated[str, Meta(description="The parcel's number.", examples=["SF1234567890123"])]


class CaseCard(msgspec.Struct, frozen=True):
    """A case in a list."""

    case_id: CaseId
    order_id: Annotated[str, Meta(description="Of this order.", examples=["01K0000000000000000000000A"])]
    kind: KindField
    state: Annotated[CaseState, Meta(description="Where it stands.", examples=["APPLIED"])]
    reason: ReasonField
    reason_text: Text
    lines: Annotated[list[PartView], Meta(description="What it is about.")]
    sent: Annotated[bool, Meta(description="The pieces had been sent.", examples=[True])]
    amount: Annotated[
        int, Meta(description="Fen asked for; of an exchange, what is returned if it fails.", examples=[5000])
    ]
    points: Annotated[int, Meta(description="Points that go back with it.", examples=[0])]
    opened_at: Annotated[datetime, Meta(description="When.", examples=[TIME])]
    due_at: Annotated[
        datetime | None, Meta(description="When it moves on by itself; null: it does not.", examples=[TIME])
    ]


class CaseBody(CaseCard, frozen=True):
    description: Annotated[str, Meta(description="The shopper's words.", examples=[""])]
    pictures: Annotated[list[str], Meta(description="The shopper's pictures.", examples=[[PICTURE]])]
    return_to: Annotated[str, Meta(description="Where goods are sent back to; empty until agreed.", examples=[""])]
    parcel: Annotated[ParcelView | None, Meta(description="The goods on their way back.")]
    replacement: Annotated[ParcelView | None, Meta(description="The goods in exchange.")]


class CaseView(CaseBody, frozen=True):
    timeline: Annotated[list[EventView], Meta(description="Every change, oldest first.")]


class StaffCaseView(CaseBody, frozen=True):
    member_id: Annotated[str, Meta(description="Whose.", examples=["MXJ4ZK2P7Q5A3B6C7D2E4F5G6H"])]
    timeline: Annotated[list[StaffEventView], Meta(description="Every change, oldest first.")]


class CasePage(msgspec.Struct, frozen=True):
    items: Annotated[list[CaseCard], Meta(description="Newest first.")]
    next_cursor: NextCursor


class StaffCases(msgspec.Struct, frozen=True):
    items: Annotated[list[StaffCaseView], Meta(description="The one due first in front.")]


class WaitingQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    state: Annotated[
        Literal["APPLIED", "AGREED", "RETURNED", "RECEIVED", "RESENT", "REFUNDING"],
        Meta(description="APPLIED waits for a decision, RETURNED to be looked at.", examples=["APPLIED"]),
    ] = "APPLIED"
    limit: Annotated[int, Meta(ge=1, le=50, description="How many.", examples=[20])] = 20


def options_view(order: Order, refusal: str | None, found: dict[str, list[Option]]) -> OptionsView:
    lines = [
        LineOptions(
            line.sku_id,
            line.title,
            line.image,
            line.spec,
            no_reason_until(order, line) if line.no_reason_days else None,
            [OptionView(o.kind, o.sent, o.pieces, dict(o.most)) for o in found.get(line.sku_id, [])],
        )
        for line in order.lines
    ]
    return OptionsView(refusal, dict(TEXTS), lines)


def case_card(case: Case, periods: Periods) -> CaseCard:
    return CaseCard(**_card(case, periods))


def case_view(case: Case, periods: Periods) -> CaseView:
    events = [EventView(e.at, e.by, e.was, e.now, e.why) for e in case.timeline]
    return CaseView(**_card(case, periods), **_rest(case), timeline=events)


def staff_case_view(case: Case, periods: Periods) -> StaffCaseView:
    events = [staff_event_view(event) for event in case.timeline]
    return StaffCaseView(**_card(case, periods), **_rest(case), member_id=case.member_id, timeline=events)


def _card(case: Case, periods: Periods) -> dict[str, Any]:
    wait = waits_for(case, periods)
    return {
        "case_id": case.case_id,
        "order_id": case.order_id,
        "kind": case.kind,
        "state": case.state,
        "reason": case.reason,
        "reason_text": TEXTS[case.reason],
        "lines": [PartView(p.claim.sku_id, p.title, p.image, p.spec, p.claim.pieces) for p in case.parts],
        "sent": case.sent,
        "amount": case.amount,
        "points": case.points,
        "opened_at": case.timeline[0].at,
        "due_at": wait[1] if wait and wait[0] in DEADLINES else None,
    }


def _rest(case: Case) -> dict[str, Any]:
    return {
        "description": case.description,
        "pictures": list(case.pictures),
        "return_to": case.return_to,
        "parcel": _parcel(case.parcel),
        "replacement": _parcel(case.replacement),
    }


def _parcel(parcel: Parcel | None) -> ParcelView | None:
    return ParcelView(parcel.carrier, parcel.tracking_no) if parcel else None
