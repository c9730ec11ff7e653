"""Answers that come late, never, unsigned, forged or wrong."""

import http.client
import threading
import time
from typing import Any

import pytest

from .merchant import PREPAY, REFUNDS, Http, Merchant


def test_a_status_comes_instead_of_the_work(merchant: Merchant) -> None:
    merchant.http.fault(PREPAY, "status", status=429, code="FREQUENCY_LIMITED", message="频率超限")
    reply = merchant.call("POST", PREPAY, merchant.order())
    assert (reply.status, reply.json()) == (429, {"code": "FREQUENCY_LIMITED", "message": "频率超限"})
    assert merchant.verifies(reply.headers, reply.body)
    assert merchant.query().status == 404


def test_the_work_can_be_done_although_an_error_is_answered(merchant: Merchant) -> None:
    merchant.http.fault(PREPAY, "work_then_status", status=502)
    assert merchant.call("POST", PREPAY, merchant.order()).status == 502
    assert merchant.query().json()["trade_state"] == "NOTPAY"


@pytest.mark.parametrize(("do", "found"), [("drop_before", 404), ("drop_after", 200)])
def test_a_dropped_answer_leaves_the_work_undone_or_done(merchant: Merchant, do: str, found: int) -> None:
    merchant.http.fault(PREPAY, do)
    with pytest.raises(http.client.RemoteDisconnected):
        merchant.call("POST", PREPAY, merchant.order())
    assert merchant.query().status == found


@pytest.mark.parametrize("after", [1, 10])
def test_an_answer_can_break_off(merchant: Merchant, after: int) -> None:
    merchant.http.fault(PREPAY, "cut", after=after)
    with pytest.raises(http.client.IncompleteRead) as broken:
        merchant.call("POST", PREPAY, merchant.order())
    assert len(broken.value.partial) == after
    assert merchant.query().status == 200


def test_a_cut_behind_the_end_cuts_nothing(merchant: Merchant) -> None:
    merchant.http.fault(PREPAY, "cut", after=10_000)
    assert merchant.prepay()


def test_a_late_answer_comes_late(merchant: Merchant) -> None:
    merchant.http.fault(PREPAY, "delay", seconds=0.2)
    started = time.monotonic()
    merchant.prepay()
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(
    ("fault", "verifies"),
    [
        ({"do": "unsigned"}, False),
        ({"do": "wrong_key"}, False),
        ({"do": "tamper"}, False),
        ({"do": "unknown_serial"}, False),
        ({"do": "certificate"}, True),
        ({"do": "stale", "age_seconds": 301}, True),
        ({"do": "body", "body": "<html>"}, True),
    ],
)
def test_an_answer_can_be_forged(merchant: Merchant, fault: dict[str, Any], verifies: bool) -> None:
    merchant.http.control("faults", [{"match": PREPAY, **fault}])
    reply = merchant.call("POST", PREPAY, merchant.order())
    assert reply.status == 200
    assert ("Wechatpay-Signature" in reply.headers) is (fault["do"] != "unsigned")
    assert merchant.verifies(reply.headers, reply.body) is verifies
    if "age_seconds" in fault:
        assert int(reply.headers["Wechatpay-Timestamp"]) == int(merchant.clock().timestamp()) - 301


def test_unsigned_errors_leave_good_answers_signed(merchant: Merchant) -> None:
    merchant.http.fault("/v3/", "unsigned_errors", times=None)
    assert "Wechatpay-Signature" not in merchant.query().headers
    assert "Wechatpay-Signature" in merchant.call("POST", PREPAY, merchant.order()).headers


def test_a_fault_hits_as_often_as_asked_after_those_it_skips(merchant: Merchant) -> None:
    merchant.http.fault("/v3/", "status", times=2, skip=1)
    assert [merchant.query().status for _ in range(4)] == [404, 500, 500, 404]


def test_a_fault_can_be_for_one_method_and_last_until_deleted(merchant: Merchant) -> None:
    merchant.http.fault(REFUNDS, "status", times=None, method="POST")
    assert [merchant.refund().status, merchant.refund().status] == [500, 500]
    assert merchant.call("GET", f"{REFUNDS}/refund-1").status == 404
    merchant.http.delete("/_sandbox/faults")
    assert merchant.http.get("/_sandbox/faults") == []
    assert merchant.refund().status == 404


def test_faults_show_in_the_list_of_calls(merchant: Merchant) -> None:
    merchant.http.fault(PREPAY, "drop_before")
    with pytest.raises(http.client.RemoteDisconnected):
        merchant.call("POST", PREPAY, merchant.order())
    [call] = merchant.http.get("/_sandbox/calls")
    assert (call["status"], call["faults"]) == (None, ["drop_before"])


@pytest.mark.parametrize(
    "fault",
    [
        {"match": "a", "do": "explode"},
        {"do": "status"},
        {"match": "a", "do": "status", "errcode": 1},
        {"match": "(", "do": "status"},
    ],
)
def test_a_fault_that_does_not_exist_is_refused(http: Http, fault: dict[str, Any]) -> None:
    assert "error" in http.control("faults", [fault])


@pytest.mark.parametrize("errcode", [-1, 40029, 40163, 40226, 45011])
def test_any_error_of_the_mini_program_side_can_be_asked_for(http: Http, errcode: int) -> None:
    http.fault("jscode2session", "errcode", errcode=errcode, errmsg="as asked")
    reply = http.get("/sns/jscode2session")
    assert reply["errcode"] == errcode
    assert reply["errmsg"].startswith("as asked rid: ")


def test_an_errcode_is_no_answer_of_the_pay_side(merchant: Merchant) -> None:
    merchant.http.fault("/v3/", "errcode")
    assert merchant.query().status == 500


def test_the_mini_program_side_can_fail_with_html(http: Http) -> None:
    http.fault("/cgi-bin/", "status", status=502)
    reply = http.send("POST", "/cgi-bin/stable_token", b"", {})
    assert (reply.status, reply.headers["Content-Type"]) == (502, "text/html")


def test_connections_stay_open_and_answer_at_once(http: Http) -> None:
    """A server that leaves Nagle's algorithm on takes 40 ms for every request after the first."""
    connection = http.client_connection()
    times = []
    for _ in range(20):
        started = time.monotonic()
        connection.request("GET", "/_sandbox/clock")
        answer = connection.getresponse()
        answer.read()
        times.append(time.monotonic() - started)
        assert not answer.will_close
    connection.close()
    assert sorted(times)[10] < 0.03


def test_many_shoppers_are_served_at_once(merchant: Merchant) -> None:
    prepay_ids = [merchant.prepay(f"order-{number:04}") for number in range(8)]
    threads = [threading.Thread(target=merchant.pay, args=(prepay_id,)) for prepay_id in prepay_ids * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    states = [payment["trade_state"] for payment in merchant.http.get("/_sandbox/payments")]
    assert states == ["SUCCESS"] * 8
    assert len(merchant.http.get("/_sandbox/callbacks")) == 8
