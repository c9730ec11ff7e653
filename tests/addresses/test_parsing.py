import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.addresses.parsing import parse
from chalicelib.addresses.regions import Region, regions
from tests.addresses.test_regions import complete

FULL = ("张三", "13800138000", "广东省", "深圳市", "南山区", "科技园1号")


def read(text: str) -> tuple[str, ...]:
    found = parse(text)
    return (found.name, found.phone, found.province, found.city, found.district, found.detail)


@pytest.mark.parametrize(
    "text",
    [
        "张三 13800138000 广东省深圳市南山区科技园1号",
        "13800138000 张三 广东省深圳市南山区科技园1号",
        "广东省深圳市南山区科技园1号 张三 13800138000",
        "广东省深圳市南山区科技园1号 13800138000 张三",
        "13800138000 广东省深圳市南山区科技园1号 张三",
        "张三 广东省深圳市南山区科技园1号 13800138000",
        "张三，13800138000，广东省深圳市南山区科技园1号",
        "张三、13800138000；广东省 深圳市 南山区 科技园1号",
        "张三\n13800138000\n广东省深圳市南山区\n科技园1号",
        "张三\t+86 138-0013-8000\t广东省/深圳市/南山区/科技园1号",
        "张三 138 0013 8000 广东省-深圳市-南山区 科技园1号",
        "　张三　１３８００１３８０００　广东省深圳市南山区科技园１号",
        "张三13800138000广东省深圳市南山区科技园1号",
        "广东省深圳市南山区科技园1号张三13800138000",
        "13800138000广东省深圳市南山区科技园1号张三",
        "张三 13800138000 广东深圳南山科技园1号",
        "张三 13800138000 广东 深圳 南山 科技园1号",
        "张三 13800138000 深圳市南山区科技园1号",
        "张三 13800138000 深圳南山科技园1号",
        "张三 13800138000 广东省南山区科技园1号",
        "收货人：张三\n电话：13800138000\n地址：广东省深圳市南山区科技园1号",
        "收件人: 张三 手机号码: 138 0013 8000 所在地区: 广东省深圳市南山区 详细地址: 科技园1号 邮编: 518000",
        "姓名:张三电话:13800138000地址:广东省深圳市南山区科技园1号",
        "收货人 张三\n手机 13800138000\n地址 广东省深圳市南山区科技园1号",
        "联系人：张三；联系电话13800138000；收货地址：广东省深圳市南山区科技园1号",
        "所在地区：广东省 深圳市 南山区\n详细地址：广东省深圳市南山区科技园1号\n收货人：张三\n联系方式：13800138000",
        "张三 13800138000 广东省深圳市南山区科技园1号 518000",
        "张三\u202d13800138000\u202c广东省深圳市南山区科技园1号",
        "张三 13800138000 13900139000 广东省深圳市南山区科技园1号",
    ],
)
def test_one_address_is_read_however_it_is_written(text: str) -> None:
    found = parse(text)
    assert read(text) == FULL
    assert (found.region_code, found.missing) == ("440305", ())


