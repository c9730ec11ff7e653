"""What is made when it is first asked for, once per process or object, however many threads ask."""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Made = TypeVar("Made")

loading = threading.RLock()
"""Held by whoever imports on demand. One thread at a time: when two import a package and a module of it at once, each
waits for the other, and Python ends that with an error.
"""


class part(Generic[Made]):
    """An attribute made by the decorated method at its first use and kept from then on.

    If making it fails, nothing is kept, and the next use tries again.
    """

    def __init__(self, make: Callable[[Any], Made]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, whole: None, owner: type) -> "part[Made]": ...
    @overload
    def __get__(self, whole: object, owner: type) -> Made: ...
    def __get__(self, whole: object, owner: type) -> "Made | part[Made]":
        if whole is None:
            return self
        kept = vars(whole)  # found there before this descriptor is asked again
        with loading:
            if self._name not in kept:
                kept[self._name] = self._make(whole)
        made: Made = kept[self._name]
        return made
