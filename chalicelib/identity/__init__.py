"""Members and their sessions.

Owns: who a member is (one per shopper of the mini-program), the bound phone number, nickname and picture; session
tokens (JWT, HS256, revoked by raising the member's session version); signatures of single requests; which members are
the merchant's people, and their roles.
Table: `members`, by member id. Nonces of signed requests are claims (storage/once.py).
"""

from ..kernel.staff import StaffRole
from .rules import LoggedIn, Member, Session, SessionSettings
from .service import Identity, LoginProvider
from .store import MemberStore

__all__ = ["Identity", "LoggedIn", "LoginProvider", "Member", "MemberStore", "Session", "SessionSettings", "StaffRole"]
