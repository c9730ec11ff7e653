"""What the settings say of the world outside, and of time, put into the forms that the parts of the shop take.

Each imports what it makes when it is called, so that a function pays for what it uses alone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aftersales.rules import Periods as CasePeriods
    from .fulfilment.kuaidi100 import Kuaidi100
    from .identity import SessionSettings
    from .kernel.clock import Clock
    from .messaging import Template
    from .orders.rules import Periods
    from .settings import Settings
    from .wechat.miniprogram import MiniProgram
    from .wechat.pay import PaySettings, WeChatPay
    from .wechat.push import MessagePush


def sessions(settings: Settings) -> SessionSettings:
    from .identity import SessionSettings

    return SessionSettings(
        settings.session_keys,
        settings.session_key_current,
        settings.wechat_appid,
        settings.session_hours,
        owners=frozenset(settings.owners),
        requests_per_member=settings.requests_per_member,
    )


def mini_program(settings: Settings, clock: Clock) -> MiniProgram:
    from .wechat.miniprogram import MiniProgram, MiniProgramSettings
    from .wechat.store import StoredTokens

    appid = settings.wechat_appid
    access = MiniProgramSettings(appid, settings.wechat_secret, settings.wechat_api_url)
    return MiniProgram(access, StoredTokens(appid, clock), clock)


def account(settings: Settings) -> PaySettings:
    from .wechat.pay import PaySettings

    return PaySettings(
        appid=settings.wechat_appid,
        mchid=settings.wechat_mchid,
        merchant_serial=settings.wechat_merchant_serial,
        merchant_private_key_pem=settings.wechat_merchant_key,
        apiv3_key=settings.wechat_apiv3_key,
        apiv3_key_previous=settings.wechat_apiv3_key_previous,
        platform_keys=settings.wechat_platform_keys,
        notify_base=settings.public_url,
        base_url=settings.wechat_pay_url,
    )


def wechat_pay(settings: Settings, clock: Clock) -> WeChatPay:
    from .wechat.pay import WeChatPay
    from .wechat.store import StoredKeys

    return WeChatPay(account(settings), clock, keys=StoredKeys(settings.wechat_mchid))


def periods(settings: Settings) -> Periods:
    from .orders.rules import Periods

    return Periods(
        ship=timedelta(hours=settings.ship_hours),
        receive=timedelta(days=settings.receive_days),
        extension=timedelta(days=settings.extend_days),
        aftersale=timedelta(days=settings.aftersale_days),
    )


def case_periods(settings: Settings) -> CasePeriods:
    from .aftersales.rules import Periods as CasePeriods

    return CasePeriods(
        decide=timedelta(hours=settings.aftersale_decide_hours),
        send_back=timedelta(days=settings.aftersale_return_days),
        check=timedelta(days=settings.aftersale_check_days),
        resend=timedelta(hours=settings.ship_hours),
        receive=timedelta(days=settings.receive_days),
    )


def templates(settings: Settings) -> dict[str, Template]:
    """Raises SettingsError."""
    from .messaging import read_templates

    try:
        return read_templates(settings.message_templates)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"JISHI_MESSAGE_TEMPLATES: {error}") from error


def push(settings: Settings, clock: Clock) -> MessagePush:
    from .wechat.push import MessagePush, PushSettings

    access = PushSettings(settings.wechat_appid, settings.wechat_push_token, settings.wechat_push_aes_key)
    return MessagePush(access, clock)


def tracker(settings: Settings) -> Kuaidi100 | None:
    """None where the merchant has no account: then nothing is asked."""
    if not settings.kuaidi100_key:
        return None
    from .fulfilment.kuaidi100 import Kuaidi100

    return Kuaidi100(settings.kuaidi100_customer, settings.kuaidi100_key, settings.kuaidi100_url)


def prove(settings: Settings) -> None:
    """Use once what only its use shows to be wrong. Raises SettingsError, naming the variable.

    A cold start does without, since it would pay for it; settings that are to replace good ones are proved first.
    """
    from .wechat.signing import MerchantKey, public_key

    merchant = MerchantKey(settings.wechat_mchid, settings.wechat_merchant_serial, settings.wechat_merchant_key)
    trials: dict[str, Callable[[], object]] = {
        "WECHAT_MERCHANT_KEY": lambda: merchant.sign(b""),
        "WECHAT_PLATFORM_KEYS": lambda: [public_key(pem) for pem in settings.wechat_platform_keys.values()],
        "WECHAT_APIV3_KEY": lambda: account(settings),
    }
    for variable, trial in trials.items():
        try:
            trial()
        except Exception as error:  # whatever a key makes cryptography say
            raise SettingsError(f"JISHI_{variable} cannot be used: {type(error).__name__}") from None
    templates(settings)
