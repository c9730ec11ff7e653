"""Bills (facts A5): their days, their form, their sums."""

import csv
import gzip
import hashlib
import io
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from http.client import IncompleteRead

import pytest

from sandbox.wechat import Credentials, SandboxWeChat, Settings, State, running

from .merchant import FakeClock, Http, Merchant, Reply, Shop

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


def rows_of(merchant: Merchant, bill: str, day: str = "2026-11-20") -> list[dict[str, str]]:
    """The rows of a bill whose hash fits; none if there is no bill."""
    offer = merchant.call("GET", f"{bill}?bill_date={day}")
    if offer.status == 400:
        return []
    content = download(merchant, offer)
    assert offer.json()["hash_value"] == hashlib.sha1(content).hexdigest()
    return table(content)[0]


def amounts(merchant: Merchant) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Of both bills the amounts under each number of the merchant's; without fees."""
    trade: dict[str, list[str]] = {}
    flow: dict[str, list[str]] = {}
    for row in rows_of(merchant, TRADE):
        refund = row["交易状态"] == "REFUND"
        number, amount = (row["商户退款单号"], row["退款金额"]) if refund else (row["商户订单号"], row["订单金额"])
        trade.setdefault(number, []).append(amount)
    for row in rows_of(merchant, FLOW):
        if row["业务类型"] != "扣除交易手续费":
            flow.setdefault(row["业务凭证号"], []).append(row["收支金额(元)"])
    return trade, flow


TRUE = {"order-0001": ["123.45"], "order-0002": ["1.00"], "refund-1": ["20.00"]}


@pytest.mark.parametrize(
    ("plant", "changed"),
    [
        ({"what": "drop", "out_trade_no": "order-0001"}, {"order-0001": []}),
        ({"what": "drop", "out_refund_no": "refund-1"}, {"refund-1": []}),
        ({"what": "double", "out_trade_no": "order-0002"}, {"order-0002": ["1.00", "1.00"]}),
        ({"what": "amount", "out_trade_no": "order-0002", "amount": 150}, {"order-0002": ["1.50"]}),
        ({"what": "amount", "out_refund_no": "refund-1", "amount": 1999}, {"refund-1": ["19.99"]}),
        ({"what": "add", "out_trade_no": "order-0009", "amount": 700}, {"order-0009": ["7.00"]}),
        (
            {"what": "add", "out_refund_no": "refund-9", "out_trade_no": "order-0001", "amount": 5},
            {"refund-9": ["0.05"]},
        ),
        ({"what": "drop", "out_trade_no": "order-0009"}, {}),
        ({"what": "drop", "out_trade_no": "refund-1"}, {}),
        ({"what": "drop", "out_trade_no": "order-0001", "day": "2026-11-19"}, {}),
    ],
)
@pytest.mark.parametrize("bill", ["trade", "flow", "both"])
def test_a_difference_is_planted_in_one_bill_or_both(
    traded: Merchant, plant: dict[str, object], changed: dict[str, list[str]], bill: str
) -> None:
    assert "error" not in traded.http.control("bills/plant", {"day": "2026-11-20", **plant, "bill": bill})
    planted = {number: found for number, found in (TRUE | changed).items() if found}
    assert amounts(traded) == (TRUE if bill == "flow" else planted, TRUE if bill == "trade" else planted)
    traded.http.delete("/_sandbox/bills/plant")
    assert amounts(traded) == (TRUE, TRUE)


def test_a_day_on_which_nothing_was_traded_can_get_a_bill(traded: Merchant) -> None:
    assert rows_of(traded, TRADE, "2026-11-18") == []
    added = {"day": "2026-11-18", "what": "add", "out_trade_no": "order-0009", "amount": 1}
    traded.http.control("bills/plant", added)
    [row] = rows_of(traded, TRADE, "2026-11-18")
    assert (row["交易时间"], row["商户订单号"]) == ("2026-11-18 12:00:00", "order-0009")


def test_the_sums_are_of_the_changed_file(traded: Merchant) -> None:
    traded.http.control("bills/plant", {"day": "2026-11-20", "what": "drop", "out_trade_no": "order-0001"})
    for bill, name in ((TRADE, "订单总金额"), (FLOW, "收入金额")):
        _, summary = table(download(traded, traded.call("GET", f"{bill}?bill_date=2026-11-20")))
        assert summary[name] == "1.00"


@pytest.mark.parametrize(
    "changed",
    [
        {"what": "burn"},
        {"bill": "mine"},
        {"day": "yesterday"},
        {"what": "amount"},
        {"what": "add", "amount": -1},
        {"what": "add", "amount": "1.00"},
        {"out_trade_no": ...},
    ],
)
def test_a_difference_that_cannot_be_is_refused(merchant: Merchant, changed: dict[str, object]) -> None:
    plant = {"day": "2026-11-20", "what": "drop", "out_trade_no": "order-0001"} | changed
    answer = merchant.http.control("bills/plant", {name: value for name, value in plant.items() if value is not ...})
    assert "error" in answer


