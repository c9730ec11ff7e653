"""Parts on demand."""

import threading
from collections.abc import Callable

import pytest

from chalicelib.kernel.lazy import loading, part


class House:
    def __init__(self, build: Callable[[], object] = object) -> None:
        self.build = build

    @part
    def roof(self) -> object:
        """Keeps the rain out."""
        return self.build()

    @part
    def attic(self) -> list[object]:
        return [self.roof]


def test_a_part_is_made_when_it_is_asked_for_and_kept() -> None:
    house = House()
    assert "roof" not in vars(house)
    assert house.roof is house.roof
    assert house.attic == [house.roof]


def test_each_object_has_its_own() -> None:
    assert House().roof is not House().roof


def test_a_part_that_could_not_be_made_is_tried_again() -> None:
    tries = iter([ValueError("no wood"), None])

    def build() -> object:
        if failure := next(tries):
            raise failure
        return "roof"

    house = House(build)
    with pytest.raises(ValueError, match="no wood"):
        _ = house.roof
    assert house.roof == "roof"


def test_one_thread_makes_it_and_the_others_wait_for_that() -> None:
    free, got = [], []
    others = [
        threading.Thread(target=lambda: free.append(loading.acquire(blocking=False))),
        threading.Thread(target=lambda: got.append(house.roof)),
    ]

    def build() -> object:
        for other in others:
            other.start()
        others[0].join()
        return object()

    house = House(build)
    got.append(house.roof)
    others[1].join()
    assert free == [False]
    assert got[0] is got[1]


def test_the_class_shows_what_the_part_is() -> None:
    assert House.roof.__doc__ == "Keeps the rain out."
