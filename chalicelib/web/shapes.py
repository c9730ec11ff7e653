"""Shapes that many routes share."""

from typing import Annotated

import msgspec

ID = r"^[A-Za-z0-9_.\-]{1,64}$(?!\n)"
"""The pattern of an id in a body. To Python `$` alone also fits before a line feed at the end, to JSON Schema not."""
LINE = r"^[^\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]*$(?!\n)"
"""The pattern of words on one line: no control characters, nothing that turns the direction of writing."""

NextCursor = Annotated[
    str | None, msgspec.Meta(description="For the next page; null on the last one.", examples=[None])
]


class PageQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Which page of a list."""

    cursor: (
        Annotated[
            str, msgspec.Meta(max_length=300, description="`next_cursor` of the page before.", examples=["MDAxI3RlYQ"])
        ]
        | None
    ) = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=50, description="Items on a page.", examples=[20])] = 20
