"""The process's shop. What it is put together from stands in parts.py.

`build(settings)` does no I/O; `open_shop()` reads the environment, builds once per process, and is what handlers call.
"""

import gc
import threading
from random import randrange
from typing import Any

from . import outside
from .kernel.clock import Clock, epoch, system_clock
from .log import logger
from .parts import Shop
from .settings import Settings, from_environment, storage_of_this_function
from .storage.table import bind, connection

__all__ = ["Shop", "build", "open_shop", "use"]

# What is imported by now stays for good. Unless told so, the collector walks through all of it as the client is made.
gc.freeze()


def _connect_early() -> None:
    """Make a function's client, which every request needs, while Lambda starts it: with more CPU than it has later."""
    if place := storage_of_this_function():
        try:
            bind(*place)
            connection()
        except Exception:  # `build` says what is wrong with the settings
            logger.exception("client not made")


_connect_early()


def build(settings: Settings, *, clock: Clock = system_clock, random: Any = None) -> Shop:
    """A shop for these settings. `clock` and `random` are the two things that tests and the local stack replace.

    Its parts are made when they are used; `complete()` makes all, and so proves every setting.
    """
    bind(settings.table_prefix, settings.region, settings.dynamodb_url, settings.dynamodb_client)
    return Shop(settings, clock, random)


REREAD_SECONDS = 300
"""A setting that was changed in a file or in the secret counts everywhere after this time."""
SPREAD_SECONDS = 60
"""Processes that started together look at different times, as much earlier as this."""

_lock = threading.Lock()
_opened: Shop | None = None
_look_at: int | None = None
"""When settings are read again, in epoch seconds; None for a shop that was handed over by `use`."""


def open_shop() -> Shop:
    """The process's shop. Raises SettingsError if environment and secret hold none, and Unavailable if the secret
    cannot be read; the next call tries again.

    Settings are read again every few minutes, so that a key that was changed counts without a restart: by one thread,
    while the others go on. If they are broken or cannot be read, that is told of, and the shop stays as it is.
    """
    global _opened, _look_at
    with _lock:
        if _opened is None:
            _opened, _look_at = _first(), _next_look()
            return _opened
        known = _opened
        if _look_at is None or 0 < _look_at - _seconds() <= REREAD_SECONDS:
            return known
        _look_at = _next_look()
    found = _again(known)
    with _lock:
        if _opened is known:  # no other was handed over meanwhile
            _opened = found
        return _opened


def use(shop: Shop) -> None:
    """Make this the process's shop, in place of one from the environment: for the local stack and for tests."""
    global _opened, _look_at
    with _lock:
        _opened, _look_at = shop, None


def _first() -> Shop:
    try:
        return build(from_environment())
    except Exception:
        logger.exception("settings cannot be read", alarm="settings")
        raise


def _again(known: Shop) -> Shop:
    try:
        settings = from_environment()
        if settings == known.settings:
            return known
        outside.prove(settings)
        return build(settings).complete()
    except Exception:  # whatever it is, the shop has settings that work
        logger.exception("settings cannot be read again", alarm="settings")
        return known


def _next_look() -> int:
    return _seconds() + REREAD_SECONDS - randrange(SPREAD_SECONDS + 1)


def _seconds() -> int:
    """Of the system's clock: the monotonic one may stand still while a function is frozen."""
    return epoch(system_clock())
