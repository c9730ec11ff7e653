"""Bills (facts A5): their days, their form, their sums."""

import csv
import gzip
import hashlib
import io

import pytest

from sandbox.wechat import Settings

from .merchant import FakeClock, Merchant, Reply, Shop

TRADE, FLOW = "/v3/bill/tradebill", "/v3/bill/fundflowbill"
DAY = 86400


@pytest.fixture
def settings() -> Settings:
    return Settings(fee_per_mille=6)


@pytest.fixture
def traded(merchant: Merchant, shop: Shop, clock: FakeClock) -> Merchant:
    """Yesterday: 123.45 yuan paid, of which 20.00 were refunded; 1.00 paid; one order not paid."""
    merchant.paid("order-0001", 12345)
    merchant.pay(merchant.prepay("order-0002", 100, description="碗,白", attach="a,b"))
    merchant.prepay("order-0003")
    merchant.refund(refund=2000, total=12345)
    shop.wait_for(3)
    clock.advance(DAY)
    return merchant


def download(merchant: Merchant, offer: Reply) -> bytes:
    url = offer.json()["download_url"]
    assert url.startswith(f"http://{merchant.http.host}/")
    reply = merchant.call("GET", url.removeprefix(f"http://{merchant.http.host}"))
    assert reply.status == 200
    assert "Wechatpay-Signature" not in reply.headers
    return reply.body


def table(content: bytes) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The rows and the summary, cells without their backtick."""
    assert content.startswith("\ufeff".encode())
    assert content.endswith(b"\r\n")
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert content.count(b"\r\n") == content.count(b"\n") == len(lines)
    *rows, summary_head, summary = lines[1:]
    for row in [*rows, summary]:
        assert all(cell.startswith("`") for cell in row)
    named = [dict(zip(lines[0], (cell[1:] for cell in row), strict=True)) for row in rows]
    return named, dict(zip(summary_head, (cell[1:] for cell in summary), strict=True))


def test_the_trade_bill_shows_payments_and_refunds_in_yuan(traded: Merchant) -> None:
    offer = traded.call("GET", f"{TRADE}?bill_date=2026-11-20&bill_type=ALL")
    content = download(traded, offer)
    rows, summary = table(content)
    payment = next(row for row in rows if row["商户订单号"] == "order-0001" and row["交易状态"] == "SUCCESS")
    refund = next(row for row in rows if row["交易状态"] == "REFUND")
    other = next(row for row in rows if row["商户订单号"] == "order-0002")
    assert offer.json()["hash_value"] == hashlib.sha1(content).hexdigest()
    assert len(rows) == 3
    assert (payment["订单金额"], payment["手续费"], payment["交易时间"]) == ("123.45", "0.74000", "2026-11-20 12:00:00")
    assert (refund["商户退款单号"], refund["申请退款金额"], refund["订单金额"]) == ("refund-1", "20.00", "0.00")
    assert (other["商品名称"], other["商户数据包"]) == ("碗\\ 白", "a\\ b")
    assert summary == {
        "总交易单数": "3.0",
        "应结订单总金额": "124.45",
        "退款总金额": "20.00",
        "充值券退款总金额": "0.00",
        "手续费总金额": "0.75",
        "订单总金额": "124.45",
        "申请退款总金额": "20.00",
    }


@pytest.mark.parametrize(("kind", "rows", "columns"), [("SUCCESS", 2, 20), ("REFUND", 1, 29), ("ALL", 3, 27)])
def test_a_bill_type_has_its_rows_and_columns(traded: Merchant, kind: str, rows: int, columns: int) -> None:
    found, _ = table(download(traded, traded.call("GET", f"{TRADE}?bill_date=2026-11-20&bill_type={kind}")))
    assert (len(found), len(found[0])) == (rows, columns)


def test_the_hash_is_of_the_file_before_compression(traded: Merchant) -> None:
    offer = traded.call("GET", f"{TRADE}?bill_date=2026-11-20&tar_type=GZIP")
    content = gzip.decompress(download(traded, offer))
    assert offer.json()["hash_value"] == hashlib.sha1(content).hexdigest()


def test_the_fund_flow_adds_up(traded: Merchant) -> None:
    rows, summary = table(download(traded, traded.call("GET", f"{FLOW}?bill_date=2026-11-20")))
    signed = [float(row["收支金额(元)"]) * (1 if row["收支类型"] == "收入" else -1) for row in rows]
    assert {row["业务类型"] for row in rows} == {"交易", "退款", "扣除交易手续费"}
    assert round(sum(signed), 2) == float(rows[-1]["账户结余(元)"]) == 103.70
    assert (summary["资金流水总笔数"], summary["收入金额"], summary["支出金额"]) == ("5", "124.45", "20.75")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("bill_date=2026-11-21", "PARAM_ERROR"),
        ("bill_date=2026-08-01", "PARAM_ERROR"),
        ("bill_date=20261120", "PARAM_ERROR"),
        ("bill_date=2026-11-31", "PARAM_ERROR"),
        ("", "PARAM_ERROR"),
        ("bill_date=2026-11-20&bill_type=SOME", "PARAM_ERROR"),
        ("bill_date=2026-11-20&tar_type=ZIP", "PARAM_ERROR"),
        ("bill_date=2026-11-19", "NO_STATEMENT_EXIST"),
    ],
)
def test_a_bill_that_cannot_be_had(traded: Merchant, query: str, code: str) -> None:
    reply = traded.call("GET", f"{TRADE}?{query}")
    assert (reply.status, reply.json()["code"]) == (400, code)


def test_a_bill_exists_from_ten_the_next_morning(merchant: Merchant, shop: Shop, clock: FakeClock) -> None:
    merchant.paid()
    clock.advance(22 * 3600 - 1)
    assert merchant.call("GET", f"{TRADE}?bill_date=2026-11-20").json()["code"] == "STATEMENT_CREATING"
    clock.advance(1)
    assert merchant.call("GET", f"{TRADE}?bill_date=2026-11-20").status == 200


def test_a_download_address_lives_five_minutes_and_wants_a_signature(traded: Merchant, clock: FakeClock) -> None:
    url = traded.call("GET", f"{TRADE}?bill_date=2026-11-20").json()["download_url"]
    target = url.removeprefix(f"http://{traded.http.host}")
    assert traded.http.send("GET", target, b"", {"Accept": "*/*", "User-Agent": "x"}).status == 401
    clock.advance(300)
    assert traded.call("GET", target).json()["code"] == "INVALID_REQUEST"


def test_other_accounts_have_no_flow(traded: Merchant) -> None:
    reply = traded.call("GET", f"{FLOW}?bill_date=2026-11-20&account_type=FEES")
    assert reply.json()["code"] == "NO_STATEMENT_EXIST"
    assert traded.call("GET", f"{FLOW}?bill_date=2026-11-20&account_type=MINE").json()["code"] == "PARAM_ERROR"
