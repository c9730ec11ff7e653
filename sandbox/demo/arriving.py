"""Chapters: somebody new arrives and looks around."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sandbox.demo.shopper import HOME, Shopper
from sandbox.demo.stage import Stage, beijing, yuan

PASTED = "张三 13800138000 广东省深圳市南山区科技园1号"
TEAM_PRODUCT = "longjing"


def login(stage: Stage, ming: Shopper) -> None:
    """Login and phone number"""
    me = ming.ask("GET", "/me")
    stage.expect("the new member's name", "小明", me["nickname"])
    stage.tell(f"{ming.name} opens the mini-program for the first time and is a member at once: {me['member_id']}")
    again = ming.log_in()
    stage.expect("the second login finds the member", False, again["is_new"])
    stage.expect("the member of the second login", me["member_id"], again["member"]["member_id"])
    stage.tell(f"He comes back: the same member, a new session until {beijing(again['expires_at'])}")
    code = stage.wechat("POST", "login-codes", {"shopper": ming.wechat_name})["code"]
    ming.ask("POST", "/login", {"code": code})
    ming.is_refused("LOGIN_CODE_INVALID", "POST", "/login", {"code": code})
    stage.tell("A code of wx.login works once; used again it is refused")
    phone = stage.wechat("POST", "phone-codes", {"shopper": ming.wechat_name, "phone": HOME["phone"]})
    bound = ming.ask("POST", "/me/phone", {"code": phone["code"]})
    stage.expect("the bound number as shown", "138****8000", bound["phone_masked"])
    stage.tell(f"He binds his number {bound['phone_masked']}; only this form of it ever leaves the shop")
    token, ming.token = ming.token, "no.such.token"
    refused = ming.is_refused("UNAUTHENTICATED", "GET", "/me")
    ming.token = token
    stage.tell(f"Someone with a made-up token: {refused['message']}")


def address(stage: Stage, ming: Shopper) -> None:
    """An address, pasted"""
    parsed = ming.ask("POST", "/addresses/parse", {"text": PASTED})
    stage.expect("the address taken apart", HOME, {name: parsed[name] for name in HOME})
    stage.expect("what is missing in it", [], parsed["missing"])
    stage.tell(f"{ming.name} pastes 「{PASTED}」")
    stage.tell("→ " + " | ".join(parsed[name] for name in HOME))
    saved = ming.ask("POST", "/addresses", {name: parsed[name] for name in HOME})
    ming.address_id = saved["address_id"]
    stage.expect("the first address is the default", True, saved["is_default"])
    kept = ming.ask("GET", "/addresses")["items"]
    stage.expect("the address book", [saved], kept)
    stage.tell(f"Saved as the default, region {saved['region_code']}; in the store it is encrypted")


def browse(stage: Stage, ming: Shopper) -> None:
    """Looking around"""
    branches = ming.ask("GET", "/categories")["items"]
    names = [child["name"] for branch in branches for child in branch["children"]]
    stage.expect("at least eight categories", True, len(names) >= 8, names)
    stage.tell(f"{len(names)} categories: " + " ".join(names))
    cards: list[Any] = []
    cursor, pages = "", 0
    while pages == 0 or cursor:
        page = ming.ask("GET", f"/products?sort=price_asc&limit=20{cursor and '&cursor=' + quote(cursor)}")
        cards, cursor, pages = cards + page["items"], page["next_cursor"], pages + 1
    prices = [card["price"] for card in cards]
    stage.expect("products in the order of their prices", sorted(prices), prices)
    stage.expect("no product twice, and at least 40", True, 40 <= len(cards) == len({c["product_id"] for c in cards}))
    first, last = cards[0], cards[-1]
    stage.tell(
        f"{len(cards)} products on {pages} pages, from {first['title']} {yuan(first['price'])}"
        f" to {last['title']} {yuan(last['price'])}"
    )
    tagged = ming.ask("GET", f"/products?tag={quote('热卖')}")["items"]
    stage.expect("all of them are tagged 热卖", True, bool(tagged) and all("热卖" in card["tags"] for card in tagged))
    stage.tell(f"热卖: {'、'.join(card['title'] for card in tagged[:4])} …")


def product_page(stage: Stage, ming: Shopper) -> None:
    """A product page, and what a CDN makes of it"""
    page = ming.ask("GET", f"/products/{TEAM_PRODUCT}")
    skus = "，".join(f"{'/'.join(sku['spec'].values())} {yuan(sku['price'])}" for sku in page["skus"])
    stage.expect("every SKU is in stock", True, all(sku["stock"] > 0 for sku in page["skus"]), page["skus"])
    stage.tell(f"{page['title']} — {page['subtitle']}")
    stage.tell(f"{skus}; {page['skus'][0]['stock']} in stock")
    running = [(campaign["kind"], campaign["facts"].get("team_size")) for campaign in page["campaigns"]]
    stage.expect("the campaign on the page", [("groupbuy", 3)], running)
    stage.tell(f"拼团: {page['campaigns'][0]['title']} {yuan(min(page['campaigns'][0]['prices'].values()))}")
    fresh = ming.send("GET", "/categories")
    held = ming.send("GET", "/categories", If_None_Match=fresh.headers["ETag"])
    stage.expect("asked again with its ETag", (304, None), (held.status, held.body))
    stage.tell(f"Asked again with its ETag, the list of categories is 304; {fresh.headers['Cache-Control']}")
    ming.is_refused("PRODUCT_NOT_FOUND", "GET", "/products/moon-dust")
