"""How each key is changed without losing a payment: one step for each run, decided by what the secret holds.

A process may use settings that are REREAD_SECONDS old, and a run of a function keeps those it began with for as long
as it may take. So a key that is to be used must first be known everywhere, and that long is waited between the two.

How many of each WeChat Pay takes at once (certificates three, APIv3 keys one):
https://pay.weixin.qq.com/doc/v3/partner/4025464285
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from chalicelib.kernel.clock import SHANGHAI
from chalicelib.shop import REREAD_SECONDS
from deploy.secret.entries import CONSOLE, PORTAL, SERIAL
from deploy.secret.fill import OWN, new_id, new_key
from deploy.secret.store import Held, SecretError

LONGEST_RUN = timedelta(minutes=15)
"""Lambda's: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
KNOWN_EVERYWHERE = timedelta(seconds=REREAD_SECONDS) + LONGEST_RUN
CALLBACKS_REPEATED = timedelta(hours=25)
"""WeChat Pay repeats a callback for 24 h 4 m: https://github.com/wechatpay-apiv3/wechatpay-skills"""
APIV3, PREVIOUS = "JISHI_WECHAT_APIV3_KEY", "JISHI_WECHAT_APIV3_KEY_PREVIOUS"
MERCHANT, APP = "JISHI_WECHAT_MERCHANT_KEY", "JISHI_WECHAT_SECRET"
MINUTES = round(KNOWN_EVERYWHERE.total_seconds() / 60)

ASKED: Mapping[str, tuple[str, ...]] = {"apiv3": (APIV3,), "merchant": (MERCHANT, SERIAL), "app": (APP,)}
"""What the first step of a rotation needs from outside, by kind."""
FIRST: Mapping[str, str] = {
    "apiv3": "Make up a new APIv3 key, 32 digits and letters, and do not set it in the portal yet.",
    "merchant": f"First {PORTAL} → 商户API证书 → 管理证书 → 申请新证书: the old one still counts beside it.",
    "app": f"First {CONSOLE} → 开发设置 → AppSecret → 重置, in a quiet hour: from then on nobody can log in until the "
    f"new one counts, up to {REREAD_SECONDS // 60} minutes after this. Whoever is logged in may pay.",
}
KINDS = (*OWN, *ASKED)


@dataclass(frozen=True)
class Step:
    """What the secret holds afterwards, what was done, and what is to be done next."""

    values: Mapping[str, Any] = field(repr=False)
    did: str
    then: str


def needs(kind: str, held: Held) -> tuple[str, ...]:
    """What must be asked for before this step."""
    return () if kind == "apiv3" and held.values.get(PREVIOUS) else ASKED.get(kind, ())


def step(kind: str, held: Held, given: Mapping[str, Any]) -> Step:
    """The next one. Raises SecretError when it is too early, saying until when, or when nothing would change."""
    if kind in OWN:
        return _own(kind, held)
    if kind == "apiv3" and held.values.get(PREVIOUS):
        return _apiv3_done(held, given)
    if [name for name in ASKED[kind] if not given.get(name)]:
        raise SecretError(f"Rotating {kind} needs {', '.join(ASKED[kind])}: type them, or give them in FILE=…")
    if all(held.values.get(name) == given[name] for name in ASKED[kind]):
        raise SecretError(f"The secret holds this {kind} key already. Nothing was written.")
    changed = {**held.values, **{name: given[name] for name in ASKED[kind]}}
    if kind == "apiv3":
        return _apiv3_begun({**changed, PREVIOUS: held.values[APIV3]})
    if kind == "merchant":
        then = f"Wait {MINUTES} minutes, `make doctor`, and then revoke the old certificate: {PORTAL} → 商户API证书."
        return Step(changed, "The merchant's key and its serial were changed together.", then)
    then = f"Log in once in the mini-program in {REREAD_SECONDS // 60} minutes."
    return Step(changed, "The AppSecret was changed.", then)


def retire(kind: str, held: Held, key_id: str) -> Step:
    """Take a session key away that is not current. Raises SecretError for any other."""
    if kind != "session":
        raise SecretError("Only session keys are ever taken away. What a data key sealed can be opened by it alone.")
    ring, current = _pair(kind, held)
    if key_id not in ring or key_id == current:
        raise SecretError(f"There is no session key {key_id!r} that could go: {current!r} is current, of {list(ring)}.")
    _demand_age(held, KNOWN_EVERYWHERE, "Other processes may still sign with it")
    left = {name: key for name, key in ring.items() if name != key_id}
    did = f"Session key {key_id} was taken away: sessions that were made with it end within minutes."
    return Step({**held.values, OWN[kind][0]: left}, did, "Those shoppers log in again, which the mini-program does.")


def _own(kind: str, held: Held) -> Step:
    """Two runs: a key that others may open with, and then one to seal or sign with."""
    names, (ring, current) = OWN[kind], _pair(kind, held)
    newest = list(ring)[-1]
    if newest == current:
        key_id = new_id(held.now, ring.keys())
        added = {**held.values, names[0]: {**ring, key_id: new_key()}}
        did = f"{kind.capitalize()} key {key_id} was added; {current} stays current until every process knows it."
        return Step(added, did, f"Run this again in {MINUTES} minutes.")
    _demand_age(held, KNOWN_EVERYWHERE, f"{newest} is not known everywhere yet")
    did = f"{kind.capitalize()} key {newest} is current now, instead of {current}."
    if kind == "data":
        then = f"Keep {current} for ever: what it sealed stays sealed with it. Write {newest} down for the safe."
    else:
        then = f"After JISHI_SESSION_HOURS {current} may go: make rotate STAGE=… KEY=session RETIRE={current}"
    return Step({**held.values, names[1]: newest}, did, then)


def _apiv3_begun(values: Mapping[str, Any]) -> Step:
    did = "Both APIv3 keys, the new one and the former, open callbacks."
    then = (
        f"Wait {MINUTES} minutes, then set the new one: {PORTAL} → APIv3密钥. "
        f"Run this again {CALLBACKS_REPEATED.days * 24 + CALLBACKS_REPEATED.seconds // 3600} hours after that."
    )
    return Step(values, did, then)


def _apiv3_done(held: Held, given: Mapping[str, Any]) -> Step:
    if given.get(APIV3, held.values[APIV3]) != held.values[APIV3]:
        raise SecretError(
            "Nothing was written: the secret holds another new APIv3 key already, and the shop opens no third one. Set "
            "that one in the portal (Secrets Manager shows it), or the former one again, and finish this change first."
        )
    _demand_age(held, KNOWN_EVERYWHERE + CALLBACKS_REPEATED, "Callbacks that were sealed with the former may come")
    left = {name: value for name, value in held.values.items() if name != PREVIOUS}
    return Step(left, "The former APIv3 key was taken away.", "Nothing is left to do.")


def _pair(kind: str, held: Held) -> tuple[dict[str, str], str]:
    ring, current = (held.values.get(name) for name in OWN[kind])
    if not isinstance(ring, dict) or current not in ring:
        raise SecretError(f"The secret holds no {kind} keys with a current one among them: make secret")
    return ring, str(current)


def _demand_age(held: Held, age: timedelta, why: str) -> None:
    """The time counts from the last change of the secret, whatever it was, which is never too short."""
    until = held.changed_at + age
    if held.now < until:
        raise SecretError(f"Too early. {why}: run this again after {until.astimezone(SHANGHAI):%Y-%m-%d %H:%M} +08:00.")
