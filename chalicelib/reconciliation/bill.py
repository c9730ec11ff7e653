"""The platform's bills: CSV of a kind of its own, read as a stream.

UTF-8 with a byte order mark, lines ended by CRLF; a header; lines whose cells each begin with a backtick; two lines of
summary. A comma in free text is escaped, and only a comma before a backtick ends a cell. Amounts are yuan as text.
Columns are found by their names: more of them are welcome, a missing one is BadBill.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha1
from typing import ClassVar
from unicodedata import normalize

from ..payments.rules import Expected
from .rules import Entry, Outcome, Subject, Tally

LONGEST_LINE = 64 * 1024
CURRENCY = "CNY"
PLAIN = re.compile(r"([0-9]+)\.([0-9]{2})")
NUMBER = re.compile(r"(-?)([0-9]{1,18})(?:\.([0-9]{1,18}))?(?:E([0-9]))?")


class BadBill(Exception):
    """`reason`: DAMAGED (its hash is not the one that was signed), MALFORMED or TOTALS. Never believed in any part."""

    def __init__(self, reason: str, about: str = "") -> None:
        super().__init__(reason, about)
        self.reason = reason


class Bill(ABC):
    """One bill, to be read once. `entries` gives what is to be compared; what is only of interest is counted."""

    COLUMNS: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self.rows = 0

    @abstractmethod
    def entry(self, cells: Sequence[str]) -> Entry | None:
        """What a line says, its cells in the order of COLUMNS."""

    @abstractmethod
    def sums(self) -> Mapping[str, int]:
        """What the summary must say: its count column, and its columns in fen."""

    COUNT: ClassVar[str]

    def entries(self, chunks: Iterable[bytes], sha1_hex: str) -> Iterator[Entry]:
        """Raises BadBill, at the latest when the last one was given: until then none may be believed."""
        hashed = sha1(usedforsecurity=False)

        def hashing() -> Iterator[bytes]:
            for chunk in chunks:
                hashed.update(chunk)
                yield chunk

        stream = hashing()
        try:
            yield from self._read(lines(stream))
        except BadBill:
            for _ in stream:  # a damaged file makes no sense either: the hash tells which of the two it is
                pass
            if hashed.hexdigest() == sha1_hex.lower():
                raise
        if hashed.hexdigest() != sha1_hex.lower():
            raise BadBill("DAMAGED")

    def _read(self, told: Iterator[str]) -> Iterator[Entry]:
        header = [normalize("NFKC", name) for name in next(told, "").removeprefix("\ufeff").split(",")]
        if missing := set(self.COLUMNS).difference(header):
            raise BadBill("MALFORMED", f"no column {sorted(missing)}")
        wanted, width = [header.index(name) for name in self.COLUMNS], len(header)
        for line in told:
            if not line.startswith("`"):
                self._check(line, next(told, ""), next(told, None))
                return
            cells = line[1:].split(",`")
            self.rows += 1
            if len(cells) != width:
                raise BadBill("MALFORMED", f"row {self.rows} has {len(cells)} cells")
            if (entry := self.entry([cells[at] for at in wanted])) is not None:
                yield entry
        raise BadBill("MALFORMED", "no summary")

    def _check(self, header: str, values: str, more: str | None) -> None:
        told = dict(zip(header.split(","), values.removeprefix("`").split(",`"), strict=False))
        if more is not None or self.COUNT not in told:
            raise BadBill("MALFORMED", "no summary at the end")
        agrees = hundredths(told[self.COUNT]) == self.rows * 100
        for name, fen in self.sums().items():
            # The platform adds up in floating point: the sum of a long bill may be off by a hair.
            agrees = agrees and name in told and hundredths(told[name]) == fen
        if not agrees:
            raise BadBill("TOTALS")


class TradeBill(Bill):
    COLUMNS = (
        "公众账号ID", "商户号", "货币种类", "交易状态", "商户订单号", "微信订单号", "订单金额", "商户退款单号",
        "微信退款单号", "申请退款金额", "退款状态",
    )  # fmt: skip
    COUNT = "总交易单数"

    def __init__(self, account: Expected) -> None:
        super().__init__()
        self._whose = [account.appid, account.mchid, CURRENCY]
        self._paid = 0
        self._refunded = 0

    def entry(self, cells: Sequence[str]) -> Entry:
        state, out_trade_no, transaction_id, paid, out_refund_no, refund_id, refunded, refund_state = cells[3:]
        total, refund = fen(paid), fen(refunded)
        self._paid += total
        self._refunded += refund
        odd = Outcome.FOREIGN if list(cells[:3]) != self._whose else None
        if state == "REFUND":
            return Entry(Subject.REFUND, out_refund_no, refund, refund_state, refund_id, odd)
        if state != "SUCCESS":
            odd = odd or Outcome.REVOKED
        return Entry(Subject.PAYMENT, out_trade_no, total, state, transaction_id, odd)

    def sums(self) -> Mapping[str, int]:
        return {"订单总金额": self._paid, "申请退款总金额": self._refunded}


class FlowBill(Bill):
    """Of the basic account. Fees, withdrawals and whatever else moves money are counted in `fees` and `others`."""

    COLUMNS = ("微信支付业务单号", "业务类型", "收支类型", "收支金额(元)", "业务凭证号")
    COUNT = "资金流水总笔数"

    def __init__(self) -> None:
        super().__init__()
        self.fees = self.others = self._come = self._gone = Tally()

    def entry(self, cells: Sequence[str]) -> Entry | None:
        wechat_no, business, direction, text, voucher = cells
        amount = fen(text)
        if direction == "收入":
            self._come = self._come.plus(amount)
        elif direction == "支出":
            self._gone = self._gone.plus(amount)
        else:
            raise BadBill("MALFORMED", f"row {self.rows} neither comes nor goes")
        if (business, direction) == ("交易", "收入"):
            return Entry(Subject.FLOW_PAYMENT, voucher or wechat_no, amount, "", wechat_no)
        if (business, direction) == ("退款", "支出"):
            return Entry(Subject.FLOW_REFUND, voucher or wechat_no, amount, "", wechat_no)
        signed = amount if direction == "支出" else -amount
        if "手续费" in business:
            self.fees = self.fees.plus(signed)
        else:
            self.others = self.others.plus(-signed)
        return None

    def sums(self) -> Mapping[str, int]:
        come, gone = self._come, self._gone
        counts = {"收入笔数": come.count * 100, "支出笔数": gone.count * 100}
        return counts | {"收入金额": come.fen, "支出金额": gone.fen}


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines without their end, whatever the pieces. Raises BadBill for what is no text or never ends."""
    rest, end = b"", b""
    try:
        for chunk in chunks:
            rest += chunk
            if not end and b"\n" in rest:
                end = b"\r\n" if b"\r\n" in rest[: rest.index(b"\n") + 1] else b"\n"
            if end:
                *whole, rest = rest.split(end)
                for line in whole:
                    yield line.decode()
            if len(rest) > LONGEST_LINE:
                raise BadBill("MALFORMED", "a line without end")
        if rest:
            yield rest.decode()
    except UnicodeDecodeError as error:
        raise BadBill("MALFORMED", "not UTF-8") from error


def fen(yuan: str) -> int:
    """`12.34` as 1234, by whole numbers alone. Raises BadBill for what is no amount of whole fen, or a negative one."""
    if plain := PLAIN.fullmatch(yuan):
        return int(plain[1] + plain[2])
    value, exact = _scaled(yuan)
    if not exact or value < 0:
        raise BadBill("MALFORMED", "not an amount")
    return value


def hundredths(number: str) -> int:
    """A number of the summary, times a hundred and rounded. The platform writes `45.0`, and `1.2E7` if it is large."""
    return _scaled(number)[0]


def _scaled(number: str) -> tuple[int, bool]:
    found = NUMBER.fullmatch(number)
    if found is None:
        raise BadBill("MALFORMED", "not a number")
    sign, whole, fraction, exponent = found[1], found[2], found[3] or "", int(found[4] or 0)
    digits, shift = int(whole + fraction), 2 + exponent - len(fraction)
    value, left = (digits * 10**shift, 0) if shift >= 0 else divmod(digits, 10**-shift)
    if left * 2 >= 10 ** max(-shift, 0) and left:
        value += 1
    return (-value if sign else value), not left
