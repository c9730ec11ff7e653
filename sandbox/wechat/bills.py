"""Bills of a day: trade bill and fund flow, as files in the platform's peculiar CSV.

A file starts with a byte order mark, its lines end with CRLF, every cell of data starts with a backtick, amounts are
yuan with two decimals, two summary lines stand at the end, and the hash is SHA-1 of the file before compression.
It is written when it is asked for and lies in a folder for temporary files; a restart ends its address early.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

from sandbox.wechat.billrows import FLOW_COLUMNS, TRADE_COLUMNS, BillRows, Row, yuan
from sandbox.wechat.crypto import random_text
from sandbox.wechat.faults import OF_BILLS
from sandbox.wechat.gate import PayError
from sandbox.wechat.http import Answer, Call, Routes, json_answer
from sandbox.wechat.plants import Plants
from sandbox.wechat.world import BEIJING, World

_URL_SECONDS = 300
_OLDEST_DAYS = 92


class _TradeSummary:
    """Of the two summary lines the first names what the second sums."""

    head = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
    _summed = ("应结订单金额", "退款金额", "充值券退款金额", "手续费", "订单金额", "申请退款金额")

    def __init__(self) -> None:
        self.count = 0
        self._sums = dict.fromkeys(self._summed, 0)

    def add(self, row: Row) -> None:
        self.count += 1
        for name in self._summed:
            self._sums[name] += _fen(row.get(name, "0"))

    def cells(self) -> list[str]:
        return [str(float(self.count)), *map(yuan, self._sums.values())]


class _FlowSummary:
    head = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"

    def __init__(self) -> None:
        self.count = 0
        self._sides = {"收入": [0, 0], "支出": [0, 0]}

    def add(self, row: Row) -> None:
        self.count += 1
        side = self._sides[row["收支类型"]]
        side[0] += 1
        side[1] += _fen(row["收支金额(元)"])

    def cells(self) -> list[str]:
        (come, income), (gone, expense) = self._sides.values()
        return [str(self.count), str(come), yuan(income), str(gone), yuan(expense)]


class Bills:
    def __init__(self, world: World, plants: Plants) -> None:
        self._world = world
        self._rows = BillRows(world, plants)
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-bills-")
        self.routes = Routes(
            ("GET", "/v3/bill/tradebill", self._trade_bill),
            ("GET", "/v3/bill/fundflowbill", self._fund_flow_bill),
            ("GET", "/v3/billdownload/file", self._download),
        )

    def close(self) -> None:
        self._folder.cleanup()

    def _trade_bill(self, call: Call) -> Answer:
        kind = call.query.get("bill_type", "ALL")
        if kind not in TRADE_COLUMNS:
            raise PayError(400, "PARAM_ERROR", "参数错误：bill_type")
        rows = self._rows.trade(self._day(call), kind)
        return self._offer(call, TRADE_COLUMNS[kind], rows, _TradeSummary())

    def _fund_flow_bill(self, call: Call) -> Answer:
        account = call.query.get("account_type", "BASIC")
        if account not in ("BASIC", "OPERATION", "FEES"):
            raise PayError(400, "PARAM_ERROR", "参数错误：account_type")
        day = self._day(call)
        return self._offer(call, FLOW_COLUMNS, self._rows.flow(day) if account == "BASIC" else [], _FlowSummary())

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

    def _offer(self, call: Call, columns: str, rows: Iterable[Row], summary: _TradeSummary | _FlowSummary) -> Answer:
        self._forget_old()
        token, zipped = random_text(48), "tar_type" in call.query
        path, sha = Path(self._folder.name, token), hashlib.sha1(usedforsecurity=False)
        with gzip.open(path, "wb", 6) if zipped else path.open("wb") as file:
            for line in _lines(columns, rows, summary):
                sha.update(line)
                file.write(line)
        if summary.count == 0:
            path.unlink()
            raise PayError(400, "NO_STATEMENT_EXIST", "账单文件不存在")
        if self._world.faults.take(call.path, OF_BILLS, call.method):
            sha.update(b"another file")
        self._world.state.put("bill", token, {"token": token, "until": self._world.timestamp() + _URL_SECONDS})
        return json_answer(
            {
                "hash_type": "SHA1",
                "hash_value": sha.hexdigest(),
                "download_url": f"{call.base_url}/v3/billdownload/file?token={token}",
            }
        )

    def _download(self, call: Call) -> Answer:
        token = call.query.get("token", "")
        offer, path = self._world.state.get("bill", token), Path(self._folder.name, token)
        if offer is None or self._world.timestamp() >= offer["until"] or not path.is_file():
            raise PayError(400, "INVALID_REQUEST", "下载地址已失效")
        return Answer(200, file=path, content_type="text/plain", signed=False)

    def _forget_old(self) -> None:
        for offer in self._world.state.every("bill"):
            if self._world.timestamp() >= offer["until"] and "token" in offer:
                self._world.state.remove("bill", offer["token"])
                Path(self._folder.name, offer["token"]).unlink(missing_ok=True)


def _lines(columns: str, rows: Iterable[Row], summary: _TradeSummary | _FlowSummary) -> Iterator[bytes]:
    yield f"\ufeff{columns}\r\n".encode()
    names = columns.split(",")
    for row in rows:
        summary.add(row)
        yield _line(row.get(name, "") for name in names)
    yield f"{summary.head}\r\n".encode()
    yield _line(summary.cells())


def _line(cells: Iterable[str]) -> bytes:
    return (",".join("`" + cell.replace(",", "\\ ") for cell in cells) + "\r\n").encode()


def _fen(amount: str) -> int:
    return round(float(amount) * 100)
