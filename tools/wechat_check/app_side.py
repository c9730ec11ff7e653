"""The mini-program's side: whether the platform gives the app a token, and whether deliveries may be reported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from chalicelib.kernel.clock import Clock
from chalicelib.settings import Settings
from chalicelib.wechat.miniprogram import MiniProgram, MiniProgramSettings
from chalicelib.wechat.shipping import Shipping, ShippingRefused
from chalicelib.wechat.tokens import StoredToken
from tools.wechat_check.finding import Finding, fails, holds, skipped

CONSOLE = "小程序后台 → 开发管理 → 开发设置"
_NO_TOKEN = {
    40002: ("The platform does not know this way to ask for a token.", "Check JISHI_WECHAT_API_URL."),
    40013: ("The platform does not know this AppID.", f"Check JISHI_WECHAT_APPID: {CONSOLE} → 开发者ID."),
    40125: ("The AppSecret is wrong.", f"Reset it ({CONSOLE}) and put the new one into JISHI_WECHAT_SECRET."),
    40001: ("The AppSecret is wrong.", f"Reset it ({CONSOLE}) and put the new one into JISHI_WECHAT_SECRET."),
    41002: ("The AppID is missing.", "Set JISHI_WECHAT_APPID."),
    41004: ("The AppSecret is missing.", "Set JISHI_WECHAT_SECRET."),
    40164: (
        "The platform takes calls of this app from listed addresses only, and this machine's is none of them.",
        f"{CONSOLE} → IP白名单: add the address that the shop's calls come from, or take the list away.",
    ),
    89503: ("The call waits for the administrator's consent.", "Let the administrator confirm it in WeChat."),
    50004: ("The platform has banned this way for the app.", "Look for its message in 小程序后台 → 通知中心."),
    50007: ("The account of the app is frozen.", "Look for the reason in 小程序后台 → 通知中心."),
    40243: ("The AppSecret is frozen.", f"Unfreeze it: {CONSOLE}."),
    45009: ("Too many tokens were asked for today.", "Try again tomorrow; look who else asks with this AppID."),
    45011: ("Too many tokens were asked for this minute.", "Try again in a minute."),
    -1: ("The platform is busy.", "Try again in a minute."),
}
_NO_PERMISSION = frozenset({48001, 61007, 85064, 89255})


class OneToken:
    """A token store for one run: nothing is kept, and the shop's own token is not touched."""

    def __init__(self) -> None:
        self.token: StoredToken | None = None

    def load(self) -> StoredToken | None:
        return self.token

    def save(self, token: StoredToken) -> None:
        self.token = token

    def try_lock(self, until: datetime) -> bool:
        return True


def app_side(settings: Settings, clock: Clock) -> Iterator[Finding]:
    tokens = OneToken()
    access = MiniProgramSettings(settings.wechat_appid, settings.wechat_secret, settings.wechat_api_url)
    shipping = Shipping(MiniProgram(access, tokens, clock), settings.wechat_mchid)
    try:
        managed, refused = shipping.is_trade_managed(), None
    except ShippingRefused as error:
        managed, refused = False, error.errcode or 0
    if tokens.token is None:
        yield _no_token(settings, refused or 0)
        yield skipped("reporting deliveries", "Not asked: there is no token.")
        return
    yield holds("the platform gives the app a token: AppID and AppSecret are right")
    yield _deliveries(managed, refused)


def _no_token(settings: Settings, errcode: int) -> Finding:
    if errcode == 0:
        why = f"No answer came from {settings.wechat_api_url} that makes sense."
        do = "Check the network, DNS, the firewall and any proxy between, and JISHI_WECHAT_API_URL."
    else:
        unknown = "The platform refuses.", "Look the errcode up at developers.weixin.qq.com."
        why, do = _NO_TOKEN.get(errcode, unknown)
    told = f" (errcode {errcode})" if errcode else ""
    return fails(f"the platform gives the app no token{told}", why, do)


def _deliveries(managed: bool, refused: int | None) -> Finding:
    what = "reporting deliveries"
    if refused in _NO_PERMISSION:
        why = f"The app has not the permission (errcode {refused})."
        return fails(what, why, "小程序后台 → 功能 → 订单中心 / 发货信息管理: switch it on.")
    if refused is not None:
        why = f"The platform does not say whether they must be reported (errcode {refused})."
        return fails(what, why, "Try again; if it stays, look the errcode up at developers.weixin.qq.com.")
    if not managed:
        why = "The platform does not ask this app for deliveries; reports of the shop would be refused."
        return skipped(what, why, "It begins with the app's first payments. Check again then.")
    return holds(what, "The platform holds the money of each order until its delivery is reported; the shop does that.")
