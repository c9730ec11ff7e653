"""What an event says, read from the platform's forms (JSON and XML differ, and one element is not a list in either)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_NAME = 128


@dataclass(frozen=True)
class Event:
    """`key` is the same whenever the platform repeats itself: it names no event id, but who, when and what.

    `trade_no`: the out_trade_no of the payment it is about. `received`: its goods were received, by the shopper's word
    or since the time for it is over.
    """

    kind: str
    openid: str = field(repr=False)
    key: str
    withdrawn: tuple[str, ...] = ()
    trade_no: str = ""
    received: bool = False


def read_event(message: Mapping[str, Any]) -> Event:
    """Tolerant: an event that is not understood is one without consequences."""
    kind = _name(message.get("Event")) or _name(message.get("MsgType"))
    openid = _name(message.get("FromUserName"))
    key = f"{openid}:{_name(message.get('CreateTime'))}:{kind}:{_name(message.get('MsgId'))}"
    return Event(
        kind,
        openid,
        key,
        withdrawn=_withdrawn(message) if kind == "subscribe_msg_change_event" else (),
        trade_no=_name(message.get("merchant_trade_no")),
        received=_name(message.get("confirm_receive_time")) not in ("", "0"),
    )


def _withdrawn(message: Mapping[str, Any]) -> tuple[str, ...]:
    """Templates that the shopper switched off in the mini-program's settings."""
    inner = message.get("SubscribeMsgChangeEvent")
    found = (inner if isinstance(inner, Mapping) else message).get("List")
    entries = found if isinstance(found, list) else [found]
    switched_off = (
        _name(entry.get("TemplateId"))
        for entry in entries
        if isinstance(entry, Mapping) and entry.get("SubscribeStatusString") == "reject"
    )
    return tuple(dict.fromkeys(name for name in switched_off if name))


def _name(value: Any) -> str:
    """Of a name or number as the platform gives them; empty for anything else."""
    text = str(value) if isinstance(value, str | int) else ""
    return text if text.isascii() and len(text) <= MOST_NAME else ""
