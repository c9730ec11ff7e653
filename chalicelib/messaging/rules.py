"""What a message says and how it fits into a template of the platform.

A message has named values. A merchant picks templates in the platform's library, whose fields have names such as
`thing1` or `time2`: a `Template` maps our names to those fields. The part of a field's name before its number is its
type, and the type decides how a value is written and how long it may be (subscribe message, parameter limits).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from ..kernel.clock import beijing_text
from ..kernel.errors import ShopError
from ..kernel.money import yuan

Value = str | int | datetime
"""Text, fen, or a moment."""


class Answer(StrEnum):
    """What a shopper said to `wx.requestSubscribeMessage`, in the platform's words."""

    ACCEPT = "accept"
    ACCEPT_WITH_AUDIO = "acceptWithAudio"
    REJECT = "reject"
    BAN = "ban"
    FILTER = "filter"


CONSENTS = frozenset({Answer.ACCEPT, Answer.ACCEPT_WITH_AUDIO})


class Delivery(StrEnum):
    """What became of a message: the answer of `send`, and the state in its record.

    Without a record, since nothing was tried:
        NO_TEMPLATE   the shop has no template for this kind of message
        NO_CONSENT    the member has no consent left
        DUPLICATE     this message has a record already
    Recorded:
        SENDING       being sent; one that stays so belongs to a process that died, and counts as sent
        SENT          the platform took it
        REFUSED       the platform will not send it; final
        RETRY         the platform certainly did not send it now; the same `once` may be tried again
        UNCERTAIN     nobody knows whether it went out; final, since a message goes out at most once
    """

    NO_TEMPLATE = "NO_TEMPLATE"
    NO_CONSENT = "NO_CONSENT"
    DUPLICATE = "DUPLICATE"
    SENDING = "SENDING"
    SENT = "SENT"
    REFUSED = "REFUSED"
    RETRY = "RETRY"
    UNCERTAIN = "UNCERTAIN"


TRANSITIONS: Mapping[Delivery, frozenset[Delivery]] = {
    Delivery.SENDING: frozenset({Delivery.SENT, Delivery.REFUSED, Delivery.RETRY, Delivery.UNCERTAIN}),
    Delivery.SENT: frozenset(),
    Delivery.REFUSED: frozenset(),
    Delivery.RETRY: frozenset({Delivery.SENDING}),
    Delivery.UNCERTAIN: frozenset(),
}
"""Of recorded messages."""


class AlreadyTried(ShopError):
    """Never leaves the domain: this message has a record."""

    code = "MESSAGE_ALREADY_TRIED"


class ConsentUsedUp(ShopError):
    """Never leaves the domain: another message took the last consent."""

    code = "CONSENT_USED_UP"


class ConsentAfter(StrEnum):
    """What becomes of the consent that a message took. One that the platform did not use is still the member's."""

    SPENT = "SPENT"
    BACK = "BACK"
    NONE_LEFT = "NONE_LEFT"


@dataclass(frozen=True)
class Outcome:
    """How sending ended. `code` and `errcode` say why it failed: our error's code and the platform's number."""

    state: Delivery
    consent: ConsentAfter = ConsentAfter.SPENT
    code: str = ""
    errcode: str = ""


@dataclass(frozen=True)
class DeliveryRecord:
    """A message that was tried, as staff see it. `code` and `errcode` are empty unless it failed."""

    once: str
    kind: str
    template_id: str
    state: Delivery
    at: datetime
    code: str
    errcode: str


@dataclass(frozen=True)
class Subscription:
    """A template that the mini-program may ask consent for, and how many messages the member still agreed to."""

    kind: str
    template_id: str
    consents: int


@dataclass(frozen=True)
class Message:
    """`subject_id` is the id of what the message is about (a coupon, an order): it goes into the page's address."""

    kind: str
    subject_id: str
    values: Mapping[str, Value]


def coupon_expiring(coupon_id: str, title: str, expires_at: datetime) -> Message:
    hint = "快要过期啦，记得使用哦"
    return Message("coupon_expiring", coupon_id, {"title": title, "expires_at": expires_at, "hint": hint})


def order_paid(order_id: str, title: str, amount: int, paid_at: datetime) -> Message:
    return Message("order_paid", order_id, {"order_id": order_id, "title": title, "amount": amount, "paid_at": paid_at})


def team_formed(order_id: str, title: str, formed_at: datetime) -> Message:
    hint = "拼团成功，我们会尽快发货"
    return Message("team_formed", order_id, {"title": title, "formed_at": formed_at, "hint": hint})


def team_failed(order_id: str, title: str, amount: int) -> Message:
    hint = "人数不足，款项将原路退回"
    return Message("team_failed", order_id, {"title": title, "amount": amount, "hint": hint})


