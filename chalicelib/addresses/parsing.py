"""Takes a pasted address apart: name, phone, region and the rest, in any order, with or without separators and labels.

Phone and labels go first, since they are certain; then the region; of the pieces that are left, the one that looks most
like a person is the name, and the others are the street.
"""

import re
from functools import lru_cache
from typing import Final

from .locating import Located, Locator
from .regions import Region, regions
from .rules import MOST_DETAIL, MOST_NAME, ParsedAddress, find_phone, plain

_PHONE: Final = "\x00"
_NAME: Final = "\x01"
_REGION: Final = "\x02"
_POSTCODE: Final = re.compile(r"(?:邮政编码|邮编)\s*:?\s*\d{6}|(?<![\w-])\d{6}(?![\w-])")
_WORDS: Final = (
    "(?P<name>收货人|收件人|联系人|收货人?姓名|收件人?姓名|姓名|名字)|联系电话|手机号码?|手机|电话号码|电话|联系方式|所在地区|所在地|"
    "省市区|地区|详细地址|收货地址|收件地址|街道地址|地址"
)
# A word followed by a colon or the number is a label anywhere, by a blank only where a piece begins (大兴安岭地区 ...).
_LABEL: Final = re.compile(rf"(?:{_WORDS})\s*(?::|(?={_PHONE}))\s*")
_BARE_LABEL: Final = re.compile(rf"(?<![^\s,;{_PHONE}])(?:{_WORDS})\s+")
# A blank between two Latin words (John Smith) separates nothing.
_SEPARATORS: Final = re.compile(r"(?:(?<![A-Za-z])\s|\s(?![A-Za-z])|[,;、|。\[\]【】<>《》\"'])+")
_EDGES: Final = " -/.:_"
_PERSON: Final = re.compile(r"[一-鿿]{2,4}|[一-鿿]{1,10}·[一-鿿·]{1,14}|[A-Za-z][A-Za-z. \-]{1,24}")
_ADDRESSED: Final = re.compile(r"[一-鿿]{1,4}(?:先生|女士|小姐|老师|同学|阿姨|师傅)")
_PLACE_END: Final = re.compile(r"[省市区县旗镇乡村路街道巷弄号楼栋幢座层室园城苑厦店湾庄屯里坊院校场站府寓广桥口]$")
_SURNAMES: Final = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金"
    "韦贾夏付方邹熊白孟秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严武戴莫孔向汤常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷"
    "詹申欧耿关焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆路游辛靳管柴蒙鲍喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古"
)
_GLUED_NAME: Final = re.compile(rf"(?<=[号室楼层栋座幢\d])[{_SURNAMES}][一-鿿]{{1,2}}$")


def parse(text: str) -> ParsedAddress:
    """Never fails: what cannot be read is missing. Only the first address and the first number are read."""
    rest, phone = _without_phones(_POSTCODE.sub(" ", plain(text)))
    rest = _BARE_LABEL.sub(_label_mark, _LABEL.sub(_label_mark, rest))
    located = _locator().locate(rest)
    region = regions().region(located.key) if located else Region("", "", "", "")
    if located:
        rest = f"{rest[: located.start]} {_REGION} {_without_repetition(rest[located.end :], region)}"
    pieces = [piece for piece in (part.strip(_EDGES) for part in _SEPARATORS.split(rest)) if piece]
    name = _take_name(pieces)
    detail = " ".join(piece.strip(_NAME) for piece in pieces if piece not in (_PHONE, _REGION))
    if not name and (glued := _GLUED_NAME.search(detail)):
        name, detail = glued[0], detail[: glued.start()]
    return _answer(name[:MOST_NAME], phone, located, region, detail[:MOST_DETAIL].strip(_EDGES))


@lru_cache(maxsize=1)
def _locator() -> Locator:
    return Locator(regions())


def _answer(name: str, phone: str, located: Located | None, region: Region, detail: str) -> ParsedAddress:
    complete = located is not None and regions().is_complete(located.key)
    wanted = [
        ("name", name),
        ("phone", phone),
        ("province", region.province),
        ("city", region.city),
        ("district", region.district or complete),
        ("detail", detail),
    ]
    return ParsedAddress(
        name=name,
        phone=phone,
        province=region.province,
        city=region.city,
        district=region.district,
        detail=detail,
        region_code=region.code if complete else None,
        missing=tuple(part for part, value in wanted if not value),
    )


def _without_phones(text: str) -> tuple[str, str]:
    first = ""
    while found := find_phone(text):
        text = f"{text[: found.start]} {'' if first else _PHONE} {text[found.end :]}"
        first = first or found.phone
    return text, first


def _label_mark(label: re.Match[str]) -> str:
    return f" {_NAME}" if label["name"] else " "


def _without_repetition(rest: str, region: Region) -> str:
    """Forms have 所在地区 and 详细地址, and many write the region into both."""
    names = [f"(?:{re.escape(name)}\\s*)" for name in (region.province, region.city, region.district) if name]
    if len(names) < 3:
        return rest
    province, city, district = names
    return re.sub(rf"^\s*(?:{province}?{city}|{province}){district}", " ", rest)


def _take_name(pieces: list[str]) -> str:
    """The labelled name, or the piece that looks most like one; it is taken out of `pieces`. Empty if none does."""
    labelled = next((i for i, piece in enumerate(pieces) if piece.startswith(_NAME) and len(piece) > 1), None)
    if labelled is not None:
        return pieces.pop(labelled)[1:]
    ratings = [(_likeness(pieces, i), -i) for i in range(len(pieces))]
    likeness, index = max(ratings, default=(0, 0))
    return pieces.pop(-index) if likeness >= 2 else ""


def _likeness(pieces: list[str], i: int) -> int:
    """How much a piece is like a name: by its own form, and by standing where names stand."""
    piece = pieces[i]
    if _ADDRESSED.fullmatch(piece):
        return 5
    if not _PERSON.fullmatch(piece) or _PLACE_END.search(piece):
        return 0
    beside_phone = _PHONE in pieces[max(0, i - 1) : i + 2]
    at_an_end = not set(pieces[:i]) - {_PHONE} or not set(pieces[i + 1 :]) - {_PHONE}
    return 2 * (piece[0] in _SURNAMES or "·" in piece) + beside_phone + at_an_end
