"""The lean client beside botocore's own: the same trouble has the same end, after as many tries."""

import json
import socket
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, ReadTimeoutError
from urllib3.util import connection as urllib3_connection

from chalicelib.storage import table, wire
from chalicelib.storage.table import LEAN, ORDINARY, STORAGE_FAILURES
from chalicelib.storage.transport import ATTEMPTS
from tests.storage.conftest import CLIENTS, Client
from tests.storage.scripted import Scripted, Step, echo, refusal, reply, success

KEY = {"id": {"S": "钱 \U0001f375 \x7f"}}
ITEM = {"Item": {"n": {"N": "9" * 38}, "m": {"M": {"l": {"L": [{"NULL": True}, {"BOOL": False}]}}}}}
REASONS = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Message": "no", "Item": {"id": {"S": "a"}}}]
FINE = success(ITEM)
TROUBLES = {
    "success": [FINE],
    "large": [success({"Item": {"text": {"S": "茶" * 700_000}}})],
    "500, then well": [refusal("InternalServerError", 500), FINE],
    "500 for good": [refusal("InternalServerError", 500)],
    "503 in HTML": [reply(503, b"<html><b>Http/1.1 Service Unavailable</b></html>")],
    "503 in text": [reply(503, b"busy")],
    "502 without a body": [reply(502, b"")],
    "400 in text": [reply(400, b"what?")],
    "400 without a body": [reply(400, b"")],
    "413": [reply(413, b"<html>too large</html>")],
    "throughput": [refusal("ProvisionedThroughputExceededException"), refusal("RequestLimitExceeded"), FINE],
    "throttled for good": [refusal("ThrottlingException")],
    "transaction in progress": [refusal("TransactionInProgressException"), FINE],
    "condition": [refusal("ConditionalCheckFailedException", Item={"id": {"S": "a"}})],
    "canceled": [refusal("TransactionCanceledException", CancellationReasons=REASONS, Message="canceled")],
    "code with a link": [refusal("ValidationException:http://internal.amazon.com/")],
    "expired": [refusal("ExpiredTokenException")],
    "checksum wrong once": [reply(200, b'{"Item":{}}', "x-amz-crc32: 1"), FINE],
    "checksum wrong for good": [reply(200, b'{"Item":{}}', "x-amz-crc32: 1")],
    "in chunks": [
        Step(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"Ite\r\n6;x=y\r\nm":{}}\r\n0\r\nT: 1\r\n\r\n')
    ],
    "without a length": [Step(b'HTTP/1.1 200 OK\r\n\r\n{"Item":{}}', closes=True)],
    "continue": [Step(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:  2\r\n\r\n{}")],
    "last on its connection": [reply(200, b"{}", "Connection: close", closes=True)],
    "closed at once": [Step(b"", closes=True)],
    "closed once": [Step(b"", closes=True), FINE],
    "closed within the body": [Step(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"Item"', closes=True)],
    "no HTTP": [Step(b"SSH-2.0-x\r\n\r\n", closes=True)],
}
SILENCE = {
    "at all": [Step(None)],
    "within the head": [Step(b"HTTP/1.1 200 OK\r\nContent")],
    "within the body": [Step(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"Item"')],
}


def outcome(client: Any, operation: str = "GetItem", **params: Any) -> dict[str, Any]:
    """What the shop can see of the end of a call. It names no class of an error that botocore makes of the model."""
    try:
        answer: dict[str, Any] = client._make_api_call(operation, params or {"TableName": "t", "Key": KEY})
    except ClientError as error:
        told = {"text": str(error), "operation": error.operation_name}
        parts = ("Error", "CancellationReasons", "Item", "ResponseMetadata")
        return told | {part: error.response[part] for part in parts if part in error.response}
    except STORAGE_FAILURES as error:
        return {"kind": type(error).__name__}
    return answer


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_goes_wrong_ends_as_with_botocore(
    trouble: str, server: Scripted, client: Client, waits: list[object]
) -> None:
    ends = {}
    for name in CLIENTS:
        server.script(*TROUBLES[trouble])
        end = ends[name] = outcome(client(name, server.url))
        end["waits"] = len(waits)
        waits.clear()
        end.get("ResponseMetadata", {}).pop("RequestId", None)  # botocore overlooks it beside HTML
    assert ends[LEAN] == ends[ORDINARY]


@pytest.mark.parametrize("silence", SILENCE)
def test_silence_ends_as_with_botocore(
    silence: str, server: Scripted, client: Client, waits: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = []
    for module in (wire, table):
        monkeypatch.setattr(module, "READ_SECONDS", 0.05)
    for name in CLIENTS:
        server.script(*SILENCE[silence])
        waits.clear()
        ends.append((outcome(client(name, server.url)), len(waits)))
    assert ends == [({"kind": "ReadTimeoutError"}, ATTEMPTS - 1)] * 2


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"[]", b'{"Item":', b"\xff", None])
def test_half_an_answer_is_none(content: bytes | None, server: Scripted, client: Client) -> None:
    """Where botocore finds nothing in it, and the shop would take what is there for missing."""
    server.script(Step(b"HTTP/1.1 200 OK\r\nContent-Le", closes=True) if content is None else reply(200, content))
    with pytest.raises((HTTPClientError, ConnectionClosedError)):
        client(LEAN, server.url).get_item(TableName="t", Key=KEY)
    assert len(server.heard) == ATTEMPTS


def test_nobody_there_is_told_as_by_botocore(client: Client, waits: list[object]) -> None:
    ends = []
    for name in CLIENTS:
        waits.clear()
        ends.append((outcome(client(name, "http://127.0.0.1:9")), len(waits)))
    assert ends == [({"kind": "EndpointConnectionError"}, ATTEMPTS - 1)] * 2


def test_a_connection_that_is_not_made_in_time_is_told_as_by_botocore(
    client: Client, waits: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: Any, **__: Any) -> socket.socket:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", late)
    monkeypatch.setattr(urllib3_connection, "create_connection", late)
    ends = []
    for name in CLIENTS:
        waits.clear()
        ends.append((outcome(client(name, "http://127.0.0.1:9")), len(waits)))
    assert ends == [({"kind": "ConnectTimeoutError"}, ATTEMPTS - 1)] * 2


def test_those_who_fail_much_try_less_as_with_botocore(server: Scripted, client: Client) -> None:
    tries = {}
    for name in CLIENTS:
        server.script(refusal("InternalServerError", 500))
        one = client(name, server.url)
        found = []
        for _ in range(30):
            heard = len(server.heard)
            outcome(one)
            found.append(len(server.heard) - heard)
        server.script(FINE)
        found.append(outcome(one)["ResponseMetadata"]["RetryAttempts"])
        tries[name] = found
    assert tries[LEAN] == tries[ORDINARY]
    assert (tries[LEAN][0], tries[LEAN][29]) == (ATTEMPTS, 1)


@pytest.mark.parametrize("text", ['茶 \U0001f375 "\\\n\x00\x7f', "\ud83c half of a pair", "x" * 70_000])
def test_what_is_sent_means_the_same(text: str, server: Scripted, client: Client) -> None:
    params = {
        "TableName": "t", "Item": {"id": {"S": text}, "n": {"N": "-1E+125"}},
        "ConditionExpression": "attribute_exists(id)",
        "ExpressionAttributeValues": {":0": {"NULL": True}, ":1": {"SS": ["a"]}},
    }  # fmt: skip
    for name in CLIENTS:
        client(name, server.url)._make_api_call("PutItem", params)
    (lean, lean_body), (ordinary, ordinary_body) = server.heard
    assert json.loads(lean_body) == json.loads(ordinary_body) == params
    same = ("", "host", "x-amz-target", "content-type", "accept-encoding", "amz-sdk-request")
    assert {name: lean[name] for name in same[:5]} == {name: ordinary[name] for name in same[:5]}
    assert lean["amz-sdk-request"].startswith("attempt=1")


@pytest.mark.parametrize("name", CLIENTS)
def test_a_transaction_that_is_sent_again_has_the_same_token(name: str, server: Scripted, client: Client) -> None:
    server.script(refusal("InternalServerError", 500), Step(b"", closes=True), success({}))
    one = client(name, server.url)
    one._make_api_call("TransactWriteItems", {"TransactItems": []})
    one._make_api_call("TransactWriteItems", {"TransactItems": [], "ClientRequestToken": "mine"})
    first, *again, own = (json.loads(body)["ClientRequestToken"] for _, body in server.heard)
    assert len(first) == 36
    assert again == [first, first]
    assert own == "mine"


@pytest.mark.parametrize("name", CLIENTS)
def test_listeners_are_told_the_same(name: str, server: Scripted, client: Client) -> None:
    heard: list[tuple[Any, ...]] = []
    one = client(name, server.url)
    events = one.meta.events
    events.register("provide-client-params.dynamodb", lambda params, model, **_: heard.append((model.name, params)))
    events.register("before-call.dynamodb", lambda params, context, **_: heard.append((json.loads(params["body"]),)))
    events.register("before-send.dynamodb", lambda request, **_: heard.append((json.loads(request.body),)))
    events.register(
        "after-call.dynamodb", lambda parsed, http_response, **_: heard.append((http_response.status_code,))
    )
    asked = {"TableName": "t", "Key": {"id": {"S": "a"}}}
    one.get_item(**asked)
    one.describe_table(TableName="t")
    table = ("DescribeTable", {"TableName": "t"}), ({"TableName": "t"},), ({"TableName": "t"},), (200,)
    assert heard == [("GetItem", asked), (asked,), (asked,), (200,), *table]


@pytest.mark.parametrize("name", CLIENTS)
def test_a_listener_may_answer_or_fail_in_place_of_the_network(name: str, server: Scripted, client: Client) -> None:
    def lost(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="x")

    one = client(name, server.url)
    one.meta.events.register("before-send.dynamodb.PutItem", lost)
    one.meta.events.register(
        "before-call.dynamodb.GetItem", lambda **_: (wire.Answer(400, {}, b""), {"Error": {"Code": "X"}})
    )
    with pytest.raises(ReadTimeoutError):
        one._make_api_call("PutItem", {"TableName": "t", "Item": {}})
    with pytest.raises(ClientError, match="X"):
        one.get_item(TableName="t", Key=KEY)
    assert server.heard == []


@pytest.mark.parametrize("name", CLIENTS)
def test_several_are_asked_in_one_go(name: str, server: Scripted, client: Client) -> None:
    client(name, server.url)
    keys = [{"id": {"S": str(n)}} for n in range(4)]
    answers = table.ask([("GetItem", {"TableName": "t", "Key": key}) for key in keys])
    assert [answer["Item"] for answer in answers] == keys


class Killed(BaseException):
    """As when the process is told to end."""


@pytest.mark.parametrize("end", [refusal("ValidationException"), Killed()])
def test_what_was_asked_beside_a_failure_answers_nobody_else(end: Any, server: Scripted, client: Client) -> None:
    one = client(LEAN, server.url)
    if isinstance(end, Killed):
        told: list[Any] = [None, None, end]

        def killed(**_: Any) -> None:
            if told and (error := told.pop(0)):
                raise error

        one.meta.events.register("before-send.dynamodb", killed)
    else:
        server.script(end, echo(b'{"Key": "b"}'), echo(b'{"Key": "c"}'), echo(b'{"Key": "d"}'))
    with pytest.raises((ClientError, Killed)):
        one.ask([("GetItem", {"TableName": "t", "Key": {"id": {"S": name}}}) for name in "abcd"])
    server.script()
    for name in "efgh":
        assert one.get_item(TableName="t", Key=name)["Item"] == name


def test_a_request_that_fails_among_others_is_tried_again_alone(server: Scripted, client: Client) -> None:
    one = client(LEAN, server.url)
    failing = [ReadTimeoutError(endpoint_url="x")]

    def lost(request: Any, **_: Any) -> None:
        if b'"b"' in request.body and failing:
            raise failing.pop()

    one.meta.events.register("before-send.dynamodb", lost)
    answers = one.ask([("GetItem", {"TableName": "t", "Key": name}) for name in "abc"])
    assert [answer["Item"] for answer in answers] == ["a", "b", "c"]
    assert [answer["ResponseMetadata"]["RetryAttempts"] for answer in answers] == [0, 1, 0]
    assert len(server.heard) == 3
