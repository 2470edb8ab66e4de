"""Raw limits: what the parts give alone on this machine, in the same run. No node can be faster than they are together."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import randint

import apsw

from ha.bench.cluster import Cluster
from ha.bench.natssocket import Publisher
from ha.bench.report import Figures, Timing, timing
from ha.bench.workloads import KEY_MAX, PREPARATION, WORKLOADS

#: About what a message of one row takes.
MESSAGE_BYTES = 300


def sqlite_alone(seconds: float, durability: str = "NORMAL") -> list[Figures]:
    """apsw in this process, without anything around it: rows by key, and a transaction for each row."""
    with tempfile.TemporaryDirectory(prefix="ha-bench-") as folder:
        with closing(apsw.Connection(str(Path(folder) / "alone.db"))) as connection:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute(f"PRAGMA synchronous = {durability}").fetchall()
            for spellings in PREPARATION:
                connection.execute(spellings[0])
            insert = WORKLOADS[0].statements[0][1]
            read = "SELECT id, value FROM seeded WHERE id = ?"
            return [
                _timed("insert, apsw alone", seconds, lambda: connection.execute(insert)),
                _timed(
                    "read by key, apsw alone",
                    seconds,
                    lambda: connection.execute(read, (randint(1, KEY_MAX),)).fetchall(),
                ),
            ]


def _timed(name: str, seconds: float, operation: Callable[[], object]) -> Figures:
    start = before = time.perf_counter()
    cpu_before = time.process_time()
    latencies = []
    while before - start < seconds:
        operation()
        after = time.perf_counter()
        latencies.append(after - before)
        before = after
    cpu_us = 1e6 * (time.process_time() - cpu_before) / len(latencies)
    return Figures(name, "limit", "in process", 1, timing(latencies, before - start), cpu_us={"apsw": cpu_us})


def publish_alone(cluster: Cluster, windows: list[int], seconds: float) -> list[Figures]:
    """JetStream on the cluster's own nats-server: messages of one row, so many on their way at once."""
    made = []
    with closing(Publisher(cluster.first.nats_port)) as publisher:
        publisher.create_stream("bench", "bench.alone")
        for window in windows:
            start = time.perf_counter()
            count = publisher.store("bench.alone", _until(start + seconds), window)
            took = time.perf_counter() - start
            # Answers are counted, not matched, so only the middle of what a message waits can be said.
            each_ms = 1000 * took / count
            made.append(
                Figures(
                    "publish, JetStream alone",
                    "limit",
                    "own driver",
                    window,
                    Timing(count, took, each_ms * window, 0.0, 0.0),
                )
            )
    return made


def _until(end: float) -> Iterator[bytes]:
    body = b"x" * MESSAGE_BYTES
    while time.perf_counter() < end:
        yield body
