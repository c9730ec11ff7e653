"""Row: the base of every pynamodb model of the shop."""

import threading
from typing import Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.connection import Connection
from pynamodb.connection.table import TableConnection
from pynamodb.exceptions import PynamoDBException
from pynamodb.models import Model

# What a store call may raise when DynamoDB is unreachable or throttles; the web edge answers 503 to it.
STORAGE_FAILURES = (PynamoDBException, BotoCoreError, ClientError)


class Row(Model):
    """One kind of item. Subclasses name their table in `class Meta: table_name`; the stage's prefix is added by `bind`,
    or, where that was before the class was imported, at once.

    All rows share one connection, so that a process pays once for a client and reuses its sockets.
    """

    kinds: ClassVar[list[type["Row"]]] = []
    bare_name: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        meta = cls.__dict__.get("Meta")
        if meta is not None:
            with _lock:
                cls.bare_name = meta.table_name
                Row.kinds.append(cls)
                meta.table_name = (_prefix or "") + cls.bare_name

    @classmethod
    def _get_connection(cls) -> TableConnection:
        if cls not in _ready:
            with _lock:
                if cls not in _ready:  # another thread may have been faster; a table is made known once
                    connection = super()._get_connection()
                    connection.connection = _shared(connection.get_meta_table())
                    _ready.add(cls)  # last: until then pynamodb has set a connection that is not ours
        return super()._get_connection()


_lock = threading.RLock()
_ready: set[type[Row]] = set()
_described: set[str] = set()
_connection: Connection | None = None
_where: dict[str, Any] = {}
_prefix: str | None = None


def bind(prefix: str, region: str, endpoint: str | None = None) -> None:
    """Point every row, also those imported later, at tables called `<prefix><name>`. No I/O; the client is made at the
    first call.

    Where they point there already, nothing changes: a client and its sockets are too dear to make again.
    """
    global _connection, _where, _prefix
    where = {"region": region, "host": endpoint}
    if (_prefix, _where) == (prefix, where):
        return
    with _lock:
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
            # Short time-outs: a Lambda must not spend its life on one dead socket; botocore tries again by itself.
            _connection = Connection(
                **_where,
                connect_timeout_seconds=2,
                read_timeout_seconds=5,
                max_pool_connections=64,
                max_retry_attempts=4,
            )
            _ = _connection.client
        if meta_table is not None and meta_table.table_name not in _described:
            _connection.add_meta_table(meta_table)  # once, also for a table of several kinds of rows
            _described.add(meta_table.table_name)
        return _connection


def connection() -> Connection:
    """The process's one connection to DynamoDB."""
    return _shared()


def dynamodb() -> Any:
    """The botocore client behind it, for the calls that pynamodb has no words for."""
    return _shared().client
