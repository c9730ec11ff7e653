"""The schedule of the platform's keys."""

from dataclasses import replace

import pytest

from chalicelib import outside
from functions import wechat
from sandbox.local.worker import schedule_event
from tests.shop import Stack


def test_a_failed_fetch_raises_the_alarm_and_leaves_the_next_run_to_mend_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keys = {name: pem for name, pem in stack.shop.settings.wechat_platform_keys.items() if "CERTIFICATE" in pem}
    pay = outside.wechat_pay(replace(stack.shop.settings, wechat_platform_keys=keys), stack.clock)
    monkeypatch.setitem(vars(stack.shop), "payments", replace(stack.shop.payments, wechat=pay))
    assert wechat.refresh_certificates(schedule_event(stack.clock()), None) == 0
    assert "wechat_certificates" in [getattr(record, "alarm", "") for record in caplog.records]
