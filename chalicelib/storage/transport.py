"""DynamoDB's data operations with little work: the JSON is made, signed and sent here, over connections that are kept.

What matters is botocore's own: credentials, signer, retry rules and their quota, exceptions, events. What is left out
is what costs: service models, endpoint rules, parameters and answers walked shape by shape. DynamoDB's JSON is just
what botocore takes and gives, but for binary values, which no row has. Stricter than botocore in one thing: a success
whose body is no JSON object is no answer, where botocore finds nothing in it.

Every other operation goes to an ordinary client of botocore, made when it is needed.
"""

import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from socket import socket
from types import SimpleNamespace
from typing import Any, ClassVar
from zlib import crc32

import msgspec
from botocore.endpoint import EndpointCreator
from botocore.exceptions import ClientError, HTTPClientError
from botocore.hooks import HierarchicalEmitter
from botocore.httpsession import get_cert_path
from botocore.model import ServiceId
from botocore.retries.standard import register_retry_handler
from botocore.session import Session

from .signer import Request, Signer
from .wire import Wire

OPERATIONS = frozenset(
    {"GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}
    | {"TransactGetItems", "TransactWriteItems"}
)
NAME = "dynamodb"
ATTEMPTS = 5
TARGET = "DynamoDB_20120810"
FORWARDED = ("provide-client-params", "before-call", "before-send", "after-call")

_service = SimpleNamespace(service_name=NAME, service_id=ServiceId("DynamoDB"))


@dataclass(frozen=True)
class Operation:
    """As much of botocore's model of an operation as its retry rules and those who listen to events look at."""

    name: str
    error_shapes: tuple[Any, ...] = ()
    service_model: ClassVar[Any] = _service


@dataclass
class _Call:
    """A request on its way: `connection` while it is on the wire, `answer` or `error` once it is back."""

    operation: Operation
    body: bytes
    context: dict[str, Any]
    attempt: int = 0
    connection: socket | None = None
    answer: Any = None
    parsed: Any = None
    error: Exception | None = None


class LeanClient:
    """In place of botocore's client, for pynamodb and for calls by name, such as `batch_get_item(RequestItems=...)`.

    Raises what botocore raises. `meta.events` tells the same as botocore's, also of operations that the ordinary client
    does: provide-client-params, before-call, before-send, after-call; needs-retry of its own alone. Threads may share
    it.
    """

    def __init__(self, region: str, url: str, ordinary: Callable[[], Any], session: Session | None = None) -> None:
        self._lock = threading.Lock()
        self._session = session = session or Session()
        self._region, self._url = region, url
        self._make_ordinary, self._ordinary = ordinary, None
        verify = EndpointCreator(None)._get_verify_value(session.get_config_variable("ca_bundle"))
        self._wire = Wire(url, get_cert_path(verify))
        self.meta = SimpleNamespace(
            events=HierarchicalEmitter(), region_name=region, endpoint_url=url, service_model=_service
        )
        register_retry_handler(self, ATTEMPTS)
        session.get_credentials()  # found once here, ahead of the first request

    def __getattr__(self, name: str) -> Any:
        operation = name.title().replace("_", "")
        if operation in OPERATIONS:
            return lambda **params: self._make_api_call(operation, params)
        return getattr(self.ordinary(), name)

    def ordinary(self) -> Any:
        with self._lock:
            if self._ordinary is None:
                made = self._make_ordinary()
                for event in FORWARDED:
                    made.meta.events.register(event, self._forward)
                self._ordinary = made
            return self._ordinary

    def close(self) -> None:
        """Close the connections that are idle."""
        self._wire.close()
        if self._ordinary is not None:
            self._ordinary.close()

    def _forward(self, event_name: str, **told: Any) -> Any:
        return self.meta.events.emit_until_response(event_name, **told)[1]

    def _make_api_call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        if operation not in OPERATIONS:
            return self.ordinary()._make_api_call(operation, params)  # type: ignore[no-any-return]
        return self.ask([(operation, params)])[0]

    def ask(self, calls: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """The answers to several operations, all sent before the first answer is waited for.

        Raises the first error; the answers after it are lost, so what writes goes alone.
        """
        wave = object()
        under_way: list[_Call] = []
        try:
            for operation, params in calls:
                under_way.append(self._begin(_operation(operation), params, wave))
            return [self._end(call) for call in under_way]
        finally:
            for call in under_way:
                if call.connection is not None:  # its answer will not be read any more
                    call.connection.close()

    def _begin(self, operation: Operation, params: dict[str, Any], wave: object) -> _Call:
        events, context = self.meta.events, {"wave": wave, "client_region": self._region}
        if operation.name == "TransactWriteItems" and "ClientRequestToken" not in params:
            params = {**params, "ClientRequestToken": str(uuid.uuid4())}  # so that a repetition changes nothing
        events.emit(f"provide-client-params.{NAME}.{operation.name}", params=params, model=operation, context=context)
        call = _Call(operation, _encoded(params), context)
        request = {"url": self._url, "body": call.body, "context": context}
        told = events.emit_until_response(
            f"before-call.{NAME}.{operation.name}", model=operation, params=request, context=context
        )[1]
        if told is None:
            self._send(call)
        else:
            call.answer, call.parsed = told
        return call

    def _end(self, call: _Call) -> dict[str, Any]:
        if call.parsed is None:
            self._receive(call)
            while (wait := self._retry_after(call)) is not None:
                time.sleep(wait)
                self._send(call)
                self._receive(call)
            if call.error is not None:
                raise call.error
        parsed: dict[str, Any] = call.parsed
        self.meta.events.emit(
            f"after-call.{NAME}.{call.operation.name}",
            http_response=call.answer,
            parsed=parsed,
            model=call.operation,
            context=call.context,
        )
        if call.answer.status_code >= 300:
            raise ClientError(parsed, call.operation.name)
        return parsed

    def _send(self, call: _Call) -> None:
        call.attempt += 1
        call.answer = call.parsed = call.error = None
        request = self._signed(call)
        try:
            call.answer = self.meta.events.emit_until_response(
                f"before-send.{NAME}.{call.operation.name}", request=request
            )[1]
            if call.answer is None:
                call.connection = self._wire.send(request.headers, call.body)
        except Exception as error:
            call.error = error

    def _signed(self, call: _Call) -> Request:
        """Raises NoCredentialsError; credentials are asked for each time, since they may be renewed meanwhile."""
        headers = {
            "Host": self._wire.host,  # the signer would look for it in the URL, twice
            "X-Amz-Target": f"{TARGET}.{call.operation.name}",
            "Content-Type": "application/x-amz-json-1.0",
        }
        request = Request(self._url, headers, call.body)
        credentials = self._session.get_credentials()
        frozen = credentials.get_frozen_credentials() if credentials is not None else None
        Signer(frozen, NAME, self._region).add_auth(request)
        headers["User-Agent"] = "jishi"
        headers["amz-sdk-request"] = f"attempt={call.attempt}; max={ATTEMPTS}"
        return request

    def _receive(self, call: _Call) -> None:
        try:
            if call.connection is not None:
                connection, call.connection = call.connection, None
                call.answer = self._wire.receive(connection)
            if call.answer is not None:
                call.parsed = _parsed(call.answer, call.attempt - 1)
        except Exception as error:
            call.answer, call.error = None, error

    def _retry_after(self, call: _Call) -> Any:
        """Seconds to wait before the next try, by botocore's rules; None if this was the last.

        Of an answer that succeeded the rules ask only whether it came through whole.
        """
        if call.parsed is not None and call.answer.status_code < 300 and _whole(call.answer):
            return None
        return self.meta.events.emit_until_response(
            f"needs-retry.{NAME}.{call.operation.name}",
            response=None if call.answer is None else (call.answer, call.parsed),
            operation=call.operation,
            attempts=call.attempt,
            caught_exception=call.error,
            request_dict={"context": call.context},
        )[1]


@cache
def _operation(name: str) -> Operation:
    return Operation(name)


def _whole(answer: Any) -> bool:
    told = answer.headers.get("x-amz-crc32")
    return told is None or told == str(crc32(answer.content))


def _encoded(params: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(params)
    except UnicodeEncodeError:  # half of a surrogate pair, which botocore sends as it is, escaped
        return json.dumps(params).encode()


def _parsed(answer: Any, retries: int) -> dict[str, Any]:
    """As botocore hands it out; what came with an error, such as CancellationReasons, beside `Error`."""
    failed = answer.status_code >= 300
    body = _refusal(answer.status_code, answer.content) if failed else _success(answer.content)
    body["ResponseMetadata"] = about = {
        "HTTPStatusCode": answer.status_code,
        "HTTPHeaders": answer.headers,
        "RetryAttempts": retries,
    }
    if request_id := answer.headers.get("x-amzn-requestid"):
        about["RequestId"] = request_id
    return body


def _success(content: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise HTTPClientError(error=error) from error  # as if none had come: it is worth another try


def _refusal(status: int, content: bytes) -> dict[str, Any]:
    """The error with whatever came with it. What stands before DynamoDB may answer in HTML, or nothing."""
    text = content.strip()
    if status >= 500 and (not text or text.startswith(b"<html>")):
        return {"Error": {"Code": str(status), "Message": http.client.responses.get(status, "")}}
    try:
        body = msgspec.json.decode(content or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError):
        body = {"message": content.decode(errors="replace")}
    code = str(body.pop("__type", status)).partition(":")[0].rpartition("#")[2]
    body["Error"] = {"Message": body.get("message", body.get("Message", "")), "Code": code}
    return body