@pytest.mark.parametrize(
    ("text", "name", "region", "detail"),
    [
        ("王小明 13912345678 北京朝阳三里屯路1号", "王小明",
         "北京市 北京市 朝阳区", "三里屯路1号"),
        ("北京市市辖区朝阳区建国路88号 欧阳娜娜 13912345678", "欧阳娜娜",
         "北京市 北京市 朝阳区", "建国路88号"),
        ("上海浦东张江高科 张先生 13912345678", "张先生",
         "上海市 上海市 浦东新区", "张江高科"),
        ("重庆市县巫山县高唐街道 张三 13912345678", "张三",
         "重庆市 重庆市 巫山县", "高唐街道"),
        ("重庆市重庆市巫山县高唐街道 张三 13912345678", "张三", "重庆市 重庆市 巫山县", "高唐街道"),
        ("香港特别行政区香港特别行政区中西区皇后大道中1号 张三 13912345678",
         "张三", "香港特别行政区 香港岛 中西区", "皇后大道中1号"),
        ("湖北仙桃沔州大道1号 周杰 13912345678", "周杰",
         "湖北省 省直辖县级行政区划 仙桃市", "沔州大道1号"),
        ("海南省省直辖县级行政区划文昌市文城镇1号 符先生 13912345678", "符先生",
         "海南省 省直辖县级行政区划 文昌市", "文城镇1号"),
        ("广东省东莞市长安镇振安路1号 刘德华 13912345678", "刘德华",
         "广东省 东莞市 长安镇", "振安路1号"),
        ("江苏昆山花桥镇 张三 13912345678", "张三",
         "江苏省 苏州市 昆山市", "花桥镇"),
        ("吉林市船营区北京路1号 张三 13912345678", "张三",
         "吉林省 吉林市 船营区", "北京路1号"),
        ("云南大理州大理市古城 段誉 13912345678", "段誉",
         "云南省 大理白族自治州 大理市", "古城"),
        ("大兴安岭地区 加格达奇区 人民路1号 张三 13912345678", "张三",
         "黑龙江省 大兴安岭地区 加格达奇区", "人民路1号"),
        ("新疆维吾尔自治区伊犁哈萨克自治州伊宁市解放路1号 买买提·艾力 13912345678", "买买提·艾力",
         "新疆维吾尔自治区 伊犁哈萨克自治州 伊宁市", "解放路1号"),
        ("江苏省苏州市苏州工业园区星湖街1号 张三 13912345678", "张三",
         "江苏省 苏州市 苏州工业园区", "星湖街1号"),
        ("香港特别行政区中西区皇后大道中1号 陈大文 +852 2345 6789", "陈大文",
         "香港特别行政区 香港岛 中西区", "皇后大道中1号"),
        ("台湾省台北市信义区市府路1号 林志玲 +886 912345678", "林志玲",
         "台湾省 台北市 信义区", "市府路1号"),
        ("山东济南市中区经四路1号 张三 13912345678", "张三", "山东省 济南市 市中区", "经四路1号"),
        ("黑龙江哈尔滨道里区中央大街1号 张三 13912345678", "张三", "黑龙江省 哈尔滨市 道里区", "中央大街1号"),
        ("John Smith 13912345678 上海市黄浦区南京东路1号", "John Smith",
         "上海市 上海市 黄浦区", "南京东路1号"),
        ("小鱼 13912345678 广东省广州市天河区体育西路1号2栋1301", "小鱼",
         "广东省 广州市 天河区", "体育西路1号2栋1301"),
        ("广东省深圳市南山区科技园1号楼1301张三13912345678", "张三",
         "广东省 深圳市 南山区", "科技园1号楼1301"),
        ("江海南 13912345678 四川成都武侯区天府大道1号", "江海南",
         "四川省 成都市 武侯区", "天府大道1号"),
    ],
)  # fmt: skip
def test_particular_regions_and_names_are_read(text: str, name: str, region: str, detail: str) -> None:
    found = parse(text)
    assert (found.name, f"{found.province} {found.city} {found.district}", found.detail) == (name, region, detail)
    assert found.missing == ()


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", "name phone province city district detail"),
        ("???", "name phone province city district"),
        ("张三", "phone province city district detail"),
        ("13800138000", "name province city district detail"),
        ("张三 13800138000", "province city district detail"),
        ("广东省深圳市南山区科技园1号", "name phone"),
        ("张三 13800138000 广东省深圳市科技园1号", "district"),
        ("张三 13800138000 广东省科技园1号", "city district"),
        ("张三 13800138000 科技园1号", "province city district"),
        ("张三 13800138000 广东省深圳市南山区", "detail"),
        ("张三 1380013800 广东省深圳市南山区科技园1号", "phone"),
        ("张三 13800138000 东莞市振安路1号", ""),
        ("张三 13800138000 北京市建国路88号", "district"),
    ],
)
def test_what_the_text_does_not_say_is_named(text: str, missing: str) -> None:
    assert parse(text).missing == tuple(missing.split())


@pytest.mark.parametrize("text", ["张三 13800138000 朝阳区三里屯1号", "张三 13800138000 南山区科技园1号"])
def test_a_district_that_several_cities_have_is_not_guessed(text: str) -> None:
    found = parse(text)
    assert (found.province, found.city, found.district, found.region_code) == ("", "", "", None)
    assert found.missing == ("province", "city", "district")


def test_a_street_named_after_a_city_is_a_street() -> None:
    found = parse("张三 13800138000 北京路100号")
    assert (found.province, found.detail) == ("", "北京路100号")


PLACES = st.sampled_from(sorted(complete().values(), key=lambda region: (region.code, region.district)))


@given(region=PLACES, order=st.permutations(range(3)), separator=st.sampled_from([" ", "，", "\n", " , "]))
def test_every_region_is_read_in_any_order(region: Region, order: list[int], separator: str) -> None:
    names = [region.province, region.city, region.district]
    parts = ["王小明", "13800138000", "".join(names) + "甲路8号"]
    found = parse(separator.join(parts[i] for i in order))
    assert [found.province, found.city, found.district] == names
    assert (found.name, found.phone, found.detail) == ("王小明", "13800138000", "甲路8号")
    assert (found.region_code, found.missing) == (region.code, ())


@given(st.text(max_size=500))
def test_no_text_makes_it_fail(text: str) -> None:
    parse(text)


@given(
    st.lists(
        st.sampled_from(
            ["张三", "13800138000", "+86", "广东", "深圳市", "南山", "地址：", "收货人", " ", "，", "1号", "区"]
        )
    )
)
def test_no_mixture_of_parts_makes_it_fail_and_what_is_complete_can_be_entered(parts: list[str]) -> None:
    found = parse("".join(parts))
    assert ("phone" in found.missing) == (found.phone == "")
    if found.region_code:
        region = regions().resolve(found.province, found.city, found.district)
        assert region is not None
        assert region.code == found.region_code
