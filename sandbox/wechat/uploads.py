"""What an upload of shipping information may say, and what it makes of what was uploaded before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.wechat.state import Doc
from sandbox.wechat.tokens import ApiError

EXPRESS = 1
LOGISTICS = (EXPRESS, 2, 3, 4)
_UNIFIED, _SPLIT = 1, 2
_MOST_PARCELS = 15
_UPLOAD_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?[+-]\d\d:\d\d")
_MASKED = re.compile(r"[\d+\- ]*\*[\d+\-* ]*\d-?\d-?\d-?\d")


def check_key(key: Mapping[str, Any]) -> None:
    number_type = key.get("order_number_type")
    if number_type not in (1, 2):
        raise ApiError(268485194, "订单单号类型非法")
    if number_type == 2 and not key.get("transaction_id"):
        raise ApiError(268485195, "transaction_id 字段不能为空")
    if number_type == 1 and not key.get("mchid"):
        raise ApiError(268485196, "mchid 字段不能为空")
    if number_type == 1 and not key.get("out_trade_no"):
        raise ApiError(268485197, "out_trade_no 字段不能为空")


def check_shipping(body: Mapping[str, Any]) -> float:
    """All that can be said without the order. The upload time, epoch seconds."""
    logistics, mode, parcels = body.get("logistics_type"), body.get("delivery_mode"), body.get("shipping_list")
    if logistics not in LOGISTICS:
        raise ApiError(10060005, "物流类型有误")
    if mode not in (_UNIFIED, _SPLIT):
        raise ApiError(268485224, "发货模式非法")
    if mode == _SPLIT and logistics != EXPRESS:
        raise ApiError(10060006, "非快递发货时不允许分拆发货")
    if mode == _SPLIT and not isinstance(body.get("is_all_delivered"), bool):
        raise ApiError(10060007, "分拆发货模式下必须填写 is_all_delivered 字段")
    if not isinstance(parcels, list) or not parcels or not all(isinstance(parcel, dict) for parcel in parcels):
        raise ApiError(10060014, "参数错误 shipping_list")
    if len(parcels) > _MOST_PARCELS:
        raise ApiError(10060024, "物流信息列表太长")
    if mode == _UNIFIED and len(parcels) != 1:
        raise ApiError(268485228, "统一发货模式下，物流信息列表长度必须为 1")
    for parcel in parcels:
        _check_parcel(parcel, logistics)
    return _upload_time(body.get("upload_time"))


def _check_parcel(parcel: Mapping[str, Any], logistics: int) -> None:
    tracking, company, contents = (parcel.get(name, "") for name in ("tracking_no", "express_company", "item_desc"))
    if logistics == EXPRESS and not tracking:
        raise ApiError(268485226, "物流单号不能为空")
    if logistics == EXPRESS and not company:
        raise ApiError(268485227, "物流公司编码不能为空")
    if len(tracking) > 128:
        raise ApiError(10060026, "物流单号太长")
    if len(company) > 128:
        raise ApiError(10060025, "物流公司编码太长")
    if not contents:
        raise ApiError(10060008, "商品描述 item_desc 字段不能为空")
    if len(contents) > 120:
        raise ApiError(10060009, "商品描述 item_desc 字段太长")
    contacts = list((parcel.get("contact") or {}).values())
    if (company == "SF" and not contacts) or not all(_MASKED.fullmatch(str(each)) for each in contacts):
        raise ApiError(10060014, "参数错误 contact 应为掩码，最后4位数字不能打掩码")


def _upload_time(value: object) -> float:
    try:
        if isinstance(value, str) and _UPLOAD_TIME.fullmatch(value):
            return datetime.fromisoformat(value).timestamp()
    except ValueError:
        pass
    raise ApiError(268485216, "上传时间非法，请按照 RFC 3339 格式填写")


def shipped(body: Mapping[str, Any], uploaded: float, earlier: Doc | None) -> Doc:
    """The shipping after this upload: the first, another part of a split one, or the single re-shipping."""
    finished = body["delivery_mode"] == _UNIFIED or body["is_all_delivered"]
    parcels = [{**parcel, "upload_time": int(uploaded)} for parcel in body["shipping_list"]]
    shipping = {name: body[name] for name in ("delivery_mode", "logistics_type")}
    shipping |= {"parcels": parcels, "uploaded": uploaded, "finished": finished, "times": int(finished)}
    if earlier is None:
        return shipping
    if uploaded <= earlier["uploaded"]:
        raise ApiError(268485216, "上传时间必须比之前的请求更新")
    same_way = all(earlier[name] == shipping[name] for name in ("delivery_mode", "logistics_type"))
    if same_way and finished == earlier["finished"] and _known(parcels, earlier["parcels"]):
        raise ApiError(10060023, "发货信息未更新")
    if same_way and not earlier["finished"]:
        fresh = [parcel for parcel in parcels if not _known([parcel], earlier["parcels"])]
        if len(earlier["parcels"]) + len(fresh) > _MOST_PARCELS:
            raise ApiError(10060024, "物流信息列表太长")
        return shipping | {"parcels": earlier["parcels"] + fresh}
    if earlier["times"] > 1 or earlier.get("changed"):
        raise ApiError(10060003, "支付单已使用重新发货机会")
    return shipping | {"times": earlier["times"] + int(finished), "changed": True}


def _known(parcels: list[Doc], earlier: list[Doc]) -> bool:
    known = [{**parcel, "upload_time": 0} for parcel in earlier]
    return all({**parcel, "upload_time": 0} in known for parcel in parcels)
