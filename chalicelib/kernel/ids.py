"""Ids: 26 characters of Crockford base 32, sorted by the time they were made; unguessable (80 random bits).

The form is ULID's: 48 bits of milliseconds since 1970, then the random ones. https://github.com/ulid/spec
"""

from datetime import UTC, datetime, timedelta
from secrets import randbits

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_id(now: datetime) -> str:
    number = (now - EPOCH) // timedelta(milliseconds=1) << 80 | randbits(80)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