def test_a_hash_can_be_wrong(traded: Merchant) -> None:
    traded.http.fault("tradebill", "wrong_hash")
    wrong, right = (traded.call("GET", f"{TRADE}?bill_date=2026-11-20") for _ in range(2))
    content = download(traded, wrong)
    assert content == download(traded, right)
    assert wrong.json()["hash_value"] != hashlib.sha1(content).hexdigest() == right.json()["hash_value"]


def test_a_download_can_break_off(traded: Merchant) -> None:
    offer = traded.call("GET", f"{TRADE}?bill_date=2026-11-20&tar_type=GZIP")
    traded.http.fault("billdownload", "cut", after=100)
    with pytest.raises(IncompleteRead):
        download(traded, offer)
    assert gzip.decompress(download(traded, offer))


def test_a_refund_stands_where_it_was_accepted_and_where_its_money_went(merchant: Merchant, clock: FakeClock) -> None:
    merchant.paid()
    merchant.http.fault("refunds", "refund_outcome", outcome="SUCCESS", seconds=DAY)
    merchant.refund(refund=40)
    merchant.http.control("clock", {"advance_seconds": DAY})
    assert merchant.ended() == "SUCCESS"
    clock.advance(DAY)
    days = ("2026-11-20", "2026-11-21")
    refunds = [
        [row["商户退款单号"] for row in rows_of(merchant, TRADE, day) if row["商户退款单号"] != "0"] for day in days
    ]
    flows = [[row["业务凭证号"] for row in rows_of(merchant, FLOW, day) if row["业务类型"] == "退款"] for day in days]
    assert (refunds, flows) == ([["refund-1"], []], [[], ["refund-1"]])


@pytest.mark.parametrize(("outcome", "shown"), [("ABNORMAL", "CHANGE"), ("CLOSED", "FAIL")])
def test_a_refund_that_failed_moved_no_money(merchant: Merchant, clock: FakeClock, outcome: str, shown: str) -> None:
    merchant.paid()
    merchant.http.fault("refunds", "refund_outcome", outcome=outcome)
    merchant.refund(refund=40)
    assert merchant.ended() == outcome
    clock.advance(DAY)
    trade, flow = rows_of(merchant, TRADE), rows_of(merchant, FLOW)
    assert [row["退款状态"] for row in trade if row["交易状态"] == "REFUND"] == [shown]
    assert {row["业务类型"] for row in flow} == {"交易", "扣除交易手续费"}


def paid_order(merchant: Merchant, number: int) -> dict[str, object]:
    moment = merchant.clock().timestamp() + number % 3600
    params = {"appid": merchant.credentials.appid, "mchid": merchant.credentials.mchid, "description": "白瓷碗"}
    params |= {"out_trade_no": f"order-{number:08}"}
    return {
        "params": params | {"amount": {"total": 100}, "payer": {"openid": "o-somebody"}},
        "state": "SUCCESS",
        "paid": moment,
        "transaction_id": f"4200{number:024}",
        "payer_total": 100,
        "refunds": [],
    }


@pytest.mark.parametrize("bill", [TRADE, FLOW])
def test_a_bill_of_any_size_takes_the_same_memory(merchant: Merchant, credentials: Credentials, bill: str) -> None:
    peaks = []
    for count in (400, 1600):
        state = State()
        for number in range(count):
            state.put("order", str(number), paid_order(merchant, number))
        wechat = SandboxWeChat(credentials, clock=merchant.clock, state=state)
        merchant.clock.advance(DAY)
        with wechat, running(wechat.wsgi_app) as url:
            merchant.http = Http(url)
            merchant.query()
            tracemalloc.start()
            offer = merchant.call("GET", f"{bill}?bill_date={merchant.clock() - timedelta(days=1):%Y-%m-%d}").json()
            sha = hashlib.sha1()
            for piece in streamed(merchant, offer["download_url"]):
                sha.update(piece)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert sha.hexdigest() == offer["hash_value"]
    assert peaks[1] < peaks[0] * 1.2, peaks


def streamed(merchant: Merchant, url: str) -> Iterator[bytes]:
    target = url.removeprefix(f"http://{merchant.http.host}")
    connection = merchant.http.client_connection()
    connection.request("GET", target, headers=merchant.headers(merchant.fields("GET", target, "")))
    answer = connection.getresponse()
    while piece := answer.read(10_000):
        yield piece
    connection.close()
