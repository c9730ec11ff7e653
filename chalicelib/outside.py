"""What the settings say of the world outside, and of time, put into the forms that the parts of the shop take."""

from datetime import timedelta

from .aftersales.rules import Periods as CasePeriods
from .fulfilment.kuaidi100 import Kuaidi100
from .identity import SessionSettings
from .kernel.clock import Clock
from .messaging import Template, read_templates
from .orders.rules import Periods
from .settings import Settings, SettingsError
from .wechat.miniprogram import MiniProgram, MiniProgramSettings
from .wechat.pay import PaySettings, WeChatPay
from .wechat.push import MessagePush, PushSettings
from .wechat.store import StoredKeys, StoredTokens


def sessions(settings: Settings) -> SessionSettings:
    return SessionSettings(
        settings.session_keys,
        settings.session_key_current,
        settings.wechat_appid,
        settings.session_hours,
        owners=frozenset(settings.owners),
    )


def mini_program(settings: Settings, clock: Clock) -> MiniProgram:
    appid = settings.wechat_appid
    access = MiniProgramSettings(appid, settings.wechat_secret, settings.wechat_api_url)
    return MiniProgram(access, StoredTokens(appid, clock), clock)


def account(settings: Settings) -> PaySettings:
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
    return WeChatPay(account(settings), clock, keys=StoredKeys(settings.wechat_mchid))


def periods(settings: Settings) -> Periods:
    return Periods(
        ship=timedelta(hours=settings.ship_hours),
        receive=timedelta(days=settings.receive_days),
        extension=timedelta(days=settings.extend_days),
        aftersale=timedelta(days=settings.aftersale_days),
    )


def case_periods(settings: Settings) -> CasePeriods:
    return CasePeriods(
        decide=timedelta(hours=settings.aftersale_decide_hours),
        send_back=timedelta(days=settings.aftersale_return_days),
        check=timedelta(days=settings.aftersale_check_days),
        resend=timedelta(hours=settings.ship_hours),
        receive=timedelta(days=settings.receive_days),
    )


def templates(settings: Settings) -> dict[str, Template]:
    """Raises SettingsError."""
    try:
        return read_templates(settings.message_templates)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"JISHI_MESSAGE_TEMPLATES: {error}") from error


def push(settings: Settings, clock: Clock) -> MessagePush:
    access = PushSettings(settings.wechat_appid, settings.wechat_push_token, settings.wechat_push_aes_key)
    return MessagePush(access, clock)


def tracker(settings: Settings) -> Kuaidi100 | None:
    """None where the merchant has no account: then nothing is asked."""
    if not settings.kuaidi100_key:
        return None
    return Kuaidi100(settings.kuaidi100_customer, settings.kuaidi100_key, settings.kuaidi100_url)
