"""Events: what the platform tells the shop by message push. Each event counts once, however often it is sent."""

from .service import Events

__all__ = ["Events"]
