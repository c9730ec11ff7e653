"""Yuan by route and by month are the same yuan."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench import figures
from bench.__main__ import main
from bench.cost import bill, units
from bench.cost.__main__ import HERE
from bench.cost.units import Asked, UnknownVisit
from bench.report.words import PARTS
from tests.bench.measured import cpu_row

PRICE = {name: each["price"] for name, each in json.loads((HERE / "prices.json").read_text())["prices"].items()}


def test_routes_and_what_stands_add_up_to_the_month() -> None:
    rows = bill.by_route(PRICE)
    assert bill.DAYS * sum(row["yuan"] for row in rows) == pytest.approx(sum(bill.month(10_000, PRICE).values()))
    assert sum(row["share"] for row in rows) == pytest.approx(1)


def test_a_row_costs_what_its_run_costs_more_than_an_empty_one() -> None:
    visits = dict.fromkeys(units.PER_ORDER, Asked(runs=1, read=5))
    visits["close_unpaid nothing is due"] = Asked(runs=1, read=4)
    asked = units.of_an_order(visits)["close_unpaid one order, its payment begun"]
    assert asked == Asked(read=1).times(units.PER_ORDER["close_unpaid one order, its payment begun"])


def test_what_is_sent_together_is_waited_for_once() -> None:
    row = {
        "operations": {"Query": 8, "TransactWriteItems": 1}, "depth": 2, "wechat": 0, "read_units": 4, "write_units": 8,
        "bytes_answered": 100,
    }  # fmt: skip
    together, apart = units._asked(row, True, 5), units._asked({**row, "depth": 9}, True, 5)
    waited = (apart.gb_seconds - together.gb_seconds) / units.HTTP_GB
    assert waited == pytest.approx(7 * units.REQUEST_MS / 1000)


def test_lambda_is_paid_for_the_cpu_that_was_measured_or_else_a_guess(tmp_path: Path) -> None:
    assert units.cpu_ms(tmp_path) == units.BASE_MS
    figures.keep("cpu", {"operations": {"one": cpu_row(1.0), "two": cpu_row(2.0), "three": cpu_row(9.0)}}, tmp_path)
    assert units.cpu_ms(tmp_path) == 2.0


def test_what_was_not_counted_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownVisit, match="make bench PARTS=requests"):
        units.counted(tmp_path)
    with pytest.raises(UnknownVisit, match="POST /login a member"):
        units.of_an_order({})


def test_every_part_of_the_bench_is_a_module_and_another_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert all(find_spec(f"bench.{part}") for part in PARTS)
    assert main(["requests", "moon"]) == 1
    assert "no part moon: there are requests" in capsys.readouterr().err
