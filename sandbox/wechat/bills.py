"""Bills of a day: trade bill and fund flow, as files in the platform's peculiar CSV.

A file starts with a byte order mark, its lines end with CRLF, every cell of data starts with a backtick, amounts are
yuan with two decimals, two summary lines stand at the end, and the hash is SHA-1 of the file before compression.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from sandbox.wechat.crypto import random_text
from sandbox.wechat.gate import PayError
from sandbox.wechat.http import Answer, Call, Routes, json_answer
from sandbox.wechat.pay import payer, trade_type
from sandbox.wechat.state import Doc
from sandbox.wechat.world import BEIJING, World

_URL_SECONDS = 300
_OLDEST_DAYS = 92
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
_TRADE_SUMMARY = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
FLOW_COLUMNS = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,"
    "备注,业务凭证号"
)
_FLOW_SUMMARY = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"

Row = dict[str, str]


class Bills:
    def __init__(self, world: World) -> None:
        self._world = world
        self.routes = Routes(
            ("GET", "/v3/bill/tradebill", self._trade_bill),
            ("GET", "/v3/bill/fundflowbill", self._fund_flow_bill),
            ("GET", "/v3/billdownload/file", self._download),
        )

    def _trade_bill(self, call: Call) -> Answer:
        kind = call.query.get("bill_type", "ALL")
        if kind not in TRADE_COLUMNS:
            raise PayError(400, "PARAM_ERROR", "参数错误：bill_type")
        day = self._day(call)
        rows = self._trade_rows(day, kind)
        summed = ("应结订单金额", "退款金额", "充值券退款金额", "手续费", "订单金额", "申请退款金额")
        total = [str(float(len(rows))), *(_sum(rows, name) for name in summed)]
        return self._offer(call, TRADE_COLUMNS[kind], rows, _TRADE_SUMMARY, total)

    def _fund_flow_bill(self, call: Call) -> Answer:
        if call.query.get("account_type", "BASIC") not in ("BASIC", "OPERATION", "FEES"):
            raise PayError(400, "PARAM_ERROR", "参数错误：account_type")
        day = self._day(call)
        rows = self._flow_rows(day) if call.query.get("account_type", "BASIC") == "BASIC" else []
        come, gone = ([row for row in rows if row["收支类型"] == kind] for kind in ("收入", "支出"))
        total = [str(len(rows))]
        for part in (come, gone):
            total += [str(len(part)), _sum(part, "收支金额(元)")]
        return self._offer(call, FLOW_COLUMNS, rows, _FLOW_SUMMARY, total)

    def _day(self, call: Call) -> date:
        """The bill's day: over, not older than three months, and ready since 10:00 the next morning."""
        if call.query.get("tar_type", "GZIP") != "GZIP":
            raise PayError(400, "PARAM_ERROR", "参数错误：tar_type")
        text, now = call.query.get("bill_date", ""), self._world.now().astimezone(BEIJING)
        try:
            day = date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
        except ValueError:
            day = None
        if day is None or not now.date() - timedelta(days=_OLDEST_DAYS) <= day < now.date():
            raise PayError(400, "PARAM_ERROR", "参数错误：bill_date 应为三个月内、今天以前的日期，格式YYYY-MM-DD")
        if now.date() - day == timedelta(days=1) and now.hour < self._world.settings.bill_hour:
            raise PayError(400, "STATEMENT_CREATING", "账单生成中，请稍后再试")
        return day

    def _offer(self, call: Call, columns: str, rows: Sequence[Row], summary: str, total: Sequence[str]) -> Answer:
        if not rows:
            raise PayError(400, "NO_STATEMENT_EXIST", "账单文件不存在")
        lines = [columns, *(_line(row.get(name, "") for name in columns.split(",")) for row in rows)]
        file = "\ufeff" + "".join(f"{line}\r\n" for line in [*lines, summary, _line(total)])
        token = random_text(48)
        offer = {"file": file, "gzip": "tar_type" in call.query, "until": self._world.timestamp() + _URL_SECONDS}
        self._world.state.put("bill", token, offer)
        return json_answer(
            {
                "hash_type": "SHA1",
                "hash_value": hashlib.sha1(file.encode()).hexdigest(),
                "download_url": f"{call.base_url}/v3/billdownload/file?token={token}",
            }
        )

    def _download(self, call: Call) -> Answer:
        offer = self._world.state.get("bill", call.query.get("token", ""))
        if offer is None or self._world.timestamp() >= offer["until"]:
            raise PayError(400, "INVALID_REQUEST", "下载地址已失效")
        content = offer["file"].encode()
        return Answer(200, gzip.compress(content) if offer["gzip"] else content, "text/plain", signed=False)

    def _trade_rows(self, day: date, kind: str) -> list[Row]:
        dated: list[tuple[float, Row]] = []
        for order in self._world.state.every("order"):
            if order["state"] == "SUCCESS" and kind != "REFUND" and _day_of(order["paid"]) == day:
                dated.append((order["paid"], self._payment_row(order)))
            for refund in self._refunds_of(order):
                if kind != "SUCCESS" and _day_of(refund["created"]) == day:
                    dated.append((refund["created"], _refund_row(order, refund)))
        return [row for _, row in sorted(dated, key=lambda each: each[0], reverse=True)]

    def _refunds_of(self, order: Doc) -> list[Doc]:
        return [doc for number in order["refunds"] if (doc := self._world.state.get("refund", number))]

    def _payment_row(self, order: Doc) -> Row:
        total = order["params"]["amount"]["total"]
        return _common_row(order, order["paid"]) | {
            "交易状态": "SUCCESS",
            "应结订单金额": _yuan(total),
            "微信退款单号": "0",
            "商户退款单号": "0",
            "退款金额": "0.00",
            "手续费": f"{self._fee(total) / 100:.5f}",
            "费率": f"{self._world.settings.fee_per_mille / 10:.2f}%",
            "订单金额": _yuan(total),
            "申请退款金额": "0.00",
        }

    def _fee(self, total: int) -> int:
        return (total * self._world.settings.fee_per_mille + 500) // 1000

    def _flow_rows(self, day: date) -> list[Row]:
        rows: list[Row] = []
        balance = 0
        for moment, flow, cents, id, voucher in sorted(self._flows(), key=lambda each: each[0]):
            balance += cents
            if _day_of(moment) == day:
                names = {"收入": ("交易", "交易"), "支出": ("退款", "退款")} if flow != "fee" else {}
                direction = "收入" if cents > 0 else "支出"
                name, business = names.get(direction, ("扣除交易手续费", "扣除交易手续费"))
                rows.append(
                    {
                        "记账时间": _local(moment),
                        "微信支付业务单号": id,
                        "资金流水单号": hashlib.sha256(f"{flow}{id}".encode()).hexdigest()[:28],
                        "业务名称": name,
                        "业务类型": business,
                        "收支类型": direction,
                        "收支金额(元)": _yuan(abs(cents)),
                        "账户结余(元)": _yuan(balance),
                        "资金变更提交申请人": "system" if flow != "refund" else f"{self._world.credentials.mchid}API",
                        "业务凭证号": voucher,
                    }
                )
        return rows

    def _flows(self) -> Iterable[tuple[float, str, int, str, str]]:
        """Every change of the account: when, what, fen, WeChat's number, the merchant's."""
        for order in self._world.state.every("order"):
            if order["state"] != "SUCCESS":
                continue
            total, voucher = order["params"]["amount"]["total"], order["params"]["out_trade_no"]
            yield order["paid"], "payment", total, order["transaction_id"], voucher
            if fee := self._fee(total):
                yield order["paid"], "fee", -fee, order["transaction_id"], voucher
            for refund in self._refunds_of(order):
                if refund["status"] == "SUCCESS":
                    asked = refund["asked"]
                    yield refund["succeeded"], "refund", -asked["refund"], refund["refund_id"], asked["out_refund_no"]


def _refund_row(order: Doc, refund: Doc) -> Row:
    asked, amount = refund["asked"], _yuan(refund["asked"]["refund"])
    states = {"SUCCESS": "SUCCESS", "PROCESSING": "PROCESSING", "CLOSED": "FAIL", "ABNORMAL": "CHANGE"}
    return _common_row(order, refund["created"]) | {
        "交易状态": "REFUND",
        "应结订单金额": "0.00",
        "退款申请时间": _local(refund["created"]),
        "退款成功时间": _local(refund["succeeded"]) if "succeeded" in refund else "",
        "微信退款单号": refund["refund_id"],
        "商户退款单号": asked["out_refund_no"],
        "退款金额": amount,
        "退款类型": "ORIGINAL",
        "退款状态": states[refund["status"]],
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


def _line(cells: Iterable[str]) -> str:
    return ",".join("`" + cell.replace(",", "\\ ") for cell in cells)


def _sum(rows: Iterable[Row], name: str) -> str:
    return _yuan(sum(round(float(row.get(name, "0")) * 100) for row in rows))


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02}"


def _day_of(moment: float) -> date:
    return datetime.fromtimestamp(moment, UTC).astimezone(BEIJING).date()


def _local(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC).astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"
