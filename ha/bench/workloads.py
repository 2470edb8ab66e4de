"""What the bench lets clients do: one table. [pure]"""

from __future__ import annotations

from dataclasses import dataclass

#: Rows that are there before the first read.
SEED_ROWS = 10_000

#: How many clients at once, for each workload.
CLIENTS = (1, 16, 64)


@dataclass(frozen=True, slots=True)
class Workload:
    """One thing that clients do over and over.

    :param door: ``postgres`` or ``http``.
    :param sql: a statement; ``{key}`` becomes a random key of the rows that are there.
    :param table: the table it writes to, whose rows the second node must follow; None for a read.
    """

    name: str
    door: str
    sql: str
    table: str | None = None


_INSERT = "INSERT INTO written(value) VALUES ('a value of about forty characters, it is')"
_READ = "SELECT id, value FROM seeded WHERE id = {key}"

WORKLOADS = (
    Workload("insert, PostgreSQL", "postgres", _INSERT, table="written"),
    Workload("read by key, PostgreSQL", "postgres", _READ),
    Workload("SELECT 1, PostgreSQL", "postgres", "SELECT 1"),
    Workload("insert, HTTP", "http", _INSERT, table="written"),
    Workload("read by key, HTTP", "http", _READ),
)

#: Makes what the workloads need.
PREPARATION = (
    "CREATE TABLE written (id INTEGER PRIMARY KEY AUTOINCREMENT, value TEXT)",
    "CREATE TABLE seeded (id INTEGER PRIMARY KEY, value TEXT)",
    f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {SEED_ROWS}) "
    "INSERT INTO seeded SELECT i, 'the value of row ' || i FROM n",
)
