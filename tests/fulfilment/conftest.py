"""A member of the staff at the packing table."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from chalicelib.fulfilment.rules import Upload
from chalicelib.kernel.clock import from_epoch
from chalicelib.kernel.staff import StaffRole
from chalicelib.storage.due import DueRow
from tests.shop import Shopper, Stack

_keys = itertools.count(1)


@dataclass
class Desk:
    stack: Stack
    sam: Shopper

    def bought(self, shopper: Shopper, *lines: tuple[str, int], **more: Any) -> str:
        """A paid order of which the effects are done."""
        order_id = str(shopper.buy(*lines, **more)["order_id"])
        self.stack.drain(1)
        return order_id

    def path(self, shopper: Shopper, order_id: str) -> str:
        return f"/staff/orders/{shopper.member_id}/{order_id}"

    def send(self, shopper: Shopper, order_id: str, *lines: tuple[str, int], key: str = "", **more: Any) -> Any:
        """Staff send these pieces, or all."""
        number = next(_keys)
        body = {
            "way": "EXPRESS", "carrier": "YTO", "tracking_no": f"YT{number:06d}",
            "lines": [{"sku_id": sku_id, "quantity": n} for sku_id, n in lines], **more,
        }  # fmt: skip
        if body["way"] == "LOCAL":
            body |= {"carrier": "", "tracking_no": ""} | more
        once = {"Idempotency-Key": key or f"parcel-{number:05d}"}
        return self.sam.send("POST", f"{self.path(shopper, order_id)}/parcels", body, **once).json()

    def upload_due(self, **later: float) -> int:
        self.stack.clock.forward(**later)
        uploading, now = self.stack.shop.fulfilment.uploading, self.stack.clock()
        return uploading.upload_due(now) + uploading.retry_due(now)

    def upload(self, order_id: str) -> Upload:
        return self.stack.shop.fulfilment.uploading._uploads.get(order_id)

    def fault(self, *faults: dict[str, Any]) -> None:
        """How WeChat shall misbehave."""
        self.stack.control("POST", "faults", list(faults))

    def at_wechat(self, order_id: str) -> Any:
        """The order as WeChat's order shipping shows it."""
        shipping = self.stack.shop.fulfilment.uploading._shipping
        order = self.stack.shop.orders.store.many([(self._owner(order_id), order_id)])[0]
        return shipping._order(order.trade_no or "")

    def _owner(self, order_id: str) -> str:
        return next(member for member, each in self.stack.changed_orders() if each == order_id)


def due_at(kind: type[DueRow], order_id: str, *parcel_id: str) -> tuple[str, datetime] | None:
    """What a row waits for, and when."""
    row = kind.get(order_id, next(iter(parcel_id), None), consistent_read=True)
    if row.due_shard is None:
        return None
    return row.due_shard.partition("#")[0], from_epoch(row.due_at)


@pytest.fixture
def desk(stack: Stack) -> Desk:
    return Desk(stack, stack.staff(StaffRole.FULFILMENT))


@pytest.fixture
def alice(stack: Stack) -> Shopper:
    return stack.shopper("alice")
