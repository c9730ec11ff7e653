"""Addresses that a shop leaves go on answering while somebody may still call there."""

from __future__ import annotations

from datetime import datetime, timedelta

from deploy.release.guard import setting
from deploy.release.plan import Template
from deploy.release.records import Release
from deploy.template import answering

CALLED = timedelta(days=2)
"""Callbacks go where their payment or refund was begun, and WeChat repeats them for a day:
https://pay.weixin.qq.com/doc/v3/merchant/4012791861
"""


def kept(template: Template, live: Release | None, now: datetime) -> Template:
    """With all addresses of the live release, unless the shop was found at the same as now for long enough."""
    if live is None:
        return template
    former, address = (setting(each, "JISHI_PUBLIC_URL") for each in (live.template, template))
    stayed = former == address and now - datetime.fromisoformat(live.time) >= CALLED
    return template if stayed else answering(template, live.template)
