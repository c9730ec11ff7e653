"""The page of the bench is made of what was measured, and says what was not."""

import re
from pathlib import Path
from typing import Any

import pytest

from bench import figures
from bench.report import summary
from bench.report.__main__ import page
from bench.report.cpu import rank
from bench.report.hot import HOT, verdicts
from bench.report.model import borne, one_sku
from bench.report.words import PARTS, Results
from tests.bench.measured import MEASURED, cpu_row, head, sale_row, visit_row

ROOT = Path(__file__).parents[2]


def results(**now: Any) -> Results:
    return Results({**MEASURED, **now}, {"requests": MEASURED["requests"]})


def test_a_part_that_was_not_measured_is_named_with_how_to_measure_it() -> None:
    text = page(Results({}, {}))
    assert all(f"make bench PARTS={part}" in text for part in PARTS)
    assert f"Not measured here yet: {', '.join(PARTS)}." in text


def test_a_page_of_all_parts_has_nothing_missing() -> None:
    text = page(results())
    assert "Not measured" not in text
    assert "$" not in text


def test_figures_stand_before_and_after_where_they_differ() -> None:
    now = {**head("requests"), "routes": [visit_row(HOT[3].visit, depth=2, requests=3)], "functions": []}
    before = {**head("requests"), "routes": [visit_row(HOT[3].visit, depth=4, requests=3)], "functions": []}
    text = page(Results({"requests": now}, {"requests": before}))
    assert "| product page | 4 → 2 | 3 |" in text
    assert "1 hot routes: 2 together, 4 before" in text


@pytest.mark.parametrize(("depth", "met"), [(2, True), (3, False)])
def test_a_budget_of_round_trips_is_judged(depth: int, met: bool) -> None:
    figures = {**head("requests"), "routes": [visit_row("GET /cart 3 lines", depth=depth)], "functions": []}
    (verdict,) = verdicts(Results({"requests": figures}, {}))
    assert verdict.met is met
    assert ("**not met**" in page(Results({"requests": figures}, {}))) is not met


@pytest.mark.parametrize(("before", "met"), [(1, True), (2, False)])
def test_a_budget_before_the_transaction_does_not_count_what_follows(before: int, met: bool) -> None:
    row = visit_row("POST /wechat/pay/notify paid", depth=5, depth_before=before)
    (verdict,) = verdicts(Results({"requests": {**head("requests"), "routes": [row], "functions": []}}, {}))
    assert verdict.met is met


def test_rsa_is_taken_off_where_the_goal_is_beyond_it() -> None:
    row = cpu_row(1.5, goal_ms=0.9, beyond_rsa=True, met=True, crypto=1.0)
    (verdict,) = verdicts(Results({"cpu": {**head("cpu"), "operations": {"POST /wechat/pay/notify: paid": row}}}, {}))
    assert str(verdict) == "CPU, pay callback: 0.50 ms of at most 0.9 ms beyond RSA and AES."


@pytest.mark.parametrize(("ms", "said"), [(4.2, True), (1.4, False)])
def test_a_goal_that_is_missed_says_what_is_left(ms: float, said: bool) -> None:
    row = cpu_row(ms, goal_ms=1.5, met=ms <= 1.5, requests=5)
    found = Results({"cpu": {**head("cpu"), "operations": {"POST /cart/lines: a third SKU": row}}}, {})
    assert ("its 5 requests, 0.50 ms by the bare client and 2.00 by botocore's" in str(verdicts(found)[0])) is said


def test_ours_stands_beside_what_botocore_takes_for_the_requests() -> None:
    now, before = ({"GET /cart: 3 lines": cpu_row(ms)} for ms in (1.4, 6.0))
    figures = ({"cpu": {**head("cpu"), "operations": each}} for each in (now, before))
    assert "| 2.0 | 3.00 → 0.70 |" in page(Results(*figures))


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        ([1, 4], "ahead of every shop in the table in all that was measured: list, order."),
        ([1, 5], "ahead of every shop in the table in list; not in order (behind B)."),
        ([4, 9], "ahead of all of them in nothing; not in list (behind A), order (behind A and B)."),
        ([1, None], "ahead of every shop in the table in all that was measured: list."),
        ([None, None], "not measured."),
    ],
)
def test_ahead_is_said_only_where_it_holds(ours: list[float | None], said: str) -> None:
    others = {"operations": ["list", "order"], "shops": {"A": [3, 8], "B": [None, 5]}}
    assert rank(ours, others) == said


