"""Carriers: WeChat's code, by which an order's parcel names its carrier; kuaidi100's code; the name for people.

Sources: the platform's list of delivery companies (get_delivery_list) and kuaidi100's list of companies.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Carrier:
    """`asks_phone`: where a parcel is, it tells only who knows the receiver's number, or its last four digits."""

    code: str
    kuaidi100: str
    name: str
    asks_phone: bool = False


CARRIERS: Mapping[str, Carrier] = {
    carrier.code: carrier
    for carrier in (
        Carrier("SF", "shunfeng", "顺丰速运", asks_phone=True),
        Carrier("YTO", "yuantong", "圆通速递"),
        Carrier("ZTO", "zhongtong", "中通快递", asks_phone=True),
        Carrier("STO", "shentong", "申通快递"),
        Carrier("YD", "yunda", "韵达速递"),
        Carrier("JTSD", "jtexpress", "极兔速递"),
        Carrier("JD", "jd", "京东快递"),
        Carrier("EMS", "ems", "EMS"),
        Carrier("YZPY", "youzhengguonei", "邮政快递包裹"),
        Carrier("DBL", "debangkuaidi", "德邦快递"),
        Carrier("BEST", "huitongkuaidi", "百世快递"),
        Carrier("DNWL", "danniao", "丹鸟物流"),
        Carrier("KYSY", "kuayue", "跨越速运"),
        Carrier("ZJS", "zhaijisong", "宅急送"),
        Carrier("ANE", "annengwuliu", "安能物流"),
        Carrier("UC", "youshuwuliu", "优速快递"),
        Carrier("HHTT", "tiantian", "天天快递"),
        Carrier("SURE", "suer", "速尔快递"),
        Carrier("XFEX", "xinfengwuliu", "信丰物流"),
        Carrier("FWX", "fengwang", "丰网速运"),
    )
}
