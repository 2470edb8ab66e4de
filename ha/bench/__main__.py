"""The bench's command line: ``python -m ha.bench --help``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ha.bench import bulk, catchup, memory, newcomer, pgbench, wire
from ha.bench.cluster import Cluster
from ha.bench.plot import plot
from ha.bench.processes import eventually
from ha.bench.report import Figures, Once, bar, middle, ratios, sentences, table
from ha.bench.rounds import LAG_TIMEOUT_S, Rounds, fits, lines_of
from ha.bench.servers import Server, ours, peers
from ha.bench.workloads import CLIENTS, SEED_ROWS, WORKLOADS, Workload

#: What is done once, by the words that ``--only`` knows it by.
PARTS = ("memory", "apply", "copy", "join", "limits")


def options() -> argparse.ArgumentParser:
    """What can be said."""
    parser = argparse.ArgumentParser(
        prog="python -m ha.bench",
        description="Measure two nodes on this machine. `python -m ha.bench wire` measures the PostgreSQL door alone.",
    )
    parser.add_argument("--list", action="store_true", help="say what can be measured, and stop")
    parser.add_argument(
        "--only", default="", metavar="WORDS", help="only what has one of these words, cut by |, in its name"
    )
    parser.add_argument(
        "--quick", action="store_true", help="all of it small: one second, 16 clients, a tenth of the rows"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="for each line (default: %(default)g)", metavar="N")
    parser.add_argument(
        "--rounds", type=int, default=1, help="of each line, servers in turns (default: %(default)d)", metavar="N"
    )
    parser.add_argument(
        "--clients", default=",".join(map(str, CLIENTS)), help="how many at once (default: %(default)s)"
    )
    parser.add_argument("--messages", type=int, default=100_000, help="to apply (default: %(default)d)", metavar="N")
    parser.add_argument("--rows", type=int, default=1_000_000, help="to copy (default: %(default)d)", metavar="N")
    parser.add_argument("--join-mib", type=int, default=1024, help="to join with (default: %(default)d)", metavar="N")
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=WHERE",
        help="another server: postgresql://user:password@host:port/database, or a file with a template for JSON over"
        " HTTP (see ha/bench/template.py); several times, a name may have both. Its tables written, seeded, hot and copied"
        " are replaced!",
    )
    parser.add_argument(
        "--driver",
        choices=("pgbench", "own"),
        default="pgbench" if pgbench.installed() else "own",
        help="for PostgreSQL (default: %(default)s)",
    )
    parser.add_argument("--protocol", choices=("simple", "extended", "prepared"), default="simple", help="for pgbench")
    parser.add_argument("--json", metavar="PATH", help="write all figures there, too")
    parser.add_argument("--svg", metavar="PATH", help="draw the throughput there")
    parser.add_argument("words", nargs="*", metavar="-- OPTION", help="options for both nodes, after --")
    return parser


class Bench:
    """One run: what was asked for, how far it is, and what was found."""

    def __init__(self, told: argparse.Namespace) -> None:
        self.told = told
        self.clients = [int(word) for word in told.clients.split(",")]
        self.lines: list[Figures] = []
        self.once: list[Once] = []
        self.said: list[str] = []
        self._words = [word.strip().lower() for word in told.only.split("|")]
        self._workloads = [one for one in WORKLOADS if self.wants(one.name)]
        self._steps = len(self._workloads) * len(self.clients) * told.rounds + sum(map(self.wants, PARTS))
        self._done = 0

    def wants(self, name: str) -> bool:
        """Whether it was asked for."""
        return any(word in name.lower() for word in self._words)

    def say(self, what: str) -> None:
        """The progress bar, for somebody who watches."""
        if sys.stderr.isatty():
            print(bar(self._done, self._steps, what), end="", file=sys.stderr, flush=True)
        self._done += 1

    def run(self) -> None:
        """All that was asked for."""
        told = self.told
        others = peers(told.peer)
        with tempfile.TemporaryDirectory(prefix="ha-bench-") as folder, Cluster(Path(folder), told.words) as cluster:
            first = ours(cluster)
            if self.wants("memory"):
                self.say("memory")
                self.once.append(memory.measure(cluster))
            for server in (first, *others):
                if server is not first:
                    server.clear()
                server.prepare()
            eventually(
                lambda: cluster.second.rows("seeded") == SEED_ROWS, "the second node has the tables", LAG_TIMEOUT_S
            )
            rounds = Rounds(told.driver, told.protocol, (cluster.first, cluster.second))
            for workload in self._workloads:
                for clients in self.clients:
                    self._compare(rounds, [one for one in (first, *others) if fits(one, workload)], workload, clients)
            self._do_once(cluster, first, others)
        if self.wants("join"):
            self.say("join")
            self.once.append(newcomer.measure(told.words, told.join_mib))
        if self.wants("limits"):
            self.say("limits")
            self._alone()

    def _compare(self, rounds: Rounds, servers: list[Server], workload: Workload, clients: int) -> None:
        seen = []
        for _ in range(self.told.rounds):
            self.say(f"{workload.name}, {clients} clients")
            seen.append([rounds.line(server, workload, clients, self.told.seconds) for server in servers])
        by_server = lines_of(seen)
        self.lines += [middle(found) for found in by_server.values()]
        mine, *theirs = by_server.values()
        for its in theirs:
            self.said += sentences(ratios(mine, its))

    def _do_once(self, cluster: Cluster, first: Server, others: list[Server]) -> None:
        told = self.told
        if self.wants("copy"):
            self.say("COPY")
            for server in (first, *others):
                if server.serves("postgres"):
                    self.once += bulk.copy(server, told.rows, cluster if server is first else None)
            self.once.append(bulk.select(first, told.rows))
        if self.wants("limits"):
            from ha.bench import raw  # imports apsw, which the other figures do without

            self.lines += raw.publish_alone(cluster, self.clients, told.seconds)
        if self.wants("apply"):
            # Last: the second node is stopped for it.
            self.say("apply")
            for target in (catchup.PLAIN, catchup.CONSTRAINED):
                self.once.append(catchup.measure(cluster, target, told.messages))

    def _alone(self) -> None:
        """The limits that need no cluster, and how far from them the lines are."""
        from ha.bench import limit, raw  # import Twisted and apsw, which the other figures do without

        seconds = self.told.seconds
        tops = {
            clients: Figures("insert without the wire", "limit", "in process", clients, limit.measure(clients, seconds))
            for clients in self.clients
        }
        for line in self.lines:
            top = tops.get(line.clients)
            if line.server == "ha" and line.name in ("insert, PostgreSQL", "insert, HTTP") and top and top.timing.per_s:
                share = 100 * line.timing.per_s / top.timing.per_s
                self.said.append(f"{line.name}, {line.clients} clients: {share:.0f} % of the path without the wire")
        self.lines += [*tops.values(), *raw.sqlite_alone(seconds)]

    def text(self) -> str:
        """What was found, to be read."""
        parts = [f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"]
        if self.lines:
            parts.append(table(self.lines))
        parts += self.said
        for one in self.once:
            parts.append(f"{one.name}:")
            parts += [f"    {what}: {figure:,.2f}" for what, figure in one.figures.items()]
        return "\n".join(parts)

    def plain(self) -> dict[str, Any]:
        """What was found, for JSON."""
        return {
            "machine": {"cores": os.cpu_count(), "platform": platform.platform()},
            "command": sys.argv[1:],
            "lines": [one.plain() for one in self.lines],
            "once": [one.plain() for one in self.once],
            "ratios": self.said,
        }


def main(words: list[str]) -> None:
    """Run what was asked for, print what was found."""
    if words[:1] == ["wire"]:
        wire.main(words[1:])
        return
    told = options().parse_args(words)
    if told.list:
        print("\n".join([*(workload.name for workload in WORKLOADS), *PARTS]))
        return
    if told.quick:
        told.seconds, told.clients, told.join_mib = 1.0, "16", min(told.join_mib, 64)
        told.messages, told.rows = told.messages // 10, told.rows // 10
    bench = Bench(told)
    # Whoever ends it early gets what was found until then, and no process is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with ExitStack() as at_end:
        at_end.callback(_written, bench)
        bench.run()


def _written(bench: Bench) -> None:
    """What was found until then, also of a run that broke off."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    print(bench.text())
    outputs: list[tuple[str | None, Callable[[], str]]] = [
        (bench.told.json, lambda: json.dumps(bench.plain(), indent=2) + "\n"),
        (bench.told.svg, lambda: plot(bench.lines, "operations per second")),
    ]
    for path, content in outputs:
        if path:
            Path(path).write_text(content())


if __name__ == "__main__":
    main(sys.argv[1:])
