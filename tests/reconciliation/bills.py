"""Bills as the platform writes them, for tests: rows in, bytes out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from chalicelib.wechat.bills import BillOffer
from chalicelib.wechat.errors import BillNotReady, NoBill

APPID, MCHID = "wx0000000000000001", "1900000001"
TRADE = [
    "交易时间",
    "公众账号ID",
    "商户号",
    "特约商户号",
    "设备号",
    "微信订单号",
    "商户订单号",
    "用户标识",
    "交易类型",
    "交易状态",
    "付款银行",
    "货币种类",
    "应结订单金额",
    "代金券金额",
    "微信退款单号",
    "商户退款单号",
    "退款金额",
    "充值券退款金额",
    "退款类型",
    "退款状态",
    "商品名称",
    "商户数据包",
    "手续费",
    "费率",
    "订单金额",
    "申请退款金额",
    "费率备注",
]
FLOW = [
    "记账时间",
    "微信支付业务单号",
    "资金流水单号",
    "业务名称",
    "业务类型",
    "收支类型",
    "收支金额(元)",
    "账户结余(元)",
    "资金变更提交申请人",
    "备注",
    "业务凭证号",
]
BOM = "\ufeff".encode()

Row = Mapping[str, str]


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def payment(number: str, fen: int, **more: str) -> dict[str, str]:
    row = {
        "交易时间": "2026-11-21 12:00:00", "公众账号ID": APPID, "商户号": MCHID, "微信订单号": f"42{number}",
        "商户订单号": number, "交易状态": "SUCCESS", "货币种类": "CNY", "商户退款单号": "0", "微信退款单号": "0",
        "订单金额": yuan(fen), "申请退款金额": "0.00", "商品名称": "茶\\ 杯",
    }  # fmt: skip
    return row | more


def refund(number: str, of: str, fen: int, state: str = "SUCCESS", **more: str) -> dict[str, str]:
    row = payment(of, 0) | {
        "交易状态": "REFUND", "商户退款单号": number, "微信退款单号": f"50{number}", "申请退款金额": yuan(fen),
        "退款状态": state,
    }  # fmt: skip
    return row | more


def flow(number: str, fen: int, business: str = "交易", wechat_no: str = "") -> dict[str, str]:
    return {
        "微信支付业务单号": wechat_no or f"42{number}", "业务类型": business, "业务凭证号": number,
        "收支类型": "收入" if business == "交易" else "支出", "收支金额(元)": yuan(fen),
    }  # fmt: skip


def flow_of(rows: Iterable[Row]) -> Iterator[dict[str, str]]:
    """The movements that belong to the rows of a trade bill."""
    for row in rows:
        if row["交易状态"] == "REFUND":
            yield flow(row["商户退款单号"], fen(row["申请退款金额"]), "退款", row["微信退款单号"])
        else:
            yield flow(row["商户订单号"], fen(row["订单金额"]))
            yield flow(row["商户订单号"], 1, "扣除交易手续费")


def fen(text: str) -> int:
    return int(text.replace(".", ""))


def trade_bill(rows: Sequence[Row], columns: Sequence[str] = TRADE, **told: str) -> bytes:
    """`told` changes what the summary says."""
    summary = {
        "总交易单数": f"{len(rows)}.0",
        "应结订单总金额": "0.0",
        "订单总金额": yuan(sum(fen(row["订单金额"]) for row in rows)),
        "申请退款总金额": yuan(sum(fen(row["申请退款金额"]) for row in rows)),
    }
    return file(columns, rows, summary | told)


def flow_bill(rows: Sequence[Row], columns: Sequence[str] = FLOW, **told: str) -> bytes:
    come, gone = ([fen(row["收支金额(元)"]) for row in rows if row["收支类型"] == way] for way in ("收入", "支出"))
    summary = {
        "资金流水总笔数": f"{len(rows)}.0", "收入笔数": f"{len(come)}.0", "收入金额": yuan(sum(come)),
        "支出笔数": f"{len(gone)}.0", "支出金额": yuan(sum(gone)),
    }  # fmt: skip
    return file(columns, rows, summary | told)


def file(columns: Sequence[str], rows: Iterable[Row], summary: Row) -> bytes:
    cells = [[row.get(name, "") for name in columns] for row in rows]
    told = [",".join(columns), *map(line, cells), ",".join(summary), line(summary.values())]
    return BOM + "".join(f"{each}\r\n" for each in told).encode()


def line(cells: Iterable[str]) -> str:
    return ",".join("`" + cell for cell in cells)


@dataclass
class FakeBills:
    """The platform's desk for bills. A bill that is None does not exist; one that is not there is not ready."""

    trades: dict[date, bytes | None]
    flows: dict[date, bytes | None]
    hash_value: str | None = None
    cut: int | None = None
    piece: int = 1000
    asked: int = 0

    def trade(self, day: date) -> BillOffer:
        return self._offer("trade", self.trades, day)

    def fund_flow(self, day: date) -> BillOffer:
        return self._offer("flow", self.flows, day)

    def download(self, offer: BillOffer) -> Iterator[bytes]:
        which, _, day = offer.download_url.partition(" ")
        content = (self.trades if which == "trade" else self.flows)[date.fromisoformat(day)] or b""
        content = content[: self.cut] if self.cut is not None else content
        return (content[at : at + self.piece] for at in range(0, len(content), self.piece))

    def _offer(self, which: str, bills: dict[date, bytes | None], day: date) -> BillOffer:
        self.asked += 1
        if day not in bills:
            raise BillNotReady("STATEMENT_CREATING", status=400)
        content = bills[day]
        if content is None:
            raise NoBill("NO_STATEMENT_EXIST", status=400)
        return BillOffer("SHA1", self.hash_value or hashlib.sha1(content).hexdigest(), f"{which} {day}")
