"""DynamoDB's data operations with little work: the JSON is made, signed and sent here, over connections that are kept.

What matters is botocore's own: credentials, signer, retry rules and their quota, exceptions, events. What is left out
is what costs: service models, endpoint rules, parameters and answers walked shape by shape. DynamoDB's JSON is just
what botocore takes and gives, but for binary values, which no row has.

Every other operation goes to an ordinary client of botocore, made when it is needed.
"""

import http.client
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from botocore.auth import SigV4Auth
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.hooks import HierarchicalEmitter
from botocore.httpsession import get_cert_path
from botocore.model import ServiceId
from botocore.parsers import ResponseParserError
from botocore.retries.standard import register_retry_handler
from botocore.session import Session
from botocore.utils import get_environ_proxies
from urllib3.util.wait import wait_for_read

OPERATIONS = frozenset(
    {"GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}
)
NAME = "dynamodb"
CONNECT_SECONDS, READ_SECONDS = 2, 5
SURELY_OPEN_SECONDS = 0.5
ATTEMPTS = 5
TARGET = "DynamoDB_20120810"

_service = SimpleNamespace(service_name=NAME, service_id=ServiceId("DynamoDB"))


@dataclass(frozen=True)
class Operation:
    """As much of botocore's model of an operation as its retry rules and those who listen to events look at."""

    name: str
    error_shapes: tuple[Any, ...] = ()
    service_model: ClassVar[Any] = _service


@dataclass
class Request:
    """As much of botocore's AWSRequest as its signer looks at."""

    url: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"
    params: dict[str, str] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """As much of botocore's AWSResponse. Names of headers are in lower case."""

    status_code: int
    headers: dict[str, str]
    content: bytes


@dataclass
class _Call:
    """A request on its way: `connection` while it is on the wire, `answer` or `error` once it is back."""

    operation: Operation
    body: bytes
    context: dict[str, Any]
    attempt: int = 0
    connection: http.client.HTTPConnection | None = None
    answer: Any = None
    parsed: Any = None
    error: Exception | None = None


def address_of(session: Session, region: str) -> str:
    """Where DynamoDB is: as the environment or the configuration of AWS says, or else by its rule for regions.
    https://docs.aws.amazon.com/general/latest/gr/ddb.html
    """
    told = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), NAME).provide()
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return told or f"https://{NAME}.{region}.{suffix}"


