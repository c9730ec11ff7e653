"""What only a socket can send: the local server answers in form or hangs up, and serves the next one."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from .asking import House

LOGIN = b"POST /login HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
ME = b"GET /me HTTP/1.1\r\nHost: shop\r\n"
RAW = {
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    "old http": b"GET /me\r\n",
    "other http": b"GET /me HTTP/9.9\r\n\r\n",
    "no path": b"GET  HTTP/1.1\r\n\r\n",
    "whole address": b"GET http://169.254.169.254/latest/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "long path": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    "long header": ME + b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n",
    "many headers": ME + b"".join(b"X-%d: y\r\n" % n for n in range(500)) + b"\r\n",
    "folded header": ME + b"Authorization: Bearer\r\n x\r\n\r\n",
    "nul in a header": ME + b"Authorization: Bearer \x00\x01\r\n\r\n",
    "latin-1 header": ME + b"Authorization: Bearer \xff\xfe\r\n\r\n",
    "token twice": ME + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    "no length": LOGIN + b"\r\n",
    "less than told": LOGIN + b'Content-Length: 100\r\n\r\n{"code": "x"',
    "negative length": LOGIN + b'Content-Length: -5\r\n\r\n{"code": "x"}',
    "chunked": LOGIN + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"cod\r\n0\r\n\r\n',
    "chunks of no size": LOGIN + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n",
    "two lengths": LOGIN + b"Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
}


@pytest.fixture(autouse=True)
def still_serving(house: House) -> Iterator[None]:
    yield
    assert requests.get(f"{house.stack.api_url}/categories", timeout=30).status_code == 200


@pytest.mark.parametrize("name", RAW)
def test_a_broken_request_is_answered_or_hung_up_on(house: House, name: str) -> None:
    before = house.written
    answer = spoken(house, RAW[name])
    if answer.startswith(b"HTTP/"):  # before 1.0 there was no status
        assert answer.split()[1].startswith(b"4"), answer[:300]
    assert b"Traceback" not in answer
    assert house.written == before


def test_ten_megabytes_over_a_socket_are_too_large(house: House) -> None:
    for route in ("/login", "/wechat/pay/notify"):
        url, headers = house.stack.api_url + route, {"Content-Type": "application/json"}
        answer = requests.post(url, data=b'{"code": "' + b"x" * 10_000_000, headers=headers, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


def spoken(house: House, sent: bytes) -> bytes:
    """The answer to these bytes, after which nothing more is sent."""
    address = urlsplit(house.stack.api_url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        heard = b""
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                heard += part
        except ConnectionError:
            pass  # hung up while being spoken to
    return heard
