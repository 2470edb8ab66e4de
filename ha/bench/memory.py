"""What a node holds in memory: idle, with many idle clients, with one that asks for much and reads nothing."""

from __future__ import annotations

import time

from ha.bench.cluster import DATABASE, Cluster
from ha.bench.pgsocket import Address, Connection
from ha.bench.processes import memory_bytes
from ha.bench.report import Once

IDLE_CONNECTIONS = 500
SLOW_ROWS = 1_000_000

#: How long the slow reader reads nothing. A server that does not wait for its clients has computed a million rows
#: long before.
SLOW_S = 5.0

_MIB = 1 << 20


def _idle_connections(address: Address, pid: int) -> int:
    before = memory_bytes([pid])
    connections = [Connection(address) for _ in range(IDLE_CONNECTIONS)]
    grown = memory_bytes([pid]) - before
    for connection in connections:
        connection.close()
    return grown


def _slow_reader(address: Address, pid: int) -> int:
    connection = Connection(address)
    before = highest = memory_bytes([pid])
    connection.ask(
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {SLOW_ROWS}) "
        "SELECT i, 'row number ' || i || ' of a million, to somebody who does not read them' FROM n"
    )
    for _ in range(int(SLOW_S * 10)):
        time.sleep(0.1)
        highest = max(highest, memory_bytes([pid]))
    connection.close()
    return highest - before


def measure(cluster: Cluster) -> Once:
    """All of it, in MiB. The node should be idle, best just started."""
    pids = cluster.first.pids
    address = Address("127.0.0.1", cluster.first.pg_port, "ha", "ha", DATABASE)
    return Once(
        "memory in MiB",
        {
            "idle node with its nats-server": memory_bytes(pids.values()) / _MIB,
            f"{IDLE_CONNECTIONS} idle PostgreSQL connections, more": _idle_connections(address, pids["node"]) / _MIB,
            f"a slow reader of {SLOW_ROWS:,} rows, more": _slow_reader(address, pids["node"]) / _MIB,
        },
    )
