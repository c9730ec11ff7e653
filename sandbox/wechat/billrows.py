"""What stands in the bills of a day, row by row, and the differences that were planted there.

Rows are sorted on disk, so that a day of any size takes the same memory.
"""

from __future__ import annotations

import copy
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sandbox.wechat.pay import payer, trade_type
from sandbox.wechat.plants import Plants
from sandbox.wechat.state import Doc
from sandbox.wechat.world import BEIJING, World

_HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额"
)
_REFUND = "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态"
_TAIL = "商品名称,商户数据包,手续费,费率,订单金额"
TRADE_COLUMNS = {
    "ALL": f"{_HEAD},{_REFUND},{_TAIL},申请退款金额,费率备注",
    "SUCCESS": f"{_HEAD},{_TAIL},费率备注",
    "REFUND": f"{_HEAD},退款申请时间,退款成功时间,{_REFUND},{_TAIL},申请退款金额,费率备注",
}
FLOW_COLUMNS = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,"
    "备注,业务凭证号"
)
_NAMES = {"payment": "交易", "refund": "退款", "fee": "扣除交易手续费"}
_STATES = {"SUCCESS": "SUCCESS", "PROCESSING": "PROCESSING", "CLOSED": "FAIL", "ABNORMAL": "CHANGE"}

Row = dict[str, str]


@dataclass(frozen=True)
class _Entry:
    """A payment, or with `refund` one of its refunds."""

    order: Doc
    refund: Doc | None = None


class BillRows:
    def __init__(self, world: World, plants: Plants) -> None:
        self._world = world
        self._plants = plants

    def trade(self, day: date, kind: str) -> Iterator[Row]:
        """Payments by the time they were paid, refunds by the time they were accepted; newest first."""
        dated = ((_moment(entry, "trade"), entry) for entry in self._entries("trade") if _belongs(entry, kind))
        today = ((moment, self._trade_row(entry)) for moment, entry in dated if _day_of(moment) == day)
        return _sorted(today, newest_first=True)

    def flow(self, day: date) -> Iterator[Row]:
        """Every change of the account on that day, oldest first, with what was in it after each."""
        balance = 0
        for change in _sorted(self._changes(), newest_first=False):
            moment, cents = float(change.pop("moment")), int(change.pop("cents"))
            balance += cents
            if _day_of(moment) == day:
                yield change | {"账户结余(元)": yuan(balance)}

    def _entries(self, bill: str) -> Iterator[_Entry]:
        """All payments and refunds that the bill shows on some day, as it is to show them."""
        changes = self._plants.changes(bill)
        for entry in self._true_entries():
            if bill == "flow" and entry.refund and entry.refund["status"] != "SUCCESS":
                continue
            number = entry.refund["asked"]["out_refund_no"] if entry.refund else entry.order["params"]["out_trade_no"]
            plant = changes.get((str(_day_of(_moment(entry, bill))), number, bool(entry.refund)))
            if plant is None:
                yield entry
            elif plant["what"] != "drop":
                shown = _with_amount(entry, plant["amount"]) if plant["what"] == "amount" else entry
                yield from [shown] * (2 if plant["what"] == "double" else 1)
        for order, refund in self._plants.added(bill):
            yield _Entry(order, refund)

    def _true_entries(self) -> Iterator[_Entry]:
        for order in self._world.state.each("order"):
            if order["state"] == "SUCCESS":
                yield _Entry(order)
                for number in order["refunds"]:
                    if refund := self._world.state.get("refund", number):
                        yield _Entry(order, refund)

    def _trade_row(self, entry: _Entry) -> Row:
        return _refund_row(entry.order, entry.refund) if entry.refund else self._payment_row(entry.order)

    def _payment_row(self, order: Doc) -> Row:
        total = order["params"]["amount"]["total"]
        return _common_row(order, order["paid"]) | {
            "交易状态": "SUCCESS",
            "应结订单金额": yuan(total),
            "微信退款单号": "0",
            "商户退款单号": "0",
            "退款金额": "0.00",
            "手续费": f"{self._fee(total) / 100:.5f}",
            "费率": f"{self._world.settings.fee_per_mille / 10:.2f}%",
            "订单金额": yuan(total),
            "申请退款金额": "0.00",
        }

    def _fee(self, total: int) -> int:
        return (total * self._world.settings.fee_per_mille + 500) // 1000

    def _changes(self) -> Iterator[tuple[float, Row]]:
        for entry in self._entries("flow"):
            order, refund, moment = entry.order, entry.refund, _moment(entry, "flow")
            if refund is None:
                total, voucher = order["params"]["amount"]["total"], order["params"]["out_trade_no"]
                yield self._change(moment, "payment", total, order["transaction_id"], voucher)
                if fee := self._fee(total):
                    yield self._change(moment, "fee", -fee, order["transaction_id"], voucher)
            else:
                asked = refund["asked"]
                number, voucher = refund["refund_id"], asked["out_refund_no"]
                yield self._change(moment, "refund", -asked["refund"], number, voucher)

    def _change(self, moment: float, flow: str, cents: int, number: str, voucher: str) -> tuple[float, Row]:
        row = {
            "moment": str(moment),
            "cents": str(cents),
            "记账时间": _local(moment),
            "微信支付业务单号": number,
            "资金流水单号": hashlib.sha256(f"{flow}{number}".encode()).hexdigest()[:28],
            "业务名称": _NAMES[flow],
            "业务类型": _NAMES[flow],
            "收支类型": "收入" if cents > 0 else "支出",
            "收支金额(元)": yuan(abs(cents)),
            "资金变更提交申请人": "system" if flow != "refund" else f"{self._world.credentials.mchid}API",
            "业务凭证号": voucher,
        }
        return moment, row


