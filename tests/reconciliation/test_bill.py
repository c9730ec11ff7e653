"""Reading bills: whatever the platform may write is read exactly, and whatever it did not sign is not believed."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.payments.rules import Expected
from chalicelib.reconciliation.bill import BadBill, FlowBill, TradeBill, fen, hundredths
from chalicelib.reconciliation.rules import Entry, Outcome, Subject, Tally

from . import bills

OURS = Expected(bills.APPID, bills.MCHID)
# Free text as it comes: quotes, newlines, backticks; a comma is escaped by the platform, so none stands before a
# backtick, and CRLF ends a line.
FREE = st.text(st.characters(codec="utf-8", exclude_characters=",\r"), max_size=20)
NUMBERS = st.text("0123456789ABCDEFabcdef_-|*", min_size=6, max_size=32)
AMOUNTS = st.integers(0, 10**9)
PAYMENTS = st.builds(
    lambda number, amount, title: bills.payment(number, amount, 商品名称=title), NUMBERS, AMOUNTS, FREE
)
REFUNDS = st.builds(
    lambda number, amount, title: bills.refund(number, "of", amount, 商品名称=title), NUMBERS, AMOUNTS, FREE
)


def read(content: bytes, sha1: str | None = None, piece: int = 100) -> list[Entry]:
    return list(TradeBill(OURS).entries(pieces(content, piece), sha1 or hashlib.sha1(content).hexdigest()))


def read_flow(content: bytes) -> tuple[list[Entry], FlowBill]:
    bill = FlowBill()
    return list(bill.entries(pieces(content, 100), hashlib.sha1(content).hexdigest())), bill


def pieces(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


def reason(content: bytes, sha1: str | None = None) -> str:
    with pytest.raises(BadBill) as caught:
        read(content, sha1)
    return caught.value.reason


@given(st.lists(PAYMENTS | REFUNDS, max_size=8), st.permutations(bills.TRADE), st.integers(1, 200))
def test_a_bill_is_read_back_whatever_the_order_of_its_columns_and_the_size_of_its_pieces(
    rows: list[dict[str, str]], columns: list[str], piece: int
) -> None:
    got = read(bills.trade_bill(rows, columns), piece=piece)
    assert [(each.number, each.amount, each.wechat_no) for each in got] == [
        (row["商户退款单号"], bills.fen(row["申请退款金额"]), row["微信退款单号"])
        if row["交易状态"] == "REFUND"
        else (row["商户订单号"], bills.fen(row["订单金额"]), row["微信订单号"])
        for row in rows
    ]


@given(AMOUNTS)
def test_yuan_are_read_as_whole_fen(amount: int) -> None:
    assert fen(bills.yuan(amount)) == hundredths(bills.yuan(amount)) == amount


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("1.5", 150), ("12.340", 1234), ("0.07000", 7), ("3", 300)])
def test_other_spellings_of_an_amount_are_read_too(text: str, value: int) -> None:
    assert fen(text) == value


@pytest.mark.parametrize("text", ["", "-1.00", "1.005", "1,000.00", "１.00", "1_0.00", " 1.00", "NaN", "1e2", "1.00 "])
def test_what_is_no_amount_of_whole_fen_is_refused(text: str) -> None:
    with pytest.raises(BadBill):
        fen(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("45.0", 4500), ("1.2345678E7", 1234567800), ("0.30000000000000004", 30), ("0.29999999999999999", 30),
     ("1.0E6", 100000000), ("-0.47", -47), ("0.005", 1)],
)  # fmt: skip
def test_numbers_of_the_summary_may_be_written_as_a_machine_writes_them(text: str, value: int) -> None:
    assert hundredths(text) == value


def test_a_bill_without_rows_is_read() -> None:
    assert read(bills.trade_bill([])) == []


def test_columns_that_nobody_knows_are_no_trouble() -> None:
    content = bills.trade_bill([bills.payment("order-1", 5600)], ["新列", *bills.TRADE, "又一列"])
    assert [each.number for each in read(content)] == ["order-1"]


@pytest.mark.parametrize("missing", TradeBill.COLUMNS)
def test_a_needed_column_that_is_missing_is_named(missing: str) -> None:
    with pytest.raises(BadBill, match=missing):
        read(bills.trade_bill([], [name for name in bills.TRADE if name != missing]))


def test_a_byte_that_was_changed_makes_the_whole_bill_worthless() -> None:
    content = bills.trade_bill([bills.payment("order-1", 5600)])
    assert reason(content.replace(b"order-1", b"order-2"), hashlib.sha1(content).hexdigest()) == "DAMAGED"


@given(st.data())
def test_a_bill_that_was_cut_short_anywhere_is_damaged(data: st.DataObject) -> None:
    content = bills.trade_bill([bills.payment(f"order-{n}", n) for n in range(3)])
    cut = data.draw(st.integers(0, len(content) - 1))
    assert reason(content[:cut], hashlib.sha1(content).hexdigest()) == "DAMAGED"


@pytest.mark.parametrize("told", [{"总交易单数": "2.0"}, {"订单总金额": "56.01"}, {"申请退款总金额": "0.01"}])
def test_a_summary_that_does_not_agree_with_the_rows_is_not_believed(told: dict[str, str]) -> None:
    assert reason(bills.trade_bill([bills.payment("order-1", 5600)], **told)) == "TOTALS"


def test_a_summary_that_lacks_a_total_is_not_believed() -> None:
    content = bills.trade_bill([]).replace("订单总金额".encode(), "另一总金额".encode())
    assert reason(content) == "TOTALS"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\r\n",
        bills.BOM + ",".join(bills.TRADE).encode() + b"\r\n",
        bills.trade_bill([]) + b"more\r\n",
        bills.trade_bill([bills.payment("a,`b", 1)]),
        bills.trade_bill([]).replace("总交易单数".encode(), "总数".encode()),
        b"x" * 100_000,
    ],
)
def test_what_is_no_bill_is_malformed(content: bytes) -> None:
    assert reason(content) == "MALFORMED"


def test_rows_of_another_account_or_currency_and_revoked_ones_are_marked() -> None:
    rows = [
        bills.payment("order-1", 1, 商户号="1900000009"),
        bills.payment("order-2", 1, 公众账号ID="wx9"),
        bills.payment("order-3", 1, 货币种类="USD"),
        bills.payment("order-4", 1, 交易状态="REVOKED"),
        bills.payment("order-5", 1),
    ]
    assert [each.odd for each in read(bills.trade_bill(rows))] == [*[Outcome.FOREIGN] * 3, Outcome.REVOKED, None]


@pytest.mark.parametrize("columns", [bills.FLOW, [name.replace("(元)", "（元）") for name in bills.FLOW]])
def test_the_fund_flow_tells_what_came_and_went_and_what_it_cost(columns: list[str]) -> None:
    names = dict(zip(bills.FLOW, columns, strict=True))
    rows = [
        bills.flow("order-1", 5600),
        bills.flow("order-1", 34, "扣除交易手续费"),
        bills.flow("refund-1", 600, "退款"),
        bills.flow("out-1", 4000, "提现"),
        {**bills.flow("order-1", 4, "交易手续费退回"), "收支类型": "收入"},
    ]
    told = bills.flow_bill(rows).replace(",".join(bills.FLOW).encode(), ",".join(names[n] for n in bills.FLOW).encode())
    entries, bill = read_flow(told)
    assert [each[:3] for each in entries] == [
        (Subject.FLOW_PAYMENT, "order-1", 5600),
        (Subject.FLOW_REFUND, "refund-1", 600),
    ]
    assert (bill.fees, bill.others) == (Tally(2, 30), Tally(1, -4000))


@pytest.mark.parametrize("told", [{"收入笔数": "0.0"}, {"收入金额": "1.00"}, {"支出笔数": "1.0"}, {"支出金额": "1.00"}])
def test_the_fund_flow_must_agree_with_its_summary(told: dict[str, str]) -> None:
    content = bills.flow_bill([bills.flow("order-1", 5600)], **told)
    with pytest.raises(BadBill, match="TOTALS"):
        read_flow(content)


def test_money_that_neither_comes_nor_goes_is_no_movement() -> None:
    with pytest.raises(BadBill, match="MALFORMED"):
        read_flow(bills.flow_bill([{**bills.flow("order-1", 5600), "收支类型": "中性"}]))
