"""How fast a node applies what others wrote: messages of one row each, put into the log by the bench itself.

They are what a third node would have published, each executed on the state before it. One node sees them arrive; the
other was down, and catches up.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from ha.bench.cluster import BenchNode, Cluster
from ha.bench.natssocket import Publisher
from ha.bench.processes import cpu_s, eventually
from ha.bench.report import Once
from ha.replication.change import Message, RowChange, encode

#: How long a node may need for all of them.
TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Target:
    """A table that rows are put into.

    :param schema: makes it.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    schema: tuple[str, ...]


PLAIN = Target(
    "apply, one row a message",
    "taken",
    ("id", "value"),
    ("CREATE TABLE taken (id INTEGER PRIMARY KEY, value TEXT)",),
)
CONSTRAINED = Target(
    "apply, one row a message, UNIQUE and a foreign key",
    "bound",
    ("id", "value", "owner"),
    (
        "CREATE TABLE owner (id INTEGER PRIMARY KEY)",
        "INSERT INTO owner VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)",
        "CREATE TABLE bound (id INTEGER PRIMARY KEY, value TEXT UNIQUE, owner INTEGER REFERENCES owner)",
    ),
)


def messages(target: Target, filename: str, count: int, position: int) -> Iterator[bytes]:
    """`count` messages, the first executed at `position`."""
    for number in range(1, count + 1):
        values = (number, f"a value of about forty characters, {number}", number % 10)[: len(target.columns)]
        row = RowChange(target.table, "INSERT", target.columns, ("id",), None, number, None, values, time.time_ns())
        yield encode(
            Message(
                node="bench",
                process_id=position + 1,  # every measure is another process, whose groups begin at 1
                filename=filename,
                group=number,
                snapshot_seq=position + number - 1,
                timestamp_ns=time.time_ns(),
                changes=(row,),
                transactions=((str(number), 1),),
            )
        )


def log_of(node: BenchNode) -> tuple[str, int]:
    """The subject of the node's database, and its position there."""
    with closing(sqlite3.connect(f"file:{node.path}?mode=ro", uri=True, timeout=10)) as connection:
        subject, position = connection.execute("SELECT subject, received_seq FROM ha_stats").fetchone()
        return str(subject), int(position)


def measure(cluster: Cluster, target: Target, count: int) -> Once:
    """Put `count` messages into the log while the second node is down; see the first apply, and the second catch up."""
    first, second = cluster.first, cluster.second
    first.run(*target.schema)
    eventually(lambda: log_of(second)[1] == log_of(first)[1], "the second node has the table", TIMEOUT_S)
    second.stop()
    subject, position = log_of(first)
    bodies = list(messages(target, first.path.name, count, position))
    node = [first.pids["node"]]
    cpu_before, start = cpu_s(node), time.perf_counter()
    with closing(Publisher(first.nats_port)) as publisher:
        publisher.store(subject, bodies)
    published_s = time.perf_counter() - start
    eventually(lambda: first.rows(target.table) == count, "the first node has every row", TIMEOUT_S)
    live_s = time.perf_counter() - start
    cpu_us = 1e6 * (cpu_s(node) - cpu_before) / count
    start = time.perf_counter()
    second.start(TIMEOUT_S)
    eventually(lambda: second.rows(target.table) == count, "the second node has every row", TIMEOUT_S)
    caught_up_s = time.perf_counter() - start
    # The start of a process is in it, so CPU tells more than the clock.
    return Once(
        target.name,
        {
            "messages": count,
            "published per s": count / published_s,
            "applied per s while they arrive": count / live_s,
            "CPU us per message": cpu_us,
            "caught up in s, start included": caught_up_s,
            "CPU us per message, catching up, start included": 1e6 * cpu_s([second.pids["node"]]) / count,
        },
    )
