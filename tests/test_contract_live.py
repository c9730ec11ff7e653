"""Schemathesis against a running shop: thousands of requests, good and bad, and each answer as the contract says."""

import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from chalicelib.coupons.rules import CouponKind, CouponTemplate, Terms
from chalicelib.kernel.staff import StaffRole
from tests.contract import contract
from tests.shop import Shopper, Stack

ROOT = Path(__file__).resolve().parents[1]
# Valid requests may be refused by rules of the shop; that none is MALFORMED is a check of contract_hooks.py.
REFUSALS = {"positive_data_acceptance"}

# Python's http.server, which the local gateway is, knows no TRACE; API Gateway lets none through.
CONFIG = """
[phases.coverage]
unexpected-methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
"""


def test_no_request_makes_the_shop_break_its_contract(stack: Stack, tmp_path: Path) -> None:
    shopper = stack.shopper("tester")
    stack.shop.identity.appoint(shopper.member_id, {StaffRole.OWNER}, by="the-setting")
    described = tmp_path / "contract.yaml"
    described.write_text(yaml.safe_dump(_with_real_ids(_lived_in(stack, shopper))), encoding="utf-8")
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", str(described), "--url", stack.api_url,
        "--no-color", "--warnings", "off",
        "--phases", "examples,coverage,fuzzing", "--max-examples", "4", "--generation-deterministic",
        "--exclude-checks", ",".join(REFUSALS), "--suppress-health-check", "all",
        "--continue-on-failure", "--request-timeout", "30",
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.contract_hooks",
        "JISHI_TESTED_API": stack.api_url,
    }
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]


def _lived_in(stack: Stack, shopper: Shopper) -> dict[str, list[str]]:
    """Real ids, by the name of the variable or field that takes them."""
    friend = stack.shopper("friend")
    team = friend.buy(("tea-01", 1), campaign={"kind": "groupbuy", "activity_id": "team"})
    launch = friend.post("/bargain/launches", {"activity_id": "bargain"})
    mine = shopper.post("/bargain/launches", {"activity_id": "bargain"})
    shopper.post("/cart/lines", {"sku_id": "cup-01", "quantity": 1})
    terms = Terms(CouponKind.AMOUNT, "满50减5", value=500, threshold=5000)
    stack.shop.coupons.put_template(CouponTemplate("five", terms, total=1000, per_member=100, valid_days=7))
    coupon = shopper.post("/coupon-templates/five/claim")
    orders = [shopper.order(("tea-01", 1)), shopper.buy(("cup-02", 1))]
    stack.drain()
    return {
        "activity_id": ["team", "bargain"],
        "address_id": [shopper.address()],
        "category": ["food", "tea"],
        "code": ["demo-tester", "demo-another"],
        "coupon_id": [coupon["coupon_id"]],
        "group_id": [team["campaign"]["group_id"], mine["launch_id"]],
        "kind": ["groupbuy", "bargain"],
        "launch_id": [launch["launch_id"], mine["launch_id"]],
        "member_id": [friend.member_id, shopper.member_id],
        "order_id": [order["order_id"] for order in orders],
        "product_id": ["tea", "cup"],
        "sku_id": ["tea-01", "tea-02", "cup-01", "cup-02"],
        "tag": ["新品"],
        "team_id": [team["campaign"]["group_id"]],
        "template_id": ["five"],
    }


def _with_real_ids(real: dict[str, list[str]]) -> dict[str, Any]:
    """The same contract, in which an id is one of `real` or anything that it may be: half of the requests meet a thing
    that is there."""
    described = copy.deepcopy(contract())
    for item in described["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", []):
                if ids := real.get(parameter.get("name", "")):
                    parameter["schema"] = {"anyOf": [{"enum": ids}, parameter["schema"]]}
                    parameter["example"] = ids[0]
            _drop_examples(operation.get("requestBody", {}))
    for schema in described["components"]["schemas"].values():
        if schema.get("additionalProperties") is False:
            for name, field in schema["properties"].items():
                if (ids := real.get(name)) and "$ref" not in field and "allOf" not in field:  # those name fixed words
                    schema["properties"][name] = {"anyOf": [{"enum": ids}, field]}
    return described


def _drop_examples(body: dict[str, Any]) -> None:
    for media in body.get("content", {}).values():
        media.pop("example", None)
