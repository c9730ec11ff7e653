"""What an error of WeChat Pay means for a merchant's settings."""

from __future__ import annotations

from chalicelib.wechat.errors import PayError, PayUnreachable, PayUnverified
from tools.wechat_check.finding import Finding, fails

PORTAL = "商户平台 → 账户中心 → API安全"
_KEY_PAIR = "Take apiclient_key.pem and the serial of apiclient_cert.pem from the same download."


def explained(what: str, error: PayError, serial: str) -> Finding:
    """`serial`: the key that the answer says it was signed with."""
    told = f"{what}: {error.code}" + (f" (HTTP {error.status})" if error.status else "")
    if isinstance(error, PayUnverified):
        return fails(told, *_unproved(error, serial))
    if isinstance(error, PayUnreachable):
        return fails(told, *_unreachable(error))
    why, do = _refused(error)
    said = f" WeChat Pay says: {error.hint.rstrip('。.')}." if error.hint else ""
    asked = f" For its support: Request-ID {error.request_id}." if error.request_id else ""
    return fails(told, why + said + asked, do)


def _unproved(error: PayError, serial: str) -> tuple[str, str]:
    if error.hint == "unknown_serial":
        why = f"WeChat Pay signed with {serial}, which JISHI_WECHAT_PLATFORM_KEYS does not hold."
        return why, f"Add that key under that ID: {PORTAL} → 微信支付公钥 (PUB_KEY_ID_…) or 平台证书 (hex)."
    if error.hint == "bad_signature":
        why = f"The key that the settings hold under {serial} did not make the signature."
        return why, f"Take that key again: {PORTAL}. If it is right, something between changes the answers: a proxy?"
    if error.hint == "stale":
        return "The answer's time is more than 5 minutes from this machine's.", "Set the clock by NTP."
    if error.hint == "unsigned":
        why = "The answer carries no signature: not WeChat Pay answers, or something between drops its headers."
        return why, "Check JISHI_WECHAT_PAY_URL and any proxy."
    return "The answer makes no sense, so that it is none of WeChat Pay's.", "Check JISHI_WECHAT_PAY_URL and any proxy."


def _unreachable(error: PayError) -> tuple[str, str]:
    if error.status == 0:
        return f"No answer came ({error.hint}).", "Check the network, DNS, the firewall and any proxy between."
    if error.code.startswith("HTTP_"):
        why = "The answer is not WeChat Pay's in form: a proxy or a firewall gave it."
        return why, "Check JISHI_WECHAT_PAY_URL and any proxy."
    return "WeChat Pay is busy.", "Try again in a minute."


def _refused(error: PayError) -> tuple[str, str]:
    hint = error.hint
    if error.is_code("SIGN_ERROR") or error.status == 401:
        if "序列号" in hint:
            return "WeChat Pay knows no certificate of yours with JISHI_WECHAT_MERCHANT_SERIAL.", _KEY_PAIR
        if "timestamp" in hint or "时间" in hint:
            return "The clock of this machine is more than 5 minutes off.", "Set it by NTP: timedatectl set-ntp true."
        if "商户号" in hint or "mchid" in hint:
            return "WeChat Pay does not know JISHI_WECHAT_MCHID.", "商户平台 → 账户中心 → 商户信息 shows it."
        return (
            "Your private key does not belong to the certificate that the serial names, or the clock is off.",
            _KEY_PAIR,
        )
    if "Wechatpay-Serial" in hint or "平台证书序列号" in hint or "公钥ID" in hint:
        why = "WeChat Pay knows no key of yours under the first public key ID of JISHI_WECHAT_PLATFORM_KEYS."
        return why, f"Copy the ID again: {PORTAL} → 微信支付公钥."
    if "encrypted_echo_message" in hint:
        why = "WeChat Pay cannot open what was sealed for it: the key under its ID is not its own."
        return why, f"Take the key again: {PORTAL} → 微信支付公钥."
    if error.is_code("NO_AUTH") or error.status == 403:
        why = "The merchant number may not use this, or JISHI_WECHAT_MCHID is not the one that signs."
        return why, "商户平台 → 产品中心: is JSAPI支付 open, and is the AppID bound (AppID账号管理)?"
    if error.is_code("MCH_NOT_EXISTS", "APPID_MCHID_NOT_MATCH"):
        return (
            "Merchant number and AppID do not belong together.",
            "商户平台 → 产品中心 → AppID账号管理: bind the AppID.",
        )
    return "WeChat Pay refuses.", "Look the code up at pay.weixin.qq.com."
