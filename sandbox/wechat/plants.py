"""Differences planted in bills, so that a reconciliation has something to find."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

from sandbox.wechat.crypto import random_text
from sandbox.wechat.state import Doc
from sandbox.wechat.world import BEIJING, World

_WHATS = ("drop", "double", "amount", "add")
_BILLS = ("trade", "flow", "both")


class Plants:
    def __init__(self, world: World) -> None:
        self._world = world

    def plant(self, body: Mapping[str, Any]) -> Doc:
        """{day, what, out_trade_no or out_refund_no, amount?, bill?}; what it became. KeyError and ValueError.

        One that names `out_refund_no` is about a refund. Later ones about the same take the place of earlier ones.
        """
        what, bill, amount = body["what"], body.get("bill", "both"), body.get("amount")
        if what not in _WHATS or bill not in _BILLS:
            raise ValueError(f"what is one of {', '.join(_WHATS)}, bill is one of {', '.join(_BILLS)}")
        if what in ("amount", "add") and (not isinstance(amount, int) or amount < 0):
            raise ValueError("amount is fen")
        refund = "out_refund_no" in body
        plant = {
            "day": str(date.fromisoformat(body["day"])),
            "what": what,
            "bill": bill,
            "amount": amount,
            "refund": refund,
            "number": str(body["out_refund_no" if refund else "out_trade_no"]),
            "out_trade_no": str(body.get("out_trade_no", "unknown" + random_text(12, "0123456789"))),
            "transaction_id": "4200" + random_text(24, "0123456789"),
            "refund_id": "503" + random_text(26, "0123456789"),
        }
        self._world.state.put("plant", str(uuid.uuid4()), plant)
        return plant

    def clear(self) -> None:
        self._world.state.keep_last("plant", 0)

    def changes(self, bill: str) -> dict[tuple[str, str, bool], Doc]:
        """What is to happen to rows that there are, by their day, their number, and whether it is a refund's."""
        changes = (plant for plant in self._about(bill) if plant["what"] != "add")
        return {(plant["day"], plant["number"], plant["refund"]): plant for plant in changes}

    def added(self, bill: str) -> Iterator[tuple[Doc, Doc | None]]:
        """Orders, and their refunds, that never were; at noon of their day."""
        for plant in self._about(bill):
            if plant["what"] == "add":
                yield self._order(plant), self._refund(plant) if plant["refund"] else None

    def _about(self, bill: str) -> list[Doc]:
        return [plant for plant in self._world.state.every("plant") if plant["bill"] in (bill, "both")]

    def _order(self, plant: Doc) -> Doc:
        keys = self._world.credentials
        params = {"appid": keys.appid, "mchid": keys.mchid, "out_trade_no": plant["out_trade_no"]}
        params |= {"description": "", "amount": {"total": plant["amount"]}}
        known = {"paid": _noon(plant), "transaction_id": plant["transaction_id"], "openid": "o" + "0" * 27}
        return {"params": params, "state": "SUCCESS", "refunds": [], **known}

    def _refund(self, plant: Doc) -> Doc:
        asked = {"out_refund_no": plant["number"], "refund": plant["amount"]}
        known = {"refund_id": plant["refund_id"], "created": _noon(plant), "succeeded": _noon(plant)}
        return {"asked": asked, "status": "SUCCESS", **known}


def _noon(plant: Doc) -> float:
    return datetime.combine(date.fromisoformat(plant["day"]), time(12), BEIJING).timestamp()
