"""`python -m bench.report`: draws docs/performance.md and its pictures from bench/results, and prints the table."""

from __future__ import annotations

import sys
from pathlib import Path
from string import Template

from bench.report import cpu, crowds, growth, model, rest, routes, summary
from bench.report.words import PARTS, Results, load, wrapped
from chalicelib.pricing.service import KEPT

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
TEMPLATE = Path(__file__).with_name("template.md")


def page(results: Results) -> str:
    page = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        summary=summary.section(results),
        parts=", ".join(f"`{part}`" for part in PARTS),
        picture=routes.picture(results),
        kept=f"{KEPT.total_seconds():g}",
        hot=routes.hot(results),
        budgets=routes.budgets(results),
        cpu=cpu.section(results),
        growth=growth.section(results),
        sale=crowds.sale(results),
        model=model.section(results),
        schedules=crowds.schedules(results),
        coldstart=rest.coldstart(results),
        cost=rest.cost(results),
        every=routes.every(results),
    )
    return wrapped(page)


def main() -> int:
    try:
        from bench.report.pictures import draw
    except ModuleNotFoundError as error:
        print(f"{error}: the pictures need requirements-bench.txt, which make bench installs", file=sys.stderr)
        return 1
    results = load()
    PAGE.write_text(page(results), encoding="utf-8")
    draw(results)
    print(f"{routes.hot(results)}\n{summary.section(results)}\nwrote docs/{PAGE.name} and its pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
