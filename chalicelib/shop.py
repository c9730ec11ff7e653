"""The process's shop. What it is put together from stands in parts.py.

`build(settings)` does no I/O; `open_shop()` reads the environment, builds once per process, and is what handlers call.
"""

import threading
import time
from typing import Any

from .kernel.clock import Clock, system_clock
from .log import logger
from .parts import Shop
from .settings import Settings, SettingsError, from_environment
from .storage.table import bind

__all__ = ["Shop", "build", "open_shop", "use"]


def build(settings: Settings, *, clock: Clock = system_clock, random: Any = None) -> Shop:
    """A shop for these settings. `clock` and `random` are the two things that tests and the local stack replace.

    Its parts are made when they are used; `complete()` makes all, and so proves every setting.
    """
    bind(settings.table_prefix, settings.region, settings.dynamodb_url)
    return Shop(settings, clock, random)


REREAD_SECONDS = 300

_lock = threading.Lock()
_opened: Shop | None = None
_read_at: int | None = None
"""When the environment was last read; None for a shop that was handed over by `use`."""


def open_shop() -> Shop:
    """The process's shop. Raises SettingsError if the environment does not hold one.

    Settings are read again every few minutes, so that a key that was changed in its file counts without a restart.
    Meanwhile broken ones are told of, and leave the shop as it is.
    """
    global _opened, _read_at
    with _lock:
        if _opened is None:
            _opened, _read_at = build(from_environment()), int(time.monotonic())
        elif _read_at is not None and time.monotonic() - _read_at > REREAD_SECONDS:
            _read_at = int(time.monotonic())
            try:
                settings = from_environment()
                if settings != _opened.settings:
                    _opened = build(settings).complete()
            except (SettingsError, ValueError):
                logger.exception("settings cannot be read again", alarm="settings")
        return _opened


def use(shop: Shop) -> None:
    """Make this the process's shop, in place of one from the environment: for the local stack and for tests."""
    global _opened, _read_at
    with _lock:
        _opened, _read_at = shop, None
