"""The scene of a sale: goods on the shelf, and members with sessions and addresses, put in without their requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from chalicelib.addresses.rules import Place
from chalicelib.addresses.store import AddressRow, AddressStore
from chalicelib.catalog import Details, NewProduct, NewSku
from chalicelib.identity import Session
from chalicelib.identity.rules import member_id_of
from chalicelib.identity.store import MemberRow
from chalicelib.kernel.clock import epoch
from chalicelib.settings import Settings
from chalicelib.shop import Shop
from chalicelib.stock.store import StockRow
from chalicelib.storage.cipher import Cipher
from chalicelib.storage.reads import read
from chalicelib.storage.table import Row, dynamodb
from sandbox.wechat import Credentials
from tests.shop import settings_for, stock_the_shelves

ADDRESS = "home"
HOME = Place("张三", "13800138000", "广东省", "深圳市", "南山区", "科技园1号", "440305")
BATCH = 25
PACE = 600
"""Requests of a member in five minutes, as shops have it: what counting them costs is part of a sale."""


@dataclass(frozen=True)
class Buyer:
    member_id: str
    token: str


def settings_of(credentials: Credentials, prefix: str, engine: str) -> Settings:
    """Of a shop that has the engine alone: a sale asks nothing of WeChat."""
    nowhere = "http://127.0.0.1:9"
    return replace(settings_for(credentials, prefix, engine, nowhere, nowhere), requests_per_member=PACE)


def furnish(shop: Shop) -> None:
    """Categories, freight and a campaign or two, beside which the sale takes place."""
    stock_the_shelves(shop)


def offer(shop: Shop, product_id: str, pieces: int, counters: int = 0) -> str:
    """The id of a new SKU with so many pieces, spread over so many counters; 0: an ordinary one."""
    sku_id = f"{product_id}-01"
    details = Details(images=("https://img.example.com/1.jpg",))
    skus = (NewSku(sku_id, 9900, {"规格": "1份"}, weight_g=100),)
    shop.catalog.put_product(NewProduct(product_id, "秒杀商品", "tea", skus, details, freight_template_id="post"))
    shop.stock.add(sku_id, pieces)
    if counters:
        shop.stock.spread(sku_id, counters)
    return sku_id


def left(sku_id: str, counters: int = 64) -> int:
    """Pieces in the head and all counters, as they are stored."""
    keys = [StockRow(sku_id, 0), *(StockRow(f"{sku_id}#{counter}", counter) for counter in range(1, counters + 1))]
    return sum(int(row.available) for row in read(*keys, consistent=True) if row is not None)


def admit(shop: Shop, count: int) -> list[Buyer]:
    """So many members, each with an address and a session of the shop's own making."""
    settings, now = shop.settings, shop.clock()
    cipher = Cipher(settings.data_keys, settings.data_key_current)
    addresses, rows, buyers = AddressStore(cipher), list[Row](), list[Buyer]()
    for number in range(count):
        openid = f"sale-openid-{number:08d}"
        member_id = member_id_of(settings.wechat_appid, openid)
        rows.append(MemberRow(member_id, openid=openid, first_session="-", joined_at=epoch(now), session_version=0))
        sealed = addresses._seal(member_id, ADDRESS, HOME)  # as `add` does it in a transaction a member
        rows.append(AddressRow(member_id, ADDRESS, sealed=sealed))
        session = Session(member_id, openid, "-", "", "", now, now)
        buyers.append(Buyer(member_id, shop.identity.renew(session).token))
    _put(rows)
    return buyers


def _put(rows: Sequence[Row]) -> None:
    for few in _few(rows):
        wanted: dict[str, list[object]] = {}
        for row in few:
            wanted.setdefault(row.Meta.table_name, []).append({"PutRequest": {"Item": row.serialize()}})
        while wanted:
            wanted = dynamodb().batch_write_item(RequestItems=wanted).get("UnprocessedItems") or {}


def _few(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
