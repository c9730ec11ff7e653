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
class _Name:
    """A place's name in the text. `sure` unless it is a short one and what follows may make it another word."""

    key: str
    short: bool
    end: int
    sure: bool

    def confirms(self, above: "_Name") -> bool:
        """济南市中区: 济南 may be the beginning of 济南市, but a full name after it shows where it ends."""
        return self.sure and (above.sure or not self.short)


_Index = dict[str, list[tuple[str, bool]]]


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
        for province in _starting(self._provinces, text, start):
            if province.sure:
                yield Located(start, province.end, province.key, 2 if is_one_city(province.key) else 1)
            yield from self._below_province(text, start, province)
        for city in _starting(self._cities, text, start):
            if city.sure:
                yield Located(start, city.end, city.key, 1)
            yield from self._below_city(text, start, city, 2)
        for county in _unique(_starting(self._counties, text, start)):
            if not county.short:
                yield Located(start, county.end, county.key, 1)

    def _below_province(self, text: str, start: int, province: _Name) -> Iterator[Located]:
        at = _skip(text, province.end)
        for city in _starting(self._inside(province.key, "cities"), text, at):
            if city.confirms(province):
                yield Located(start, city.end, city.key, 2)
            yield from self._below_city(text, start, city, 3)
        at = self._skip_stopgap(text, at, province.key)
        for county in _unique(_starting(self._inside(province.key, "counties"), text, at)):
            direct = is_one_city(province.key) or is_placeholder(county.key[:4] + "00")
            if county.confirms(province):
                yield Located(start, county.end, county.key, 3 if direct else 2)

    def _skip_stopgap(self, text: str, at: int, province_key: str) -> int:
        """Behind what pickers show in place of a city: 市辖区, 省直辖县级行政区划, or the province's name once more."""
        again = self._regions.names[province_key]
        if is_one_city(province_key) and text.startswith(again, at):
            return _skip(text, at + len(again))
        stopgap = _CITY_STOPGAP.match(text, at)
        return _skip(text, stopgap.end() if stopgap else at)

    def _below_city(self, text: str, start: int, city: _Name, levels: int) -> Iterator[Located]:
        for district in _starting(self._inside(city.key, "districts"), text, _skip(text, city.end)):
            if district.confirms(city):
                yield Located(start, district.end, district.key, levels)

    def _index_inside(self, key: str, what: str) -> _Index:
        regions = self._regions
        if what == "counties":
            return _index(regions.counties(key))
        return _index((k, name) for k, name in regions.children.get(key, {}).items() if not is_placeholder(k))

    def _is_short(self, text: str, located: Located) -> bool:
        return text[located.start : located.end] != self._regions.names.get(located.key)


def _index(places: Iterable[tuple[str, str]]) -> _Index:
    """By full and short names: the keys that have them, and whether the name is short."""
    index: _Index = {}
    for key, name in places:
        index.setdefault(name, []).append((key, False))
        for short in short_names(name):
            index.setdefault(short, []).append((key, True))
    return index


def _starting(index: _Index, text: str, at: int) -> Iterator[_Name]:
    for end in range(at + 2, min(at + MOST_NAME, len(text)) + 1):
        for key, short in index.get(text[at:end], ()):
            yield _Name(key, short, end, sure=not short or not _OTHER_WORD.match(text, end))


def _unique(names: Iterable[_Name]) -> Iterator[_Name]:
    """Without those that share their name with another place; a full name is not shared with a short one."""
    by_end: dict[int, list[_Name]] = {}
    for name in names:
        by_end.setdefault(name.end, []).append(name)
    for same in by_end.values():
        full = [name for name in same if not name.short] or same
        if len(full) == 1:
            yield full[0]


def _skip(text: str, at: int) -> int:
    gap = _GAP.match(text, at)
    return gap.end() if gap else at
