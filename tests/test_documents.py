"""The documents say what is true: what they name exists, and their examples work as printed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from app import app
from chalicelib.fulfilment.rows import ParcelRow, UploadRow
from chalicelib.identity.rules import member_id_of, request_signature
from chalicelib.kernel.clock import Clock, epoch
from chalicelib.messaging import KINDS, read_templates
from chalicelib.orders import OrderState
from chalicelib.orders.rows import OrderRow
from chalicelib.payments.rows import RefundRow
from chalicelib.settings import Settings
from chalicelib.shop import build, use
from chalicelib.storage.due import DueRow
from sandbox.clock import SandboxClock
from sandbox.local import seed, worker
from sandbox.local.goods import GOODS
from sandbox.local.place import OWNER
from sandbox.wechat import Credentials, SandboxWeChat, running
from sandbox.wechat.control import Control
from sandbox.wechat.faults import Faults
from sandbox.wechat.people import openid_of
from tests.alarm_names import raised
from tests.shop import settings_for

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
DOCUMENTS = (*READMES, "CHANGELOG.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(markdown: str, language: str = r"\w+") -> list[str]:
    return re.findall(rf"^```(?:{language})\n(.*?)^```$", markdown, re.DOTALL | re.MULTILINE)


def headings(markdown: str) -> list[str]:
    """`##` and the like, in order."""
    plain = re.sub(r"^```.*?^```$", "", markdown, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"^(#+) ", plain, re.MULTILINE)


def parts(markdown: str) -> list[str]:
    return re.split(r"^## ", markdown, flags=re.MULTILINE)


def test_both_readmes_have_the_same_parts_and_the_same_code() -> None:
    english, chinese = map(text, READMES)
    assert headings(english) == headings(chinese)
    assert blocks(english, "sh|json|text") == blocks(chinese, "sh|json|text")
    assert list(map(shape, parts(english))) == list(map(shape, parts(chinese)))


def shape(markdown: str) -> list[int]:
    """Rows of tables, entries of lists, links, arrows of pictures."""
    marks = (r"^\|", r"^(?:- |\d\. )", r"\]\(", r"--|->>|-\)")
    return [len(re.findall(mark, markdown, re.MULTILINE)) for mark in marks]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_document_names_is_there(name: str) -> None:
    words = text(name)
    targets = set(re.findall(r"`make ([\w-]+)`|^make ([\w-]+)$|\bmake ([a-z-]+)\)", words, re.MULTILINE))
    assert {next(filter(None, found)) for found in targets} <= set(
        re.findall(r"^([\w-]+):", text("Makefile"), re.MULTILINE)
    )
    folder = (ROOT / name).parent
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", words):
        assert (folder / link).exists(), link
    for path in re.findall(r"`((?:chalicelib|sandbox|tests|functions|docs|tools)/[\w/.]+)`", words):
        assert (ROOT / path).exists(), path
    known = {f"JISHI_{field.upper()}" for field in Settings.__dataclass_fields__} | {
        "JISHI_API_PORT", "JISHI_ENGINE_PORT", "JISHI_WECHAT_PORT", "JISHI_LOCAL",
        "JISHI_FAULT", "JISHI_FAULT_SEED", "JISHI_FAULT_CASES", "JISHI_FAULT_JOBS",
    }  # fmt: skip
    assert {found.removesuffix("_FILE") for found in re.findall(r"JISHI_[A-Z0-9_]+[A-Z0-9]", words)} <= known


@pytest.mark.parametrize("name", [*READMES, "CHANGELOG.md", "docs/settings.md"])
def test_routes_that_a_document_names_are_there(name: str) -> None:
    found = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^\s`]*)`", text(name))
    assert found
    for method, path in found:
        assert method in app.routes.get(path, {}), (method, path)


def test_links_within_documents_lead_to_headings() -> None:
    for name in DOCUMENTS:
        for link, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", text(name)):
            target = text(str(((ROOT / name).parent / link).relative_to(ROOT))) if link else text(name)
            titles = re.findall(r"^#+ (.+)$", target, re.MULTILINE)
            assert anchor in {title.lower().replace(" ", "-") for title in titles}, (name, anchor)


def test_the_readmes_claims_name_scenarios_that_are_tested() -> None:
    places = ("scenarios", "faults")
    tests = "".join(path.read_text() for place in places for path in (ROOT / "tests" / place).glob("test_*.py"))
    tested = set(re.findall(r"def test((?:_\d\d)+)", tests))
    claimed = re.findall(r"\| `test_(\d\d)` \|$", text("README.md"), re.MULTILINE)
    assert len(claimed) > 10
    for number in claimed:
        assert any(number in found.split("_") for found in tested), number


def test_the_readmes_count_what_the_demo_shop_sells() -> None:
    assert f" {len(GOODS)} products" in text("README.md")
    assert f"{len(GOODS)} 款商品" in text("README.zh-CN.md")


def test_every_setting_is_explained_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(JISHI_\w+)` \|.*\| ([^|]+) \|$", text("docs/settings.md"), re.MULTILINE))
    fields = Settings.__dataclass_fields__
    assert set(rows) == {f"JISHI_{name.upper()}" for name in fields}
    for name, field in fields.items():
        told = rows[f"JISHI_{name.upper()}"]
        if isinstance(field.default, bool):
            assert told == str(field.default).lower(), name
        elif isinstance(field.default, int) or (isinstance(field.default, str) and field.default):
            assert told.strip("`") == str(field.default), name
        elif isinstance(field.default, tuple):
            assert told == "none", name
        elif name == "message_templates":
            assert told.startswith("`{}`")
        else:
            assert (told == "required") == (not isinstance(field.default, str) and field.default is not None), name


def test_every_kind_of_message_is_explained_with_its_fields() -> None:
    settings = text("docs/settings.md")
    for kind, known in KINDS.items():
        values = ", ".join(f"`{name}` {field}" for name, field in known.values.items())
        assert re.search(rf"^\| `{kind}` \| [^|]+ \| {re.escape(values)} \|$", settings, re.MULTILINE), kind
    (example,) = (block for block in blocks(settings, "json") if "template_id" in block)
    assert set(read_templates(json.loads(example))) == {"order_paid", "coupon_expiring"}


def test_the_example_of_a_signature_is_one() -> None:
    settings = text("docs/settings.md")
    values = dict(re.findall(r"^\| `?([^|`]+)`? \| `([^`|]+)` \|$", settings, re.MULTILINE))
    (body,) = (block.strip() for block in blocks(settings, "json") if "longjing-01" in block)
    assert values["SHA-256 of the body"] == hashlib.sha256(body.encode()).hexdigest()
    assert values["X-Signature"] == request_signature(
        values["signing_key"], "POST", "/orders", values["X-Timestamp"], values["X-Nonce"], body.encode()
    )
    (by_hand,) = (block for block in blocks(settings, "sh") if "-hmac" in block)
    assert sh(by_hand).strip() == values["X-Signature"]


def test_the_sandboxs_guide_knows_every_request_and_names_faults_that_exist() -> None:
    guide = text("docs/sandbox.md")
    for method, path, _ in Control._table(object.__new__(Control)):
        assert f"`{method} /_sandbox/{path}`" in guide, (method, path)
    faults = [json.loads(found) for found in re.findall(r"^\| `(\{.*?\})` \|", guide, re.MULTILINE)]
    assert len(faults) > 10
    for fault in faults:
        Faults().add(fault)


def sh(script: str) -> str:
    here = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=here)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Open:
    """`unsettled`: a file that goes away, once made, when everything that is due has been done."""

    api: str
    wechat: str
    unsettled: Path


@pytest.fixture
def demo_shop(tables: str, engine: str, credentials: Credentials, api_server: str, tmp_path: Path) -> Iterator[Open]:
    """What `make run` opens, in this process: demo goods, schedules, the stream, one clock that can be pushed."""
    clock, stop, unsettled = SandboxClock(tmp_path / "clock"), threading.Event(), tmp_path / "unsettled"
    with SandboxWeChat(credentials, clock=clock) as wechat, running(wechat.wsgi_app) as wechat_url:
        settings = replace(
            settings_for(credentials, tables, engine, wechat_url, api_server),
            owners=(member_id_of(credentials.appid, openid_of(credentials.appid, OWNER)),),
            kuaidi100_customer=credentials.kuaidi100_customer,
            kuaidi100_key=credentials.kuaidi100_key,
            kuaidi100_url=wechat_url,
        )
        shop = build(settings, clock=clock)
        use(shop)
        seed.load(shop)
        runs: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
            *((worker.follow_stream, (tables + name, engine, handler, stop)) for name, handler in worker.streams()),
            (watch, (unsettled, clock, stop)),
            *((worker.run_schedule, (*schedule, clock, stop)) for schedule in worker.schedules()),
        ]
        threads = [threading.Thread(target=run, args=arguments) for run, arguments in runs]
        for thread in threads:
            thread.start()
        try:
            yield Open(api_server, wechat_url, unsettled)
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def watch(unsettled: Path, clock: Clock, stop: threading.Event) -> None:
    while not stop.wait(0.1):
        if unsettled.exists():
            now = epoch(clock())
            waiting = OrderState.AWAITING_PAYMENT
            orders = any(row.effects_due or (row.state == waiting and row.pay_by <= now) for row in OrderRow.scan())
            kinds: tuple[type[DueRow], ...] = (ParcelRow, UploadRow, RefundRow)
            if not orders and all(row.due_at is None or row.due_at > now for kind in kinds for row in kind.scan()):
                unsettled.unlink()


def test_the_five_minute_tour_works_as_printed(demo_shop: Open) -> None:
    (chapter,) = (each for each in parts(text("README.md")) if "API=http://127.0.0.1:8700" in each)
    tour = "\n".join(blocks(chapter, "sh"))
    tour = tour.replace("http://127.0.0.1:8700", demo_shop.api).replace("http://127.0.0.1:8702", demo_shop.wechat)
    path = demo_shop.unsettled
    sleep = f"sleep() {{ touch {path}; while [ -e {path} ]; do command sleep 0.1; done; }}"
    printed = sh(f"{sleep}\n{tour}")
    in_order = (
        "福州茉莉花茶", "team-longjing", "微信用户", "南山区", "再买23元减20元", '"payable": 16600', '"consents": 1',
        "支付成功", "to_send", "SHIPPED", "快件已到达南山营业点", "COMPLETED", '"sent_back": 8300', '"difference": 0',
        "退款已到账", "SUCCESS", "还差2人成团", "已成团", "拼团成功", "超时未支付，自动关闭", "200,", "支付成功",
        "tmpl_order_paid",
    )  # fmt: skip
    places = [0]
    for words in in_order:
        places.append(printed.find(words, places[-1] + 1))
        assert places[-1] > 0, f"{words} is missing after {in_order[: len(places) - 2][-1:]}\n{printed}"
    assert all(earlier < later for earlier, later in pairwise(places))
    orders = re.findall(r"^[0-9A-Z]{26}$", printed, re.MULTILINE)
    assert orders == [orders[0]] * 2  # a key that comes again places nothing
    assert printed.count('"callback_status": 200') == 2


def test_every_alarm_of_the_code_is_explained_and_no_other() -> None:
    rows = re.findall(r"^\| (`.+?) \|", (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8"), re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`(\w+)`", row)} - {"alarm"}
    assert explained == raised()
