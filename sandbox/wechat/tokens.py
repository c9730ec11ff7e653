"""Access tokens of the mini-program's server: /cgi-bin/stable_token and the check of every other call."""

from __future__ import annotations

from sandbox.wechat.crypto import random_text
from sandbox.wechat.state import Doc
from sandbox.wechat.world import World

LIVES, RENEWED_EARLY = 7200, 300
_FORCE_EVERY, _FORCE_A_DAY, _DAY = 30, 20, 86400


class ApiError(Exception):
    """An answer of the mini-program side with an errcode, HTTP 200."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(f"{errcode} {errmsg}")
        self.errcode, self.errmsg = errcode, errmsg


class Tokens:
    def __init__(self, world: World) -> None:
        self._world = world

    def stable(self, force: bool) -> tuple[str, int]:
        """The token and the seconds it still lives. The same one until 5 minutes before its end, unless forced.

        A forced one ends the one before at once, may be asked for 20 times a day, at least 30 seconds apart.
        """
        state, now = self._world.state, self._world.timestamp()
        with state.transaction():
            current = state.get("tokens", "current") or {"token": "", "expires": 0, "forced": []}
            if force:
                self._note_force(current, now)
                state.remove("token", current["token"])
            elif now < current["expires"] - RENEWED_EARLY:
                return current["token"], current["expires"] - now
            current["token"], current["expires"] = random_text(512), now + LIVES
            state.put("tokens", "current", current)
            state.put("token", current["token"], {"expires": current["expires"]})
        return current["token"], LIVES

    def _note_force(self, current: Doc, now: int) -> None:
        forced = [at for at in current["forced"] if at > now - _DAY]
        if len(forced) >= _FORCE_A_DAY:
            raise ApiError(45009, "reach max api daily quota limit")
        if forced and now - forced[-1] < _FORCE_EVERY:
            raise ApiError(45011, "api minute-quota reach limit  mustslower  retry next minute")
        current["forced"] = [*forced, now]

    def check(self, token: str | None) -> None:
        """ApiError 41001, 40001 or 42001."""
        if not token:
            raise ApiError(41001, "access_token missing")
        known = self._world.state.get("token", token)
        if known is None:
            raise ApiError(40001, "invalid credential, access_token is invalid or not latest")
        if self._world.timestamp() >= known["expires"]:
            raise ApiError(42001, "access_token expired")
