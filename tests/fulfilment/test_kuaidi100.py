"""The adapter of kuaidi100 against the sandbox's, and against answers that no provider should give."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from urllib3 import HTTPResponse

from chalicelib.fulfilment.carriers import CARRIERS
from chalicelib.fulfilment.kuaidi100 import Kuaidi100
from chalicelib.fulfilment.rules import MOST_SCANS, Tracking
from chalicelib.fulfilment.tracking import TrackingFailed
from sandbox.wechat import Credentials
from tests.shop import Stack

YTO, SF = CARRIERS["YTO"], CARRIERS["SF"]


@pytest.fixture
def tracker(stack: Stack) -> Kuaidi100:
    found = stack.shop.fulfilment.following._tracker
    assert isinstance(found, Kuaidi100)
    return found


Answering = Callable[[bytes, int], Kuaidi100]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """A tracker whose provider says this."""

    def make(body: bytes, status: int = 200) -> Kuaidi100:
        tracker = Kuaidi100("customer", "key", "http://127.0.0.1:1")
        monkeypatch.setattr(tracker._http, "request", lambda *_, **__: HTTPResponse(body, status=status))
        return tracker

    return make


@pytest.mark.parametrize(
    ("state", "tracking"),
    [
        ("0", Tracking.UNDER_WAY),
        ("1002", Tracking.UNDER_WAY),
        ("1", Tracking.COLLECTED),
        ("2", Tracking.TROUBLE),
        ("3", Tracking.SIGNED),
        ("304", Tracking.SIGNED),
        ("4", Tracking.BACK),
        ("5", Tracking.DELIVERING),
        ("6", Tracking.BACK),
        ("7", Tracking.UNDER_WAY),
        ("14", Tracking.TROUBLE),
        ("11", Tracking.UNDER_WAY),
    ],
)
def test_states_are_put_into_the_shops_words(stack: Stack, tracker: Kuaidi100, state: str, tracking: Tracking) -> None:
    stack.control("POST", "parcels/YT123456", {"com": "yuantong", "state": state, "context": "扫描"})
    found = tracker.track(YTO, "YT123456", "")
    assert found is not None
    assert (found.tracking, found.scans[0].text, found.scans[0].at) == (tracking, "扫描", stack.clock())


def test_a_parcel_that_nobody_scanned_is_none(tracker: Kuaidi100) -> None:
    assert tracker.track(YTO, "YT999999", "") is None


@pytest.mark.parametrize(("phone", "found"), [("13800138000", True), ("13800130001", False), ("", False)])
def test_only_who_knows_the_phone_learns_where_an_sf_parcel_is(
    stack: Stack, tracker: Kuaidi100, phone: str, found: bool
) -> None:
    scan = {"com": "shunfeng", "state": "0", "context": "扫描", "phone": "13800138000"}
    stack.control("POST", "parcels/SF123456", scan)
    if found:
        assert tracker.track(SF, "SF123456", phone) is not None
        return
    with pytest.raises(TrackingFailed) as failed:
        tracker.track(SF, "SF123456", phone)
    assert (failed.value.code, failed.value.hopeless) == ("408", True)


def test_a_wrong_key_is_told_apart_from_a_wrong_parcel(stack: Stack, credentials: Credentials) -> None:
    stranger = Kuaidi100(credentials.kuaidi100_customer, "wrong", stack.wechat_url)
    with pytest.raises(TrackingFailed) as failed:
        stranger.track(YTO, "YT123456", "")
    assert (failed.value.code, failed.value.hopeless) == ("503", False)
    assert "wrong" not in str(failed.value)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"<html>", 200, "UNREACHABLE"),
        (b"[]", 200, "UNREACHABLE"),
        (b"{}", 500, "UNREACHABLE"),
        (b"[" * 5000, 200, "UNREACHABLE"),
        (b"{}", 200, "MALFORMED"),
        (b'{"state": "0", "data": []}', 200, "MALFORMED"),
        (b'{"state": "0", "data": [7]}', 200, "MALFORMED"),
        (b'{"state": "0", "data": [{"ftime": "soon", "context": "x"}]}', 200, "MALFORMED"),
        (b'{"result": false, "returnCode": "601"}', 200, "601"),
    ],
)
def test_answers_that_say_nothing_are_failures_that_may_pass(
    answering: Any, body: bytes, status: int, code: str
) -> None:
    with pytest.raises(TrackingFailed) as failed:
        answering(body, status).track(YTO, "YT123456", "")
    assert (failed.value.code, failed.value.hopeless) == (code, False)


def test_a_provider_that_cannot_be_reached_is_a_failure_that_may_pass() -> None:
    with pytest.raises(TrackingFailed) as failed:
        Kuaidi100("customer", "key", "http://127.0.0.1:1").track(YTO, "YT123456", "")
    assert failed.value.code == "UNREACHABLE"


def test_of_many_long_scans_the_last_are_kept_and_cut(answering: Any) -> None:
    scans = [{"ftime": "2026-11-22 10:00:00", "context": "长" * 999} for _ in range(99)]
    found = answering(json.dumps({"state": "0", "data": scans}).encode()).track(YTO, "YT123456", "")
    assert (len(found.scans), len(found.scans[0].text)) == (MOST_SCANS, 200)
