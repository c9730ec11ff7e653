"""ministack, which makes rows in its own memory when it is told to: a million takes it half a minute.

`python -m bench.growth.engine` is that process. It takes its settings from the environment as ministack does, and one
line of JSON at a time from its input: the method of Copier and its arguments. It answers each with a line.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.growth.copies import Item, Times, copies
from bench.growth.plan import PLAN, Kind
from chalicelib.storage.table import bind
from chalicelib.storage.tables import create_all
from tests.engine import _free_port, _wait_for

OWN = 5_000_000
"""The numbers of copies that stay with their member begin here, so that no other copy has their ids."""

PREFIX = "growth-"


class Engine:
    """The process, as whoever measures sees it."""

    def __init__(self, address: str, process: subprocess.Popen[str]) -> None:
        self.address, self._process = address, process

    def tables(self) -> str:
        """Empty tables of the whole shop, to which all stores now point; returns their prefix."""
        bind(PREFIX, "cn-north-1", self.address)
        create_all()
        return PREFIX

    def grow(self, rows: int, member_id: str, now: int, wait: int) -> dict[str, Any]:
        """About so many rows behind those that the shop wrote, as plan.py has it: `own` ones of this member; those that
        wait are due within `wait` seconds from `now`. Told more than once, it makes the same and more of the same rows
        as are there the first time. What it made by table, in how many seconds and megabytes.
        """
        made: dict[str, Any] = self._tell("grow", rows, member_id, now, wait)
        return made

    def put_off(self, seconds: int) -> None:
        """Copies that wait are due so much later."""
        self._tell("put_off", seconds)

    def _tell(self, *order: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(order), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the engine ended: its log says why")
        return json.loads(answer)


@contextmanager
def growing_engine(home: Path) -> Iterator[Engine]:
    """An engine of its own, with its log in `home`."""
    port = _free_port()
    settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "PERSIST_STATE": "0", "IOT_MTLS_ENABLED": "0"}
    environment = {**os.environ, **settings, "SERVICES": "dynamodb,dynamodbstreams", "S3_DATA_DIR": str(home / "s3")}
    command = [sys.executable, "-m", "bench.growth.engine"]
    with (home / "log").open("w") as log:
        process: Any = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process, home / "log")
            yield Engine(address, process)
        finally:
            process.terminate()
            process.wait(20)


class Copier:
    """In the engine's process."""

    def __init__(self, dynamodb: Any, ordered: Any) -> None:
        self._dynamodb, self._ordered = dynamodb, ordered
        self._written: dict[str, list[Item]] = {}
        self._waiting: list[Item] = []

    def grow(self, rows: int, member_id: str, now: int, wait: int) -> dict[str, Any]:
        began, times = time.monotonic(), Times(now, wait)
        gc.disable()
        tables = {name.removeprefix(PREFIX): table for (*_, name), table in self._dynamodb._tables.all_items()}
        for name, table in tables.items() if not self._written else ():
            self._written[name] = [item for items in table["items"].values() for item in items.values()]
        self._waiting.clear()
        made = {kind.table: self._copy(tables[kind.table], kind, rows, member_id, times) for kind in PLAN}
        self._ordered.forget()
        gc.freeze()
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        return {"rows": made, "seconds": round(time.monotonic() - began, 1), "megabytes": megabytes}

    def put_off(self, seconds: int) -> None:
        for item in self._waiting:
            item["due_at"] = {"N": str(int(item["due_at"]["N"]) + seconds)}
        self._ordered.forget()

    def _copy(self, table: Any, kind: Kind, rows: int, member_id: str, times: Times) -> int:
        """Copies of each of the rows in turn, until there are as many as are wanted."""
        there = list(filter(kind.which, self._written[kind.table]))
        own = [item for item in there if {"S": member_id} in item.values()]
        made = 0
        for templates, wanted, keep in zip((there, own), kind.wanted(rows), (False, True), strict=True):
            numbers = range(begin := 1 + keep * OWN, begin + wanted)
            turns = [copies(item, numbers, times, own=keep, also=kind.also) for item in templates]
            for item in itertools.islice(_in_turn(turns), wanted):
                self._keep(table, item)
                made += 1
        return made

    def _keep(self, table: Any, item: Item) -> None:
        key = self._dynamodb._extract_key_val
        place = key(item[table["sk_name"]]) if table["sk_name"] else "__no_sort__"
        table["items"][key(item[table["pk_name"]])][place] = item
        if "due_at" in item:
            self._waiting.append(item)


def _in_turn(turns: list[Iterator[Item]]) -> Iterator[Item]:
    """The first of each, then the second of each."""
    for row in itertools.zip_longest(*turns):
        yield from (item for item in row if item is not None)


def main() -> None:
    from ministack.app import main as serve
    from ministack.services import dynamodb

    from bench.growth.ordered import Ordered

    ordered = Ordered()
    ordered.install()
    copier, answers = Copier(dynamodb, ordered), os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what ministack prints goes to its log

    def obey() -> None:
        for line in sys.stdin:
            method, *arguments = json.loads(line)
            print(json.dumps(getattr(copier, method)(*arguments)), file=answers, flush=True)

    threading.Thread(target=obey, daemon=True).start()
    serve()


if __name__ == "__main__":
    main()
