"""The shoppers' side of WeChat: who they are, and the codes their mini-program gets from wx.login and the phone button.

A shopper is a name of letters, digits and hyphens; the openid follows from the name, so it is the same for ever.
A code `demo-<name>` logs that shopper in any number of times. A phone code `demo-<name>` gives a phone number that
follows from the name, and `demo-<11 digits>` gives that number.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

from sandbox.wechat.state import Doc
from sandbox.wechat.world import World

CODE_SECONDS = 300
_NAME = re.compile(r"[0-9A-Za-z-]{1,32}")
_PHONE = re.compile(r"1[3-9]\d{9}")


def openid_of(appid: str, name: str) -> str:
    """Of the shopper of this name in this mini-program. ValueError for a bad name."""
    return "o" + _digest("openid", appid, name)[:27]


class CodeRefused(Exception):
    """`used` tells a code that was good once from one that never was or is too old."""

    def __init__(self, used: bool) -> None:
        super().__init__("used" if used else "invalid")
        self.used = used


class People:
    def __init__(self, world: World) -> None:
        self._world = world

    def openid(self, name: str) -> str:
        """The shopper's openid in this mini-program; from now on WeChat knows it. ValueError for a bad name."""
        openid = openid_of(self._world.credentials.appid, name)
        if self._world.state.get("shopper", openid) is None:
            self._world.state.put("shopper", openid, {"name": name, "openid": openid, "active": 0})
        return openid

    def unionid(self, name: str) -> str:
        return "o" + _digest("unionid", self._world.credentials.appid, name)[:27]

    def active_since(self, openid: str) -> int | None:
        """When the shopper last opened the mini-program, epoch seconds; None for an unknown openid."""
        shopper = self._world.state.get("shopper", openid)
        return None if shopper is None else int(shopper["active"])

    def new_login_code(self, name: str) -> str:
        return self._new_code({"for": "login", "name": name, "openid": self.openid(name)})

    def new_phone_code(self, name: str, phone: str) -> str:
        if not _PHONE.fullmatch(phone):
            raise ValueError("phone should be a mobile number of 11 digits")
        return self._new_code({"for": "phone", "openid": self.openid(name), "phone": phone})

    def log_in(self, code: str) -> tuple[str, str]:
        """Name and openid of whom the code logs in. CodeRefused."""
        if name := _demo(code):
            openid = self.openid(name)
        else:
            spent = self._spend(code, "login")
            name, openid = spent["name"], spent["openid"]
        self._world.state.put("shopper", openid, {"name": name, "openid": openid, "active": self._world.timestamp()})
        return name, openid

    def phone_of(self, code: str) -> tuple[str, str | None]:
        """The phone number that the code stands for, and whose it is (None: anybody's). CodeRefused."""
        if name := _demo(code):
            if _PHONE.fullmatch(name):
                return name, None
            return "199" + f"{int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10**8:08}", self.openid(name)
        spent = self._spend(code, "phone")
        return spent["phone"], spent["openid"]

    def _new_code(self, doc: Doc) -> str:
        code = "0" + secrets.token_hex(16)
        self._world.state.put("code", code, doc | {"issued": self._world.timestamp(), "used": False})
        return code

    def _spend(self, code: str, purpose: str) -> Doc:
        with self._world.state.transaction():
            doc = self._world.state.get("code", code)
            if doc is None or doc["for"] != purpose:
                raise CodeRefused(used=False)
            if doc["used"]:
                raise CodeRefused(used=True)
            if self._world.timestamp() >= doc["issued"] + CODE_SECONDS:
                raise CodeRefused(used=False)
            self._world.state.put("code", code, doc | {"used": True})
        return doc


def _digest(kind: str, appid: str, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a shopper's name is 1 to 32 letters, digits and hyphens")
    digest = hashlib.sha256(f"{kind}|{appid}|{name}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()


def _demo(code: str) -> str:
    name = code.removeprefix("demo-")
    return name if name != code and _NAME.fullmatch(name) else ""