def test_a_broken_promise_of_a_sale_is_told() -> None:
    sales = {"flash": sale_row(broken=["11 left in stock"])}
    text = page(results(sale={**MEASURED["sale"], "sales": sales}))
    assert "- flash: 11 left in stock" in text
    assert "1 broken promise." in summary.section(results(sale={**MEASURED["sale"], "sales": sales}))


def test_all_writes_of_losers_are_told_by_when_they_came() -> None:
    said = summary.section(results())
    assert "1,000 buyers came once all was sold, and caused 0.040 writes each (0.030 of them to count how often" in said
    assert "50 losers were in flight as the last piece went, and caused 1.50 writes each" in said
    assert "| 1,000 | 0.040 | 0.030 | 50 | 1.50 |" in page(results())


def test_of_few_late_losers_a_number_is_told_and_no_rate() -> None:
    few = {**sale_row()["writes"], "late_losers": 20, "of_late_losers": 2, "counting_late": 1}
    assert "| 20 | 2 in all | 1 in all | 50 |" in page(
        results(sale={**MEASURED["sale"], "sales": {"rush": sale_row(writes=few)}})
    )


@pytest.mark.parametrize(
    ("calm", "least", "said"),
    [
        (64, 9, "within the shop's 64."),
        (65, 64, "but not at ease."),
        (800, 65, "more than the shop's 64: it needs more counters, or 10 with plain updates."),
    ],
)
def test_what_one_sku_takes_is_held_against_the_counters_that_the_shop_has(calm: int, least: int, said: str) -> None:
    needs = {
        "day": {"orders_per_second": 58},
        "same": {**MEASURED["model"]["needs"]["one SKU"], "orders_per_second": 58},
    }
    needs["same"] |= {"counters": calm, "counters_at_least": least}
    (line,) = one_sku({**MEASURED["model"], "needs": needs})
    assert line.startswith(f"day, all on one SKU: {calm} counters at ease, {least} at least")
    assert line.endswith(said)


def test_what_the_most_counters_bear_is_read_off_the_curve() -> None:
    curve = [{"counters": count, "calm": 5 * count, "transaction": 31 * count} for count in (32, 64, 128)]
    assert "at most 64 counters, which bear 320 orders/s at ease and 1,984 at most" in borne(
        {**MEASURED["model"], "curve": curve}
    )


def test_what_costs_more_with_more_behind_is_named() -> None:
    visits = [{**visit, "million": {**visit["million"], "read_units": 9}} for visit in MEASURED["growth"]["visits"]]
    text = page(results(growth={**MEASURED["growth"], "visits": visits}))
    assert "1 of 1 visits cost more" in text
    assert "None of 1 visits" in page(results())


def test_figures_are_kept_with_their_head_first_and_the_rest_in_order(tmp_path: Path) -> None:
    path = figures.keep("some", {"b": {"z": 1, "a": 2}, "a": 1}, tmp_path / "new")
    assert list(figures.kept("some", path.parent) or {}) == ["part", "measured", "machine", "a", "b"]
    assert '"a": 2,\n  "z": 1' in path.read_text()
    assert figures.kept("other", tmp_path) is None


def test_what_draws_does_not_move_what_is_tested() -> None:
    """Both are installed into one environment."""
    ours, tested = (
        dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / f"requirements-{name}.txt").read_text(), re.MULTILINE))
        for name in ("bench", "dev")
    )
    assert "matplotlib" in ours
    assert {name: tested[name] for name in ours.keys() & tested.keys()}.items() <= ours.items()
