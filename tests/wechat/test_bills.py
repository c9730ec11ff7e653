"""Bills: what is asked for, and how a file comes in."""

import gzip
import hashlib
import io
import os
import tracemalloc
from datetime import date

import pytest
import urllib3

from chalicelib.wechat.bills import CHUNK, BillOffer, Bills
from chalicelib.wechat.errors import BillNotReady, NoBill, PayError, PayRefused, PayUnreachable, PayUnverified
from chalicelib.wechat.pay import WeChatPay

from .platform import Answer, FakeClock, Peer, says, signs
from .test_pay import check_signature, settings

DAY = date(2026, 11, 21)
FILE = "\ufeff交易时间,公众账号ID\r\n`2026-11-21 10:00:00,`wx1\r\n".encode()


@pytest.fixture
def bills(peer: Peer, clock: FakeClock) -> Bills:
    return Bills(WeChatPay(settings(peer.base_url), clock, pause=lambda _: None))


def offer(peer: Peer, target: str = "/v3/billdownload/file?token=a-b%2Fc") -> BillOffer:
    return BillOffer("SHA1", hashlib.sha1(FILE).hexdigest(), peer.base_url + target)


def test_a_bill_is_offered_with_its_hash(bills: Bills, peer: Peer) -> None:
    told = {"hash_type": "SHA1", "hash_value": "79bb", "download_url": "https://api.mch.weixin.qq.com/v3/x?token=1"}
    peer.will(signs(told))
    assert bills.trade(DAY) == bills.fund_flow(DAY) == BillOffer("SHA1", "79bb", told["download_url"])
    assert [request.target for request in peer.requests] == [
        "/v3/bill/tradebill?bill_date=2026-11-21&bill_type=ALL&tar_type=GZIP",
        "/v3/bill/fundflowbill?bill_date=2026-11-21&account_type=BASIC&tar_type=GZIP",
    ]


def test_a_bill_that_is_being_made_is_for_later_and_one_that_is_not_is_none(bills: Bills, peer: Peer) -> None:
    peer.will(says({"code": "STATEMENT_CREATING", "message": "生成中"}, 400))
    with pytest.raises(BillNotReady) as later:
        bills.trade(DAY)
    assert later.value.retryable
    peer.will(says({"code": "NO_STATEMENT_EXIST", "message": "不存在"}, 400))
    with pytest.raises(NoBill) as none:
        bills.fund_flow(DAY)
    assert not none.value.retryable
    peer.will(says({"code": "RULE_LIMIT", "message": "x"}, 403))
    with pytest.raises(PayRefused) as other:
        bills.trade(DAY)
    assert type(other.value) is PayRefused


@pytest.mark.parametrize("missing", ["hash_type", "hash_value", "download_url"])
def test_half_an_offer_is_none(bills: Bills, peer: Peer, missing: str) -> None:
    peer.will(signs({"hash_type": "SHA1", "hash_value": "79bb", "download_url": "https://x/y"} | {missing: None}))
    with pytest.raises(PayUnverified):
        bills.trade(DAY)


def test_an_offer_that_nobody_signed_is_none(bills: Bills, peer: Peer) -> None:
    peer.will(says({"hash_type": "SHA1", "hash_value": "79bb", "download_url": "https://x/y"}))
    with pytest.raises(PayUnverified):
        bills.trade(DAY)


def test_the_file_comes_uncompressed_from_an_unsigned_answer_to_a_signed_request(bills: Bills, peer: Peer) -> None:
    peer.will(Answer(200, gzip.compress(FILE), {"Content-Type": "application/gzip"}))
    assert b"".join(bills.download(offer(peer))) == FILE
    (request,) = peer.requests
    assert (request.method, request.target) == ("GET", "/v3/billdownload/file?token=a-b%2Fc")
    check_signature(request)


def test_the_signature_covers_what_is_sent(bills: Bills, peer: Peer) -> None:
    peer.will(Answer(200, gzip.compress(FILE)))
    assert b"".join(bills.download(offer(peer, "/v3/billdownload/file?token=a%2fb c&tartype=gzip"))) == FILE
    check_signature(peer.requests[0])


def test_another_host_is_asked_where_the_offer_says_so(clock: FakeClock, peer: Peer) -> None:
    peer.will(Answer(200, gzip.compress(FILE)))
    elsewhere = Bills(WeChatPay(settings("http://127.0.0.1:9"), clock))
    assert b"".join(elsewhere.download(offer(peer))) == FILE


def test_a_file_in_several_parts_is_one_file(bills: Bills, peer: Peer) -> None:
    peer.will(Answer(200, gzip.compress(FILE) + gzip.compress(FILE)))
    assert b"".join(bills.download(offer(peer))) == FILE + FILE


def test_memory_does_not_grow_with_the_file(bills: Bills, peer: Peer) -> None:
    """Zeros pack a thousandfold, which no piece may show."""

    def peak(megabytes: int) -> int:
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
            file.write(os.urandom(100_000))  # more than one piece of what hardly packs
            for _ in range(megabytes):
                file.write(bytes(1024 * 1024))
        peer.will(Answer(200, packed.getvalue()))
        tracemalloc.start()
        try:
            sizes = [len(chunk) for chunk in bills.download(offer(peer))]
            highest = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert sum(sizes) == 100_000 + megabytes * 1024 * 1024
        assert max(sizes) <= CHUNK
        return highest

    small = peak(1)
    assert peak(32) < small + 1024 * 1024


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (Answer(hang_up=True), PayUnreachable, "UNREACHABLE"),
        (Answer(200, gzip.compress(FILE)[:-9]), PayUnreachable, "UNREACHABLE"),
        (Answer(200, FILE), PayUnverified, "MALFORMED"),
        (Answer(200, gzip.compress(FILE)[:-8] + bytes(8)), PayUnverified, "MALFORMED"),
        (Answer(200, gzip.compress(FILE)[:10] + b"\x07" * 50), PayUnverified, "MALFORMED"),
        (Answer(302, b"", {"Location": "http://127.0.0.1:9/"}), PayUnreachable, "HTTP_302"),
        (Answer(502, b"<html>"), PayUnreachable, "HTTP_502"),
        (says({"code": "RESOURCE_NOT_EXISTS", "message": "过期"}, 404), PayRefused, "RESOURCE_NOT_EXISTS"),
    ],
)
def test_a_download_is_tried_once_and_says_how_it_failed(
    bills: Bills, peer: Peer, answer: Answer, kind: type[PayError], code: str
) -> None:
    peer.will(answer)
    with pytest.raises(kind) as caught:
        list(bills.download(offer(peer)))
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert len(peer.requests) == 1


@pytest.mark.parametrize("url", ["", "no url", "ftp://example.com/x", "http://[::1/x", "file:///etc/passwd"])
def test_a_url_that_is_none_is_not_followed(bills: Bills, url: str) -> None:
    with pytest.raises(PayUnreachable):
        list(bills.download(BillOffer("SHA1", "00", url)))


def test_who_stops_reading_leaves_no_connection_open(
    peer: Peer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay, answers = WeChatPay(settings(peer.base_url), clock), []
    stream = pay.transport.stream

    def kept(url: str) -> urllib3.BaseHTTPResponse:
        answers.append(stream(url))
        return answers[-1]

    monkeypatch.setattr(pay.transport, "stream", kept)
    peer.will(Answer(200, gzip.compress(os.urandom(3_000_000))))
    reading = Bills(pay).download(offer(peer))
    next(reading)
    assert not answers[0].closed
    del reading
    assert answers[0].closed
