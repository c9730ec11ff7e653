"""Schedule of the platform's keys."""

from typing import Any

from chalice.app import Blueprint, Rate

from chalicelib.log import logger
from chalicelib.shop import open_shop
from chalicelib.wechat.errors import PayError

jobs = Blueprint(__name__)


@jobs.schedule(Rate(12, unit=Rate.HOURS))
def refresh_certificates(event: Any) -> int:
    """Fetch the platform certificates, if this merchant has some, before the known one ends."""
    try:
        return open_shop().payments.wechat.refresh_certificates()
    except PayError as error:
        logger.error(
            "platform certificates not fetched", wechat_code=error.code, wechat_request=error.request_id,
            alarm="wechat_certificates",
        )  # fmt: skip
        return 0
