"""From a shipped order to settled money: the receipt, confirmed by the shopper or by time, and what the shop is told.

`order_state`: 1 to ship, 2 shipped, 6 received and its money under way, 4 done, 5 refunded. What is known of a real 3
("received") does not tell it from 6, so it is not used. `trade_manage_order_settlement` is pushed twice, as the
official page has it: when the order was shipped as a whole, with the estimated time; and when it is settled, with the
way the receipt was confirmed. Merchants report that the platform says 1 (auto) where a shopper confirmed and 2 where
nobody did; here it is as the page says.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.wechat.jobs import Jobs
from sandbox.wechat.pay import trade_state
from sandbox.wechat.push import Push
from sandbox.wechat.state import Doc
from sandbox.wechat.world import CannotDo, World

TO_SHIP, SHIPPED, DONE, REFUNDED, TO_SETTLE = 1, 2, 4, 5, 6
CONFIRMED = (DONE, TO_SETTLE)
_AUTO_CONFIRM = {1: timedelta(days=10), 2: timedelta(days=2), 3: timedelta(days=2), 4: timedelta(days=2)}
_AUTO, _MANUAL = 1, 2
_SETTLED = "trade_manage_order_settlement"
_TEXTS = {
    "trade_manage_remind_access_api": "你的小程序已产生交易，请尽快接入发货信息管理服务API",
    "trade_manage_remind_shipping": "订单已超过48小时未发货，请尽快发货并上传发货信息",
    "wxa_trade_controlled": "小程序未按要求接入订单发货管理，支付功能将被限制",
}


class Settlements:
    def __init__(self, world: World, push: Push, jobs: Jobs) -> None:
        self._world = world
        self._push = push
        self._jobs = jobs
        jobs.handle("settle", self._settle_due)

    def order_state(self, order: Doc) -> int:
        if trade_state(self._world, order) == "REFUND":
            refunds = (self._world.state.get("refund", number) for number in order["refunds"])
            back = sum(doc["asked"]["refund"] for doc in refunds if doc and doc["status"] != "CLOSED")
            if back >= order["params"]["amount"]["total"]:
                return REFUNDED
        shipping, now = self._shipping(order), self._world.timestamp()
        if shipping is None or not shipping["finished"]:
            return TO_SHIP
        if now < _confirmed(shipping):
            return SHIPPED
        return TO_SETTLE if now < self._settled(shipping) else DONE

    def begin(self, order: Doc) -> None:
        """The order was shipped as a whole: tell so, and settle when its time comes. Nothing without an address."""
        if self._push.address():
            self._push.tell(self._event_of(order))
            self._plan(order)

    def confirm(self, out_trade_no: str, url: str) -> tuple[int, str]:
        """The shopper confirms the receipt. The order's state and, if it was settled at once, the push to be sent.

        `url` is where to tell of the settlement; empty: where all events go. KeyError for an unknown order, CannotDo
        for one that waits for no receipt.
        """
        with self._world.state.transaction():
            order = self._order(out_trade_no)
            shipping = self._shipping(order)
            if shipping is None or self.order_state(order) != SHIPPED:
                raise CannotDo("支付单不是已发货状态")
            shipping |= {"confirmed": self._world.timestamp(), "push_url": url}
            self._world.state.put("shipping", order["transaction_id"], shipping)
        if not url and not self._push.address():
            return self.order_state(order), ""
        id = self._settle(out_trade_no)
        if not id:
            self._plan(order)
        return self.order_state(order), id

    def event(self, name: str, out_trade_no: str | None) -> Doc:
        """An event of the platform with its true fields. KeyError for an unknown order or event, CannotDo too early."""
        if name == _SETTLED:
            order = self._order(str(out_trade_no))
            if self.order_state(order) not in (SHIPPED, *CONFIRMED):
                raise CannotDo("支付单未完成发货")
            return self._event_of(order)
        told = {"Event": name, "msg": _TEXTS[name]}
        return told | (_trade(self._order(str(out_trade_no))) if name == "trade_manage_remind_shipping" else {})

    def _event_of(self, order: Doc) -> Doc:
        shipping = self._shipping(order) or {}
        told = {"Event": _SETTLED, **_trade(order), "shipped_time": shipping["shipped"]}
        if self.order_state(order) != DONE:
            return told | {"estimated_settlement_time": self._settled(shipping)}
        return told | {
            "confirm_receive_method": _MANUAL if "confirmed" in shipping else _AUTO,
            "confirm_receive_time": _confirmed(shipping),
            "settlement_time": self._settled(shipping),
        }

    def _plan(self, order: Doc) -> None:
        due = datetime.fromtimestamp(self._settled(self._shipping(order) or {}), UTC)
        self._jobs.schedule("settle", order["params"]["out_trade_no"], due)

    def _settle_due(self, out_trade_no: str) -> None:
        if id := self._settle(out_trade_no):
            self._push.attempt(id)

    def _settle(self, out_trade_no: str) -> str:
        """Keep the event of the settlement, once, if it is time. Its id, or nothing."""
        with self._world.state.transaction():
            order = self._order(out_trade_no)
            shipping = self._shipping(order)
            if shipping is None or shipping.get("told") or self.order_state(order) != DONE:
                return ""
            self._world.state.put("shipping", order["transaction_id"], shipping | {"told": True})
            return self._push.keep(self._event_of(order), shipping.get("push_url", ""))

    def _settled(self, shipping: Doc) -> int:
        return _confirmed(shipping) + int(self._world.settings.settlement_delay)

    def _shipping(self, order: Doc) -> Doc | None:
        return self._world.state.get("shipping", order["transaction_id"])

    def _order(self, out_trade_no: str) -> Doc:
        order = self._world.state.get("order", out_trade_no)
        if order is None or order["state"] != "SUCCESS":
            raise KeyError(out_trade_no)
        return order


def _confirmed(shipping: Doc) -> int:
    """When the receipt was confirmed, or will be without anybody's doing; epoch seconds."""
    by_itself = shipping["shipped"] + _AUTO_CONFIRM[shipping["logistics_type"]].total_seconds()
    return int(shipping.get("confirmed", by_itself))


def _trade(order: Doc) -> dict[str, Any]:
    return {
        "transaction_id": order["transaction_id"],
        "merchant_id": order["params"]["mchid"],
        "sub_merchant_id": "",
        "merchant_trade_no": order["params"]["out_trade_no"],
        "pay_time": int(order["paid"]),
    }
