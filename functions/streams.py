"""The stream of the orders table: effects start as soon as a change is stored."""

from typing import Any

from chalice.app import Blueprint

from chalicelib.log import logger
from chalicelib.shop import open_shop

records = Blueprint(__name__)

# Chalice wants an ARN as text; the deployment's template puts the table's own stream in its place.
ORDERS_STREAM = "arn:aws-cn:dynamodb:cn-north-1:000000000000:table/orders/stream/replaced-when-packaged"


@records.on_dynamodb_record(stream_arn=ORDERS_STREAM, batch_size=20)
def on_order_change(event: Any) -> None:
    """Run the effects of each changed order once per batch. If any fails, the batch comes again: effects are
    repeatable.
    """
    shop = open_shop()
    failures: list[Exception] = []
    for member_id, order_id in dict.fromkeys(_key(record) for record in event):
        try:
            shop.effects.run(member_id, order_id, shop.clock())
        except Exception as error:
            logger.exception("effects failed", order_id=order_id, alarm="effects_failed")
            failures.append(error)
    if failures:
        raise failures[0]


def _key(record: Any) -> tuple[str, str]:
    return record.keys["member_id"]["S"], record.keys["order_id"]["S"]
