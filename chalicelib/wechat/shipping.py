"""Order shipping: what the platform must be told of every paid order before its money is settled.

Goods are to be shipped within 48 hours of the payment and reported then; the shopper confirms the receipt, or the
platform does, 10 days after an express parcel was sent and 2 days after anything else. Source: the platform's
"发货信息管理服务" and its codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Final

from ..kernel.clock import SHANGHAI, epoch
from ..kernel.errors import ShopError
from .errors import WeChatBusy, WeChatRateLimited
from .miniprogram import MiniProgram

MOST_PARCELS: Final = 15


class Logistics(IntEnum):
    EXPRESS = 1
    LOCAL = 2
    VIRTUAL = 3
    PICKUP = 4


class PlatformState(IntEnum):
    """Where the platform sees an order."""

    TO_SHIP = 1
    SHIPPED = 2
    CONFIRMED = 3
    DONE = 4
    REFUNDED = 5
    TO_SETTLE = 6


class Verdict(StrEnum):
    """What to do about a refusal: nothing, the platform has it; the same again, later; call people."""

    DONE = "DONE"
    AGAIN = "AGAIN"
    STAFF = "STAFF"


_VERDICTS: Mapping[int, Verdict] = {
    10060002: Verdict.DONE,  # shipped completely, by an earlier call whose answer was lost or in WeChat's own console
    10060023: Verdict.DONE,  # the same parcels as before
    10060030: Verdict.DONE,  # reminded of the receipt before
    10060001: Verdict.AGAIN,  # no such payment: for some minutes after it, the platform's two sides disagree
    10060012: Verdict.AGAIN,  # the platform's own trouble
    10060019: Verdict.AGAIN,  # the platform's own trouble
    268485216: Verdict.AGAIN,  # the time of upload is not after the last one's: the next try has a later one
}
"""All others need people. Among them: 10060003, the one re-shipping is used up; 10060004, the order is in no state to
be shipped, refunded for instance; 10060031, the payment is another openid's; and whatever the platform says of a
parcel, of an argument or of the app's permissions, which no repetition changes.
"""


class ShippingRefused(Exception):
    """`errcode` is the platform's; None if no usable answer came, so that it may have been carried out all the same."""

    def __init__(self, errcode: int | None, verdict: Verdict) -> None:
        super().__init__(errcode, verdict)
        self.errcode = errcode
        self.verdict = verdict


@dataclass(frozen=True)
class Parcel:
    """`item_desc`: what is in it, cut to 120 characters. `express_company`: the platform's code of it (SF, YTO, …);
    express needs it and `tracking_no`, other ways have neither.

    `phone`: the receiver's; only SF wants it, and only its last four digits leave the shop.
    """

    item_desc: str
    tracking_no: str = ""
    express_company: str = ""
    phone: str = field(default="", repr=False)


@dataclass(frozen=True)
class Upload:
    """All parcels that go out at once. An order that goes out in several uploads says `split`, express only, and
    `all_delivered` with the last one. `at`: now, and later than at the upload before, to the millisecond.

    Raises ValueError for what the platform takes under no circumstances.
    """

    out_trade_no: str
    openid: str
    logistics: Logistics
    parcels: tuple[Parcel, ...]
    at: datetime
    split: bool = False
    all_delivered: bool = True

    def __post_init__(self) -> None:
        if not 1 <= len(self.parcels) <= (MOST_PARCELS if self.split else 1):
            raise ValueError("1 to 15 parcels in a split delivery, 1 otherwise")
        if self.split and self.logistics is not Logistics.EXPRESS:
            raise ValueError("only express deliveries are split")
        if not all(parcel.item_desc for parcel in self.parcels):
            raise ValueError("a parcel without description")


class Shipping:
    """Raises ShippingRefused for whatever the platform or the network does, and what the token store raises."""

    def __init__(self, app: MiniProgram, mchid: str) -> None:
        self._app = app
        self._mchid = mchid

    def upload(self, upload: Upload) -> None:
        """Report a delivery. A completed one can be changed by one further upload, its re-shipping."""
        payload: dict[str, Any] = {
            "order_key": {"order_number_type": 1, "mchid": self._mchid, "out_trade_no": upload.out_trade_no},
            "logistics_type": int(upload.logistics),
            "delivery_mode": 2 if upload.split else 1,
            "shipping_list": [_shown(parcel) for parcel in upload.parcels],
            "upload_time": upload.at.astimezone(SHANGHAI).isoformat(timespec="milliseconds"),
            "payer": {"openid": upload.openid},
        }
        if upload.split:
            payload["is_all_delivered"] = upload.all_delivered
        self._call("upload_shipping_info", payload)

    def order_state(self, out_trade_no: str) -> int:
        """A PlatformState, or a number that the platform invented since."""
        state = self._order(out_trade_no).get("order_state")
        if type(state) is not int:
            raise ShippingRefused(None, Verdict.AGAIN)
        return state

    def payer(self, out_trade_no: str) -> str:
        """The openid of who paid: of a code that anybody may scan, not always the one who ordered."""
        openid = self._order(out_trade_no).get("openid")
        if not isinstance(openid, str) or not openid:
            raise ShippingRefused(None, Verdict.AGAIN)
        return openid

    def remind_receive(self, out_trade_no: str, received_at: datetime) -> None:
        """Have the platform ask the shopper to confirm the receipt; once per order, express only, when the courier has
        delivered it.
        """
        self._call("notify_confirm_receive", {**self._named(out_trade_no), "received_time": epoch(received_at)})

    def is_trade_managed(self) -> bool:
        """Whether the platform wants this mini-program's deliveries reported at all."""
        managed = self._call("is_trade_managed", {"appid": self._app.appid}).get("is_trade_managed")
        if not isinstance(managed, bool):
            raise ShippingRefused(None, Verdict.AGAIN)
        return managed

    def set_msg_jump_path(self, path: str) -> None:
        """The page that the platform's own messages on deliveries open."""
        self._call("set_msg_jump_path", {"path": path})

    def _order(self, out_trade_no: str) -> dict[str, Any]:
        order = self._call("get_order", self._named(out_trade_no)).get("order")
        return order if isinstance(order, dict) else {}

    def _named(self, out_trade_no: str) -> dict[str, str]:
        return {"merchant_id": self._mchid, "merchant_trade_no": out_trade_no}

    def _call(self, name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self._app.post(f"wxa/sec/order/{name}", payload)
        except ShopError as error:
            errcode: int | None = error.details.get("errcode")
            if isinstance(error, WeChatBusy | WeChatRateLimited):
                verdict = Verdict.AGAIN
            elif errcode is not None:
                verdict = _VERDICTS.get(errcode, Verdict.STAFF)
            else:
                raise  # not the platform's: the token store's
        raise ShippingRefused(errcode, verdict)


def _shown(parcel: Parcel) -> dict[str, Any]:
    shown: dict[str, Any] = {"item_desc": parcel.item_desc[:120]}
    if parcel.tracking_no:
        shown |= {"tracking_no": parcel.tracking_no, "express_company": parcel.express_company}
    last_four = "".join(character for character in parcel.phone if character.isdigit())[-4:]
    if parcel.express_company == "SF" and last_four:
        shown["contact"] = {"receiver_contact": f"****{last_four}"}
    return shown
