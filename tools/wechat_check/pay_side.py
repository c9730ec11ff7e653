"""WeChat Pay's side: the clock, signatures both ways, encryption both ways, and certificates if there are any."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import urllib3

from chalicelib import outside
from chalicelib.kernel.clock import Clock
from chalicelib.settings import Settings
from chalicelib.wechat.certificates import fetch
from chalicelib.wechat.errors import PayError, PayUnreachable, PayUnverified
from chalicelib.wechat.keys import PlatformKeys
from chalicelib.wechat.pay import WeChatPay
from chalicelib.wechat.signing import FRESHNESS, certificate, new_nonce
from chalicelib.wechat.transport import TIMEOUT
from tools.wechat_check.explain import explained
from tools.wechat_check.finding import Finding, fails, holds, skipped


def pay_side(settings: Settings, clock: Clock) -> Iterator[Finding]:
    account = outside.account(settings)
    seen = list(_reached(settings, clock))
    yield from seen
    if any(finding.mark == "✗" for finding in seen):
        yield skipped("WeChat Pay's echo", "Not asked: mend the step above first.")
        return
    pay, platform = WeChatPay(account, clock), PlatformKeys(settings.wechat_platform_keys)
    signed = _plain_echo(pay)
    yield signed
    if signed.mark == "✓":
        yield _sealed_echo(pay)
        yield from _certificates(pay, platform, account.apiv3_keys, clock())


def _reached(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """An unsigned question, which WeChat Pay refuses, with its time in the headers."""
    url, headers = settings.wechat_pay_url, {"Accept": "application/json", "User-Agent": "jishi"}
    try:
        http = urllib3.PoolManager(timeout=TIMEOUT)
        answer = http.request("GET", f"{url}/v3/certificates", headers=headers, retries=False)
    except urllib3.exceptions.HTTPError as error:
        do = "Check the network, DNS, the firewall and any proxy between, and JISHI_WECHAT_PAY_URL."
        yield fails(f"WeChat Pay cannot be reached at {url}", f"{type(error).__name__}: no connection.", do)
        return
    yield holds(f"WeChat Pay can be reached at {url}")
    theirs = _their_time(answer)
    if theirs is None:
        yield skipped("the clock", "The answer names no time.")
        return
    seconds = round((clock() - theirs).total_seconds())
    off = f"It is {abs(seconds)} s {'fast' if seconds > 0 else 'slow'}"
    if abs(seconds) <= FRESHNESS:
        yield holds("the clock agrees with WeChat Pay's", f"{off}.")
        return
    why = f"{off}; WeChat Pay takes {FRESHNESS} s at most."
    yield fails("the clock of this machine is wrong", why, "Set it by NTP: timedatectl set-ntp true.")


def _their_time(answer: urllib3.BaseHTTPResponse) -> datetime | None:
    try:
        if stamp := answer.headers.get("Wechatpay-Timestamp"):
            return datetime.fromtimestamp(int(stamp), UTC)
        return parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError, OverflowError, OSError):
        return None


def _plain_echo(pay: WeChatPay) -> Finding:
    what, serial, message = "WeChat Pay's echo", "", new_nonce()
    try:
        answer = pay.transport.send("POST", "/v3/security/echo", {"echo_message": message})
        serial = answer.headers.get("Wechatpay-Serial", "")
        pay.transport.read(answer)
    except PayError as error:
        return explained(what, error, serial)
    return holds(f"{what}: it accepts your signature, and its own is proved by {serial}")


def _sealed_echo(pay: WeChatPay) -> Finding:
    what = "WeChat Pay's echo of a secret"
    try:
        pay.echo()
    except PayUnverified as error:
        if error.code != "UNDECRYPTABLE":
            return explained(what, error, "")
        why = "WeChat Pay sealed it for your certificate, and your private key does not open it."
        return fails(what, why, "Take private key and serial of the same certificate.")
    except PayError as error:
        return explained(what, error, "")
    return holds(f"{what}: secrets go both ways")


def _certificates(
    pay: WeChatPay, platform: PlatformKeys, apiv3_keys: tuple[str, ...], now: datetime
) -> Iterator[Finding]:
    what = "platform certificates"
    if not platform.certificate_mode:
        return
    try:
        listed = fetch(pay.transport, platform, apiv3_keys)
    except PayUnverified as error:
        if error.hint != "undecryptable":
            yield explained(what, error, "")
            return
        why = "WeChat Pay sealed them with the APIv3 key, and JISHI_WECHAT_APIV3_KEY does not open them."
        yield fails(what, why, "Set the APIv3 key anew in the merchant portal, and the same in the settings.")
    except PayError as error:
        if error.is_code("RESOURCE_NOT_EXISTS") and platform.preferred:
            why = "WeChat Pay has none for you any more: your change to the public key is over."
            do = "Take the certificates out of JISHI_WECHAT_PLATFORM_KEYS."
            yield skipped(what, why, do)
        elif isinstance(error, PayUnreachable):
            yield explained(what, error, "")
        else:
            why = f"WeChat Pay gives you none ({error.code})."
            yield fails(what, why, "Apply for the WeChat Pay public key: 商户平台 → 账户中心 → API安全.")
    else:
        ends = [f"{serial} until {certificate(pem).not_valid_after_utc:%Y-%m-%d}" for serial, pem in listed.items()]
        yield holds(f"{what}: the APIv3 key opens them", "; ".join(ends))
