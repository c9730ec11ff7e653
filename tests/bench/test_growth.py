"""Rows behind cost nothing: what the routes that matter most ask for is the same with many more of them."""

from collections.abc import Iterator
from typing import Any

import pytest

from bench.growth.__main__ import Growing, grown
from bench.growth.copies import another
from bench.growth.engine import growing_engine
from bench.growth.plan import NOT_COPIED, PLAN
from bench.tour import Tour
from bench.visits import ROUTES
from chalicelib.catalog.store import ListingRow
from chalicelib.storage.tables import tables
from sandbox.local.seed import load
from sandbox.wechat import Credentials
from tests.engine import open_stack

FEW, MANY = 1_000, 50_000
MATTER = {
    ("GET /products", "of a category"),
    ("GET /products/{product_id}", ""),
    ("GET /cart", "3 lines"),
    ("POST /orders", "the cart of 3 lines"),
    ("GET /orders", "20 of all"),
}
VISITS = [visit for visit in ROUTES if (visit.name, visit.case) in MATTER]


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory, credentials: Credentials, api_server: str) -> Iterator[Growing]:
    with (
        growing_engine(tmp_path_factory.mktemp("growing")) as engine,
        open_stack(engine.tables(), engine.address, credentials, api_server, load) as stack,
    ):
        yield Growing(Tour(stack), engine, VISITS)


def test_routes_that_matter_cost_the_same_with_many_more_rows_behind(growing: Growing) -> None:
    growing.grow(FEW)
    few = growing.counted(VISITS)
    made = growing.grow(MANY)["rows"]
    many = growing.counted(VISITS)
    assert len(few) == len(MATTER), "a visit is named that there is not"
    assert sum(made.values()) > 10 * FEW
    visits = [
        {"name": name, "case": case, "thousand": few[name, case], "million": many[name, case]} for name, case in few
    ]
    assert not list(grown(visits))


def test_a_grown_list_is_read_in_its_order_page_by_page_both_ways(growing: Growing) -> None:
    growing.grow(FEW)
    key = ListingRow.price_key
    keys = sorted(row.price_key for row in ListingRow.scan() if row.scope == "all")
    assert len(keys) > 100

    def read(condition: Any, *, ascending: bool) -> list[str]:
        found = ListingRow.by_price.query("all", condition, scan_index_forward=ascending, page_size=7)
        return [row.price_key for row in found]

    first, last = keys[20], keys[-20]
    assert read(None, ascending=True) == keys
    assert read(None, ascending=False) == keys[::-1]
    assert read(key > first, ascending=True) == keys[21:]
    assert read(key >= first, ascending=False) == keys[:19:-1]
    assert read(key < last, ascending=True) == keys[:-20]
    assert read(key <= last, ascending=False) == keys[-20::-1]
    assert read(key.between(first, last), ascending=True) == keys[20:-19]
    assert read(key.startswith(first[:12]), ascending=True) == [each for each in keys if each.startswith(first[:12])]


def test_every_table_is_copied_or_named_as_one_that_does_not_grow() -> None:
    assert {kind.table for kind in PLAN} | NOT_COPIED == set(tables())


@pytest.mark.parametrize("name", ["01KAM5YV00Q3SHZG9VS1JJ0GXN", "MABCDEFGHIJKLMNOPQRSTUVWXY", "2026-11-22"])
def test_another_id_is_of_the_same_kind_and_older_where_it_tells_the_time(name: str) -> None:
    others = [another(name, number) for number in range(1, 100)]
    assert len({name, *others}) == 100
    assert {len(each) for each in others} == {len(name)}
    if name[0] != "M":
        assert others == sorted(others, reverse=True)
        assert others[0] < name
