"""Rows that are imported after the shop was opened: most are."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from pynamodb.attributes import UnicodeAttribute

from chalicelib.storage.table import Row, bind
from chalicelib.storage.tables import tables

ROOT = Path(__file__).parents[2]


@pytest.fixture
def late() -> Iterator[type[Row]]:
    bind("early-", "cn-north-1", "http://127.0.0.1:9")

    class LateRow(Row):
        class Meta:
            table_name = "late"

        key = UnicodeAttribute(hash_key=True)

    yield LateRow
    Row.kinds.remove(LateRow)


def test_a_row_that_is_imported_late_reads_its_own_stages_table(late: type[Row]) -> None:
    assert (late.bare_name, late.Meta.table_name) == ("late", "early-late")
    assert late._get_connection().table_name == "early-late"


def test_it_follows_the_shop_to_another_stage(late: type[Row]) -> None:
    assert late._get_connection().table_name == "early-late"
    bind("later-", "cn-north-1", "http://127.0.0.1:9")
    assert late._get_connection().table_name == "later-late"


def test_whoever_asks_for_all_tables_gets_those_that_nobody_has_used_yet() -> None:
    named = {name for file in (ROOT / "chalicelib").rglob("*.py") for name in _table_names(file)}
    assert set(tables()) == named


def _table_names(file: Path) -> set[str]:
    metas = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ClassDef)]
    assigned = [each for meta in metas if meta.name == "Meta" for each in meta.body if isinstance(each, ast.Assign)]
    return {ast.literal_eval(each.value) for each in assigned if ast.unparse(each.targets[0]) == "table_name"}
