"""Writes as values. A domain hands out `Write`s; whoever owns the use case joins them in one `commit`.

    commit(
        put(OrderRow(...), new=True, otherwise=AlreadyPlaced()),
        coupons.spend(coupon_id, order_id),        # each carries its own refusal
        stock.release(sku_id, pieces),
    )

Each write knows the refusal to raise when its condition does not hold, so no caller ever counts positions in a list of
cancellation reasons. pynamodb serializes rows, conditions and actions; the requests are made here.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from botocore.exceptions import ClientError
from pynamodb.attributes import Attribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action, AddAction, Update

from ..kernel.errors import Conflict, ShopError, Unavailable
from .table import Row, ask

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
    in_vain = False
    """Whether only the whole request may succeed: what the same writes would make was made by another."""


def outrun() -> StorageBusy:
    """For a write of what another may have made."""
    busy = StorageBusy()
    busy.in_vain = True
    return busy


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
    one. Written alone, it leaves the whole row as it is then in `row`.
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
    items = [{_OF_TRANSACTION[write.kind]: _request(write)} for write in writes]
    try:
        ask([("TransactWriteItems", {"TransactItems": items})])
    except ClientError as error:
        codes = [reason.get("Code") for reason in error.response.get("CancellationReasons", ())]
        for write, code in zip(writes, codes, strict=False):
            if code == "ConditionalCheckFailed":
                raise write.refusal() from error
        if CONTENTION.intersection(codes) or error.response["Error"]["Code"] in BUSY:
            return False
        raise
    return True


def _single(writes: Sequence[Write]) -> bool:
    (write,) = writes
    if write.kind == "check":
        raise ValueError("a check alone writes nothing")
    request = _request(write)
    if write.kind == "update":
        request["ReturnValues"] = "ALL_NEW"
    try:
        (answer,) = ask([(_ALONE[write.kind], request)])
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ConditionalCheckFailedException":
            raise write.refusal() from error
        if code in BUSY:
            return False
        raise
    if write.kind == "update":
        write.row.attribute_values |= type(write.row).from_raw_data(answer["Attributes"]).attribute_values
    return True


_OF_TRANSACTION = {"check": "ConditionCheck", "delete": "Delete", "put": "Put", "update": "Update"}
_ALONE = {"delete": "DeleteItem", "put": "PutItem", "update": "UpdateItem"}


def _request(write: Write) -> dict[str, Any]:
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    request: dict[str, Any] = {"TableName": write.row.Meta.table_name}
    if write.kind == "put":
        request["Item"] = write.row.serialize()
    else:
        request["Key"] = key_of(write.row)
    if write.actions:
        request["UpdateExpression"] = Update(*write.actions).serialize(names, values)
    if write.condition is not None:
        request["ConditionExpression"] = write.condition.serialize(names, values)
    if names:
        request["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in names.items()}
    if values:
        request["ExpressionAttributeValues"] = values
    return request


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


@cache
def key_names(kind: type[Row]) -> tuple[tuple[Any, str, str], ...]:
    """The key of a kind of row: attribute, name, type."""
    return tuple((attribute, attribute.attr_name, attribute.attr_type) for attribute in key_attributes(kind))


def key_of(row: Row) -> dict[str, Any]:
    """The row's key, as DynamoDB wants it."""
    # a table without range key has one name
    return {
        name: {type_: attribute.serialize(value)}
        for (attribute, name, type_), value in zip(key_names(type(row)), keys_of(row), strict=False)
    }
