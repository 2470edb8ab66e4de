"""What a node holds in memory: idle, with many idle clients, with one that asks for much and reads nothing."""

from __future__ import annotations

import asyncio

from ha.bench.cluster import DATABASE, Cluster
from ha.bench.load import Job, PostgresConnection
from ha.bench.processes import memory_bytes

IDLE_CONNECTIONS = 500
SLOW_ROWS = 1_000_000

#: How long the slow reader reads nothing. A server that does not wait for its clients has computed a million rows
#: long before.
SLOW_S = 5.0

_MIB = 1 << 20


async def _idle_connections(job: Job, pid: int) -> int:
    before = memory_bytes([pid])
    connections = [await PostgresConnection.open(job) for _ in range(IDLE_CONNECTIONS)]
    grown = memory_bytes([pid]) - before
    for connection in connections:
        connection.close()
    return grown


async def _slow_reader(job: Job, pid: int) -> int:
    connection = await PostgresConnection.open(job)
    before = highest = memory_bytes([pid])
    connection.ask(
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {SLOW_ROWS}) "
        "SELECT i, 'row number ' || i || ' of a million, to somebody who does not read them' FROM n"
    )
    for _ in range(int(SLOW_S * 10)):
        await asyncio.sleep(0.1)
        highest = max(highest, memory_bytes([pid]))
    connection.close()
    return highest - before


def measure(cluster: Cluster) -> dict[str, float]:
    """All of it, in MiB. The node should be idle, best just started."""
    pids = cluster.first.pids
    job = Job("postgres", cluster.first.pg_port, DATABASE, "", 1, 0)
    idle = memory_bytes(pids.values())
    return {
        "idle node with its nats-server": idle / _MIB,
        f"{IDLE_CONNECTIONS} idle PostgreSQL connections, more": asyncio.run(_idle_connections(job, pids["node"]))
        / _MIB,
        f"a slow reader of {SLOW_ROWS:,} rows, more": asyncio.run(_slow_reader(job, pids["node"])) / _MIB,
    }
