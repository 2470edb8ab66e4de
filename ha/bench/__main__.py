"""The bench's command line: ``python -m ha.bench --help``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from ha.bench import load, pgbench
from ha.bench.cluster import DATABASE, Cluster
from ha.bench.memory import measure as measure_memory
from ha.bench.processes import cpu_s, eventually, memory_bytes
from ha.bench.report import Figures, bar, table
from ha.bench.workloads import CLIENTS, PREPARATION, SEED_ROWS, WORKLOADS, Workload

#: How long the second node may need for what it has not yet applied, before the bench gives up on it.
LAG_TIMEOUT_S = 120.0


def options() -> argparse.ArgumentParser:
    """What can be said."""
    parser = argparse.ArgumentParser(prog="python -m ha.bench", description="Measure two nodes on this machine.")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each line (default: %(default)g)")
    parser.add_argument(
        "--lag-seconds",
        type=float,
        default=30.0,
        help="for the last line, inserts by 64 clients; 0: none (default: %(default)g)",
    )
    parser.add_argument(
        "--clients", default=",".join(map(str, CLIENTS)), help="how many at once (default: %(default)s)"
    )
    parser.add_argument("--only", default="", help="only workloads with these words in their names")
    parser.add_argument(
        "--driver",
        choices=("pgbench", "own"),
        default="pgbench" if pgbench.installed() else "own",
        help="for PostgreSQL",
    )
    parser.add_argument("--protocol", choices=("simple", "extended", "prepared"), default="simple", help="for pgbench")
    parser.add_argument("--no-memory", action="store_true", help="leave out the figures of memory")
    parser.add_argument("--no-limit", action="store_true", help="leave out the limit, the same work without the wire")
    parser.add_argument("--json", metavar="PATH", help="write all figures there, too")
    parser.add_argument("words", nargs="*", metavar="-- OPTION", help="options for both nodes, after --")
    return parser


class Bench:
    """One run: the nodes, what was asked for, and how far it is."""

    def __init__(self, cluster: Cluster, told: argparse.Namespace, steps: int) -> None:
        self.cluster = cluster
        self.told = told
        self.steps = steps
        self.done = 0

    def say(self, what: str) -> None:
        """The progress bar, for somebody who watches."""
        if sys.stderr.isatty():
            print(bar(self.done, self.steps, what), end="", file=sys.stderr, flush=True)
        self.done += 1

    def line(self, workload: Workload, clients: int, seconds: float) -> Figures:
        """One workload by that many clients: driven, and watched from outside."""
        first, second, pids = self.cluster.first, self.cluster.second, self.cluster.pids
        by_pgbench = workload.door == "postgres" and self.told.driver == "pgbench"
        before = {name: cpu_s([pid]) for name, pid in pids.items()}
        applied_before = second.rows(workload.table) if workload.table else 0
        start = time.perf_counter()
        if by_pgbench:
            timing = pgbench.drive(workload, first.pg_port, DATABASE, clients, seconds, self.told.protocol)
        else:
            port = first.pg_port if workload.door == "postgres" else first.http_port
            timing = load.drive(workload, port, DATABASE, clients, seconds)
        end = time.perf_counter()
        applied = lag = None
        if workload.table:
            name = workload.table
            applied = (second.rows(name) - applied_before) / (end - start)
            wanted = first.rows(name)
            eventually(lambda: second.rows(name) >= wanted, "the second node has every row", LAG_TIMEOUT_S)
            lag = time.perf_counter() - end
        count = max(1, timing.operations)
        return Figures(
            workload.name,
            f"pgbench {self.told.protocol}" if by_pgbench else "own driver",
            clients,
            timing,
            {name: 1e6 * (cpu_s([pid]) - before[name]) / count for name, pid in pids.items()},
            {name: memory_bytes([pid]) / (1 << 20) for name, pid in pids.items()},
            applied,
            lag,
        )


def main(words: list[str]) -> None:
    """Run what was asked for, print the table."""
    told = options().parse_args(words)
    chosen = [workload for workload in WORKLOADS if told.only.lower() in workload.name.lower()]
    counts = [int(word) for word in told.clients.split(",")]
    lines: list[Figures] = []
    memory: dict[str, float] = {}
    limits: list[Figures] = []
    with tempfile.TemporaryDirectory(prefix="ha-bench-") as folder, Cluster(Path(folder), told.words) as cluster:
        bench = Bench(cluster, told, len(chosen) * len(counts) + 3)
        if not told.no_memory:
            bench.say("memory")
            memory = measure_memory(cluster)
        cluster.first.run(*PREPARATION)
        eventually(lambda: cluster.second.rows("seeded") == SEED_ROWS, "the second node has the tables", LAG_TIMEOUT_S)
        for workload in chosen:
            for clients in counts:
                bench.say(f"{workload.name}, {clients} clients")
                lines.append(bench.line(workload, clients, told.seconds))
        if told.lag_seconds and WORKLOADS[0] in chosen:
            bench.say("insert for long")
            lines.append(bench.line(WORKLOADS[0], 64, told.lag_seconds))
        bench.say("limit")
    if not told.no_limit:
        from ha.bench import limit  # imports Twisted, which the other figures do without

        limits = [
            Figures("insert without the wire", "in process", clients, limit.measure(clients, told.seconds))
            for clients in counts
        ]
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    print(f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}")
    print(table([*lines, *limits]))
    for line in lines:
        for top in limits:
            if line.name == WORKLOADS[0].name and line.clients == top.clients and top.timing.per_s:
                share = 100 * line.timing.per_s / top.timing.per_s
                print(f"{line.name}, {line.clients} clients, {line.timing.seconds:.0f} s: {share:.0f} % of the limit")
    for name, size in memory.items():
        print(f"memory, {name}: {size:.1f} MiB")
    if told.json:
        figures = {
            "lines": [one.plain() for one in lines],
            "limits": [one.plain() for one in limits],
            "memory_mib": memory,
        }
        Path(told.json).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
