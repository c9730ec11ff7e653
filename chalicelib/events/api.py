"""The message-push endpoint, which the merchant enters in the mini-program's console."""

from typing import Annotated, Any

import msgspec
from chalice.app import Response

from ..kernel.errors import ShopError
from ..log import logger
from ..web import Call, Routes
from ..wechat.errors import PushRefused
from ..wechat.push import REPLY

routes = Routes(__name__)

Part = Annotated[str, msgspec.Meta(max_length=2048)]


class PushQuery(msgspec.Struct, frozen=True):
    """As the platform sends it."""

    signature: Annotated[Part, msgspec.Meta(description="Over token, timestamp and nonce.")] = ""
    timestamp: Annotated[Part, msgspec.Meta(description="Epoch seconds.")] = ""
    nonce: Annotated[Part, msgspec.Meta(description="Random.")] = ""
    echostr: Annotated[Part, msgspec.Meta(description="What to answer when the address is verified.")] = ""
    msg_signature: Annotated[Part, msgspec.Meta(description="In secure mode: over the sealed message too.")] = ""
    encrypt_type: Annotated[Part, msgspec.Meta(description="`aes` in secure mode.")] = ""
    openid: Annotated[Part, msgspec.Meta(description="Of the shopper, where the event has one.")] = ""


@routes.raw(
    "GET", "/wechat/push", summary="The platform verifies the push address", query=PushQuery, errors=(PushRefused,)
)
def verify(call: Call[Any]) -> Response:
    return Response(
        call.shop.events.push.verify_url(msgspec.to_builtins(call.query)), {"Content-Type": "text/plain"}, 200
    )


@routes.raw(
    "POST",
    "/wechat/push",
    summary="Events of the platform",
    query=PushQuery,
    errors=(PushRefused,),
    content_types=("application/json", "text/xml", "application/xml", "text/plain", "*/*"),
)
def receive(call: Call[Any]) -> Response:
    """Plain or secure mode, JSON or XML. Anything but `success` makes the platform send the message again."""
    events = call.shop.events
    message = events.push.read(msgspec.to_builtins(call.query), call.raw_body)
    try:
        events.hear(message, call.now)
    except ShopError as error:
        logger.warning("event not processed", code=error.code)
        raise
    return Response(REPLY, {"Content-Type": "text/plain"}, 200)