def refund_done(order_id: str, amount: int, reason: str, refunded_at: datetime) -> Message:
    return Message(
        "refund_done", order_id, {"order_id": order_id, "amount": amount, "reason": reason, "refunded_at": refunded_at}
    )


@dataclass(frozen=True)
class KindOfMessage:
    """`values`: each name with the field of the demo template, which is what a template maps to unless told."""

    values: Mapping[str, str]
    page: str


_ORDER_PAGE = "pages/orders/detail?id={id}"

KINDS: Mapping[str, KindOfMessage] = {
    "coupon_expiring": KindOfMessage(
        {"title": "thing1", "expires_at": "time2", "hint": "thing3"},
        "pages/coupons/index",
    ),
    "order_paid": KindOfMessage(
        {"order_id": "character_string1", "title": "thing2", "amount": "amount3", "paid_at": "time4"},
        _ORDER_PAGE,
    ),
    "team_formed": KindOfMessage(
        {"title": "thing1", "formed_at": "time2", "hint": "thing3"},
        _ORDER_PAGE,
    ),
    "team_failed": KindOfMessage(
        {"title": "thing1", "amount": "amount2", "hint": "thing3"},
        _ORDER_PAGE,
    ),
    "refund_done": KindOfMessage(
        {"order_id": "character_string1", "amount": "amount2", "reason": "thing3", "refunded_at": "time4"},
        _ORDER_PAGE,
    ),
}


@dataclass(frozen=True)
class Template:
    """A template of the merchant: `fields` maps names of our values to its fields; values left out are not shown.

    `page` is opened by a tap on the message; `{id}` in it becomes the subject's id.
    """

    template_id: str
    fields: Mapping[str, str]
    page: str


def read_templates(settings: Mapping[str, Any]) -> dict[str, Template]:
    """Templates by kind, from settings: kind -> template id, or {"template_id", "fields"?: name -> field, "page"?}.

    Raises ValueError that says what is wrong: unknown kinds and names, and fields that cannot show the value.
    """
    return {kind: _template(kind, given) for kind, given in settings.items()}


def _template(kind: str, given: Any) -> Template:
    known = KINDS.get(kind)
    if known is None:
        raise ValueError(f"no messages of kind {kind!r}; there are {', '.join(KINDS)}")
    told: Mapping[str, Any] = {"template_id": given} if isinstance(given, str) else given
    if not told.get("template_id"):
        raise ValueError(f"{kind}: template_id is missing")
    template = Template(told["template_id"], told.get("fields", known.values), told.get("page", known.page))
    for name, field in template.fields.items():
        default = known.values.get(name)
        if default is None:
            raise ValueError(f"{kind}: no value {name!r}; there are {', '.join(known.values)}")
        if field_type(field) not in SHOWN_AS[field_type(default)]:
            raise ValueError(f"{kind}: {name!r} cannot be shown in {field!r}")
    return template


SHOWN_AS: Mapping[str, frozenset[str]] = {
    "thing": frozenset({"thing", "phrase"}),
    "character_string": frozenset({"character_string", "thing"}),
    "amount": frozenset({"amount", "thing"}),
    "time": frozenset({"time", "date", "thing"}),
}
"""By the type of the demo template's field: the types that can show the same value."""

_FIELD = re.compile(r"([a-z_]+?)(\d+)")
_NOT_HAN = re.compile(r"[^\u4e00-\u9fff]")
_NOT_ASCII = re.compile(r"[^\x21-\x7e]")


def field_type(field: str) -> str:
    """`thing` of `thing1`; empty for what is no field's name."""
    found = _FIELD.fullmatch(field)
    return found[1] if found else ""


def fill(template: Template, message: Message) -> dict[str, str]:
    """The template's fields with the message's values, within the platform's limits."""
    return {
        field: WRITE[field_type(field)](_text(message.values[name], field)) for name, field in template.fields.items()
    }


def page_of(template: Template, message: Message) -> str:
    return template.page.replace("{id}", message.subject_id)


def _text(value: Value, field: str) -> str:
    if isinstance(value, datetime):
        written = beijing_text(value)
        return written.partition(" ")[0] if field_type(field) == "date" else written
    if isinstance(value, int):
        return f"¥{yuan(value)}"
    return " ".join(value.split()) or "无"


def _cut(length: int) -> Callable[[str], str]:
    return lambda text: text if len(text) <= length else text[: length - 1] + "…"


WRITE: Mapping[str, Callable[[str], str]] = {
    "thing": _cut(20),
    "phrase": lambda text: _NOT_HAN.sub("", text)[:5] or "无",
    "character_string": lambda text: _NOT_ASCII.sub("", text)[:32] or "-",
    "amount": str,
    "time": str,
    "date": str,
}
