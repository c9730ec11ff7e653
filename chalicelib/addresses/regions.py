"""China's regions: provinces, cities, counties and, where a city has no counties, its towns.

The data is a snapshot (regions.json, made by sandbox/regions.py from the maintained sources that it names), read at the
first use. Codes are GB/T 2260. A region that has no city is shown as pickers show it: 北京市/北京市/东城区,
湖北省/省直辖县级行政区划/仙桃市.

A place's key is its code; a town's is `<code of its city>:<name>`, since the standard gives it no code of six digits.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

MUNICIPALITIES: Final = frozenset({"11", "12", "31", "50"})
SPECIAL: Final = frozenset({"81", "82"})
COUNTRY: Final = ""
_PEOPLES: Final = (
    "蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|畲|高山|拉祜|水|东乡|纳西|景颇|柯尔克孜|土|"
    "达斡尔|仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|阿昌|普米|塔吉克|怒|鄂温克|德昂|保安|裕固|独龙|鄂伦春|各"
)
_AUTONOMOUS: Final = re.compile(rf"(?:(?:{_PEOPLES})族?)*自治([区州县旗])$")
_SUFFIX: Final = re.compile(r"(?:特别行政区|新区|街道|地区|[省市区县旗盟镇乡])$")
_PLACEHOLDER: Final = re.compile(r"市辖区|县|.*直辖.*")


@dataclass(frozen=True)
class Region:
    """`code` is the county's, or the city's in a city without counties. Names of levels that are open are empty."""

    code: str
    province: str
    city: str
    district: str


class Regions:
    """`children` maps the key of a place to the names of the places in it, by key; the country's key is empty."""

    def __init__(self, names: Mapping[str, str], towns: Mapping[str, Iterable[str]]) -> None:
        self.names = names
        self.children: dict[str, dict[str, str]] = {COUNTRY: {}}
        for code, name in names.items():
            self.children.setdefault(_parent(code), {})[code] = name
        for city, inside in towns.items():
            self.children[city] = {f"{city}:{name}": name for name in inside}
        self._without_districts = frozenset(towns)

    def resolve(self, province: str, city: str, district: str) -> Region | None:
        """The region that these three texts of a picker mean, with its full names; None if there is none.

        Short forms (广东, 深圳) are understood. The city of a region that has none may be called as any picker calls
        it. The district of a city without any may be empty, the city's name, or a town.
        """
        for province_key in named(self.children[COUNTRY], province):
            for city_key in self._cities(province_key, city):
                if not self.has_districts(city_key) and district in ("", self.names[city_key]):
                    return self.region(city_key)
                for key in named(self.children.get(city_key, {}), district):
                    return self.region(key)
        return None

    def region(self, key: str) -> Region:
        """What is known of a place of any level: of a province, only its own name."""
        code, _, town = key.partition(":")
        province = self.names[code[:2] + "0000"]
        if is_province(code):
            return Region(code, province, province if code[:2] in MUNICIPALITIES else "", "")
        city = province if code[:2] in MUNICIPALITIES else self.names[code[:4] + "00"]
        return Region(code, province, city, town or ("" if is_city(code) else self.names[code]))

    def is_complete(self, key: str) -> bool:
        """A place that an address can be in: a county, a town, or a city without counties."""
        return not is_province(key) and (not is_city(key) or not self.has_districts(key))

    def has_districts(self, city_key: str) -> bool:
        return city_key not in self._without_districts

    def counties(self, province_key: str) -> Iterator[tuple[str, str]]:
        for city_key in self.children[province_key]:
            if self.has_districts(city_key):
                yield from self.children.get(city_key, {}).items()

    def _cities(self, province_key: str, city: str) -> list[str]:
        inside = self.children.get(province_key, {})
        if is_one_city(province_key) and named({province_key: self.names[province_key]}, city):
            return list(inside)
        if _PLACEHOLDER.fullmatch(city):
            return [key for key in inside if key[:2] in MUNICIPALITIES or is_placeholder(key)]
        # Some pickers repeat the county's name where its city is missing.
        direct = [key for key in inside if is_placeholder(key) and named(self.children[key], city)]
        return named(inside, city) + direct


def _parent(code: str) -> str:
    if is_province(code):
        return COUNTRY
    return code[:2] + "0000" if is_city(code) else code[:4] + "00"


def is_province(key: str) -> bool:
    return key.endswith("0000")


def is_city(key: str) -> bool:
    return key.endswith("00") and not is_province(key)


def is_one_city(province_key: str) -> bool:
    """A province that is one city to its people, so that pickers repeat its name (北京市/北京市/...)."""
    return province_key[:2] in MUNICIPALITIES | SPECIAL


def is_placeholder(city_key: str) -> bool:
    """No city, only the number under which a province keeps its own counties."""
    return city_key[2:4] == "90"


def named(places: Mapping[str, str], text: str) -> list[str]:
    """The keys of the places that are called so; a full name shuts out short ones."""
    full = [key for key, name in places.items() if name == text]
    return full or [key for key, name in places.items() if text in short_names(name)]


@lru_cache(maxsize=8192)
def short_names(name: str) -> frozenset[str]:
    """What people write for it: 广东 for 广东省, 大理 and 大理州 for 大理白族自治州, 浦东 for 浦东新区.

    Never a single character, and none for what only stands in a city's place.
    """
    if _PLACEHOLDER.fullmatch(name):
        return frozenset()
    if autonomous := _AUTONOMOUS.search(name):
        base = name[: autonomous.start()]
        shorter = {base, base + autonomous[1]}
    else:
        shorter = {_SUFFIX.sub("", name)}
    return frozenset(short for short in shorter if len(short) >= 2 and short != name)


@lru_cache(maxsize=1)
def regions() -> Regions:
    data = json.loads(Path(__file__).with_name("regions.json").read_text(encoding="utf-8"))
    return Regions(data["names"], data["towns"])
