"""Ids: 26 characters of Crockford base 32, sorted by the time they were made; unguessable (80 random bits)."""

from datetime import datetime

from ulid import ULID


def new_id(now: datetime) -> str:
    return str(ULID.from_datetime(now))
