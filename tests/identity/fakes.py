"""Sessions in memory."""

from types import SimpleNamespace
from typing import Any

from chalicelib.storage.reads import NOTHING, Read


class FakeSessions:
    """What the edge asks of identity; a token is the member's id, `authenticate` tells whose session it is."""

    def authenticate(self, token: str) -> Any:
        return SimpleNamespace(member_id=token)

    def verified(self, token: str) -> Any:
        return SimpleNamespace(member_id=token)

    def reads(self, token: Any) -> Read[Any]:
        return NOTHING.then(lambda _: self.authenticate(token.member_id))

    def keep_pace(self, session: Any) -> None:
        """Everybody may ask as often as they like."""
