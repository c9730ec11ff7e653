"""`python -m bench.cpu`: measures, prints a table, writes bench/results/cpu.json. `--profile NAME` prints the profile
of each operation whose name holds NAME instead. `--rounds` is for a quick look.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.cpu import floor
from bench.cpu.measuring import CLIENTS, Clients, Cpu, cpu_of, spent
from bench.cpu.operations import OPERATIONS, Operation
from bench.cpu.profiling import profiled
from bench.cpu.scene import GUESTS, Scene
from bench.cpu.stage import Stage, on_stage
from bench.cpu.web import Web, clock_of
from bench.figures import RESULTS, keep
from bench.gateway import Act, Gateway, Request

Ready = Callable[[Request], Act]
ROUNDS, SEEN = 5, 3


class Bench:
    """Everything but the table: measures one operation after another, in their order, since later ones live on what
    earlier ones have left.
    """

    def __init__(self, stage: Stage, folder: Path, rounds: int) -> None:
        self._stage, self._folder, self._rounds = stage, folder, rounds
        self._gateway, self.clients = Gateway(), Clients()
        self._scene = Scene(stage, self._gateway)
        self._web = Web(stage.api_url)
        self.client, self.dispatch = floor.dispatch(self.clients)
        self.crypto = floor.crypto(self.clients)

    def measure(self, operation: Operation) -> dict[str, Any]:
        asked = self._recorded(operation)
        self._round(operation, self._gateway.ready, CLIENTS, time.process_time)
        steps = len(operation.asks(self._scene, self._scene.guests[0]))
        ours = {
            str(clients): spent(
                [self._round(operation, self._gateway.ready, clients, time.process_time) for _ in range(self._rounds)],
                GUESTS,
                less=self.client * steps,
            )
            for clients in (1, CLIENTS)
        }
        web = self._over_http(operation) if operation.goal else None
        return self._figures(operation, ours, web, asked, steps)

    def _figures(
        self, operation: Operation, ours: dict[str, Cpu], web: Cpu | None, asked: list[floor.Recorded], steps: int
    ) -> dict[str, Any]:
        bare = self._bare(asked)
        rsa = (
            operation.verifies * self.crypto["verify"]
            + operation.signs * self.crypto["sign"]
            + operation.opens * self.crypto["open"]
        )
        least = (bare.get("lean") or bare["botocore"]) + rsa + self.dispatch * steps
        eight = ours[str(CLIENTS)].median
        counted = eight - (rsa if operation.beyond_rsa else 0)
        return {
            "ms": {clients: asdict(cpu) for clients, cpu in ours.items()},
            "http_ms": web and asdict(web),
            "requests": len(asked),
            "floor_ms": {**bare, "crypto": round(rsa, 3), "dispatch": round(self.dispatch * steps, 3)},
            "ratio": round(eight / least, 2),
            "goal_ms": operation.goal,
            "beyond_rsa": operation.beyond_rsa,
            "met": None if operation.goal is None else counted <= operation.goal,
        }

    def profile(self, operation: Operation) -> str:
        self._round(operation, self._gateway.ready, 1, time.process_time)
        return profiled(lambda: self._turns(operation, self._gateway.ready))

    def live_through(self, operation: Operation) -> None:
        self._round(operation, self._gateway.ready, CLIENTS, time.process_time)

    def _turns(self, operation: Operation, ready: Ready) -> list[list[Act]]:
        operation.before(self._scene)
        return [[ready(request) for request in operation.asks(self._scene, guest)] for guest in self._scene.guests]

    def _round(self, operation: Operation, ready: Ready, clients: int, clock: Callable[[], float]) -> float:
        """CPU seconds of a turn of every guest."""
        turns = self._turns(operation, ready)
        answers: list[Any] = []
        seconds = cpu_of(lambda: answers.extend(self.clients.play(turns, clients)), clock)
        for guest, answer in zip(self._scene.guests, answers, strict=True):
            operation.after(guest, answer)
        return seconds

    def _recorded(self, operation: Operation) -> list[floor.Recorded]:
        """What one turn asks of DynamoDB, in a warm process; the least of a few, since some requests are counted, by
        chance, with a write more.
        """
        self._round(operation, self._gateway.ready, 1, time.process_time)
        turns, found = self._turns(operation, self._gateway.ready), []
        for guest, turn in list(zip(self._scene.guests, turns, strict=True))[:SEEN]:
            with floor.recording() as asked:
                (answers,) = self.clients.play([turn], 1)
            operation.after(guest, answers)
            found.append(asked)
        return min(found, key=len)

    def _over_http(self, operation: Operation) -> Cpu:
        clock = clock_of(self._stage.api.process.pid)
        rounds = [self._round(operation, self._web.ready, CLIENTS, clock) for _ in range(self._rounds + 1)]
        mean = sum(rounds[1:]) / self._rounds  # the clock's hundredths are too coarse for a round
        return spent([mean], GUESTS)

    def _bare(self, asked: list[floor.Recorded]) -> dict[str, float]:
        with floor.canned(asked, self._folder) as address:
            return {
                name: floor.per_turn(self.clients, floor.sent(client, asked))
                for name, client in floor.senders(address).items()
            }


def row(name: str, found: dict[str, Any]) -> str:
    bare, web, goal, nothing = found["floor_ms"], found["http_ms"], found["goal_ms"], float("nan")
    figures = (found["ms"]["1"]["median"], found["ms"]["8"]["median"], web["median"] if web else nothing)
    least = f"{bare['botocore']:10.2f}{bare.get('lean', nothing):7.2f}{bare['crypto']:8.2f}{bare['dispatch']:10.2f}"
    verdict = "" if goal is None else f"{goal:.1f} {'met' if found['met'] else 'MISSED'}"
    ours = "".join(f"{ms:7.2f}" for ms in figures)
    return f"{name:46}{ours}{found['requests']:5}{least}{found['ratio']:7.1f}  {verdict}"


def main() -> int:
    args = _arguments()
    with tempfile.TemporaryDirectory() as home, on_stage(Path(home) / "stage") as stage:
        bench = Bench(stage, Path(home), args.rounds)
        if args.profile is not None:
            for operation in OPERATIONS:
                if args.profile in operation.name:
                    print(f"\n{operation.name}\n{bench.profile(operation)}", flush=True)
                else:
                    bench.live_through(operation)
            return 0
        head = ("1", "8", "HTTP", "req", "botocore", "lean", "crypto", "dispatch", "ratio")
        print("{:46}{:>7}{:>7}{:>7}{:>5}{:>10}{:>7}{:>8}{:>10}{:>7}  goal".format("CPU ms at clients", *head))
        found = {}
        for operation in OPERATIONS:
            found[operation.name] = bench.measure(operation)
            print(row(operation.name, found[operation.name]), flush=True)
    figures = {"operations": found, "client_ms": bench.client, "dispatch_ms": bench.dispatch, "crypto_ms": bench.crypto}
    print(f"written: {keep('cpu', figures, args.results)}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.cpu", description=__doc__)
    parser.add_argument("--profile", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
