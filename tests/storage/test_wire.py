"""Connections: kept, shared by threads, left when they are stale, never trusted blindly."""

import os
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, SSLError

from chalicelib.storage import wire
from chalicelib.storage.table import LEAN, bind
from chalicelib.storage.transport import ATTEMPTS
from tests.storage import certificates
from tests.storage.conftest import CLIENTS, Client
from tests.storage.scripted import Scripted, Step, refusal, scripted, success

THREADS = 16
VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


def get(client: Any, number: int) -> int:
    """Asks for the item of this number, and says which one came."""
    return int(client.get_item(TableName="t", Key=key(number))["Item"]["n"]["N"])


def key(number: int) -> dict[str, Any]:
    return {"n": {"N": str(number)}}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """What the clock on the wall shows, for ever."""
    shows = [datetime(2026, 11, 22, tzinfo=UTC)]
    monkeypatch.setattr(wire, "system_clock", lambda: shows[-1])
    return shows


def test_one_connection_serves_what_comes_one_after_another(server: Scripted, client: Client) -> None:
    one = client(LEAN, server.url)
    assert [get(one, n) for n in range(5)] == list(range(5))
    server.script(refusal("ValidationException"))
    with pytest.raises(ClientError):
        get(one, 5)
    assert len(server.connections) == 1


def test_threads_get_their_own_answers(server: Scripted, client: Client) -> None:
    one = client(LEAN, server.url)
    wrong: list[Any] = []

    def ask(thread: int) -> None:
        for n in range(20):
            keys = [key(thread * 1000 + n * 10 + each) for each in range(3)]
            answers = one.ask([("GetItem", {"TableName": "t", "Key": each}) for each in keys])
            wrong.extend(each for each, answer in zip(keys, answers, strict=True) if answer["Item"] != each)

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(server.heard) == THREADS * 60
    assert len(server.connections) <= THREADS * 3


@pytest.mark.parametrize("name", CLIENTS)
def test_a_connection_that_the_server_closed_while_idle_costs_no_try(
    name: str, server: Scripted, client: Client, clock: list[datetime]
) -> None:
    one = client(name, server.url)
    assert get(one, 1) == 1
    server.hang_up()
    clock.append(clock[0] + timedelta(seconds=1))
    assert one.get_item(TableName="t", Key=key(2))["ResponseMetadata"]["RetryAttempts"] == 0
    assert [len(server.heard), len(server.connections)] == [2, 1]


def test_a_connection_that_ends_unseen_is_answered_at_the_next_try(
    server: Scripted, client: Client, clock: list[datetime]
) -> None:
    one = client(LEAN, server.url)
    assert get(one, 1) == 1
    server.hang_up()
    assert one.get_item(TableName="t", Key=2)["ResponseMetadata"]["RetryAttempts"] == 1


@pytest.mark.parametrize("passed", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_after_a_freeze_a_connection_is_not_used_again(
    passed: timedelta, server: Scripted, client: Client, clock: list[datetime]
) -> None:
    one = client(LEAN, server.url)
    get(one, 1)
    clock.append(clock[0] + timedelta(minutes=4))
    get(one, 2)
    assert len(server.connections) == 1
    clock.append(clock[-1] + passed)
    get(one, 3)
    assert len(server.connections) == 2


def test_what_comes_after_an_answer_is_no_answer_to_the_next(server: Scripted, client: Client) -> None:
    first, second = success({"Item": key(1)}), success({"Item": key(2)})
    assert first.sent is not None
    server.script(Step(first.sent * 2), second)
    one = client(LEAN, server.url)
    assert [get(one, 1), get(one, 2)] == [1, 2]
    assert len(server.connections) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 fine\r\n\r\n",
        b"HTTP/2\r\n\r\n",
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000,
    ],
)
def test_an_answer_that_is_no_http_is_a_broken_connection(answer: bytes, server: Scripted, client: Client) -> None:
    server.script(Step(answer))
    with pytest.raises(ConnectionClosedError):
        get(client(LEAN, server.url), 1)
    assert len(server.heard) == ATTEMPTS


def test_no_more_are_kept_than_may_be(server: Scripted, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_KEPT", 2)
    one = client(LEAN, server.url)
    for _ in range(2):
        one.ask([("GetItem", {"TableName": "t", "Key": n}) for n in range(5)])
    assert len(server.connections) == 5 + 3


def test_another_place_closes_what_was_kept_to_the_last(server: Scripted, client: Client) -> None:
    get(client(LEAN, server.url), 1)
    bind("elsewhere-", "cn-north-1", "http://127.0.0.1:9")
    assert server.gone.wait(10)


def test_a_child_process_does_not_use_its_parents_connections(server: Scripted, client: Client) -> None:
    one = client(LEAN, server.url)
    get(one, 1)
    child = os.fork()
    if not child:
        os._exit(int(get(one, 2) != 2))
    assert os.waitpid(child, 0)[1] == 0
    assert get(one, 3) == 3
    assert len(server.connections) == 2


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("path", ["", "/", "/base", "/base/"])
def test_the_path_of_an_address_is_kept_as_by_botocore(path: str, name: str, server: Scripted, client: Client) -> None:
    get(client(name, server.url + path), 1)
    assert server.heard[0][0][""] == f"POST {path or '/'} HTTP/1.1"


@pytest.mark.parametrize("name", CLIENTS)
def test_an_address_of_ip_v6(name: str, client: Client) -> None:
    with scripted(family=socket.AF_INET6) as server:
        assert get(client(name, server.url), 1) == 1
        assert server.heard[0][0]["host"] == server.url.removeprefix("http://")


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Where a variable may name an authority; none does so far."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    return monkeypatch


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.issue(tmp_path_factory.mktemp("tls"))


def tls_of(papers: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers / f"{name}.pem")
    return context


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_private_authority_is_trusted_if_it_is_named(
    name: str, variable: str, papers: Path, client: Client, authority: pytest.MonkeyPatch
) -> None:
    authority.setenv(variable, str(papers / "authority.pem"))
    asked: list[str] = []
    tls = tls_of(papers, "localhost")
    tls.sni_callback = lambda _, host, __: asked.append(host)
    with scripted(tls) as server:
        one = client(name, server.url)
        assert [get(one, n) for n in (1, 2)] == [1, 2]
        assert len(server.connections) == 1
    assert asked == ["localhost"]


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize(("paper", "known"), [("elsewhere", True), ("localhost", False)])
def test_a_wrong_name_and_an_unknown_authority_are_refused(
    paper: str, known: bool, name: str, papers: Path, client: Client, authority: pytest.MonkeyPatch
) -> None:
    if known:
        authority.setenv("AWS_CA_BUNDLE", str(papers / "authority.pem"))
    with scripted(tls_of(papers, paper)) as server:
        with pytest.raises(SSLError):
            get(client(name, server.url), 1)
        assert (len(server.connections), server.heard) == (ATTEMPTS, [])


def test_old_versions_of_tls_are_refused(papers: Path) -> None:
    context = wire._tls(str(papers / "authority.pem"))
    assert (context.minimum_version, context.check_hostname) == (ssl.TLSVersion.TLSv1_2, True)
    assert len(context.get_ca_certs()) == 1
