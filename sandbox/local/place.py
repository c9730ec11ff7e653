"""Where things are on this machine."""

from __future__ import annotations

import json
import os
import secrets
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from chalicelib.identity.rules import member_id_of
from sandbox.wechat import Credentials, make_credentials
from sandbox.wechat.people import openid_of

TEMPLATES = {
    kind: f"tmpl_{kind}" for kind in ("coupon_expiring", "order_paid", "team_formed", "team_failed", "refund_done")
}
OWNER = "owner"
"""The sandbox's shopper who owns the demo shop."""
RETURN_TO = "广东省深圳市南山区科技园1号 集市售后部 0755-00000000"
VARIABLES = ("JISHI_LOCAL", "JISHI_API_PORT", "JISHI_ENGINE_PORT", "JISHI_WECHAT_PORT")


class Trouble(Exception):
    """Says what is wrong and what to do about it."""


@dataclass(frozen=True)
class Place:
    """Ports can be moved with JISHI_API_PORT, JISHI_ENGINE_PORT and JISHI_WECHAT_PORT, the folder with JISHI_LOCAL."""

    folder: Path
    api_port: int
    engine_port: int
    wechat_port: int

    @classmethod
    def here(cls) -> Place:
        """Raises Trouble for a port that is none."""
        place = cls(
            folder=Path(os.environ.get("JISHI_LOCAL") or ".local").absolute(),
            api_port=_port("JISHI_API_PORT", 8700),
            engine_port=_port("JISHI_ENGINE_PORT", 8701),
            wechat_port=_port("JISHI_WECHAT_PORT", 8702),
        )
        if len({place.api_port, place.engine_port, place.wechat_port}) < 3:
            raise Trouble("JISHI_API_PORT, JISHI_ENGINE_PORT and JISHI_WECHAT_PORT must differ from each other.")
        return place

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def engine(self) -> str:
        return f"http://127.0.0.1:{self.engine_port}"

    @property
    def wechat(self) -> str:
        return f"http://127.0.0.1:{self.wechat_port}"

    @property
    def clock_file(self) -> Path:
        return self.folder / "clock"

    @property
    def engine_folder(self) -> Path:
        return self.folder / "engine"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def credentials(self) -> Credentials:
        return make_credentials(self.folder / "wechat" / "credentials")

    def environment(self) -> dict[str, str]:
        """What the shop reads: the same settings as in the cloud, pointing at the sandbox."""
        merchant, keys = self.credentials(), self._keys()
        platform = {
            merchant.wechatpay_public_key_id: merchant.wechatpay_public_key,
            merchant.platform_serial: merchant.platform_certificate,
        }
        return {
            "JISHI_STAGE": "local",
            "JISHI_REQUESTS_PER_MEMBER": "6000",  # the demo asks ten times a second while it waits
            "JISHI_TABLE_PREFIX": "jishi-local-",
            "JISHI_REGION": "cn-north-1",
            "JISHI_DYNAMODB_URL": self.engine,
            "JISHI_PUBLIC_URL": self.api,
            "JISHI_WECHAT_APPID": merchant.appid,
            "JISHI_WECHAT_SECRET": merchant.secret,
            "JISHI_WECHAT_MCHID": merchant.mchid,
            "JISHI_WECHAT_MERCHANT_SERIAL": merchant.merchant_serial,
            "JISHI_WECHAT_MERCHANT_KEY": merchant.merchant_private_key,
            "JISHI_WECHAT_APIV3_KEY": merchant.apiv3_key,
            "JISHI_WECHAT_PLATFORM_KEYS": json.dumps(platform),
            "JISHI_WECHAT_PUSH_TOKEN": merchant.push_token,
            "JISHI_WECHAT_PUSH_AES_KEY": merchant.encoding_aes_key,
            "JISHI_WECHAT_API_URL": self.wechat,
            "JISHI_WECHAT_PAY_URL": self.wechat,
            "JISHI_MESSAGE_TEMPLATES": json.dumps(TEMPLATES),
            "JISHI_OWNERS": member_id_of(merchant.appid, openid_of(merchant.appid, OWNER)),
            "JISHI_RETURN_ADDRESS": RETURN_TO,
            "JISHI_KUAIDI100_CUSTOMER": merchant.kuaidi100_customer,
            "JISHI_KUAIDI100_KEY": merchant.kuaidi100_key,
            "JISHI_KUAIDI100_URL": self.wechat,
            "JISHI_SESSION_KEYS": json.dumps({"local": keys["session"]}),
            "JISHI_SESSION_KEY_CURRENT": "local",
            "JISHI_DATA_KEYS": json.dumps({"local": keys["data"]}),
            "JISHI_DATA_KEY_CURRENT": "local",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "cn-north-1",
            # A proxy for the internet must not be asked for this machine.
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def _keys(self) -> dict[str, str]:
        """The shop's own keys, made once."""
        path = self.folder / "keys.json"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            made = {name: b64encode(secrets.token_bytes(32)).decode() for name in ("session", "data")}
            part = path.with_suffix(".part")
            part.touch(mode=0o600)
            part.write_text(json.dumps(made))
            part.replace(path)
        keys: dict[str, str] = json.loads(path.read_text())
        return keys


def _port(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise Trouble(f"{variable} must be a port number, 1 to 65535, and is {text!r}.")
    return int(text)
