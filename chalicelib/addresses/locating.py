"""Finds the region that a free text names: 广东省深圳市南山区, 广东深圳南山, 深圳市 南山区, 昆山市, 湖北仙桃."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from .regions import COUNTRY, Regions, is_city, is_one_city, is_placeholder, short_names

MOST_NAME: Final = 15
# After a short name these make it another word: 朝阳区 is not the city 朝阳, 北京路 not Beijing.
_OTHER_WORD: Final = re.compile(r"[省市区县旗盟州]|[东西南北中]?大?[路街道巷]")
_GAP: Final = re.compile(r"[\s,\-/]*")
_CITY_STOPGAP: Final = re.compile(r"(?:市辖区|县|(?:省|自治区)直辖县级行政区划|省直辖县|省直辖)?")


@dataclass(frozen=True)
class Located:
    """`key` of the place (regions.py), named in text[start:end] by `levels` of its names."""

    start: int
    end: int
    key: str
    levels: int


@dataclass(frozen=True)
class _Named:
    key: str
    short: bool


_Index = dict[str, list[_Named]]


class Locator:
    def __init__(self, regions: Regions) -> None:
        self._regions = regions
        self._provinces = _index(regions.children[COUNTRY].items())
        cities = (key for key in regions.names if is_city(key) and not is_placeholder(key))
        self._cities = _index((key, regions.names[key]) for key in cities)
        # 71-79 and 90-99 number development zones, whose names (高新区) say nothing alone.
        counties = (county for province in regions.children[COUNTRY] for county in regions.counties(province))
        self._counties = _index((key, name) for key, name in counties if key[4] not in "79" and len(name) > 2)
        self._inside = lru_cache(maxsize=None)(self._index_inside)

    def locate(self, text: str) -> Located | None:
        """The place that is named by the most levels, then by the longest name, then first."""
        found = (located for start in range(len(text)) for located in self._at(text, start))
        return max(found, key=lambda it: (it.levels, it.end - it.start, -it.start), default=None)

    def _at(self, text: str, start: int) -> Iterator[Located]:
        alone = start == 0 or text[start - 1].isspace()
        for located in self._paths(text, start):
            if located.levels >= 2 or alone or not self._is_short(text, located):
                yield located

    def _paths(self, text: str, start: int) -> Iterator[Located]:
        for province, end in _starting(self._provinces, text, start):
            levels = 2 if is_one_city(province.key) else 1
            yield Located(start, end, province.key, levels)
            yield from self._below_province(text, start, end, province.key)
        for city, end in _starting(self._cities, text, start):
            yield Located(start, end, city.key, 1)
            yield from self._below_city(text, start, end, city.key, 2)
        for county, end in _unique(_starting(self._counties, text, start)):
            if not county.short:
                yield Located(start, end, county.key, 1)

    def _below_province(self, text: str, start: int, end: int, province_key: str) -> Iterator[Located]:
        at = _skip(text, end)
        for city, city_end in _starting(self._inside(province_key, "cities"), text, at):
            yield Located(start, city_end, city.key, 2)
            yield from self._below_city(text, start, city_end, city.key, 3)
        stopgap = _CITY_STOPGAP.match(text, at)
        at = _skip(text, stopgap.end() if stopgap else at)
        for county, county_end in _unique(_starting(self._inside(province_key, "counties"), text, at)):
            direct = is_one_city(province_key) or is_placeholder(county.key[:4] + "00")
            yield Located(start, county_end, county.key, 3 if direct else 2)

    def _below_city(self, text: str, start: int, end: int, city_key: str, levels: int) -> Iterator[Located]:
        for district, district_end in _starting(self._inside(city_key, "districts"), text, _skip(text, end)):
            yield Located(start, district_end, district.key, levels)

    def _index_inside(self, key: str, what: str) -> _Index:
        regions = self._regions
        if what == "counties":
            return _index(regions.counties(key))
        return _index((k, name) for k, name in regions.children.get(key, {}).items() if not is_placeholder(k))

    def _is_short(self, text: str, located: Located) -> bool:
        return text[located.start : located.end] != self._regions.names.get(located.key)


def _index(places: Iterable[tuple[str, str]]) -> _Index:
    index: _Index = {}
    for key, name in places:
        index.setdefault(name, []).append(_Named(key, short=False))
        for short in short_names(name):
            index.setdefault(short, []).append(_Named(key, short=True))
    return index


def _starting(index: _Index, text: str, at: int) -> Iterator[tuple[_Named, int]]:
    """The places whose full or short names stand at `at`, with the ends of the names."""
    for end in range(at + 2, min(at + MOST_NAME, len(text)) + 1):
        for place in index.get(text[at:end], ()):
            if not place.short or not _OTHER_WORD.match(text, end):
                yield place, end


def _unique(places: Iterable[tuple[_Named, int]]) -> Iterator[tuple[_Named, int]]:
    """Without those that share their name with another."""
    by_end: dict[int, list[_Named]] = {}
    for place, end in places:
        by_end.setdefault(end, []).append(place)
    for end, same in by_end.items():
        full = [place for place in same if not place.short] or same
        if len(full) == 1:
            yield full[0], end


def _skip(text: str, at: int) -> int:
    gap = _GAP.match(text, at)
    return gap.end() if gap else at