def _belongs(entry: _Entry, kind: str) -> bool:
    return kind != "SUCCESS" if entry.refund else kind != "REFUND"


def _moment(entry: _Entry, bill: str) -> float:
    """A refund stands in the trade bill when it was accepted, and in the fund flow when its money went."""
    if entry.refund is None:
        return float(entry.order["paid"])
    return float(entry.refund["created" if bill == "trade" else "succeeded"])


def _with_amount(entry: _Entry, amount: int) -> _Entry:
    order, refund = copy.deepcopy(entry.order), copy.deepcopy(entry.refund)
    if refund:
        refund["asked"]["refund"] = amount
    else:
        order["params"]["amount"]["total"] = amount
    return _Entry(order, refund)


def _sorted(rows: Iterable[tuple[float, Row]], newest_first: bool) -> Iterator[Row]:
    """A nameless SQLite database lives in a file of its own that is gone when it is closed."""
    with closing(sqlite3.connect("")) as db:
        db.execute("CREATE TABLE rows (at REAL, body TEXT)")
        packed = ((moment, json.dumps(row, ensure_ascii=False)) for moment, row in rows)
        db.executemany("INSERT INTO rows VALUES (?, ?)", packed)
        order = "DESC" if newest_first else "ASC"
        for (body,) in db.execute(f"SELECT body FROM rows ORDER BY at {order}, rowid"):
            yield json.loads(body)


def _refund_row(order: Doc, refund: Doc) -> Row:
    asked, amount = refund["asked"], yuan(refund["asked"]["refund"])
    return _common_row(order, refund["created"]) | {
        "交易状态": "REFUND",
        "应结订单金额": "0.00",
        "退款申请时间": _local(refund["created"]),
        "退款成功时间": _local(refund["succeeded"]) if "succeeded" in refund else "",
        "微信退款单号": refund["refund_id"],
        "商户退款单号": asked["out_refund_no"],
        "退款金额": amount,
        "退款类型": "ORIGINAL",
        "退款状态": _STATES[refund["status"]],
        "手续费": "0.00000",
        "费率": "0.00%",
        "订单金额": "0.00",
        "申请退款金额": amount,
    }


def _common_row(order: Doc, moment: float) -> Row:
    params = order["params"]
    return {
        "交易时间": _local(moment),
        "公众账号ID": params["appid"],
        "商户号": params["mchid"],
        "特约商户号": "0",
        "微信订单号": order["transaction_id"],
        "商户订单号": params["out_trade_no"],
        "用户标识": payer(order),
        "交易类型": trade_type(order),
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "代金券金额": "0.00",
        "充值券退款金额": "0.00",
        "商品名称": params["description"],
        "商户数据包": params.get("attach", ""),
    }


def yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02}"


def _day_of(moment: float) -> date:
    return datetime.fromtimestamp(moment, UTC).astimezone(BEIJING).date()


def _local(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC).astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"
