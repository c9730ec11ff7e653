"""Row: the base of every pynamodb model of the shop."""

import json
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from pynamodb.attributes import NumberAttribute
from pynamodb.connection import Connection
from pynamodb.connection.table import TableConnection
from pynamodb.exceptions import PynamoDBException
from pynamodb.models import Model

from .address import address_of
from .transport import ATTEMPTS, LeanClient
from .wire import CONNECT_SECONDS, MOST_KEPT, READ_SECONDS

# What a store call may raise when DynamoDB is unreachable or throttles; the web edge answers 503 to it.
STORAGE_FAILURES = (PynamoDBException, BotoCoreError, ClientError)
LEAN, ORDINARY = "lean", "botocore"


class Row(Model):
    """One kind of item. Subclasses name their table in `class Meta: table_name`; the stage's prefix is added by `bind`,
    or, where that was before the class was imported, at once.

    All rows share one connection, so that a process pays once for a client and reuses its sockets.
    """

    kinds: ClassVar[list[type["Row"]]] = []
    bare_name: ClassVar[str] = ""
    _discriminator: ClassVar[str | None]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        meta = cls.__dict__.get("Meta")
        if meta is not None:
            with _lock:
                cls.bare_name = meta.table_name
                Row.kinds.append(cls)
                meta.table_name = (_prefix or "") + cls.bare_name

    def __init__(self, hash_key: Any = None, range_key: Any = None, **attributes: Any) -> None:
        """As pynamodb's, in a third of the time where there are only keys: most rows are made to be asked for."""
        if attributes or self._discriminator or (range_key is not None and self._range_keyname is None):
            super().__init__(hash_key, range_key, **attributes)
            return
        values = self.attribute_values = _defaults(type(self))
        for name, value in ((self._hash_keyname, hash_key), (self._range_keyname, range_key)):
            if name is not None and value is not None:
                values[name] = value

    @classmethod
    def _instantiate(cls, attribute_values: dict[str, dict[str, Any]]) -> Any:
        """As pynamodb makes a row of an item, but looking only at the attributes that the item has."""
        if cls._discriminator:
            return super()._instantiate(attribute_values)
        row, named = cls.__new__(cls), _attributes(cls)
        values = row.attribute_values = _defaults(cls)
        for key, item in attribute_values.items():
            if key in named and "NULL" not in item:
                name, attribute, deserialize = named[key]
                values[name] = deserialize(attribute.get_value(item))
        return row

    def _set_defaults(self, _user_instantiated: bool = True) -> None:
        self.attribute_values |= _defaults(type(self))

    def _set_attributes(self, **attributes: Any) -> None:
        if unknown := attributes.keys() - self.get_attributes().keys():
            raise ValueError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        self.attribute_values |= attributes

    @classmethod
    def _get_connection(cls) -> TableConnection:
        if cls not in _ready:
            with _lock:
                if cls not in _ready:  # another thread may have been faster; a table is made known once
                    connection = super()._get_connection()
                    connection.connection = _shared(connection.get_meta_table())
                    _ready.add(cls)  # last: until then pynamodb has set a connection that is not ours
        return super()._get_connection()


@cache
def _attributes(kind: type[Row]) -> dict[str, tuple[str, Any, Callable[[Any], Any]]]:
    """By its name in an item, every attribute with its name in Python and how it is read."""
    return {
        attribute.attr_name: (name, attribute, _number if type(attribute) is NumberAttribute else attribute.deserialize)
        for name, attribute in kind.get_attributes().items()
    }


def _number(text: str) -> Any:
    """As pynamodb reads it, which takes every number for JSON."""
    return int(text) if text.isdecimal() else json.loads(text)


def _defaults(kind: type[Row]) -> dict[str, Any]:
    return {name: value() if callable(value) else value for name, value in _with_default(kind)}


@cache
def _with_default(kind: type[Row]) -> list[tuple[str, Any]]:
    all_ = kind.get_attributes().items()
    return [(name, attribute.default) for name, attribute in all_ if attribute.default is not None]


_lock = threading.RLock()
_ready: set[type[Row]] = set()
_described: set[str] = set()
_connection: Connection | None = None
_where: dict[str, Any] = {}
_prefix: str | None = None


def bind(prefix: str, region: str, endpoint: str | None = None, client: str = LEAN) -> None:
    """Point every row, also those imported later, at tables called `<prefix><name>`. No I/O; the client is made at the
    first call: `lean` (transport.py), or botocore's own, `botocore`.

    Where they point there already, nothing changes: a client and its sockets are too dear to make again.
    """
    global _connection, _where, _prefix
    where = {"region": region, "endpoint": endpoint, "client": client}
    if (_prefix, _where) == (prefix, where):
        return
    with _lock:
        if _connection is not None:
            _connection.client.close()  # what is on its way still gets its answer
        _connection, _where, _prefix = None, where, prefix
        _ready.clear()
        _described.clear()
        for kind in Row.kinds:
            kind.Meta.table_name = prefix + kind.bare_name
            kind._connection = None


def _shared(meta_table: Any = None) -> Connection:
    global _connection
    with _lock:
        if _connection is None:
            _connection = _connect(**_where)
        if meta_table is not None and meta_table.table_name not in _described:
            _connection.add_meta_table(meta_table)  # once, also for a table of several kinds of rows
            _described.add(meta_table.table_name)
        return _connection


class _LeanConnection(Connection):
    """pynamodb over another client."""

    def __init__(self, lean: LeanClient, **where: Any) -> None:
        super().__init__(**where)
        self._lean = lean

    @property
    def client(self) -> Any:
        return self._lean


def _connect(region: str, endpoint: str | None, client: str) -> Connection:
    # Short time-outs: a Lambda must not spend its life on one dead socket; both clients try again by themselves.
    ordinary = Connection(
        region=region,
        host=endpoint,
        connect_timeout_seconds=CONNECT_SECONDS,
        read_timeout_seconds=READ_SECONDS,
        max_pool_connections=MOST_KEPT,
        max_retry_attempts=ATTEMPTS - 1,
    )
    if client == LEAN:
        session = Session()
        if address := address_of(session, region, endpoint):
            lean = LeanClient(region, address, lambda: ordinary.client, session)
            return _LeanConnection(lean, region=region, host=endpoint)
    _ = ordinary.client
    return ordinary


def connection() -> Connection:
    """The process's one connection to DynamoDB."""
    return _shared()


def dynamodb() -> Any:
    """The botocore client behind it, for the calls that pynamodb has no words for."""
    return _shared().client


def ask(calls: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The answers to several operations: the lean client waits for all of them at once."""
    client = dynamodb()
    if isinstance(client, LeanClient):
        return client.ask(calls)
    return [client._make_api_call(operation, params) for operation, params in calls]
