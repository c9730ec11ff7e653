"""What a stage's secret lacks, and how it is filled: what is there already stays as it is."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Set
from datetime import datetime
from secrets import token_bytes
from typing import Any

from chalicelib.kernel.clock import beijing_date
from chalicelib.settings import secret_names
from deploy.secret.entries import QUESTIONS, SERIAL, Question
from deploy.secret.proof import environment
from deploy.secret.store import SecretError
from deploy.stage import Stage

OWN = {kind: (f"JISHI_{kind.upper()}_KEYS", f"JISHI_{kind.upper()}_KEY_CURRENT") for kind in ("session", "data")}
"""The keys of the shop's own: ring and current id."""
ROTATED: Mapping[str, str] = {
    **{name: kind for kind, names in OWN.items() for name in names},
    "JISHI_WECHAT_APIV3_KEY": "apiv3",
    "JISHI_WECHAT_APIV3_KEY_PREVIOUS": "apiv3",
    "JISHI_WECHAT_MERCHANT_KEY": "merchant",
    SERIAL: "merchant",
    "JISHI_WECHAT_SECRET": "app",
}
"""What changes only by the steps of `make rotate`, by name: its kind."""


def joined(held: Mapping[str, Any], given: Mapping[str, Any], replaced: Set[str]) -> dict[str, Any]:
    """What is held and what is given. Raises SecretError if that would change a value that nobody asked to replace."""
    for name in sorted(replaced):
        if name in ROTATED and name in held:
            raise SecretError(f"{name} is changed in steps, so that nothing is lost: {_rotate(name)}")
        if name not in given:
            raise SecretError(f"REPLACE names {name}, and no new value is given for it (FILE=… holds them).")
    changed = sorted(name for name, value in given.items() if held.get(name, value) != value and name not in replaced)
    if changed:
        ways = [_rotate(n) if n in ROTATED else f"REPLACE={n}" for n in changed]
        raise SecretError(
            f"The secret holds other values of {', '.join(changed)}, and they stay. To change them: "
            + ", ".join(dict.fromkeys(ways))
        )
    return {**held, **given}


def _rotate(name: str) -> str:
    return f"make rotate STAGE=… KEY={ROTATED[name]}"


def questions(stage: Stage, values: Mapping[str, Any], optional: bool) -> list[Question]:
    """What to ask for: what neither the secret nor the stage's environment holds."""
    known = environment(stage)
    return [q for q in QUESTIONS if not values.get(q.name) and not known.get(q.name) and (q.required or optional)]


def generated(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """With keys of the shop's own where there are none at all. Raises SecretError for half of a pair: a ring that
    lost its current id is mended, not made anew.
    """
    filled = dict(values)
    for ring, current in OWN.values():
        if bool(filled.get(ring)) != bool(filled.get(current)):
            raise SecretError(f"Of {ring} and {current} only one is set. Look for the other in the former version.")
        if not filled.get(ring):
            key_id = new_id(now, ())
            filled |= {ring: {key_id: new_key()}, current: key_id}
    return filled


def new_key() -> str:
    return b64encode(token_bytes(32)).decode()


def new_id(now: datetime, taken: Set[str] | tuple[()]) -> str:
    """`20261122`, the day in Beijing; the second one of a day is `20261122-2`."""
    day = beijing_date(now).replace("-", "")
    names = [day, *(f"{day}-{n}" for n in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)


def report(stage: Stage, before: Mapping[str, Any], after: Mapping[str, Any], made: Set[str]) -> list[str]:
    """Each name and its state, and no value."""
    optional = {question.name for question in QUESTIONS if not question.required}
    names = sorted((secret_names() & (after.keys() | optional)) | after.keys())
    width = max(map(len, names))
    return [f"{name:{width}}  {_state(name, stage, before, after, made)}" for name in names]


def _state(name: str, stage: Stage, before: Mapping[str, Any], after: Mapping[str, Any], made: Set[str]) -> str:
    if not after.get(name):
        return "in the environment" if environment(stage).get(name) else "not set (optional)"
    if name in made:
        return "generated"
    if name not in before:
        return "added"
    return "set" if before[name] == after[name] else "changed"
