"""The ``ha_*`` tables: made, and checked, in the transaction that first opens a file.

``schema.sql`` holds them. :data:`VERSION` counts up with every change; a file from a newer program is refused with both
numbers named, a file from an older one is brought up by the steps in :data:`WAY_UP`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from ha.sqlite.connection import Connection

VERSION: Final = 4

#: From version n to n + 1: SQL.
WAY_UP: Final[dict[int, str]] = {
    1: "",  # ha_quarantine is new; missing tables are made in any case
    2: "",  # so is ha_touches
    3: "DELETE FROM main.ha_touches",  # full-text indexes of other tables touch these, too; ha_unmerged is new
}


class WrongSchema(Exception):
    """The file's ``ha_*`` tables are not ours, or from a newer program. The text is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Membership:
    """The log that a file belongs to.

    :param epoch: counts how often the log was started anew; positions of different epochs do not compare.
    """

    stream: str
    cluster_id: str
    epoch: int


def install(connection: Connection) -> None:
    """Make the tables that are missing and check those that are there. One transaction; nothing is left on failure.

    :raises WrongSchema: see there.
    :raises apsw.Error: SQLite's own.
    """
    with connection.guard.trusted(), _transaction(connection):
        for statement in _statements():
            _create(connection, statement)
        version = connection.execute("SELECT version FROM main.ha_cluster").get
        if version is None:
            connection.execute("INSERT INTO main.ha_cluster (version) VALUES (?)", (VERSION,))
            return
        if version > VERSION:
            raise WrongSchema(
                f"{connection.filename}: its ha_* tables have version {version}, this program knows up to {VERSION};"
                " use a newer program"
            )
        for step in range(version, VERSION):
            connection.execute(WAY_UP[step])
        if version < VERSION:
            connection.execute("UPDATE main.ha_cluster SET version = ?", (VERSION,))


def read_membership(connection: Connection) -> Membership | None:
    """The log that the file belongs to; None if it was never in a cluster, or never ours."""
    with connection.guard.trusted():
        if not connection.table_exists("main", "ha_cluster"):
            return None
        row = connection.execute("SELECT stream, cluster_id, epoch FROM main.ha_cluster").fetchone()
    if row is None or row[1] is None:
        return None
    return Membership(*row)


def write_membership(connection: Connection, membership: Membership) -> None:
    """From now on the file belongs to this log. Inside the caller's transaction, together with the position."""
    with connection.guard.trusted():
        connection.execute(
            "UPDATE main.ha_cluster SET stream = ?, cluster_id = ?, epoch = ?",
            (membership.stream, membership.cluster_id, membership.epoch),
        )


def read_positions(connection: Connection) -> dict[str, int]:
    """All of ``ha_stats``: subject and position; empty in a file that was never ours."""
    with connection.guard.trusted():
        if not connection.table_exists("main", "ha_stats"):
            return {}
        return dict(connection.execute("SELECT subject, received_seq FROM main.ha_stats WHERE subject IS NOT NULL"))


def is_settled(connection: Connection) -> bool:
    """Whether nothing waits in the outbox: the file is the state at its position, and nothing more."""
    with connection.guard.trusted():
        if not connection.table_exists("main", "ha_outbox"):
            return True
        return connection.execute("SELECT 1 FROM main.ha_outbox LIMIT 1").get is None


def _statements() -> list[str]:
    text = files("ha.sqlite").joinpath("schema.sql").read_text(encoding="utf-8")
    return [statement.strip() for statement in re.sub(r"--.*", "", text).split(";") if statement.strip()]


def _create(connection: Connection, statement: str) -> None:
    connection.execute(statement)
    table = re.search(r"main\.(\w+)", statement)[1]  # type: ignore[index]
    expected = re.findall(r'^    "?([a-z_]+)"? ', statement, re.MULTILINE)
    found = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}
    if not found.issuperset(expected):
        raise WrongSchema(f"{connection.filename}: its table {table} belongs to another application; rename it first")


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
