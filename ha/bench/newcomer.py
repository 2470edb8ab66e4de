"""How long a node needs to join: an empty one fetches a large database and is ready."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from ha.bench.cluster import DATABASE, BenchNode, Cluster
from ha.bench.processes import cpu_s, eventually
from ha.bench.report import Once

#: Rows of the large table, in bytes each: no index, no overflow pages.
ROW_BYTES = 3_000

#: How long the first node may need for its base snapshot, and the second to join.
TIMEOUT_S = 900.0


def make(path: Path, mib: int) -> int:
    """A database of about that size, which does not compress; how many rows it has."""
    rows = max(1, mib * (1 << 20) // (ROW_BYTES + 1_000))  # a page holds one
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE large (id INTEGER PRIMARY KEY, value BLOB)")
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO large SELECT i, randomblob(?) FROM n",
            (rows, ROW_BYTES),
        )
        connection.commit()
    return rows


def measure(options: list[str], mib: int) -> Once:
    """Start a node with such a file, then another that has nothing."""
    with tempfile.TemporaryDirectory(prefix="ha-bench-") as name:
        folder = Path(name)
        rows = make(folder / "large.db", mib)
        size = (folder / "large.db").stat().st_size
        cluster = Cluster(folder, options, database=folder / "large.db")
        start = time.perf_counter()
        with cluster.alone() as first:
            base_s = time.perf_counter() - start
            start = time.perf_counter()
            second = BenchNode(folder / "second", first, options, ready_timeout_s=TIMEOUT_S)
            try:
                eventually(lambda: second.rows("large") == rows, "the second node has every row", TIMEOUT_S)
                join_s = time.perf_counter() - start
                cpu = cpu_s([second.pids["node"]])
            finally:
                second.stop()
    mib_real = size / (1 << 20)
    return Once(
        f"join with {DATABASE} of {mib_real:,.0f} MiB",
        {
            "first node ready after s": base_s,
            "second node ready after s": join_s,
            "MiB per s": mib_real / join_s,
            "CPU s of the second": cpu,
        },
    )
