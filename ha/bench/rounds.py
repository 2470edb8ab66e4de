"""One line after the other: a workload by so many clients, on every server in turn, as often as there are rounds.

The servers take turns within a round, so that what else the machine does meets all of them alike, and a ratio compares
neighbours.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ha.bench import load, pgbench
from ha.bench.cluster import BenchNode
from ha.bench.processes import cpu_s, eventually, forget_peak, peak_bytes
from ha.bench.report import Figures, Lag, Timing, percentile, together
from ha.bench.servers import Server
from ha.bench.workloads import Workload

#: How long the second node may need for what it has not yet applied, before the bench gives up on it.
LAG_TIMEOUT_S = 120.0

#: How often the two files are looked at for the lag: what it is exact to.
LOOK_S = 0.004

_MIB = 1 << 20


class Behind:
    """Watches how long a row that is in the first node's file takes to be in the second's."""

    def __init__(self, first: BenchNode, second: BenchNode, table: str) -> None:
        self._nodes = first, second
        self._table = table
        self._over = threading.Event()
        self._waiting: list[tuple[int, float]] = []
        self._seen_s: list[float] = []

    def _watch(self) -> None:
        first, second = self._nodes
        with first.reader() as near, second.reader() as far:
            highest = 0
            while not self._over.wait(LOOK_S) or self._waiting:
                written = near(self._table)
                if written > highest and not self._over.is_set():
                    highest = written
                    self._waiting.append((written, time.perf_counter()))
                arrived, now = far(self._table), time.perf_counter()
                while self._waiting and self._waiting[0][0] <= arrived:
                    self._seen_s.append(now - self._waiting.pop(0)[1])
                if self._waiting and now - self._waiting[0][1] > LAG_TIMEOUT_S:
                    return

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While the block runs, and until the last row has arrived."""
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def lag(self) -> Lag | None:
        """What was seen, if anything was."""
        if not self._seen_s:
            return None
        ordered = sorted(self._seen_s)
        return Lag(1000 * percentile(ordered, 0.5), 1000 * percentile(ordered, 0.99), 1000 * ordered[-1])


class Rounds:
    """Drives.

    :param driver: for PostgreSQL, ``pgbench`` or ``own``.
    :param protocol: what pgbench speaks: ``simple``, ``extended`` or ``prepared``.
    :param nodes: ours, whose files are watched for the lag.
    """

    def __init__(self, driver: str, protocol: str, nodes: tuple[BenchNode, BenchNode] | None) -> None:
        self._driver = driver
        self._protocol = protocol
        self._nodes = nodes

    def line(self, server: Server, workload: Workload, clients: int, seconds: float) -> Figures:
        """One workload by that many clients on one server: driven, and watched from outside."""
        groups = server.groups()
        forget_peak(pid for pids in groups.values() for pid in pids)
        before = {name: cpu_s(pids) for name, pids in groups.items()}
        behind = None
        if workload.table and self._nodes is not None and server.second is not None:
            behind = Behind(*self._nodes, workload.table)
            with behind.watched():
                seen = self._drive(server, workload, clients, seconds)
            first, second = self._nodes
            wanted = first.rows(workload.table)
            name = workload.table
            eventually(lambda: second.rows(name) >= wanted, "the second node has every row", LAG_TIMEOUT_S)
        else:
            seen = self._drive(server, workload, clients, seconds)
        count = max(1, seen.operations)
        # Connections may have processes of their own, which have come meanwhile, and are counted with their parent.
        after = {name: cpu_s(pids) for name, pids in server.groups().items()}
        return Figures(
            workload.name,
            server.name,
            self._label(workload),
            clients,
            seen,
            workload.rows,
            {name: 1e6 * (spent - before.get(name, 0.0)) / count for name, spent in after.items()},
            {name: peak_bytes(pids) / _MIB for name, pids in groups.items()},
            behind.lag() if behind is not None else None,
        )

    def _by_pgbench(self, workload: Workload) -> bool:
        return self._driver == "pgbench" and workload.door == "postgres"

    def _label(self, workload: Workload) -> str:
        return f"pgbench {self._protocol}" if self._by_pgbench(workload) else "own driver"

    def _drive(self, server: Server, workload: Workload, clients: int, seconds: float) -> Timing:
        """All drivers at once: one, or one for each node."""
        driven = [server, server.second] if workload.both and server.second is not None else [server]
        if self._by_pgbench(workload):
            runs = [pgbench.Run(workload, _address(one), clients, seconds, self._protocol) for one in driven]
            return together([run.timing() for run in runs])
        jobs = [
            load.Job(
                workload.statements,
                workload.batch,
                clients,
                seconds,
                one.address if workload.door == "postgres" else None,
                one.template if workload.door == "http" else None,
            )
            for one in driven
        ]
        processes = [load.begin(job) for job in jobs]
        return together([load.result(process, seconds) for process in processes])


def _address(server: Server) -> pgbench.Address:
    assert server.address is not None
    return server.address


def fits(server: Server, workload: Workload) -> bool:
    """Whether that server can be driven so."""
    return server.serves(workload.door) and (not workload.both or server.second is not None)


def lines_of(rounds: Sequence[Sequence[Figures]]) -> dict[str, list[Figures]]:
    """The rounds' figures by server."""
    found: dict[str, list[Figures]] = {}
    for one in rounds:
        for figures in one:
            found.setdefault(figures.server, []).append(figures)
    return found
