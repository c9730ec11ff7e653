"""Chapters: buying with friends."""

from __future__ import annotations

from typing import Any

from sandbox.demo.shopper import Shopper
from sandbox.demo.stage import Stage, yuan

TEAM, TEAM_SKU = "team-longjing", "longjing-01"
BARGAIN, BARGAIN_SKU, FLOOR = "bargain-wok", "wok-01", 9900
GROUPBUY = {"kind": "groupbuy", "activity_id": TEAM}


def team(stage: Stage, ming: Shopper) -> None:
    """A team of three (拼团)"""
    hong, gang, li = (
        Shopper.comes(stage, name, wechat_name)
        for name, wechat_name in (("小红", "xiaohong"), ("小刚", "xiaogang"), ("小丽", "xiaoli"))
    )
    for friend in (hong, gang, li):
        friend.agrees_to("team_formed")
    opened = _joins(hong, None)
    team_id = opened["campaign"]["group_id"]
    stage.tell(f"{hong.name} pays {yuan(opened['payable'])} and opens a team; her order is held until it is full")
    for friend, missing in ((gang, 2), (li, 1)):
        shown = friend.ask("GET", f"/groupbuy/teams/{team_id}")
        stage.expect("the shared team", ("OPEN", missing), (shown["state"], shown["missing"]))
        order = _joins(friend, team_id)
        stage.tell(f"{friend.name} opens the share card 「{shown['text']}」, pays {yuan(order['payable'])}")
    full = stage.wait_until("the team forms", lambda: _team(hong, team_id), lambda seen: seen["state"] == "FORMED")
    stage.expect("members of the team", ["小红", "小刚", "小丽"], [member["nickname"] for member in full["members"]])
    for friend in (hong, gang, li):
        (order_id,) = friend.expected
        friend.waits_for({"order_id": order_id}, state="PAID", held=False)
    stage.tell(
        f"拼团成功: {'、'.join(m['nickname'] for m in full['members'])}; none of the three orders is held any more"
    )
    stage.tell(f"All three hear of it: {next(iter({friend.hears('team_formed') for friend in (hong, gang, li)}))}")
    ming.is_refused("TEAM_NOT_OPEN", "POST", "/orders/preview", _wish(ming, team_id))
    stage.tell(f"{ming.name} comes too late for this team and is told so before he pays")


def _wish(shopper: Shopper, team_id: str | None) -> Any:
    return shopper.wish((TEAM_SKU, 1), campaign={**GROUPBUY, "group_id": team_id} if team_id else GROUPBUY)


def _joins(shopper: Shopper, team_id: str | None) -> Any:
    """Orders and pays a place in the team (None: a new one); the paid order, in its place."""
    order = shopper.orders(_wish(shopper, team_id))
    wanted = team_id or order["campaign"]["group_id"]
    shopper.stage.expect(
        "fields of a team's order", (6800, wanted), (order["goods_total"], order["campaign"]["group_id"])
    )
    shopper.pays(order)
    paid = shopper.sees(order, "PAID")
    seated = shopper.stage.wait_until(
        "the place in the team is paid",
        lambda: shopper.ask("GET", "/groupbuy/mine")["items"],
        lambda mine: any((seat["order_id"], seat["seat"]) == (order["order_id"], "PAID") for seat in mine),
    )
    shopper.stage.expect("teams of a newcomer", 1, len(seated))
    return paid


def _team(shopper: Shopper, team_id: str) -> Any:
    return shopper.ask("GET", f"/groupbuy/teams/{team_id}")


def bargain(stage: Stage, ming: Shopper) -> None:
    """A price cut to the floor (砍价)"""
    launch = ming.ask("POST", "/bargain/launches", {"activity_id": BARGAIN})
    launch_id, path = launch["launch_id"], f"/bargain/launches/{launch['launch_id']}"
    stage.tell(f"{ming.name} launches {launch['title']}: {yuan(launch['start_price'])} → {yuan(launch['price'])}")
    wish = ming.wish((BARGAIN_SKU, 1), campaign={"kind": "bargain", "activity_id": BARGAIN, "group_id": launch_id})
    ming.is_refused("FLOOR_NOT_REACHED", "POST", "/orders/preview", wish)
    ming.is_refused("OWN_LAUNCH", "POST", f"{path}/cuts")
    cut, friends = launch, 0
    while cut["state"] == "RUNNING":
        friends += 1
        stage.expect("friends needed are no more than promised", True, friends <= launch["people_left"], cut)
        friend = Shopper.comes(stage, f"好友{friends}", f"friend{friends}")
        before, cut = cut, friend.ask("POST", f"{path}/cuts")
        stage.expect("the cut adds up", before["price"] - cut["amount"], cut["price"])
        stage.tell(f"{friend.name} cuts {yuan(cut['amount'])} → {yuan(cut['price'])}")
        friend.is_refused("ALREADY_HELPED", "POST", f"{path}/cuts")
    stage.expect("the floor, to the fen", ("REACHED", FLOOR), (cut["state"], cut["price"]))
    bought = ming.buys(wish)
    stage.expect("goods at the floor price", FLOOR, bought["goods_total"])
    stage.expect("the launch", "ORDERED", ming.ask("GET", path)["state"])
    stage.tell(f"At the floor, {ming.name} buys: {yuan(bought['payable'])} instead of {yuan(launch['start_price'])}")


def failed_team(stage: Stage, ming: Shopper) -> None:
    """A team that does not fill up is paid back"""
    hua, lei = Shopper.comes(stage, "小华", "xiaohua"), Shopper.comes(stage, "小雷", "xiaolei")
    for friend in (hua, lei):
        friend.agrees_to("team_failed")
    team_id = _joins(hua, None)["campaign"]["group_id"]
    _joins(lei, team_id)
    stage.tell(f"{hua.name} and {lei.name} wait for a third: {_team(hua, team_id)['text']}")
    stage.let_pass(hours=25)
    for friend in (hua, lei):
        (order_id,) = friend.expected
        order = friend.waits_for({"order_id": order_id}, state="REFUNDED", refund_state="SUCCESS")
        friend.was_paid_back(order)
        stage.tell(f"{friend.name} gets {yuan(order['payable'])} back and a message {friend.hears('team_failed')}")
    stage.expect("the team", "FAILED", _team(hua, team_id)["state"])
