"""What a shopper sends to preview and place an order."""

from typing import Annotated

import msgspec

from ..campaigns.base import Choice
from ..web import ID
from .entry import MOST_LINES
from .wanted import Wanted


class WantedLine(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    sku_id: Annotated[str, msgspec.Meta(pattern=ID, description="SKU.", examples=["tee-white-01"])]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=999, description="Pieces.", examples=[1])]


class WantedCampaign(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    kind: Annotated[str, msgspec.Meta(max_length=32, description="groupbuy or bargain.", examples=["groupbuy"])]
    activity_id: Annotated[str, msgspec.Meta(pattern=ID, description="Activity.", examples=["team-tea"])]
    group_id: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=ID,
                description="Team to join (left out: open one), or launch to buy.",
                examples=["01JDA3X5G8Q0V7M2K4N6P8R0T2"],
            ),
        ]
        | None
    ) = None


class WantedOrder(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What to order. Without lines: what is selected in the cart."""

    lines: Annotated[
        tuple[WantedLine, ...], msgspec.Meta(max_length=MOST_LINES, description="SKUs; empty: the cart's selection.")
    ] = ()
    address_id: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=ID,
                description="Where to; needed to place.",
                examples=["01KAM3V1Z7Q5T0WJ8X4N2R6C9D"],
            ),
        ]
        | None
    ) = None
    pickup_point_id: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=ID,
                description="Where to fetch it, in place of an address; then there is no freight.",
                examples=["nanshan-01"],
            ),
        ]
        | None
    ) = None
    coupon_id: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=ID,
                description="One of the member's.",
                examples=["01JDA3X5G8Q0V7M2K4N6P8R0T2"],
            ),
        ]
        | None
    ) = None
    points: Annotated[
        int,
        msgspec.Meta(ge=0, le=10**9, description="Spend up to so many, as far as the price takes them.", examples=[0]),
    ] = 0
    campaign: Annotated[
        WantedCampaign | None, msgspec.Meta(description="To buy one SKU in a team or at a bargained price.")
    ] = None
    remark: Annotated[
        str,
        msgspec.Meta(
            max_length=200,
            pattern=r"^[^\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]*$",
            description="Words for the merchant; no control characters.",
            examples=["请放门口"],
        ),
    ] = ""
    expected_payable: (
        Annotated[
            int,
            msgspec.Meta(
                ge=0, le=10**10, description="Fen that the shopper agreed to; refused if it differs.", examples=[11800]
            ),
        ]
        | None
    ) = None

    def wanted(self) -> Wanted:
        asked = self.campaign
        choice = Choice(asked.kind, asked.activity_id, asked.group_id) if asked else None
        return Wanted(
            lines=tuple((line.sku_id, line.quantity) for line in self.lines),
            address_id=self.address_id,
            pickup_point_id=self.pickup_point_id,
            coupon_id=self.coupon_id,
            points=self.points,
            campaign=choice,
            remark=self.remark,
            expected_payable=self.expected_payable,
        )


# Coupons and campaigns exclude each other, so an example of all fields would be refused.
Wish = Annotated[
    WantedOrder,
    msgspec.Meta(
        examples=[
            {
                "lines": [{"sku_id": "tee-white-01", "quantity": 2}],
                "address_id": "01KAM3V1Z7Q5T0WJ8X4N2R6C9D",
                "remark": "",
                "expected_payable": 8800,
            }
        ]
    ),
]
