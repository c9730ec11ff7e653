"""What all parts of the sandbox share: the merchant, the clock, the memory, the settings, the faults asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from sandbox.wechat.credentials import Credentials
from sandbox.wechat.faults import Faults
from sandbox.wechat.state import State

Clock = Callable[[], datetime]
BEIJING = timezone(timedelta(hours=8))


class CannotDo(Exception):
    """What a shopper or the platform itself would not do as things stand; the text says why."""


@dataclass(frozen=True)
class Settings:
    """How the platform behaves. All have defaults; `--config` sets them from JSON by the same names."""

    callback_retry_scale: float = 0.02
    """Real retries come after 15s, 15s, 30s, 3m, … 6h; here after that many seconds times this."""
    callback_timeout: float = 5.0
    """Seconds the shop has to answer a callback."""
    refund_delay: float = 0.0
    """Seconds from accepting a refund to its success."""
    refund_interval: float = 0.0
    """Least seconds between two refunds of one order (60 in an older rule of the platform); 0 does not check."""
    paid_close_code: str = "TRADE_ERROR"
    """What closing a paid order is refused with, HTTP 403: the documents name TRADE_ERROR and ORDER_PAID."""
    certificate_mode: bool = False
    """Answers and callbacks are signed with the platform certificate unless the request asks for the public key,
    and GET /v3/certificates answers. Off, as for all new merchants: only the public key."""
    settlement_delay: float = 0.0
    """Seconds from the confirmed receipt of an order to the settlement of its money; meanwhile order_state is 6."""
    bill_hour: int = 10
    """Hour of the next day, Beijing time, from which a bill exists."""
    fee_per_mille: int = 6
    """The platform's fee on a payment, as bills show it."""
    templates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Subscribe message templates: id -> keys of its data, as thing1. Empty: every id and every set of keys goes."""
    pages: Sequence[str] = ()
    """Published pages of the mini-program, for getwxacodeunlimit. Empty: every page exists."""
    push_url: str = ""
    """Where message push events of the platform's own accord go (wxa_media_check, trade_manage_order_settlement),
    until an address is verified through the control API. Empty: nowhere."""
    push_mode: str = "secure"

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Settings:
        """ValueError for a name that is no setting."""
        unknown = set(values) - {f.name for f in fields(Settings)}
        if unknown:
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
        return Settings(**values)


@dataclass(frozen=True)
class World:
    credentials: Credentials
    clock: Clock
    state: State
    settings: Settings
    faults: Faults

    def now(self) -> datetime:
        return self.clock().astimezone(UTC)

    def timestamp(self) -> int:
        return int(self.now().timestamp())


def rfc3339(moment: datetime | float) -> str:
    """The platform's way to write a time: 2018-06-08T10:34:56+08:00."""
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    return moment.astimezone(BEIJING).replace(microsecond=0).isoformat()
