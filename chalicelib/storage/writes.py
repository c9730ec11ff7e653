"""Writes as values. A domain hands out `Write`s; whoever owns the use case joins them in one `commit`.

    commit(
        put(OrderRow(...), new=True, otherwise=AlreadyPlaced()),
        *stock.reserve(lines),                     # each carries its own refusal
        coupons.spend(coupon_id, order_id),
    )

Each write knows the refusal to raise when its condition does not hold, so no caller ever counts positions in a list of
cancellation reasons (pynamodb sends checks, deletes, puts and updates in that order, whatever the order of the calls).
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pynamodb.attributes import Attribute
from pynamodb.exceptions import DeleteError, PutError, PynamoDBException, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action, AddAction
from pynamodb.transactions import TransactWrite

from ..kernel.errors import Conflict, ShopError, Unavailable
from .table import Row, connection

ATTEMPTS = 10
CONTENTION = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"}
BUSY = {
    "TransactionConflictException", "TransactionInProgressException", "ThrottlingException",
    "ProvisionedThroughputExceededException", "RequestLimitExceeded",
}  # fmt: skip


class StorageBusy(Unavailable):
    """Too many wrote the same thing at once. Nothing was written: repeat."""

    code = "STORAGE_BUSY"
    message = "现在人太多了，请稍后再试"


@dataclass(frozen=True)
class Write:
    """One conditional write. `otherwise` is raised when its condition does not hold."""

    kind: Literal["check", "delete", "put", "update"]
    row: Row
    condition: Condition | None
    actions: tuple[Action, ...] = ()
    otherwise: ShopError | None = None

    def refusal(self) -> ShopError:
        return self.otherwise or Conflict()


def put(
    row: Row, *, new: bool = False, condition: Condition | None = None, otherwise: ShopError | None = None
) -> Write:
    """Store the whole row; with `new`, only if no row has its key."""
    if new:
        absent = key_attributes(type(row))[0].does_not_exist()
        condition = absent if condition is None else absent & condition
    return Write("put", row, condition, (), otherwise)


def update(row: Row, *actions: Action, condition: Condition | None = None, otherwise: ShopError | None = None) -> Write:
    """Change attributes of the row with this row's key. Without a condition a missing row would be created: give
    one.
    """
    return Write("update", row, condition, actions, otherwise)


def delete(row: Row, *, condition: Condition | None = None, otherwise: ShopError | None = None) -> Write:
    return Write("delete", row, condition, (), otherwise)


def check(row: Row, condition: Condition, *, otherwise: ShopError | None = None) -> Write:
    """Hold a row still while the others are written: nothing is changed, the condition must hold."""
    return Write("check", row, condition, (), otherwise)


def commit(*writes: Write, attempts: range = range(ATTEMPTS)) -> None:
    """All or nothing. One write alone goes as a plain call, which costs half of a transaction.

    Not so one that adds to a number without a condition: botocore repeats a call whose answer was lost, and only a
    transaction carries a token against counting twice.

    Contention and throttling are tried again here, with the same writes. Raises the `otherwise` of the first write (in
    the caller's order) whose condition failed, or StorageBusy; after StorageBusy nothing has been written. `attempts`:
    for a caller that looks again between a few of them; the later, the longer the pause after it.
    """
    send = _single if len(writes) == 1 and not _adds(writes[0]) else _transaction
    for attempt in attempts:
        if send(writes):
            return
        pause(attempt)
    raise StorageBusy


def pause(attempt: int) -> None:
    """Before the next try: longer each time, and at random, so that those who met do not meet again."""
    time.sleep(random.uniform(0, min(0.8, 0.02 * 2**attempt)))


def _adds(write: Write) -> bool:
    return write.condition is None and any(isinstance(action, AddAction) for action in write.actions)


def _transaction(writes: Sequence[Write]) -> bool:
    """True when written, False when it is worth trying again."""
    by_kind = {kind: [w for w in writes if w.kind == kind] for kind in ("check", "delete", "put", "update")}
    try:
        with TransactWrite(connection=connection()) as transaction:
            for kind, group in by_kind.items():
                for write in group:
                    _add[kind](transaction, write)
    except TransactWriteError as error:
        sent = [write for group in by_kind.values() for write in group]
        codes = [reason.code if reason else "None" for reason in error.cancellation_reasons]
        failed = {id(write) for write, code in zip(sent, codes, strict=False) if code == "ConditionalCheckFailed"}
        for write in writes:
            if id(write) in failed:
                raise write.refusal() from error
        if CONTENTION.intersection(codes) or _code(error) in BUSY:
            return False
        raise
    return True


def _single(writes: Sequence[Write]) -> bool:
    (write,) = writes
    try:
        if write.kind == "put":
            write.row.save(condition=write.condition)
        elif write.kind == "update":
            write.row.update(actions=list(write.actions), condition=write.condition)
        elif write.kind == "delete":
            write.row.delete(condition=write.condition)
        else:
            raise ValueError("a check alone writes nothing")
    except (PutError, UpdateError, DeleteError) as error:
        if _code(error) == "ConditionalCheckFailedException":
            raise write.refusal() from error
        if _code(error) in BUSY:
            return False
        raise
    return True


def _code(error: PynamoDBException) -> str | None:
    """DynamoDB's word for it; None where no answer came, for which pynamodb's own property has no words."""
    response = getattr(error.cause, "response", None) or {}
    code: str | None = response.get("Error", {}).get("Code")
    return code


def _check(transaction: TransactWrite, write: Write) -> None:
    kind = type(write.row)
    hash_key, range_key = keys_of(write.row)
    transaction.condition_check(kind, hash_key, range_key, condition=write.condition)


_add: dict[str, Callable[[TransactWrite, Write], None]] = {
    "check": _check,
    "delete": lambda transaction, write: transaction.delete(write.row, condition=write.condition),
    "put": lambda transaction, write: transaction.save(write.row, condition=write.condition),
    "update": lambda transaction, write: transaction.update(
        write.row, actions=list(write.actions), condition=write.condition
    ),
}


def key_attributes(kind: type[Row]) -> list[Attribute[Any]]:
    """The attributes of the hash key and, if the table has one, the range key."""
    names = [name for name in (kind._hash_keyname, kind._range_keyname) if name]
    return [getattr(kind, name) for name in names]


def keys_of(row: Row) -> tuple[Any, Any]:
    """The values of a row's hash key and range key (None where the table has none)."""
    kind = type(row)
    assert kind._hash_keyname is not None
    values = row.attribute_values
    return values[kind._hash_keyname], values[kind._range_keyname] if kind._range_keyname else None
