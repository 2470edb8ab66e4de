"""The limit: a node's write path without the wire. Statement, group, log, commit, all asked for in its own process.

``python -m ha.bench.limit`` starts one node without doors, lets that many callers insert row after row through the
backend, each its own transaction, and prints a :class:`~ha.bench.report.Timing` as JSON. A door cannot be faster.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from ha.bench.cluster import DATABASE, without_doors
from ha.bench.processes import PATIENCE_S, environment
from ha.bench.report import Timing, timing
from ha.bench.workloads import PREPARATION, WORKLOADS
from ha.node import Node
from ha.tap import install_reactor

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorCore


def measure(clients: int, seconds: float) -> Timing:
    """In a process of its own, because a process has one reactor."""
    done = subprocess.run(
        [sys.executable, "-m", "ha.bench.limit", str(clients), str(seconds)],
        env=environment(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=seconds + PATIENCE_S,
    )
    return Timing(**json.loads(done.stdout.splitlines()[-1]))


async def insert_until(node: Node, end: Callable[[], bool], latencies: list[float]) -> None:
    """One caller: one row after the other."""
    backend = node.premises.connect(DATABASE, "ha", remote=None)
    (statement,) = backend.parse(WORKLOADS[0].statements[0][1])
    before = time.perf_counter()
    while not end():
        await backend.execute(statement, ())
        after = time.perf_counter()
        latencies.append(after - before)
        before = after
    await backend.close()


async def limit(reactor: IReactorCore, clients: int, seconds: float) -> None:
    """Start, insert, stop, print."""
    with without_doors() as settings:
        node = Node(settings, reactor)
        await node.start()
        try:
            backend = node.premises.connect(DATABASE, "ha", remote=None)
            for spellings in PREPARATION:
                (statement,) = backend.parse(spellings[0])
                await backend.execute(statement, ())
            await backend.close()
            latencies: list[float] = []
            start = time.perf_counter()
            callers = [
                Deferred.fromCoroutine(insert_until(node, lambda: time.perf_counter() - start >= seconds, latencies))
                for _ in range(clients)
            ]
            await gatherResults(callers, consumeErrors=True)
            print(json.dumps(asdict(timing(latencies, time.perf_counter() - start))))
        finally:
            await node.stop()


def main(words: list[str]) -> None:
    """Clients and seconds in, one result out."""
    install_reactor()
    react(lambda reactor: Deferred.fromCoroutine(limit(reactor, int(words[0]), float(words[1]))))


if __name__ == "__main__":
    main(sys.argv[1:])
