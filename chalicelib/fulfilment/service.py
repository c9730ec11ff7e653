"""Fulfilment as the rest of the shop sees it: four use cases over two tables."""

from dataclasses import dataclass

from .handing import Handing
from .sending import Sending
from .tracking import Following
from .uploading import Uploading


@dataclass(frozen=True)
class Fulfilment:
    sending: Sending
    handing: Handing
    uploading: Uploading
    following: Following