class LeanClient:
    """In place of botocore's client, for pynamodb and for calls by name, such as `batch_get_item(RequestItems=...)`.

    Raises what botocore raises. `meta.events` tells the same as botocore's: provide-client-params, before-call,
    before-send, needs-retry, after-call. Threads may share it.
    """

    def __init__(self, region: str, endpoint: str | None, ordinary: Callable[[], Any]) -> None:
        self._session = Session()
        self._region = region
        self._url = (endpoint or address_of(self._session, region)).rstrip("/") + "/"
        self._parts = urlsplit(self._url)
        self._make_ordinary = ordinary
        self._ordinary: Any = None
        self._lock = threading.Lock()
        self._idle: list[tuple[http.client.HTTPConnection, float]] = []
        self._tls: ssl.SSLContext | None = None
        self.meta = SimpleNamespace(
            events=HierarchicalEmitter(), region_name=region, endpoint_url=self._url, service_model=_service
        )
        register_retry_handler(self, ATTEMPTS)

    @property
    def proxied(self) -> bool:
        """Whether the environment wants a proxy between, of which only botocore's own client knows."""
        return bool(get_environ_proxies(self._url))

    def batch_get_item(self, **params: Any) -> dict[str, Any]:
        return self._make_api_call("BatchGetItem", params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ordinary(), name)

    def ordinary(self) -> Any:
        with self._lock:
            if self._ordinary is None:
                self._ordinary = self._make_ordinary()
            return self._ordinary

    def _make_api_call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        if operation not in OPERATIONS:
            return self.ordinary()._make_api_call(operation, params)  # type: ignore[no-any-return]
        return self.ask([(operation, params)])[0]

    def ask(self, calls: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """The answers to several operations, all sent before the first answer is waited for. Raises the first error."""
        wave = object()
        under_way: list[_Call] = []
        try:
            for operation, params in calls:
                under_way.append(self._begin(Operation(operation), params, wave))
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
        call = _Call(operation, msgspec.json.encode(params), context)
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
        call.attempt, call.answer, call.error = call.attempt + 1, None, None
        call.parsed = None
        headers = {
            "Host": self._parts.netloc,
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"{TARGET}.{call.operation.name}",
            "User-Agent": "jishi",
            "amz-sdk-request": f"attempt={call.attempt}; max={ATTEMPTS}",
        }
        request = Request(self._url, headers, call.body)
        credentials = self._session.get_credentials()
        frozen = credentials.get_frozen_credentials() if credentials is not None else None
        SigV4Auth(frozen, NAME, self._region).add_auth(request)
        try:
            call.answer = self.meta.events.emit_until_response(
                f"before-send.{NAME}.{call.operation.name}", request=request
            )[1]
            if call.answer is None:
                call.connection = self._connection()
                call.connection.sock.sendall(_written(headers, call.body))
        except Exception as error:
            self._failed(call, error)

    def _receive(self, call: _Call) -> None:
        try:
            if call.connection is not None:
                response = http.client.HTTPResponse(call.connection.sock, method="POST")
                response.begin()
                content = response.read()
                named = {name.lower(): value for name, value in response.getheaders()}
                call.answer = Answer(response.status, named, content)
                if not response.will_close:
                    self._idle.append((call.connection, time.monotonic()))
                call.connection = None
            if call.answer is not None:
                call.parsed = _parsed(call.answer, call.attempt - 1)
        except Exception as error:
            self._failed(call, error)

    def _failed(self, call: _Call, error: Exception) -> None:
        if call.connection is not None:
            call.connection.close()
        call.connection, call.answer = None, None
        call.error = _known(error, self._url)

    def _retry_after(self, call: _Call) -> float | None:
        """Seconds to wait before the next try, by botocore's rules; None if this was the last."""
        seconds: float | None = self.meta.events.emit_until_response(
            f"needs-retry.{NAME}.{call.operation.name}",
            response=None if call.answer is None else (call.answer, call.parsed),
            operation=call.operation,
            attempts=call.attempt,
            caught_exception=call.error,
            request_dict={"context": call.context},
        )[1]
        return seconds

    def _connection(self) -> http.client.HTTPConnection:
        """One that is open and idle, or a new one."""
        while self._idle:
            try:
                kept, since = self._idle.pop()
            except IndexError:  # another thread took it
                break
            # What can be read before anything was asked is the other side's end of the connection.
            if time.monotonic() - since < SURELY_OPEN_SECONDS or not wait_for_read(kept.sock, timeout=0):
                return kept
            kept.close()
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            new: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=CONNECT_SECONDS, context=self._trust()
            )
        else:
            new = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
        try:
            new.connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self._url, error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=self._url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self._url, error=error) from error
        new.sock.settimeout(READ_SECONDS)
        return new

    def _trust(self) -> ssl.SSLContext:
        if self._tls is None:
            told = self._session.get_config_variable("ca_bundle")
            self._tls = ssl.create_default_context(cafile=told or get_cert_path(True))
        return self._tls


def _written(headers: dict[str, str], body: bytes) -> bytes:
    """The request as it goes over the wire, in one piece: http.client would send head and body one by one."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _parsed(answer: Any, retries: int) -> dict[str, Any]:
    """As botocore hands it out; what came with an error, such as CancellationReasons, beside `Error`."""
    about = {
        "RequestId": answer.headers.get("x-amzn-requestid", ""),
        "HTTPStatusCode": answer.status_code,
        "HTTPHeaders": answer.headers,
        "RetryAttempts": retries,
    }
    try:
        body = msgspec.json.decode(answer.content or b"{}")
    except msgspec.DecodeError as error:
        if answer.status_code < 300:
            raise ResponseParserError(f"an answer of DynamoDB that is no JSON: {error}") from error
        body = {"message": answer.content.decode(errors="replace")}
    if answer.status_code >= 300:
        code = str(body.pop("__type", answer.status_code)).rpartition("#")[2]
        message = body.get("message") or body.get("Message") or ""
        body["Error"] = {"Message": message, "Code": code}
    body["ResponseMetadata"] = about
    return body  # type: ignore[no-any-return]


def _known(error: Exception, url: str) -> Exception:
    """What botocore raises where its own HTTP client fails."""
    if isinstance(error, TimeoutError):
        known: Exception = ReadTimeoutError(endpoint_url=url, error=error)
    elif isinstance(error, OSError | http.client.HTTPException):
        known = ConnectionClosedError(endpoint_url=url, error=error)
    else:
        return error
    known.__cause__ = error
    return known
