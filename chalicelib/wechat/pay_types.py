"""What the shop tells WeChat Pay and what it hears back. Amounts are fen, moments aware UTC.

Reading is tolerant of fields that are not listed here and strict about those that are: a missing or wrongly typed one
is Malformed, since a signed body that makes no sense must not move an order.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Goods:
    """A line of an order, for WeChat's own coupons on goods. `unit_price` in fen, after the merchant's own discounts.

    A `goods_id` that is not 1-32 of `[0-9A-Za-z_-]` leaves its line out; `name` is cut to 256.
    """

    goods_id: str
    name: str
    quantity: int
    unit_price: int


@dataclass(frozen=True)
class Prepay:
    """One attempt to pay. `out_trade_no`: 6-32 of `[0-9A-Za-z_-|*]`, unique per merchant, the same on every repetition.

    `notify_url` is whole, or a path under the settings' notify_base; no query string. `description` is cut to the 127
    characters that WeChat Pay takes. `time_expire` is the last moment to pay; it does not close the order. `openid` is
    empty for `prepay_native`.

    `goods` are sent as far as they fit into 6144 bytes. `cost_price`, fen, is for an order that is paid in several
    parts: where it differs from `total`, WeChat Pay gives none of its discounts, so 0, not sent, is the rule.
    `client_ip`: the shopper's device; what is no address is not sent. All of them count as parameters: a repetition
    that differs in one is refused, so they are those of the first attempt.
    """

    out_trade_no: str
    description: str
    openid: str
    total: int
    notify_url: str
    time_expire: datetime
    attach: str = ""
    client_ip: str = ""
    goods: tuple[Goods, ...] = ()
    cost_price: int = 0


@dataclass(frozen=True)
class PaymentSheet:
    """The parameters of wx.requestPayment, named as it names them. Its success in the client proves nothing: query."""

    timeStamp: str  # seconds, as a string
    nonceStr: str
    package: str
    signType: str
    paySign: str


@dataclass(frozen=True)
class Trade:
    """What WeChat Pay knows of one out_trade_no. `trade_state`: SUCCESS, REFUND, NOTPAY, CLOSED and rarer ones.

    `total` is what was asked for, before WeChat's own coupons. Of an unpaid trade the unknown fields are empty, 0 or
    None. `trade_type`: JSAPI or NATIVE; `openid` is who paid, of the latter whoever scanned the code. `attach` is what
    the prepay carried.
    """

    appid: str
    mchid: str
    out_trade_no: str
    transaction_id: str
    trade_state: str
    openid: str
    total: int
    currency: str
    success_time: datetime | None
    trade_type: str = ""
    attach: str = ""


@dataclass(frozen=True)
class Refund:
    """`out_refund_no` (up to 64) is the same on every repetition: a new one refunds again. `total` is the trade's."""

    out_refund_no: str
    out_trade_no: str
    refund: int
    total: int
    reason: str = ""
    notify_url: str = ""


@dataclass(frozen=True)
class RefundStatus:
    """`status`: PROCESSING, SUCCESS, CLOSED (only this one needs a new number) or ABNORMAL (needs the merchant).

    `created`: when WeChat Pay accepted it; None in callbacks, which do not say.
    """

    mchid: str
    out_refund_no: str
    refund_id: str
    out_trade_no: str
    transaction_id: str
    status: str
    refund: int
    total: int
    success_time: datetime | None
    created: datetime | None = None


@dataclass(frozen=True)
class Notification:
    """A verified callback. `id` is the same on every repetition; `resource` is None for events that the shop has no
    use for.
    """

    id: str
    event_type: str
    resource: Trade | RefundStatus | None


class Malformed(ValueError):
    """Says which field; never its value."""


class Fields:
    """A JSON object, read strictly. Empty text and absence are the same."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    @classmethod
    def parse(cls, raw: bytes) -> "Fields":
        try:
            values = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise Malformed("not JSON") from error
        if not isinstance(values, dict):
            raise Malformed("not an object")
        return cls(values)

    def text(self, name: str, default: str | None = None) -> str:
        value = self._values.get(name)
        if value in (None, "") and default is not None:
            return default
        if not isinstance(value, str) or not value:
            raise Malformed(name)
        return value

    def count(self, name: str, default: int | None = None) -> int:
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if type(value) is not int or value < 0:
            raise Malformed(name)
        return value

    def moment(self, name: str) -> datetime | None:
        value = self.text(name, "")
        if not value:
            return None
        try:
            moment = datetime.fromisoformat(value)
            # One without an offset would be read as this machine's local time.
            utc = moment.astimezone(UTC) if moment.tzinfo else None
        except (ValueError, OverflowError) as error:
            raise Malformed(name) from error
        if utc is None:
            raise Malformed(name)
        return utc

    def inner(self, name: str) -> "Fields":
        """A nested object; empty when absent, so that its own fields decide what is missing."""
        value = self._values.get(name)
        if value is None:
            return Fields({})
        if not isinstance(value, dict):
            raise Malformed(name)
        return Fields(value)

    def inners(self, name: str) -> list["Fields"]:
        """A list of objects."""
        values = self._values.get(name)
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise Malformed(name)
        return [Fields(value) for value in values]


def read_trade(fields: Fields) -> Trade:
    state = fields.text("trade_state")
    paid = state == "SUCCESS"
    amount = fields.inner("amount")
    return Trade(
        appid=fields.text("appid"),
        mchid=fields.text("mchid"),
        out_trade_no=fields.text("out_trade_no"),
        transaction_id=fields.text("transaction_id", None if paid else ""),
        trade_state=state,
        openid=fields.inner("payer").text("openid", ""),
        total=amount.count("total", None if paid else 0),
        currency=amount.text("currency", "CNY"),  # optional in answers; there is no other one for domestic merchants
        success_time=fields.moment("success_time"),
        trade_type=fields.text("trade_type", ""),
        attach=fields.text("attach", ""),
    )


def read_refund(fields: Fields, mchid: str) -> RefundStatus:
    """From an answer, where the state is `status` and `mchid` is the asker's, or a callback, which names both
    otherwise.
    """
    amount = fields.inner("amount")
    return RefundStatus(
        mchid=fields.text("mchid", mchid),
        out_refund_no=fields.text("out_refund_no"),
        refund_id=fields.text("refund_id"),
        out_trade_no=fields.text("out_trade_no"),
        transaction_id=fields.text("transaction_id"),
        status=fields.text("refund_status", "") or fields.text("status"),
        refund=amount.count("refund"),
        total=amount.count("total"),
        success_time=fields.moment("success_time"),
        created=fields.moment("create_time"),
    )
